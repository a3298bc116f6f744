"""Where the CPU time of a recorder's thread goes."""

import time
from enum import StrEnum


class Stage(StrEnum):
    """What a recorder does, one after the other.

    signal: learn of changes; convert: into the encoder's format and the place in the picture; send: make chunks.
    """

    SIGNAL = "signal"
    GRAB = "grab"
    CONVERT = "convert"
    ENCODE = "encode"
    SEND = "send"


class StageClock:
    """CPU nanoseconds of one thread by stage; together they are all that it uses. Read from any thread."""

    def __init__(self) -> None:
        self._spent_ns = dict.fromkeys(Stage, 0)
        self._last_ns: int | None = None

    def lap(self, stage: Stage) -> None:
        """What this thread did since the lap before, by whoever it was called, was this stage. 0.3 us."""
        now_ns = time.thread_time_ns()
        if self._last_ns is not None:
            self._spent_ns[stage] += now_ns - self._last_ns
        self._last_ns = now_ns

    def seconds(self) -> dict[str, float]:
        """Seconds of CPU by stage so far."""
        return {stage.value: round(spent_ns / 1e9, 6) for stage, spent_ns in self._spent_ns.items()}
