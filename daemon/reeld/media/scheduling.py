"""Keeps libraries from raising the priority of our threads.

SVT-AV1 gives itself and whoever opens it the highest real-time priority (SCHED_FIFO, 99) where it may, which is as
root: a background recorder would then take the machine from everybody, the sound server included.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_THREADS = Path("/proc/self/task")


@contextmanager
def ordinary_scheduling() -> Iterator[None]:
    """Within it a library may start threads; afterwards none of this process has a real-time policy that it had not.

    Costs two system calls where nothing was raised. Does nothing on systems without the calls.
    """
    if sys.platform != "linux":
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    raised = {os.SCHED_FIFO, os.SCHED_RR} - {policy}
    try:
        yield
    finally:
        if os.sched_getscheduler(0) in raised:
            for thread in _THREADS.iterdir():
                with suppress(ProcessLookupError, PermissionError):
                    if os.sched_getscheduler(int(thread.name)) in raised:
                        os.sched_setscheduler(int(thread.name), policy, parameters)
