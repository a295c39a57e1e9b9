"""The body of a procedure, statement by statement."""


def translate_body(body: str) -> str:
    """The body as Postgres' plpgsql."""
    return body
