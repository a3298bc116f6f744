"""`reelctl record`: start, wait, stop and export in one command, with a daemon of its own where none runs."""

import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Annotated, Any, Self

import typer

from reeld_client.cli import values
from reeld_client.cli.command import command
from reeld_client.cli.invocation import Answer, Invocation
from reeld_client.cli.progress import working
from reeld_client.client import Client
from reeld_proto.errors import EXIT_OK, ErrorCode, TransportError
from reeld_proto.records import Record

EXIT_INTERRUPTED = 130
_LOOK_EVERY_S = 0.2


class Recorded(Record, frozen=True, kw_only=True):
    """What `record` made: the file, and the session that stays in the store."""

    path: str
    duration_s: float
    bytes: int
    session: str


class Interrupts:
    """Ctrl-C and SIGTERM as a wish to end early: nothing is cut off half-way. A second one interrupts at once.

    A context manager for the main thread.
    """

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[int, Any] = {}

    def _handle(self, number: int, frame: object) -> None:  # noqa: ARG002 - the signature of a handler
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def record(
    invocation: Invocation,
    *,
    output: values.OutputOption,
    duration: Annotated[float, typer.Option("--duration", metavar="S", help="Seconds to record.", show_default=False)],
    **words: Any,
) -> Answer:
    """Record for a while into an MP4 file. Ctrl-C ends early and still writes the file."""
    values.check_seconds("--duration", duration, positive=True)
    options = values.start_options(**words)
    path = values.check_output(output)
    with ExitStack() as stack:
        client = stack.enter_context(_client(invocation, stack))
        interrupts = stack.enter_context(Interrupts())
        with working("starting"):
            started = client.start(**options)
        invocation.warn(started.warnings)
        with working("recording", at_once=True) as on_progress:
            _wait(client, started.session, duration, on_progress, interrupts)
        _stop(client, started.session)
        with working(f"exporting to {path.name}") as on_progress:
            done = client.export(started.session, path, on_progress=on_progress)
    found = Recorded(path=done.path, duration_s=done.duration_s, bytes=done.bytes, session=started.session)
    return Answer(found, EXIT_INTERRUPTED if interrupts.requested else EXIT_OK)


def _client(invocation: Invocation, stack: ExitStack) -> Client:
    """A client of the running daemon, or else of one that `stack` stops in the end."""
    client = invocation.client()
    try:
        client.ping()
    except TransportError as error:
        client.close()
        if error.code is not ErrorCode.NO_DAEMON:
            raise
    else:
        return client
    from reeld_client.cli.own_daemon import OwnDaemon  # noqa: PLC0415 - only without a daemon

    with working("starting a daemon"):
        own = stack.enter_context(OwnDaemon(invocation.store))
    return Client(own.runtime)


def _stop(client: Client, session: str) -> None:
    """End the session unless it ended by itself."""
    current = client.status().session
    if current is not None and current.id == session:
        with working("writing what is left"):
            client.stop()


def _wait(
    client: Client,
    session: str,
    duration_s: float,
    on_progress: Callable[[float, float], None],
    interrupts: Interrupts,
) -> None:
    """Wait until the session has recorded `duration_s` (pauses not counted), ends by itself, or somebody has enough."""
    while not interrupts.requested:
        current = client.status().session
        if current is None or current.id != session:
            return
        on_progress(min(current.elapsed_s, duration_s), duration_s)
        left_s = duration_s - current.elapsed_s
        if left_s <= 0:
            return
        time.sleep(min(_LOOK_EVERY_S, left_s))


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    command(app, values.START_OPTIONS)(record)
