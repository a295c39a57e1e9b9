"""How the names that a file writes become column names."""

from collections.abc import Sequence

from config.folding import folded
from lambdas.shared.domain.columns import MAX_COLUMNS
from lambdas.shared.domain.errors import HeaderError, IdentifierError
from lambdas.shared.domain.names import Identifier

SYSTEM_COLUMNS = frozenset(("cmax", "cmin", "ctid", "oid", "tableoid", "xmax", "xmin"))
"""What every table has; a column of such a name cannot be made."""

Names = tuple[Identifier, ...]
Renamed = tuple[tuple[str, str], ...]


def column_names(written: Sequence[str], *, rename_repeated: bool) -> tuple[Names, Renamed]:
    """One distinct column name for each header, and which headers changed beyond case.

    A header without text becomes `column_<position>`. One that repeats an earlier one, as
    Redshift compares names (without case), gets the next free number (`v`, `v_2`) or, without
    `rename_repeated`, raises HeaderError, as do headers that no column can bear.
    """
    if len(written) > MAX_COLUMNS:
        raise HeaderError(
            f"{len(written)} columns; a Redshift table has at most {MAX_COLUMNS}: split the file"
        )
    taken: dict[Identifier, int] = {}
    wanted = [_identifier(header, position) for position, header in enumerate(written, start=1)]
    for position, name in enumerate(wanted, start=1):
        if name in taken and not rename_repeated:
            first = taken[name]
            raise HeaderError(
                f"columns {first} and {position}, {_shown(written[first - 1])} and"
                f" {_shown(written[position - 1])}, are the same name to Redshift, which folds"
                " case; rename one of them in the producer",
                column=name.text,
            )
        taken.setdefault(name, position)
    names = _numbered(wanted)
    pairs = zip(written, names, strict=True)
    return names, tuple((old, new.text) for old, new in pairs if folded(old) != new.text)


def _identifier(header: str, position: int) -> Identifier:
    if not header.strip():
        return Identifier(f"column_{position}")
    try:
        name = Identifier.from_header(header)
    except IdentifierError as error:
        raise HeaderError(
            f"the name of column {position} holds a control character or is no valid unicode;"
            " rename it in the producer",
            position=position,
        ) from error
    if name.text in SYSTEM_COLUMNS:
        raise HeaderError(
            f"column {position} is called {name}, as a column is that Redshift itself gives every"
            " table; rename it in the producer",
            column=name.text,
        )
    return name


def _numbered(wanted: Sequence[Identifier]) -> Names:
    reserved = set(wanted)
    used: set[Identifier] = set()
    names = []
    for name in wanted:
        number = 1
        unique = name
        while unique in used or (number > 1 and unique in reserved):
            number += 1
            unique = Identifier.from_header(f"{name}_{number}")
        used.add(unique)
        names.append(unique)
    return tuple(names)


def _shown(header: str) -> str:
    return repr(header if len(header) <= 40 else header[:40] + "...")
