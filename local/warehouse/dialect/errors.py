"""What the local warehouse says to SQL it does not run."""


class UnsupportedSqlError(Exception):
    """A statement that has no faithful translation; `construct` names the part in words.

    Nothing of such a statement was run: a refusal is always better than a result that Redshift
    would not have given.
    """

    def __init__(self, construct: str) -> None:
        super().__init__(f"{construct} is not supported by the local warehouse")
        self.construct = construct


class UnknownColumnsError(UnsupportedSqlError):
    """A statement whose meaning depends on columns that nobody was asked about."""


class SqlSyntaxError(UnsupportedSqlError):
    """Text that is no SQL of Redshift's: the message reads as the server's own would."""

    def __init__(self, construct: str) -> None:
        super().__init__(construct)
        self.args = (construct,)


def syntax_error_near(text: str) -> SqlSyntaxError:
    """The server's complaint about one word; '' means that the statement ended too early."""
    return SqlSyntaxError(f'syntax error at or near "{text}"' if text else "unexpected end of SQL")
