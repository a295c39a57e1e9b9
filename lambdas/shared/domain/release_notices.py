"""What people are told of a release: how many calls, which went wrong, where to look.

Error texts stay in the response: what a procedure raises may hold a row's values.
"""

import contextlib
import json
from collections.abc import Mapping
from typing import Any

from lambdas.shared.domain.notices import Notice

_MOST_LISTED = 50


def closed(response: Mapping[str, Any], folder: str, log_group: str) -> Notice:
    """A release has ended, one way or the other."""
    body = response["body"]
    name = _named(body["release"] or {})
    bad = [each for each in body["execution_results"] if each["status"] != "FINISHED"]
    lines = [
        f"Release: {name}",
        str(body["message"])[:4000],
        f"Duration: {body['duration_ms']} ms",
    ]
    lines += [
        f"{each['status']}: {each['procedure_name']} (line {each['line']},"
        f" query {each['query_id']})"
        for each in bad[:_MOST_LISTED]
    ]
    if len(bad) > _MOST_LISTED:
        lines.append(f"... and {len(bad) - _MOST_LISTED} more")
    if bad or response["statusCode"] != 200:
        lines += [
            f"What to do: read the errors in {folder}response.json; mend their causes; resume the"
            " release, or upload what is left as a new one.",
            f"Logs: {log_group}",
        ]
    word = "Release" if response["statusCode"] == 200 and not bad else "Release with errors"
    return {"subject": f"{word}: {name}", "message": "\n".join(lines)}


def _named(release: Mapping[str, Any]) -> str:
    if release.get("batch_id"):
        return f"calls after batch {release['batch_id']}"
    return release.get("file") or "calls by hand"


def refused(response: Mapping[str, Any], log_group: str) -> Notice:
    """What was asked for is no release, so that there is none to tell of."""
    lines = [str(response["body"]["message"])[:4000], f"Logs: {log_group}"]
    return {"subject": "Release not run", "message": "\n".join(lines)}


def cause(failure: Mapping[str, Any]) -> str:
    """A function's own message; Step Functions wraps it in JSON, with a stack trace."""
    text = str(failure.get("Cause"))
    with contextlib.suppress(ValueError, KeyError, TypeError):  # its own causes are plain text
        text = str(json.loads(text)["errorMessage"])
    return text[:2000]
