"""The daemon's side of the review server: starts it when somebody wants to look, and hands out addresses.

DESIGN: the daemon binds the port and passes it on, so the address is known before the process is up, and a browser that
is faster waits in the queue of the port instead of being refused.
"""

import asyncio
import json
import secrets
import socket
from dataclasses import dataclass
from importlib.util import find_spec
from urllib.parse import urlencode

from reeld.review.tickets import ENTRY_S, KEY_BYTES, Purpose, TicketOffice
from reeld.runtime.clock import monotonic_ns
from reeld.runtime.launch import OUTLIVES
from reeld.runtime.logs import get_logger
from reeld.supervisor import Premises
from reeld.supervisor.process import WorkerProcess, spawn
from reeld_proto.access import Scope
from reeld_proto.errors import ErrorCode, InternalError, RequestRejected
from reeld_proto.records import WorkerInfo, WorkerState
from reeld_proto.review import ReviewOpened

SETTINGS = "REELD_REVIEW"
"""The environment variable with key and port: others of this machine see arguments, but no environments."""

MODULE = "reeld.review"
NAME = "review"
LEAVE_S = 2.0
_QUEUE = 128
_NEEDED = ("httptools", "starlette", "uvicorn", "uvloop")
_FRUGAL = {"MALLOC_MMAP_THRESHOLD_": str(1 << 18), "OPENBLAS_NUM_THREADS": "1"}
"""A picture that was decoded goes back to the system: glibc would keep the room of the largest ones, some 20 MB. NumPy
finds the loudest of some numbers and needs no threads."""


@dataclass
class _Server:
    """A running process. exited: its status, once it has left."""

    process: WorkerProcess
    office: TicketOffice
    port: int
    exited: asyncio.Future[int]


class ReviewKeeper:
    """Belongs to the event loop's thread. The process ends with the daemon; if that is killed, when nobody looks."""

    def __init__(self, premises: Premises, *, module: str = MODULE) -> None:
        self._premises = premises
        self._module = module
        self._server: _Server | None = None

    def workers(self) -> list[WorkerInfo]:
        """The process that serves, if one does."""
        if self._server is None:
            return []
        return [WorkerInfo(name=NAME, pid=self._server.process.pid, state=WorkerState.RUNNING)]

    def open(self, session: str, scopes: frozenset[Scope], at_s: float = 0.0) -> ReviewOpened:
        """An address that lets one browser in, to `session` or the list. The server is started if it does not run.

        scopes: what whoever asks for it may do, and so who follows it. at_s: the moment of the session to show.

        Raises RequestRejected if the extra is not installed, InternalError if no process or port can be had.
        """
        if any(find_spec(each) is None for each in _NEEDED):
            raise RequestRejected(
                "the review server is not installed",
                code=ErrorCode.WRONG_STATE,
                remedy="pip install 'reeld[review]', then restart the daemon.",
            )
        if self._server is None:
            self._server = self._start()
        ticket = self._server.office.issue(Purpose.ENTRY, monotonic_ns(), ENTRY_S, scopes=scopes)
        query = {"ticket": ticket, **({"session": session} if session else {})}
        if session and at_s:
            query["t"] = f"{at_s:.2f}"
        return ReviewOpened(url=f"http://127.0.0.1:{self._server.port}/open?{urlencode(query)}", expires_s=ENTRY_S)

    async def close(self) -> None:
        """End the process."""
        server, self._server = self._server, None
        if server is not None:
            await server.process.end(server.exited, LEAVE_S)

    def _start(self) -> _Server:
        key = secrets.token_bytes(KEY_BYTES)
        exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        try:
            with socket.create_server(("127.0.0.1", 0), backlog=_QUEUE) as listening:
                settings = {"key": key.hex(), "fd": listening.fileno()}
                port = listening.getsockname()[1]
                process = spawn(
                    self._module,
                    name=NAME,
                    runtime_dir=self._premises.endpoints.runtime_dir,
                    store_dir=self._premises.store_dir,
                    on_exit=lambda status: self._on_exit(exited, status),
                    environment={SETTINGS: json.dumps(settings), OUTLIVES: "1", **_FRUGAL},
                    inherited_fds=(listening.fileno(),),
                    gently=True,
                )
        except OSError as error:
            raise InternalError(f"the review server cannot be started: {error.strerror}") from error
        return _Server(process, TicketOffice(key), port, exited)

    def _on_exit(self, exited: asyncio.Future[int], status: int) -> None:
        get_logger().info("review.exited", status=status)
        exited.set_result(status)
        if self._server is not None and self._server.exited is exited:
            self._server = None
