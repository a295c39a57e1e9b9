"""`sluice sweep`: look now for what was overlooked, instead of when the schedule says."""

import json
from collections import Counter
from typing import Any

import boto3
from botocore.config import Config

from cli.environment import Environment, entered
from cli.exits import SweepError
from cli.options import AsJson, InEnvironment
from cli.output import progress, reported, show_json, show_text
from lambdas.shared.aws.failures import translated

_LONGEST_RUN = Config(read_timeout=910, retries={"total_max_attempts": 1})
"""A function runs for 15 minutes at most, and one that was not answered is not run again."""


def sweep(environment: InEnvironment = None, as_json: AsJson = False) -> None:
    """Find versions under data/in/ without a verdict, and jobs nobody works for; set them going.

    It spares neither young uploads nor jobs that were given up, as the schedule's runs do.
    """
    with reported(as_json=as_json), entered(environment) as place:
        done = _swept(place)
    if as_json:
        show_json(done)
        return
    show_text(
        f"{done['listed']} versions in data/in/: {done['sent']} sent to be loaded,"
        f" {done['cleared']} settled before and deleted; {done['woken']} jobs woken,"
        f" {done['overdue']} overdue"
    )


def _swept(place: Environment) -> dict[str, int]:
    """Run after run until data/in/ was listed to its end; the numbers in all."""
    total: Counter[str] = Counter(listed=0, sent=0, cleared=0, woken=0, overdue=0)
    position = None
    while True:
        run = _run(place, position)
        position = run.pop("position")
        total.update(run)
        if position is None:
            return dict(total)
        progress().print(f"{total['listed']} versions listed, {total['sent']} sent; going on")


def _run(place: Environment, position: dict[str, str] | None) -> dict[str, Any]:
    client = boto3.client("lambda", config=_LONGEST_RUN)
    asked = {"by_hand": True, "position": position}
    with translated():
        answer = client.invoke(FunctionName=place.sweep_function_name, Payload=json.dumps(asked))
    payload: dict[str, Any] = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise SweepError(
            f"{payload.get('errorType')}: {payload.get('errorMessage')}; mend that and sweep again,"
            f" the log of {place.sweep_function_name} says more"
        )
    return payload
