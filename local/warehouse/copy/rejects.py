"""The rows a COPY refused, and when there are too many of them."""

from local.warehouse.copy.target import TargetColumn
from local.warehouse.errors import CopyError, LoadError

# Load error reference, Redshift developer guide
TOO_MANY_COLUMNS = (1202, "Extra column(s) found")
OUT_OF_RANGE = 1204
TOO_LONG = (1204, "String length exceeds DDL length")
BAD_DATE = (1205, "Invalid Date Format - length must be 10 or more")
BAD_TIMESTAMP = (1206, "Invalid timestamp format or value")
BAD_DIGIT = 1207
BAD_FLOAT = (1208, "Invalid float format or data")
BAD_DECIMAL = (1209, "Invalid decimal format or data")
BAD_BOOLEAN = (1210, "Unknown boolean format")
NOT_NULL = (1213, "Missing data for not-null field")
NO_DELIMITER = (1214, "Delimiter not found")
BAD_CHAR = (1215, "CHAR string contains invalid ASCII char")
BAD_LINE = 1216
BAD_UTF8 = (1220, "String contains invalid or unsupported UTF8 codepoints")

Reason = tuple[int, str]


class Rejects:
    """Collects refused rows until MAXERROR is reached.

    Messages name what is wrong with a value, never the value.
    """

    def __init__(self, table: str, limit: int) -> None:
        self._failure = (
            f"Load into table '{table}' failed. "
            " Check 'sys_load_error_detail' system table for details."
        )
        self._limit = max(limit, 1)
        self.errors: list[LoadError] = []

    def add(
        self,
        reason: Reason,
        *,
        file_name: str,
        line_number: int,
        column: TargetColumn | None = None,
        position: int = 0,
    ) -> None:
        """Note one refused row; raises CopyError if it is one too many."""
        code, message = reason
        self.errors.append(
            LoadError(
                file_name=file_name,
                line_number=line_number,
                column_name=column.logical_name if column else "",
                column_type=column.log_type if column else "",
                column_length=column.log_length if column else "",
                position=position,
                code=code,
                message=message,
            )
        )
        if len(self.errors) >= self._limit:
            raise CopyError(self._failure, tuple(self.errors))
