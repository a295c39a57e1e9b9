"""What COPY reads beside the rows: the batch's list and the manifests, whatever keys hold."""

import csv
import io
import json
from datetime import UTC, datetime

from hypothesis import given

from config.folding import folded
from config.job import Job
from lambdas.shared.domain.files import File, FileState, Verdict
from lambdas.shared.domain.names import TableName
from lambdas.shared.domain.upsert_sql import BATCH_COLUMNS
from lambdas.upsert.attempt import Attempt, AttemptFolder, AttemptUnit, RawFile
from tests.unit.upsert.named_loads import HARMLESS, hostile_names, hostile_text, preparation_of

KEYS = hostile_text.map(lambda text: f"data/in/{text}")


class Bucket:
    """Keeps what is put."""

    bucket = "b"

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def put(self, key: str, body: bytes) -> None:
        self.kept[key] = body

    def put_json(self, key: str, document: object) -> None:
        self.kept[key] = json.dumps(document, ensure_ascii=False).encode()


def _file(key: str, version: str) -> File:
    return File(
        bucket="b",
        key=key,
        version_id=version,
        etag="e",
        size=7,
        sequence="1",
        arrived_at=datetime(2025, 11, 13, tzinfo=UTC),
    )


@given(KEYS, hostile_text, hostile_text)
def test_lists_and_manifests_say_what_keys_and_errors_are(
    key: str, version: str, message: str
) -> None:
    file = _file(key, f"v{version}")
    error = {"type": "FormatError", "message": message}
    raw = RawFile(file_id=file.file_id, raw_key=file.raw_key(key), size=file.size)
    attempt = Attempt(
        verdicts=(Verdict(file=file, state=FileState.REJECTED, error=error),),
        units=(AttemptUnit(files=(raw,), columns=("a",)),),
        one_by_one=False,
        statements=(),
    )
    bucket = Bucket()
    AttemptFolder(objects=bucket, prefix="work/x/1").write_lists(attempt)  # type: ignore[arg-type]

    (row,) = csv.reader(io.StringIO(bucket.kept["work/x/1/files.csv"].decode(), newline=""))
    listed = dict(zip((name for name, _ in BATCH_COLUMNS), row, strict=True))
    told = (listed["object_key"], listed["version_id"], listed["error_message"])
    lost = {0: "\ufffd", 13: "\ufffd"}
    assert told == tuple(text.translate(lost) for text in (key, f"v{version}", message))
    (entry,) = json.loads(bucket.kept["work/x/1/rows-1.manifest"])["entries"]
    assert entry == {
        "url": f"s3://b/{file.raw_key(key)}",
        "mandatory": True,
        "meta": {"content_length": 7},
    }
    folders = file.raw_key(key).split("/")
    assert folders[:2] == ["data", "raw"]
    assert ".." not in folders[:-1]


class Asked:
    """Notes what the catalog is asked, and knows no table."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []

    def run(self, sql: str, *, parameters: dict[str, str]) -> str:
        self.asked.append((sql, parameters))
        return "id"

    def rows(self, _statement: str) -> list[dict[str, str]]:
        return []


def _asked(names: dict[str, str]) -> tuple[str, dict[str, str]]:
    job = Job.model_validate(
        {
            "job_id": "J",
            "job_name": "n",
            "source_file_name": "n",
            "target_table": f"{names['zqschemaz']}.{names['zqtablez']}",
            "upsert_keys": ["id"],
            "is_active": True,
        }
    )
    preparation, warehouse = preparation_of(job, names), Asked()
    preparation.warehouse = warehouse  # type: ignore[assignment]
    assert preparation._catalog() == (None, False)
    return warehouse.asked[0]


@given(hostile_names())
def test_the_catalog_is_asked_with_parameters_not_with_names(names: dict[str, str]) -> None:
    sql, parameters = _asked(names)
    assert sql == _asked(HARMLESS)[0]
    schema, table = folded(names["zqschemaz"]), folded(names["zqtablez"])
    mutex = TableName.parse(f"{schema}.{table}").mutex.table.text
    assert parameters == {"schema": schema, "table": table, "mutex": mutex}
