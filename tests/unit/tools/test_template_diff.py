"""The comment that a pull request gets about its templates."""

from pathlib import Path
from typing import Any

from tools.template_diff import LONGEST, Difference, comment, compare, report


def difference(stack: str, kind: str, text: str = "") -> Difference:
    return Difference(environment="dev", stack=stack, kind=kind, text=text)


def test_without_differences_it_says_so() -> None:
    assert report([]) == "No template changes.\n"


def test_it_lists_what_differs_and_folds_how() -> None:
    text = report(
        [
            difference("sluice-dev-pipeline", "changed", "[~] AWS::SQS::Queue"),
            difference("sluice-dev-old", "removed"),
        ]
    )
    assert "- `sluice-dev-pipeline`: changed\n- `sluice-dev-old`: removed\n" in text
    assert text.count("<details>") == text.count("</details>") == 1
    assert "[~] AWS::SQS::Queue" in text


def test_a_comment_is_never_longer_than_github_takes() -> None:
    whole = report([difference("sluice-dev-pipeline", "changed", "x" * 2 * LONGEST)])
    cut = comment(whole)
    assert len(whole) > 65_536
    assert len(cut) < 65_536
    assert cut.startswith("### Templates that change\n- `sluice-dev-pipeline`: changed")
    assert "the artifact" in cut
    assert comment("short") == "short"


class Cdk:
    """Notes what is compared, and says one word about it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []

    def __call__(self, *arguments: str, cwd: Path) -> str:
        assert cwd.is_dir()
        self.asked.append(arguments)
        return "different\n"


def test_stacks_that_are_equal_are_not_compared_and_new_ones_are_compared_with_nothing(
    tmp_path: Path,
) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    for folder, templates in (
        (before, {"same": "{}", "changed": '{"a": 1}', "removed": "{}"}),
        (after, {"same": "{}", "changed": '{"a": 2}', "new": "{}"}),
    ):
        folder.mkdir()
        for name, text in templates.items():
            (folder / f"{name}.template.json").write_text(text)
    cdk: Any = Cdk()
    found = {each.stack: each.kind for each in compare(cdk, "dev", before, after)}
    assert found == {"changed": "changed", "new": "new", "removed": "removed"}
    compared = {arguments[1]: arguments[-1] for arguments in cdk.asked}
    assert compared["changed"] == str(before / "changed.template.json")
    assert Path(compared["new"]).read_text() == "{}"
    assert set(compared) == {"changed", "new"}
