"""What is asked of an account: each check says what is expected, and what it means if not."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tools.verify_on_aws.scratch import NotAskedError, Scratch


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Whether what is expected was seen, and what was seen."""

    holds: bool
    observed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question: `otherwise` is what a different answer means for Sluice."""

    name: str
    expected: str
    otherwise: str
    ask: Callable[[Scratch], Finding]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A check's answer; `holds` is None where it was not asked."""

    check: Check
    holds: bool | None
    observed: str

    def to_json(self) -> dict[str, Any]:
        """The answer as JSON."""
        return {
            "check": self.check.name,
            "holds": self.holds,
            "expected": self.check.expected,
            "observed": self.observed,
            "otherwise": self.check.otherwise,
        }


def answered(check: Check, scratch: Scratch) -> Answer:
    """Ask; whatever goes wrong while asking is an answer that does not hold."""
    try:
        found = check.ask(scratch)
    except NotAskedError as reason:
        return Answer(check=check, holds=None, observed=str(reason))
    except Exception as error:  # noqa: BLE001 - the other checks are still worth asking
        return Answer(check=check, holds=False, observed=f"{type(error).__name__}: {error}")
    return Answer(check=check, holds=found.holds, observed=found.observed)
