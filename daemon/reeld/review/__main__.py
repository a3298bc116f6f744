"""The process of the review server: `python -m reeld.review`, started by the daemon (`reeld.review.keeper`)."""

import argparse
import asyncio
import contextlib
import json
import os
import socket
import sys
from pathlib import Path

import uvicorn
import uvloop

from reeld.review.app import build
from reeld.review.desk import Desk
from reeld.review.guard import Guard
from reeld.review.keeper import SETTINGS
from reeld.review.shelf import Shelf
from reeld.review.tickets import TicketOffice
from reeld.runtime import logs
from reeld_client import AsyncClient
from reeld_proto.errors import ReeldError

NICENESS = 5
"""A reviewer may wait a little longer; a recording may not lose a frame to it."""
IDLE_S = 900.0
"""Without a request for this long nobody looks any more; the next address starts another process."""


class _Idleness:
    """Notices that nobody asks any more."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()

    def asked(self) -> None:
        self._asked.set()

    async def begins(self, idle_s: float) -> None:
        """Returns once nobody has asked for `idle_s`."""
        with contextlib.suppress(TimeoutError):
            while True:
                self._asked.clear()
                await asyncio.wait_for(self._asked.wait(), idle_s)


async def _serve(runtime: Path, store: Path, listening: socket.socket, key: bytes) -> None:
    shelf, office, idleness = Shelf(store), TicketOffice(key), _Idleness()
    port = listening.getsockname()[1]
    async with AsyncClient(runtime) as client:
        guard = Guard(build(Desk(shelf, client, office, port)), office, port, asked=idleness.asked)
        config = uvicorn.Config(
            guard,
            lifespan="off",
            http="httptools",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,  # pages listen to events without an end
        )
        server = uvicorn.Server(config)
        serving = asyncio.ensure_future(server.serve(sockets=[listening]))
        idle = asyncio.ensure_future(idleness.begins(IDLE_S))
        try:
            await asyncio.wait([serving, idle], return_when=asyncio.FIRST_COMPLETED)
            server.should_exit = True
            await serving
        finally:
            idle.cancel()
            await shelf.close()


def main() -> int:
    """Serve until SIGTERM or until nobody looks any more; returns the exit status."""
    parser = argparse.ArgumentParser(prog="reeld.review")
    parser.add_argument("--name", required=True)
    parser.add_argument("--runtime", type=Path, required=True)
    parser.add_argument("--store", type=Path, required=True)
    options, _ = parser.parse_known_args()
    logs.configure(worker=options.name)
    # Taken out: nothing that is started from here needs the key.
    settings = json.loads(os.environ.pop(SETTINGS))
    os.nice(NICENESS)
    listening = socket.socket(fileno=settings["fd"])
    key = bytes.fromhex(settings["key"])
    try:
        with contextlib.suppress(asyncio.CancelledError, KeyboardInterrupt):  # uvicorn sends itself the signal again
            uvloop.run(_serve(options.runtime, options.store, listening, key))
    except (ReeldError, OSError) as error:
        logs.get_logger().error("review.ended", reason=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
