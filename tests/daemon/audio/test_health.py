"""Harm guarded against: a microphone that is never opened again, or a person told of it a hundred times or never."""

import pytest

from reeld.audio.health import REOPEN_NS, RETRY_NS, SILENT_NS, Action, DeviceHealth

T = 1_000_000_000_000
MS = 1_000_000


@pytest.fixture
def health() -> DeviceHealth:
    return DeviceHealth(T)


def test_a_device_is_opened_at_once(health: DeviceHealth) -> None:
    assert health.action(T) is Action.OPEN


def test_a_device_that_cannot_be_opened_is_tried_again_after_a_moment(health: DeviceHealth) -> None:
    health.tried(T, is_open=False)
    assert health.action(T + RETRY_NS - 1) is Action.NOTHING
    assert health.action(T + RETRY_NS) is Action.OPEN


def test_a_sounding_device_is_left_alone(health: DeviceHealth) -> None:
    health.tried(T, is_open=True)
    for second in range(1, 100):
        at_ns = T + second * 1000 * MS
        assert not health.sounded(at_ns)
        assert health.action(at_ns) is Action.NOTHING
        assert health.complaint(at_ns) is None


def test_an_idle_output_that_needs_two_seconds_is_not_reopened(health: DeviceHealth) -> None:
    health.tried(T, is_open=True)
    assert health.action(T + 2500 * MS) is Action.NOTHING
    assert health.complaint(T + 2500 * MS) is None


def test_a_mute_stream_is_told_once_and_replaced_again_and_again(health: DeviceHealth) -> None:
    health.tried(T, is_open=True)
    at_ns = T + SILENT_NS
    assert health.complaint(at_ns) == "device-silent"
    assert health.complaint(at_ns + 1) is None
    for _ in range(5):
        assert health.action(at_ns) is Action.REOPEN
        health.tried(at_ns, is_open=True)
        assert health.action(at_ns + REOPEN_NS - 1) is Action.NOTHING
        at_ns += REOPEN_NS
        assert health.complaint(at_ns) is None


def test_a_lost_device_is_opened_within_a_second_and_told_after_five(health: DeviceHealth) -> None:
    health.tried(T, is_open=True)
    health.sounded(T + 60_000 * MS)
    health.ended()
    assert health.action(T + 60_001 * MS) is Action.OPEN
    health.tried(T + 60_001 * MS, is_open=False)
    assert health.complaint(T + 64_000 * MS) is None
    assert health.complaint(T + 65_000 * MS) == "device-lost"


def test_looking_again_at_the_last_sound_before_an_outage_does_not_end_it(health: DeviceHealth) -> None:
    health.tried(T, is_open=True)
    health.sounded(T + 1000 * MS)
    assert health.complaint(T + 1000 * MS + SILENT_NS) == "device-silent"
    assert not health.sounded(T + 1000 * MS)
    assert health.complaint(T + 1000 * MS + SILENT_NS + 1) is None


def test_its_return_is_told_once_and_the_next_outage_again(health: DeviceHealth) -> None:
    health.tried(T, is_open=True)
    assert health.complaint(T + SILENT_NS) is not None
    assert health.sounded(T + SILENT_NS + 1)
    assert not health.sounded(T + SILENT_NS + 2)
    assert health.complaint(T + 3 * SILENT_NS) == "device-silent"
