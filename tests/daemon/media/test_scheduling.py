"""Harm guarded against: a background recorder that takes the processor from everybody, the sound server included."""

import os
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from reeld.media.encoder import VideoEncoder
from reeld.media.presets import settings_for
from reeld.media.scheduling import ordinary_scheduling
from reeld_proto.records import Quality, VideoCodec


def policies() -> set[int]:
    return {os.sched_getscheduler(int(thread.name)) for thread in Path("/proc/self/task").iterdir()}


@pytest.mark.parametrize("codec", list(VideoCodec))
def test_no_encoder_gets_a_real_time_priority(codec: VideoCodec) -> None:
    """SVT-AV1 takes it where it may: as root, which tests in containers are."""
    before = policies()
    encoder = VideoEncoder(640, 480, 30, settings_for(codec, Quality.MEDIUM))
    try:
        assert policies() <= before | {os.SCHED_OTHER}
    finally:
        encoder.close()


def test_threads_that_were_started_within_are_brought_back_too() -> None:
    done = threading.Event()

    def wait() -> None:
        done.wait(10)

    thread = threading.Thread(target=wait)
    before = policies()
    try:
        with ordinary_scheduling():
            thread.start()
            for thread_id in (0, thread.native_id or 0):
                with suppress(PermissionError):  # an ordinary user's threads cannot be raised in the first place
                    os.sched_setscheduler(thread_id, os.SCHED_FIFO, os.sched_param(1))
        assert policies() == before
    finally:
        done.set()
        thread.join()
