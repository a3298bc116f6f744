"""The process of the bridge: `python -m reeld.obs`, started by the daemon (`reeld.obs.keeper`)."""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from pathlib import Path

import msgspec

from reeld.config import ObsConfig
from reeld.obs.keeper import SETTINGS
from reeld.obs.server import Bridge
from reeld.runtime import logs
from reeld_client import AsyncClient
from reeld_proto.errors import ReeldError

NICENESS = 5
"""A remote may wait a little longer; a recording may not lose a frame to it."""


async def _run(runtime: Path, config: ObsConfig) -> None:
    async with AsyncClient(runtime) as client:
        serving = asyncio.ensure_future(Bridge(client, config).run())
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, serving.cancel)
        await serving


def main() -> int:
    """Serve until SIGTERM; returns the exit status."""
    parser = argparse.ArgumentParser(prog="reeld.obs")
    parser.add_argument("--name", required=True)
    parser.add_argument("--runtime", type=Path, required=True)
    options, _ = parser.parse_known_args()
    logs.configure(worker=options.name)
    # What hangs up before it has asked for anything is no fault of ours.
    logging.getLogger("websockets.server").addFilter(lambda record: record.msg != "opening handshake failed")
    # Taken out: nothing that is started from here needs the password.
    config = msgspec.json.decode(os.environ.pop(SETTINGS), type=ObsConfig)
    os.nice(NICENESS)
    status = 0
    with contextlib.suppress(asyncio.CancelledError):  # SIGTERM
        try:
            asyncio.run(_run(options.runtime, config))
        except* (ReeldError, OSError) as group:
            logs.get_logger().error("obs.ended", reason=str(group.exceptions[0]))
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
