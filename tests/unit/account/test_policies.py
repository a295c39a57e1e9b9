"""Statements and calls: wildcards, conditions, denials, as IAM has them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.account.policies import Call, UnknownPolicyElementError, allows, applies, matches

_PLAIN = st.text(alphabet="ab:/-_.[]^$+(){}\\\n", max_size=12)


def statement(**more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:b/*"} | more


def call(resource: str = "arn:b/key", **context: str) -> Call:
    named = {name.replace("__", ":").replace("_", "-"): value for name, value in context.items()}
    return Call(action="s3:GetObject", resource=resource, context=named)


@given(_PLAIN, _PLAIN)
def test_a_pattern_without_wildcards_matches_itself_and_nothing_else(one: str, other: str) -> None:
    assert matches(one, one)
    assert matches(one, other) is (one == other)


@given(_PLAIN, _PLAIN, _PLAIN)
def test_a_star_stands_for_any_characters(head: str, middle: str, tail: str) -> None:
    assert matches(f"{head}*{tail}", head + middle + tail)


@given(_PLAIN, st.characters(), _PLAIN)
def test_a_question_mark_stands_for_exactly_one(head: str, one: str, tail: str) -> None:
    assert matches(f"{head}?{tail}", head + one + tail)
    assert not matches(f"{head}?{tail}", head + tail)


@given(st.text("ab*?", max_size=6), st.text("ab", max_size=6))
def test_wildcards_agree_with_their_definition(pattern: str, text: str) -> None:
    def defined(pattern: str, text: str) -> bool:
        if not pattern:
            return not text
        if pattern[0] == "*":
            return any(defined(pattern[1:], text[at:]) for at in range(len(text) + 1))
        return bool(text) and pattern[0] in ("?", text[0]) and defined(pattern[1:], text[1:])

    assert matches(pattern, text) is defined(pattern, text)


@given(st.text("ab*?", max_size=6), st.text("ab", max_size=6))
def test_a_wider_pattern_admits_all_a_narrower_one_does(pattern: str, text: str) -> None:
    if matches(pattern, text):
        assert matches(f"*{pattern}", text)
        assert matches(pattern.replace("?", "*"), text)


def test_actions_ignore_case_and_resources_do_not() -> None:
    assert applies(statement(Action="S3:getobject"), call())
    assert not applies(statement(Resource="arn:B/*"), call())


def test_silence_is_a_no_and_a_denial_wins() -> None:
    deny = statement(Effect="Deny", Resource="arn:b/secret/*")
    assert not allows([], call())
    assert allows([statement(), deny], call())
    assert not allows([statement(), deny], call("arn:b/secret/key"))


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({"StringLike": {"s3:prefix": ["raw/*", "work/*"]}}, {"s3__prefix": "work/1"}, True),
        ({"StringLike": {"s3:prefix": ["raw/*", "work/*"]}}, {"s3__prefix": "in/1"}, False),
        ({"StringLike": {"s3:prefix": "raw/*"}}, {}, False),
        ({"StringLikeIfExists": {"s3:prefix": "raw/*"}}, {}, True),
        ({"StringNotEquals": {"s3:prefix": "raw"}}, {"s3__prefix": "raw"}, False),
        ({"StringNotEquals": {"s3:prefix": "raw"}}, {}, True),
        ({"Bool": {"aws:SecureTransport": "false"}}, {"aws__securetransport": "true"}, False),
        ({"Null": {"s3:prefix": "true"}}, {}, True),
        ({"Null": {"s3:prefix": "true"}}, {"s3__prefix": ""}, False),
        ({"StringEquals": {"own:id": "${aws:userid}"}}, {"own__id": "a", "aws__userid": "a"}, True),
        ({"StringEquals": {"own:id": "${aws:userid}"}}, {"own__id": "a", "aws__userid": ""}, False),
        ({"StringEquals": {"own:id": "${aws:userid}"}}, {"own__id": ""}, False),
        ({"StringEquals": {"own:id": ["a", "b"], "s3:prefix": "c"}}, {"own__id": "b"}, False),
    ],
)  # fmt: skip
def test_every_condition_must_hold(
    condition: dict[str, Any], context: dict[str, str], holds: bool
) -> None:
    assert applies(statement(Condition=condition), call(**context)) is holds


@pytest.mark.parametrize(
    "unknown", [{"NotAction": "s3:*"}, {"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}]
)
def test_what_cannot_be_judged_is_said(unknown: dict[str, Any]) -> None:
    with pytest.raises(UnknownPolicyElementError, match="teach"):
        applies(statement(**unknown), call())
