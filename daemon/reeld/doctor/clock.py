"""The clocks: the monotonic one that everything is ordered by, and the civil one by which a person finds it again."""

import ctypes
import sys
import time
from dataclasses import dataclass
from itertools import pairwise

from reeld_proto.doctor import Finding, fault, fine, warning

_TIMEX_BYTES = 256
"""More than `struct timex` has (208 on 64-bit Linux). All zero: it asks and sets nothing."""
_TIME_ERROR = 5
_READS = 1000
_EARLIEST_S = 1_735_689_600
"""1 January 2025: before reeld was written, no clock was right."""
_COARSE_NS = 1_000_000


@dataclass(frozen=True)
class ClockFacts:
    """What was read.

    back_ns, step_ns: the largest step back of the monotonic clock, and its smallest step forward. civil_s: since 1970.
    synchronised: None where nobody can be asked.
    """

    back_ns: int
    step_ns: int
    civil_s: float
    synchronised: bool | None


def judge(facts: ClockFacts) -> list[Finding]:
    """One line for each clock."""
    if facts.back_ns:
        about = f"the monotonic clock went back by {facts.back_ns} ns"
        found = [fault("clock-monotonic", about, "This is a fault of the kernel or the virtual machine; update it.")]
    elif facts.step_ns > _COARSE_NS:
        about = f"its steps are {facts.step_ns / 1e6:.1f} ms: sound and picture cannot be held together"
        found = [warning("clock-monotonic", about, "Choose another clock source of the kernel or the machine.")]
    else:
        found = [fine("clock-monotonic", f"steps of {facts.step_ns} ns")]
    remedy = "Switch time synchronisation on: timedatectl set-ntp true."
    if facts.civil_s < _EARLIEST_S:
        return [*found, warning("clock-civil", "it is set to a time before reeld was written", remedy)]
    if facts.synchronised is False:
        return [*found, warning("clock-civil", "nothing keeps it right: dates of sessions may be off", remedy)]
    return [*found, fine("clock-civil", "synchronised" if facts.synchronised else "whether it is right is not known")]


def gather() -> ClockFacts:
    """Read both; takes less than a millisecond."""
    steps = [after - before for before, after in pairwise(time.monotonic_ns() for _ in range(_READS))]
    forward = [step for step in steps if step > 0]
    return ClockFacts(
        back_ns=max(0, -min(steps)),
        step_ns=min(forward, default=0),
        civil_s=time.time(),
        synchronised=_synchronised(),
    )


def _synchronised() -> bool | None:
    """What the kernel says of its own clock, which any of the programs that set it tells it."""
    if sys.platform != "linux":
        return None
    state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    return None if state < 0 else state != _TIME_ERROR


def check() -> list[Finding]:
    """The findings about the clocks."""
    return judge(gather())
