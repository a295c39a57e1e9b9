"""How Redshift folds names: ASCII letters to lower case, quoted or not, and no others.

"ASCII letters in standard and delimited identifiers are case-insensitive and are folded to
lowercase" (Names and identifiers, Redshift developer guide). So `Ähre` and `ähre` are two columns.
"""

import string

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def folded(name: str) -> str:
    """The name as the database keeps it; it has as many bytes as before."""
    return name.translate(_LOWER)
