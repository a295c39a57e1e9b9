"""Sequences for versions whose event never came."""

from hypothesis import given
from hypothesis import strategies as st

from lambdas.shared.domain.files import padded_sequence
from lambdas.shared.domain.sequences import filled

_SEQUENCERS = st.integers(1, 16**18 - 1).map(lambda number: padded_sequence(f"{number:018X}"))


@given(st.lists(_SEQUENCERS, unique=True, max_size=6), st.data())
def test_the_unknown_stand_between_their_neighbours(known: list[str], data: st.DataObject) -> None:
    versions: list[str | None] = []
    for sequence in sorted(known):
        versions += [None] * data.draw(st.integers(0, 3)) + [sequence]
    versions += [None] * data.draw(st.integers(0, 3))

    found = filled(versions)

    assert found == sorted(set(found))
    assert [now for now, before in zip(found, versions, strict=True) if before] == sorted(known)


@given(_SEQUENCERS, _SEQUENCERS, st.integers(1, 5))
def test_what_s3_says_later_is_above_the_unknown(first: str, second: str, count: int) -> None:
    older, newer = sorted((first, second))

    if older < newer:
        assert filled([older, *[None] * count])[-1] < newer


def test_one_found_after_another_still_fits() -> None:
    (middle,) = filled(["0" * 39 + "0", None, "F" * 20 + "0" * 20])[1:2]

    for _ in range(20):
        middle, between = filled([None, middle])
        assert middle < between


def test_an_unknown_one_is_above_all_before_it_though_these_are_not_in_order() -> None:
    """Of two uploads in parts, the first to begin may be the last to end."""
    begun_first, ended_first = padded_sequence("64"), padded_sequence("32")

    found = filled([begun_first, ended_first, None])
    between = filled([begun_first, None, ended_first])

    assert found[:2] == [begun_first, ended_first]
    assert found[2] > begun_first
    assert between[1] > begun_first
