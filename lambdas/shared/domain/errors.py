"""What can go wrong, in two families: what the machine retries, and what a person must mend.

    SluiceError
    ├── TransientError              the state machine tries again, as a new attempt
    │   ├── WarehouseBusyError      throttled, resuming, out of slots
    │   ├── SerializationError      another transaction won (error 1023); run it all again
    │   ├── StorageBusyError        S3 or DynamoDB asked us to slow down
    │   └── StatementLostError      the Data API no longer knows a statement we submitted
    └── TerminalError               trying again gives the same answer
        ├── ConfigError             config/config.json cannot be used; nothing is acknowledged
        │   ├── ConfigMissingError
        │   └── ConfigInvalidError
        ├── EventError              a message that is no event Sluice knows
        ├── IdentifierError         a name that Redshift cannot hold
        ├── PlanError               a load that cannot be written as statements (too wide, too long)
        ├── ReleaseError            a release that cannot be read; nothing of it was run
        ├── LeaseLostError          a release whose database another execution has taken over
        ├── WarehouseError          a statement that will never succeed as it stands
        ├── DeploymentError         the account is not as the stacks should have left it
        └── FileError               this one file is rejected; its neighbours load
            ├── FormatError         not what its name or job says; unreadable, truncated, empty
            ├── EncodingError       bytes that are no text in the encoding found
            ├── HeaderError         names missing, repeated or impossible
            ├── ContractError       the job's schema_contract forbids what the file brings
            ├── TypeChangeError     a column arrived as a type its target cannot take
            ├── KeyColumnError      an upsert key is missing, NULL or repeated
            ├── ShrinkError         an overwrite would leave far fewer rows
            └── RowError            COPY refused a row; it names line, column and code

Class names are an interface: `stacks/load.asl.json` matches them, and they are the `type` of
every error JSON.
"""

from typing import Any


class SluiceError(Exception):
    """An error that carries facts: a message a person can act on, and where it happened."""

    def __init__(self, message: str, **where: Any) -> None:
        super().__init__(message)
        self.message = message
        self.where = {name: value for name, value in where.items() if value is not None}

    def to_json(self) -> dict[str, Any]:
        """`{"type", "message", ...}` as written beside a rejected file; never row values."""
        return {"type": type(self).__name__, "message": self.message, **self.where}


class TransientError(SluiceError):
    """Trying again may succeed."""


class WarehouseBusyError(TransientError):
    """Redshift or its Data API has no room right now: throttled, resuming, out of slots."""


class SerializationError(TransientError):
    """Another transaction won; the whole transaction runs again (Redshift error 1023)."""


class StorageBusyError(TransientError):
    """S3, DynamoDB, SNS or Step Functions asked us to slow down or failed on its side."""


class StatementLostError(TransientError):
    """The Data API no longer knows a statement that was submitted (results live 24 h)."""


class TerminalError(SluiceError):
    """Trying again gives the same answer; a person or a rejection settles it."""


class ConfigError(TerminalError):
    """`config/config.json` cannot be used, so no file is acknowledged."""


class ConfigMissingError(ConfigError):
    """`config/config.json` is not in the bucket."""


class ConfigInvalidError(ConfigError):
    """`config/config.json` is there, and is no valid list of jobs."""


class EventError(TerminalError):
    """A message that is no event Sluice knows."""


class IdentifierError(TerminalError):
    """A name that Redshift cannot hold."""


class PlanError(TerminalError):
    """A load that cannot be written as statements the Data API takes."""


class ReleaseError(TerminalError):
    """A release, a job's after_load or an event by hand that is no list of calls; nothing ran."""


class LeaseLostError(TerminalError):
    """A release's database was taken over by another execution, so no further call is started."""


class WarehouseError(TerminalError):
    """A statement that will never succeed as it stands."""


class DeploymentError(TerminalError):
    """The account is not as the stacks should have left it."""


class FileError(TerminalError):
    """This one file is rejected; its neighbours load."""


class FormatError(FileError):
    """Not what its name or its job says: unreadable, truncated or empty."""


class EncodingError(FileError):
    """Bytes that are no text in the encoding found."""


class HeaderError(FileError):
    """Column names missing, repeated or impossible."""


class ContractError(FileError):
    """The job's schema_contract forbids what the file brings."""


class TypeChangeError(FileError):
    """A column arrived as a type that its target cannot take."""


class KeyColumnError(FileError):
    """An upsert key is missing, NULL or repeated."""


class ShrinkError(FileError):
    """An overwrite would leave the table with far fewer rows."""


class RowError(FileError):
    """COPY refused a row; the error names line, column and code."""
