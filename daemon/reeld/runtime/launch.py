"""The first thing that runs in a worker process: watch the parent, then import what is heavy.

Importing numpy, FFmpeg and OpenCV takes most of a second, more on a busy machine. A worker whose daemon is killed in
that time must leave as quickly as any other, so the watch begins before the worker's own module is imported.
"""

import os
import runpy
import sys
import threading

OUTLIVES = "REELD_OUTLIVES"
"""Set in its environment, a process goes on when its daemon is killed, and sees itself to it that it ends."""
EXIT_ORPHANED = 3
"""Exit status of a worker whose daemon has gone."""


def watch_parent(parent_fd: int) -> None:
    """End this process as soon as the other end of `parent_fd` closes, even when the main thread is stuck."""

    def wait() -> None:
        try:
            while os.read(parent_fd, 1):
                pass
        finally:
            # Not sys.exit: this thread must end the whole process, and nothing here is worth waiting for.
            os._exit(EXIT_ORPHANED)

    threading.Thread(target=wait, name="parent-watch", daemon=True).start()


def main() -> None:
    """`python -m reeld.runtime.launch MODULE OPTIONS`: run MODULE as the main program, watching `--parent-fd`.

    With `OUTLIVES` in the environment it is not watched.
    """
    del sys.argv[0]
    if not os.environ.pop(OUTLIVES, ""):
        watch_parent(int(sys.argv[sys.argv.index("--parent-fd") + 1]))
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
