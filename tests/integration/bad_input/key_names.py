"""Object keys as people choose them; events name them raw."""

from tests.integration.bad_input.case import Case, loaded, rejected

_NAMES = [
    "people_a key with blanks.csv",
    "people_a+b.csv",
    "people_100%.csv",
    "people_%2F%20.csv",
    "people_é 日本 🙂.csv",
    "people_'quoted' \"twice\" `ticks` $HOME ;&|.csv",
    "PEOPLE_UPPER.CSV",
    "a/b c/year=2025/people_in_folders.csv",
    "f/" * 480 + "people_deep.csv",
    "people_" + "k" * 981 + ".csv",
    "people_" + "é" * 502 + ".csv",
]


def _one_row(position: int, name: str) -> Case:
    return loaded(name, f"id,name\n{300 + position},Ann\n", (300 + position, "Ann"))


KEYS = [
    *(_one_row(position, name) for position, name in enumerate(_NAMES)),
    rejected("people_" + "r" * 1000 + ".csv", "name\nAnn\n", "KeyColumnError", "upsert key id"),
]
