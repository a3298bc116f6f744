"""Makes a report of each process that ended as it should not, the daemon included. Event loop's thread."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import structs

from reeld import __version__
from reeld.access.audit import now_text
from reeld.incidents.shelf import FOLDER, Shelf
from reeld.runtime import traces
from reeld.runtime.logs import get_logger
from reeld_proto.events import Event, IncidentReported
from reeld_proto.incidents import Incident, IncidentKind

_RUNNING = "running"
_DAEMON = "reeld"
_KILLED = ("SIGKILL", "SIGTERM")
"""What others do to a process; every other signal comes from its own fault."""


class IncidentKeeper:
    """store: beside which reports are kept. publish: tells everybody. is_recording: whether a session runs."""

    def __init__(self, store: Path, publish: Callable[[Event], None], is_recording: Callable[[], bool]) -> None:
        self.shelf = Shelf(store / FOLDER)
        self._folder = store / FOLDER
        self._publish = publish
        self._is_recording = is_recording
        self._count = 0

    def lost(self, worker: str, reason: str, trace: list[str]) -> None:
        """A process ended unasked, for this reason."""
        self._report(kind_of(reason), worker, reason, trace, recording=self._is_recording())

    @contextlib.contextmanager
    def watching_daemon(self) -> Iterator[None]:
        """The daemon's own life: what the last one left unfinished is reported, and this one leaves its mark."""
        self._look_back()
        trace = traces.trace_path(self._folder, _DAEMON)
        mark = self._folder / _RUNNING
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            mark.write_text(json.dumps({"pid": os.getpid(), "since": now_text()}))
        except OSError as error:
            get_logger().warning("incident.unwatched", reason=str(error))
        with traces.tracing(trace):
            yield
        with contextlib.suppress(OSError):
            mark.unlink(missing_ok=True)

    def _look_back(self) -> None:
        mark = self._folder / _RUNNING
        try:
            since = str(json.loads(mark.read_text()).get("since", ""))[:32]
        except OSError:
            return
        except (ValueError, AttributeError):
            since = ""
        trace = traces.take(traces.trace_path(self._folder, _DAEMON))
        reason = f"the daemon that ran since {since} ended without stopping" if since else "it ended without stopping"
        self._report(IncidentKind.DAEMON_LOST, _DAEMON, reason, trace, recording=False)

    def _report(self, kind: IncidentKind, worker: str, reason: str, trace: list[str], *, recording: bool) -> None:
        at = now_text()
        self._count += 1
        stamp = "".join(letter for letter in at[:23] if letter.isdigit())
        incident = Incident(
            id=f"{stamp}-{self._count:02}-{worker}",
            at=at,
            kind=kind,
            worker=worker,
            reason=reason,
            version=__version__,
            recording=recording,
            trace=trace,
        )
        self.shelf.put(incident)
        self._publish(IncidentReported(incident=structs.replace(incident, trace=[])))


def kind_of(reason: str) -> IncidentKind:
    """What happened, by the supervisor's words for it."""
    if reason.startswith("killed by"):
        return IncidentKind.KILLED if reason.endswith(_KILLED) else IncidentKind.CRASH
    return IncidentKind.CRASH if reason.startswith("exited") else IncidentKind.STALL
