"""`reeld` that leaves with whoever started it: `python -m reeld_client.cli.guarded [reeld's options]`.

Its stdin is a pipe that the starter holds open. The pipe ends when the starter does, even by `kill -9`, and then the
daemon stops as by SIGTERM: it ends the session and leaves nothing running.
"""

import os
import signal
import sys
import threading


def _leave_with_starter() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Run the daemon in this process until it is told to stop or its starter is gone."""
    from reeld.app import main as reeld  # noqa: PLC0415 - part of the extra `[daemon]`

    threading.Thread(target=_leave_with_starter, name="starter", daemon=True).start()
    reeld()


if __name__ == "__main__":
    main()
