"""Waiting for a source to change, for an order, or for an instant, whatever comes first."""

import math
import select
import time
from collections.abc import Sequence
from typing import Protocol

from reeld_proto.units import NS_PER_MS


class Changing(Protocol):
    """What can be waited for: a FrameSource, or a scene of several."""

    def filenos(self) -> Sequence[int]:
        """See FrameSource."""
        ...

    def changed_ns(self) -> int | None:
        """See FrameSource."""
        ...


def wait_changed(source: Changing, deadline_ns: int, wake_fd: int) -> int | None:
    """Wait until `source` has changed, monotonic `deadline_ns` has come, or `wake_fd` is readable.

    Returns `source.changed_ns()`. Nothing is read from `wake_fd`. Raises what the source raises.
    """
    poll = select.poll()
    for fd in (wake_fd, *source.filenos()):
        poll.register(fd, select.POLLIN)
    while (changed_ns := source.changed_ns()) is None:
        left_ms = math.ceil((deadline_ns - time.monotonic_ns()) / NS_PER_MS)
        ready = poll.poll(max(0, left_ms))
        if not ready or any(fd == wake_fd for fd, _ in ready):
            return None
    return changed_ns
