"""Harm guarded against: a background recorder that takes the processor from everybody, the sound server included."""

import os
import subprocess
import sys
from contextlib import suppress

import pytest

from reeld.media.encoder import VideoEncoder
from reeld.media.presets import settings_for
from reeld.media.scheduling import ordinary_scheduling
from reeld_proto.records import Quality, VideoCodec


@pytest.mark.parametrize("codec", list(VideoCodec))
def test_who_opens_an_encoder_keeps_its_priority_and_so_does_what_it_starts(codec: VideoCodec) -> None:
    """SVT-AV1 raises it where it may: as root, which tests in containers are."""
    before = os.sched_getscheduler(0)
    encoder = VideoEncoder(640, 480, 30, settings_for(codec, Quality.MEDIUM))
    try:
        assert os.sched_getscheduler(0) == before
        command = [sys.executable, "-c", "import os; print(os.sched_getscheduler(0))"]
        assert int(subprocess.run(command, capture_output=True, check=True).stdout) == before
    finally:
        encoder.close()


def test_a_thread_that_was_raised_within_is_brought_back() -> None:
    before = os.sched_getscheduler(0)
    with ordinary_scheduling(), suppress(PermissionError):  # an ordinary user's threads cannot be raised at all
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    assert os.sched_getscheduler(0) == before
