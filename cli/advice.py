"""What a person can do about a file that did not load; docs/errors.md says the same."""

from typing import Final

from lambdas.shared.domain.files import FileState

FOR_ERRORS: Final = {
    "FormatError": "look at the file with `sluice infer`, write it again whole, or set file_format"
    " or csv in its job",
    "EncodingError": "write the file as UTF-8, or name its encoding in csv.encoding of its job",
    "HeaderError": "give every column a name of its own in the file's first line",
    "ContractError": "leave out of the file what the job's schema_contract forbids, or relax the"
    " contract",
    "TypeChangeError": "cast the column in the producer, or give its type in columns of the job",
    "KeyColumnError": "give every row its upsert keys, once; or set order_by, or"
    " on_duplicate_keys: any",
    "ShrinkError": "check that the file is whole; if the table should shrink, lower"
    " minimum_rows_kept of the job",
    "RowError": "mend the row and column that the message names, or give the column's type in"
    " columns of the job",
}
"""By the `type` of an error JSON. What is not here is mended in the file."""

FOR_STATES: Final = {
    None: "its event has not been routed; look at the dead letters with `sluice status`",
    FileState.POOLED: "nothing is lost: it keeps its place and is tried again; `sluice status"
    " --job {job}` shows how its job fares",
    FileState.WAITING: 'its job is inactive: set "is_active": true in config/config.json and'
    " deploy; or S3 lets nobody copy it: do as its error says. The file stays in data/in/",
    FileState.NOT_CONFIGURED: "no job takes it: add one to config/config.json"
    " (docs/onboarding.md), deploy, and upload the file again",
    FileState.SUPERSEDED: "nothing: a newer version of its key was loaded first, and rows of an"
    " older one must not replace it",
    FileState.MISSING: "upload it again: this version was deleted before it could be copied",
}


def for_error(kind: str) -> str:
    """What to do about a rejected file, by its error's type."""
    return FOR_ERRORS.get(kind, "mend the file") + "; then upload it again"


def for_state(state: FileState | None, *, job: str | None) -> str | None:
    """What to do about a file in this state; None where nothing is to be done or said."""
    advice = FOR_STATES.get(state)
    return advice.format(job=job) if advice else None
