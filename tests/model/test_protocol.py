"""The protocol holds in every state, and each thing it relies on is missed when it is not there."""

import pytest

from tests.model.explore import explore
from tests.model.scopes import DEEP, DEFAULT
from tests.model.state import Scope
from tests.model.variants import DEEP_VARIANTS, VARIANTS, Variant


@pytest.mark.parametrize("scope", DEFAULT, ids=lambda scope: scope.name)
def test_nothing_is_lost_doubled_stale_or_half_and_each_version_ends_with_a_verdict(
    scope: Scope,
) -> None:
    report = explore(scope)

    assert not report.violation, report.told()
    assert report.is_whole
    assert report.ends


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.broken)
def test_what_is_broken_is_found_out_with_a_shortest_trace(variant: Variant) -> None:
    report = explore(variant.scope)

    assert variant.violation in report.violation
    assert len(report.told().splitlines()) == len(report.trace) + 1 > 3


def test_scopes_and_variants_have_names_of_their_own() -> None:
    names = [scope.name for scope in (*DEFAULT, *DEEP)]
    names += [v.broken for v in (*VARIANTS, *DEEP_VARIANTS)]

    assert len(set(names)) == len(names)
