"""What the demo claimed, and whether it held."""

import json
from dataclasses import dataclass, field
from typing import Any

from tools.demo.account import Account


@dataclass
class Claims:
    """What was claimed, and whether it held."""

    account: Account
    made: list[dict[str, Any]] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def claim(self, text: str, holds: bool) -> None:
        """Note and print one claim."""
        self.made.append({"claim": text, "holds": holds})
        self.account.console.print(("[green]holds[/] " if holds else "[red]FAILS[/] ") + text)

    @property
    def all_hold(self) -> bool:
        """Whether none failed."""
        return all(claim["holds"] for claim in self.made)

    def to_json(self) -> str:
        """The claims and the figures, as `build/demo.json` holds them."""
        document = {"claims": self.made, "holds": self.all_hold, "figures": self.figures}
        return json.dumps(document, indent=2)
