"""A bar on stderr for whatever takes more than a second; on a terminal only."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_APPEARS_AFTER_S = 1.0


def _ignore(done: float, total: float) -> None:  # noqa: ARG001
    return


@contextmanager
def working(label: str, *, at_once: bool = False) -> Iterator[Callable[[float, float], None]]:
    """Show that something is going on, gone again at the end. Yields what to call with (done, total).

    Until it is called the bar only moves. at_once: do not wait a second, the work is known to be long.
    """
    if not sys.stderr.isatty():
        yield _ignore
        return
    from rich.console import Console  # noqa: PLC0415 - only on a terminal
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn  # noqa: PLC0415
    from rich.progress import TimeRemainingColumn as Remaining  # noqa: PLC0415

    bar = Progress(
        SpinnerColumn(style="red"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=36, complete_style="red", pulse_style="red"),
        TaskProgressColumn(),
        Remaining(compact=True),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task(label, total=None)

    def report(done: float, total: float) -> None:
        bar.update(task, completed=done, total=total or None)

    timer = threading.Timer(0.0 if at_once else _APPEARS_AFTER_S, bar.start)
    timer.start()
    try:
        yield report
    finally:
        timer.cancel()
        timer.join()
        bar.stop()
