"""Where a function's output goes: its CloudWatch log group, and a file a person can follow."""

import threading
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from moto.logs.models import logs_backends

from local.account.identity import ACCOUNT_ID, REGION

_FILE_LOCK = threading.Lock()


class LogStream:
    """The log stream of one execution environment, copied to `<folder>/<function>.log`."""

    def __init__(self, *, group: str, function: str, folder: Path) -> None:
        self._backend = logs_backends[ACCOUNT_ID][REGION]
        self._group = group
        self._stream = f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{uuid4().hex}"
        self._file = folder / f"{function}.log"
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, line: str) -> None:
        """Add one line."""
        now = datetime.now(UTC)
        event = {"timestamp": int(now.timestamp() * 1000), "message": line}
        self._backend.ensure_log_group(self._group)  # somebody may have deleted it meanwhile
        self._backend.ensure_log_stream(self._group, self._stream)
        self._backend.put_log_events(self._group, self._stream, [event])
        with _FILE_LOCK, self._file.open("a", encoding="utf-8") as file:
            file.write(f"{now:%Y-%m-%dT%H:%M:%S.%f}Z {line}\n")
