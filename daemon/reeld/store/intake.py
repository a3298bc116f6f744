"""What arrives on the ingest socket: frames to messages, and a log that a flood cannot fill. Pure but for the log."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from reeld.runtime.logs import get_logger
from reeld.store.api import Buffer, IngestItem
from reeld.store.chunks import digest_of
from reeld.store.ingest import INIT_BYTES_MAX
from reeld.store.keys import name_key
from reeld_proto import codec
from reeld_proto.errors import RequestRejected
from reeld_proto.workers import AnyIngest, ChunkCaptured

ENVELOPE_BYTES_MAX = 64 * 1024
CHUNK_FRAMES = 3
"""A chunk is its envelope, its bytes and its init segment; anything else is an envelope alone."""
_REASON_CHARS_MAX = 200


def decode(frames: Sequence[memoryview]) -> IngestItem:
    """The message in `frames`; payload and init are borrowed from them. Raises RequestRejected if it is not one."""
    if len(frames) not in (1, CHUNK_FRAMES):
        raise RequestRejected(f"a message of {len(frames)} frames")
    envelope = codec.unpack(frames[0], AnyIngest, limit=ENVELOPE_BYTES_MAX)
    name_key(envelope.sender)
    payload: Buffer = b""
    init: Buffer = b""
    if len(frames) == CHUNK_FRAMES:
        if not isinstance(envelope.body, ChunkCaptured):
            raise RequestRejected(f"{type(envelope.body).__name__} with bytes")
        payload, init = frames[1], frames[2]
        if len(payload) > codec.PAYLOAD_BYTES_MAX or len(init) > INIT_BYTES_MAX:
            # Too large to be taken: as a chunk without bytes it is refused, and its producer is told.
            payload, init = b"", b""
    # Here, because it keeps no one else waiting: the interpreter is free meanwhile, and the writer waits for the disk.
    digest = digest_of(payload) if payload else b""
    return IngestItem(envelope.sender, envelope.seq, envelope.body, payload, init, digest)


@dataclass(slots=True)
class BurstLog:
    """Logs the first of many like events at once, and the rest of them as one line when `flush` is called.

    total: how many there were, ever. Used by one thread.
    """

    event: str
    total: int = 0
    _more: int = 0
    _logged: bool = False
    _last: dict[str, Any] = field(default_factory=dict)

    def add(self, reason: str, **facts: Any) -> None:
        """One more of them."""
        self.total += 1
        self._last = {"reason": reason[:_REASON_CHARS_MAX], **facts}
        if self._logged:
            self._more += 1
            return
        self._logged = True
        get_logger().error(self.event, count=1, **self._last)

    def flush(self) -> None:
        """Say how many came since the line before; after a pause without any, the next is logged at once again."""
        if self._more:
            get_logger().error(self.event, count=self._more, **self._last)
        self._logged = self._more > 0
        self._more = 0
