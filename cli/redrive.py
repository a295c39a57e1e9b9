"""`sluice redrive`: what ended in the dead-letter queues, shown, and sent once more."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer

from cli.environment import Environment, entered
from cli.options import AsJson, InEnvironment, Yes
from cli.output import confirmed, needs_no_answer, reported, show, show_json, show_text, table
from lambdas.shared.aws.queue import Received, delete, give_back, receive, send_all
from lambdas.shared.aws.workflow import Workflow
from lambdas.shared.domain.events import ExecutionEnded, ObjectCreated, Replay, WakeUp, parse_event
from lambdas.shared.domain.release_request import REFUSALS, ReleaseRequest

_HIDDEN_SECONDS = 300
"""How long a person may look at the messages before others see them again."""


class Letters(StrEnum):
    """The dead-letter queues."""

    ARRIVALS = "arrivals"
    EVENTS = "events"
    RELEASES = "releases"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A dead letter and what it is about; None where route could not read it either."""

    queue: Letters
    message: Received
    about: str | None

    def to_json(self) -> dict[str, Any]:
        """As `--json` shows it."""
        return {
            "queue": self.queue,
            "sent_at": self.message.sent_at,
            "about": self.about,
            "body": None if self.about else self.message.body[:1000],
        }


def redrive(
    queue: Annotated[
        Letters | None, typer.Option(help="Only this queue; all if nobody says.")
    ] = None,
    most: Annotated[int, typer.Option(min=1, max=10_000, help="Most messages a queue.")] = 1000,
    discard: Annotated[
        bool, typer.Option("--discard", help="Delete those that can be sent nowhere.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what is there.")] = False,
    yes: Yes = False,
    environment: InEnvironment = None,
    as_json: AsJson = False,
) -> None:
    """Show the dead letters, then send them once more to where they were meant for.

    A letter is deleted once it was sent, so that none is lost; sending one twice does no harm.
    """
    with reported(as_json=as_json), entered(environment) as place:
        is_agreed = needs_no_answer(yes=yes, dry_run=dry_run)
        letters = _letters(place, [queue] if queue else list(Letters), most)
        if not as_json:
            _show(letters)
        done = {"sent": 0, "discarded": 0, "left": len(letters)}
        question = f"send {sum(each.about is not None for each in letters)} message(s) again?"
        if letters and not dry_run and (is_agreed or confirmed(question)):
            done = _go(letters, place, discard=discard)
        else:
            for each in letters:
                give_back(_url(place, each.queue), each.message)
    if as_json:
        show_json({**done, "letters": [each.to_json() for each in letters]})
    elif letters:
        show_text(f"{done['sent']} sent, {done['discarded']} discarded, {done['left']} left")


def _letters(place: Environment, queues: list[Letters], most: int) -> list[Letter]:
    return [
        Letter(queue=queue, message=message, about=_about(queue, message.body))
        for queue in queues
        for message in receive(_url(place, queue), most=most, hidden_seconds=_HIDDEN_SECONDS)
    ]


def _url(place: Environment, queue: Letters) -> str:
    return {
        Letters.ARRIVALS: place.dead_letter_queue_url,
        Letters.EVENTS: place.events_dead_letter_queue_url,
        Letters.RELEASES: place.releases_dead_letter_queue_url,
    }[queue]


def _about(queue: Letters, body: str) -> str | None:
    try:
        document = json.loads(body)
        if queue is Letters.RELEASES:
            asked = ReleaseRequest.from_event(document)
            return f"release: {asked.release or asked.wanted.value}"
        event = parse_event(document)
    except (*REFUSALS, ValueError):
        return None
    match event:
        case ObjectCreated():
            return f"uploaded: {event.key}"
        case ExecutionEnded():
            return f"ended without a load: {event.name}"
        case Replay():
            return f"replay {event.file.replay} of {event.file.key}"
        case WakeUp():
            return f"wakes job {event.job_id}"


def _go(letters: list[Letter], place: Environment, *, discard: bool) -> dict[str, int]:
    done = {"sent": 0, "discarded": 0, "left": 0}
    for each in letters:
        url = _url(place, each.queue)
        if each.about is not None:
            _send(each, place)
            delete(url, each.message)
            done["sent"] += 1
        elif discard:
            delete(url, each.message)
            done["discarded"] += 1
        else:
            give_back(url, each.message)
            done["left"] += 1
    return done


def _send(letter: Letter, place: Environment) -> None:
    document = json.loads(letter.message.body)
    if letter.queue is Letters.RELEASES:
        # each letter is a release, even of those that ask for the same; a taken name is this letter
        name = f"redriven-{letter.message.message_id}"
        Workflow(place.release_machine_arn).start(name, document)
    else:
        send_all(place.arrivals_queue_url, [document])


def _show(letters: list[Letter]) -> None:
    if not letters:
        show_text("the dead-letter queues are empty")
        return
    shown = table("queue", "since", "about")
    for each in letters:
        about = each.about or f"can be sent nowhere: {each.message.body[:200]}"
        shown.add_row(each.queue, f"{each.message.sent_at:%Y-%m-%d %H:%M:%S}", about)
    show(shown)
