"""The schemas of a batch's files; a bad file is noted with its error and harms no other."""

from typing import Any

from lambdas.infer_schema.inspect import inspect
from lambdas.shared.aws.concurrently import for_each
from lambdas.shared.aws.log import logger
from lambdas.shared.aws.objects import Objects
from lambdas.shared.domain.errors import FileError
from lambdas.shared.domain.load import Step
from lambdas.shared.domain.types import RedshiftType


class RawCopy:
    """A raw copy in the bucket as ranged reads; each is one GET."""

    def __init__(self, objects: Objects, key: str, *, size: int) -> None:
        self.objects = objects
        self.key = key
        self.size = size
        self.name = key.split("/")[-1]

    def read(self, start: int, length: int) -> bytes:
        """`length` bytes from `start`."""
        return self.objects.get_range(self.key, start, length)


def infer_batch(step: Step, *, objects: Objects) -> dict[str, Any]:
    """Write `work/<batch>/schemas.json`: a schema or an error for each file that is there."""
    entries = [e for e in objects.get_json(step.load["files"])["files"] if not e["missing"]]
    found = for_each(lambda entry: _infer(entry, step, objects), entries)
    schemas: dict[str, Any] = {}
    rejected: dict[str, Any] = {}
    for entry, (schema, error) in zip(entries, found, strict=True):
        file_id = entry["file"]["file_id"]
        if error is not None:
            rejected[file_id] = error
        else:
            schemas[file_id] = schema
    key = f"work/{step.batch_id}/schemas.json"
    objects.put_json(key, {"schemas": schemas, "rejected": rejected})
    logger().info(
        "schemas inferred", batch_id=step.batch_id, files=len(schemas), rejected=len(rejected)
    )
    return {**step.load, "status": "INFERRED", "schemas": key, "attempt": 1}


def _infer(
    entry: dict[str, Any], step: Step, objects: Objects
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    source = RawCopy(objects, entry["raw_key"], size=int(entry["file"]["size"]))
    overrides = {name: RedshiftType.parse(text) for name, text in step.job.columns.items()}
    try:
        schema = inspect(
            source, file_format=step.job.file_format, csv=step.job.csv, overrides=overrides
        )
    except FileError as error:
        return None, error.to_json()
    return schema.to_json(), None
