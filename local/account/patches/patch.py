"""What a correction of moto is: where it goes, why, and how it is made and taken back."""

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from local.account.events import Events
from local.account.functions import Functions
from local.account.permissions import Permissions
from local.account.queues import Queues

Replacement = Any
Make = Callable[[Any, "Parts"], Replacement]
_ABSENT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of the running account that corrected moto calls."""

    functions: Functions
    events: Events
    queues: Queues
    permissions: Permissions
    endpoint_url: str
    wait_scale: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """One correction: where it goes, why it is needed, and how to make it from the original."""

    owner: Any
    name: str
    because: str
    make: Make

    @property
    def place(self) -> str:
        """`Class.method`, `module.function`, or the key of a mapping."""
        if isinstance(self.owner, MutableMapping):
            return self.name
        return f"{self.owner.__name__.rsplit('.', 1)[-1]}.{self.name}"

    def put(self, value: Any) -> None:
        """Put a value in the patched place."""
        if isinstance(self.owner, MutableMapping):
            self.owner[self.name] = value
        else:
            setattr(self.owner, self.name, value)

    def original(self) -> Any:
        """What is in the patched place now."""
        if isinstance(self.owner, MutableMapping):
            return self.owner.get(self.name, _ABSENT)
        return self.owner.__dict__.get(self.name, _ABSENT)

    def restore(self, original: Any) -> None:
        """Put back what was there."""
        if original is not _ABSENT:
            self.put(original)
        elif isinstance(self.owner, MutableMapping):
            del self.owner[self.name]
        else:
            delattr(self.owner, self.name)


PATCHES: list[Patch] = []
"""Every correction; `replaces` adds to them."""


def replaces(owner: Any, name: str, *, because: str) -> Callable[[Make], Make]:
    """What the decorated function makes takes the place of what is there."""

    def register(make: Make) -> Make:
        PATCHES.append(Patch(owner=owner, name=name, because=because, make=make))
        return make

    return register
