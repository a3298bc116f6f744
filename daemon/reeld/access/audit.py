"""The audit: one line of JSON for each change of state and each refused attempt, beside the store.

DESIGN: lines are written by a thread of their own, in the order in which they were told, so that a disk that hangs
never delays a command. What cannot be written is counted and told with the next line that can.
"""

import asyncio
import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from reeld.runtime.clock import wall_ns
from reeld.runtime.logs import get_logger
from reeld_proto.access import AuditLine
from reeld_proto.units import NS_PER_S

FILE_NAME = "audit.log"
FILE_BYTES_MAX = 5_000_000
"""Then it becomes `audit.log.1`, in the place of the one before."""
WAITING_MAX = 10_000
"""Lines that wait for a disk; above that they are lost, and the log says how many."""
LINES_MAX = 10_000
"""The most that can be asked for at once."""
_READING = msgspec.json.Decoder(AuditLine)


def now_text() -> str:
    """The time of day as the audit tells it."""
    return datetime.fromtimestamp(wall_ns() / NS_PER_S, UTC).isoformat(timespec="milliseconds")


class AuditLog:
    """Told and asked from the event loop's thread."""

    def __init__(self, folder: Path, *, file_bytes_max: int = FILE_BYTES_MAX) -> None:
        self._path = folder / FILE_NAME
        self._older = self._path.with_name(FILE_NAME + ".1")
        self._file_bytes_max = file_bytes_max
        self._waiting: deque[AuditLine] = deque()
        self._lost = 0
        self._is_ordered = False
        self._is_closed = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="audit")

    def tell(self, line: AuditLine) -> None:
        """Write a line, soon; after `close` none."""
        if self._is_closed:
            return
        if len(self._waiting) >= WAITING_MAX:
            self._lost += 1
            return
        self._waiting.append(line)
        if not self._is_ordered:
            self._is_ordered = True
            self._thread.submit(self._write)

    async def newest(self, limit: int) -> list[AuditLine]:
        """The newest lines, the oldest of them first, those told just now included."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._read, min(limit, LINES_MAX))

    def close(self) -> None:
        """Wait until everything is written. May be called twice."""
        self._is_closed = True
        self._thread.shutdown(wait=True)

    def _write(self) -> None:
        # Before the queue is looked at: a line that is told after the last look orders another writing.
        self._is_ordered = False
        lines = []
        while self._waiting:
            lines.append(msgspec.json.encode(self._waiting.popleft()) + b"\n")
        lost, self._lost = self._lost, 0
        if lost:
            get_logger().error("audit.lost", lines=lost)
        if not lines:
            return
        try:
            self._append(b"".join(lines))
        except OSError as error:
            get_logger().error("audit.failed", lines=len(lines), reason=str(error))

    def _append(self, data: bytes) -> None:
        fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(fd, "ab", buffering=0) as file:
            file.write(data)
            is_full = file.tell() >= self._file_bytes_max
        if is_full:
            self._path.replace(self._older)

    def _read(self, limit: int) -> list[AuditLine]:
        found: deque[AuditLine] = deque(maxlen=max(0, limit))
        for path in (self._older, self._path):
            try:
                data = path.read_bytes()
            except OSError:
                continue
            # The last line of a file may be torn by a loss of power; the others of it are none the worse.
            for line in data.splitlines()[-limit:] if limit > 0 else []:
                try:
                    found.append(_READING.decode(line))
                except msgspec.DecodeError:
                    continue
        return list(found)
