"""Keeps libraries from raising the priority of our threads.

SVT-AV1 gives its threads, and whoever opens it, the highest real-time priority (SCHED_FIFO, 99) where it may, which is
as root: what the opener then starts would inherit it, and a background recorder would take the machine from everybody,
the sound server included. Its own threads keep theirs: without it they were seen to wait for each other for ever on a
busy machine, once in some thousand encoders.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ordinary_scheduling() -> Iterator[None]:
    """Within it a library may raise this thread; afterwards it has the policy that it had before.

    Costs two system calls where nothing was raised. Does nothing on systems without the calls.
    """
    if sys.platform != "linux":
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        if os.sched_getscheduler(0) != policy:
            os.sched_setscheduler(0, policy, parameters)
