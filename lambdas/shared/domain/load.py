"""One load as it travels through the state machine: pointers and counters, never lists."""

from dataclasses import dataclass
from typing import Any, Self

from config.job import Job
from lambdas.shared.domain.names import TableName


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What every task of `load.asl.json` is given.

    `load` is the state the last task returned; the next one returns it changed.
    """

    job: Job
    generation: int
    execution_id: str
    execution_name: str
    started_at: str
    load: dict[str, Any]

    @classmethod
    def from_event(cls, event: dict[str, Any]) -> Self:
        """Read the state machine's item."""
        return cls(
            job=Job.model_validate(event["job"]["config"]),
            generation=int(event["job"]["generation"]),
            execution_id=event["execution"]["id"],
            execution_name=event["execution"]["name"],
            started_at=str(event["execution"]["started_at"]),
            load=event["load"],
        )

    @property
    def table(self) -> TableName:
        """The target."""
        return TableName.parse(self.job.target_table)

    @property
    def round(self) -> int:
        """How many batches this execution has settled."""
        return int(self.load.get("round", 0))

    @property
    def batch_id(self) -> str:
        """The batch of this round; the same for every try of it."""
        return f"{self.execution_name}-{self.round}"
