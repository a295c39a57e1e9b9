"""docs/local-warehouse.md: each difference it lists is held by a test that exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "local-warehouse.md"
TESTS = (ROOT / "tests" / "integration" / "warehouse", ROOT / "tests" / "unit" / "warehouse")


def rows() -> list[list[str]]:
    """The rows of all tables whose last column is `test`."""
    found: list[list[str]] = []
    is_listed = False
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            is_listed = False
        elif cells[-1] == "test":
            is_listed = True
        elif is_listed and set(cells[-1]) != {"-"}:
            found.append(cells)
    return found


def test_every_row_names_a_test_that_exists() -> None:
    known = {
        name
        for folder in TESTS
        for path in folder.rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }

    named = [row[-1].strip("`") for row in rows()]

    assert len(named) > 40
    assert sorted(set(named) - known) == []


def test_every_open_difference_is_on_the_page() -> None:
    named = {row[-1].strip("`") for row in rows()}
    path = TESTS[0] / "test_open_differences.py"
    tests = re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)

    assert sorted(set(tests) - named) == []


def test_every_module_is_on_the_page() -> None:
    text = PAGE.read_text()
    helpers = {
        "__init__.py",
        "catalog.py",
        "errors.py",
        "sql_errors.py",
        "results.py",
        "warehouse.py",
    }
    modules = {path.name for path in (ROOT / "local" / "warehouse").glob("*.py")} - helpers

    assert sorted(name for name in modules if f"`{name}`" not in text) == []
