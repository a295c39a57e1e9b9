"""Following versions through the ledger: which states end the waiting, and which do not."""

from collections.abc import Callable, Sequence

from cli.exits import Exit, exit_for_states
from cli.following import Outcome, follow
from lambdas.shared.aws.ledger_view import FileEntry, LedgerView
from lambdas.shared.domain.errors import StorageBusyError
from lambdas.shared.domain.files import File, FileState, Verdict
from tests.unit.cli.conftest import Deployed
from tests.unit.cli.files import START, a_file, an_upload, loaded, rejected, settle


class Steps:
    """A clock that stands still until somebody sleeps; each sleep takes a next step."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        self.steps = list(steps)
        self.now = 0.0
        self.told: list[list[FileState | None]] = []

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.steps:
            self.steps.pop(0)()

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        self.told.append([each.state for each in outcomes])

    def follow(self, view: LedgerView, *files: File, timeout: float = 60) -> list[Outcome]:
        uploads = [an_upload(file) for file in files]
        return follow(
            uploads,
            view,
            timeout=timeout,
            tell=self.tell,
            clock=lambda: self.now,
            sleep=self.sleep,
        )


def test_a_file_is_followed_from_its_upload_to_its_rows(deployed: Deployed) -> None:
    file = a_file("customers.csv")
    steps = Steps(
        lambda: deployed.ledger.pool_file(file, "J1"),
        lambda: settle(deployed.ledger, loaded(file, 7), job_id="J1", execution="run", at=START),
    )
    (outcome,) = steps.follow(deployed.view, file)
    assert steps.told == [[None], [FileState.POOLED], [FileState.LOADED]]
    assert outcome.entry is not None
    assert outcome.entry.rows == 7
    assert outcome.seconds is not None
    assert outcome.seconds > 0


def test_another_version_of_the_same_key_is_not_what_is_waited_for(deployed: Deployed) -> None:
    ours, theirs = a_file("customers.csv"), a_file("customers.csv", version_id="v2")
    settle(deployed.ledger, loaded(theirs, 7), job_id="J1", execution="run", at=START)
    (outcome,) = Steps().follow(deployed.view, ours, timeout=3)
    assert outcome.state is None
    assert exit_for_states([outcome.state]) is Exit.TIMED_OUT


def test_every_state_but_pooled_ends_the_waiting(deployed: Deployed) -> None:
    files = {state: a_file(f"{state}.csv") for state in FileState}
    deployed.ledger.let_wait(files[FileState.WAITING], "J2")
    deployed.ledger.record_move(files[FileState.NOT_CONFIGURED], "data/new_files/x.csv")
    settle(
        deployed.ledger,
        loaded(files[FileState.LOADED], 1),
        rejected(files[FileState.REJECTED]),
        Verdict(file=files[FileState.SUPERSEDED], state=FileState.SUPERSEDED),
        Verdict(file=files[FileState.MISSING], state=FileState.MISSING),
        job_id="J1",
        execution="run",
        at=START,
    )
    deployed.ledger.pool_file(files[FileState.POOLED], "J1")
    settled = [file for state, file in files.items() if state is not FileState.POOLED]
    steps = Steps()
    outcomes = steps.follow(deployed.view, *settled)
    assert steps.now == 0
    assert all(outcome.is_settled for outcome in outcomes)
    (pooled,) = steps.follow(deployed.view, files[FileState.POOLED], timeout=2)
    assert steps.now == 2
    assert not pooled.is_settled
    assert pooled.seconds is None


def test_a_busy_ledger_is_asked_again(deployed: Deployed) -> None:
    file = a_file("customers.csv")
    settle(deployed.ledger, loaded(file, 7), job_id="J1", execution="run", at=START)

    class Busy(LedgerView):
        """Throttled once."""

        asked = 0

        def entries(self, file_ids: Sequence[str]) -> dict[str, FileEntry]:  # type: ignore[override]  # a list is what it is asked with
            self.asked += 1
            if self.asked == 1:
                raise StorageBusyError("throttled")
            return super().entries(file_ids)

    (outcome,) = Steps().follow(Busy("ledger"), file)
    assert outcome.state is FileState.LOADED


def test_more_files_than_one_request_takes_are_all_found(deployed: Deployed) -> None:
    files = [a_file(f"customers{number}.csv") for number in range(120)]
    for file in files:
        deployed.ledger.let_wait(file, "J2")
    outcomes = Steps().follow(deployed.view, *files)
    assert [outcome.state for outcome in outcomes] == [FileState.WAITING] * 120


def test_the_exit_code_is_that_of_the_file_that_most_needs_a_person() -> None:
    state = FileState
    assert exit_for_states([state.LOADED, state.LOADED]) is Exit.OK
    assert exit_for_states([state.LOADED, state.WAITING]) is Exit.NOT_LOADED
    assert exit_for_states([state.SUPERSEDED]) is Exit.NOT_LOADED
    assert exit_for_states([state.WAITING, None]) is Exit.TIMED_OUT
    assert exit_for_states([state.POOLED, state.LOADED]) is Exit.TIMED_OUT
    assert exit_for_states([None, state.REJECTED, state.WAITING]) is Exit.REJECTED
