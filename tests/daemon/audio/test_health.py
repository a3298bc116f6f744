"""Harm guarded against: a microphone that is never opened again, or a person told of it a hundred times or never."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.health import MUTE_NS, REOPEN_NS, RETRY_NS, SILENT_NS, Action, DeviceHealth
from reeld_proto.errors import DeviceTrouble

T = 1_000_000_000_000
MS = 1_000_000
TOLD_NS_MAX = 4300 * MS
"""The keeper looks every 0.2 s and the worker speaks every 0.5 s: then a person knows within 5 s."""


@pytest.fixture
def health() -> DeviceHealth:
    return DeviceHealth(T)


def opened(health: DeviceHealth, at_ns: int = T) -> DeviceHealth:
    health.tried(at_ns, is_open=True)
    return health


def test_what_is_told_is_told_in_time() -> None:
    assert SILENT_NS <= TOLD_NS_MAX
    assert MUTE_NS <= TOLD_NS_MAX


def test_a_device_is_opened_at_once(health: DeviceHealth) -> None:
    assert health.action(T) is Action.OPEN


def test_a_device_that_cannot_be_opened_is_tried_again_after_a_moment(health: DeviceHealth) -> None:
    health.tried(T, is_open=False)
    assert health.action(T + RETRY_NS - 1) is Action.NOTHING
    assert health.action(T + RETRY_NS) is Action.OPEN


def test_a_device_that_appears_is_opened_without_waiting(health: DeviceHealth) -> None:
    health.tried(T, is_open=False)
    health.hope()
    assert health.action(T + 1) is Action.OPEN


def test_a_sounding_device_is_left_alone(health: DeviceHealth) -> None:
    opened(health).expect(T, sound=True)
    for second in range(1, 100):
        at_ns = T + second * 1000 * MS
        health.delivered(at_ns)
        health.heard(at_ns)
        assert health.action(at_ns) is Action.NOTHING
        assert health.word(at_ns) is None


def test_an_idle_output_that_needs_two_seconds_is_not_reopened(health: DeviceHealth) -> None:
    opened(health)
    assert health.action(T + 2500 * MS) is Action.NOTHING
    assert health.word(T + 2500 * MS) is None


def test_a_stream_that_gives_nothing_is_told_once_and_replaced_again_and_again(health: DeviceHealth) -> None:
    opened(health)
    at_ns = T + SILENT_NS
    assert health.word(at_ns) is DeviceTrouble.SILENT
    assert health.word(at_ns + 1) is None
    for _ in range(5):
        assert health.action(at_ns) is Action.REOPEN
        opened(health, at_ns)
        assert health.action(at_ns + REOPEN_NS - 1) is Action.NOTHING
        at_ns += REOPEN_NS
        assert health.word(at_ns) is None


def test_a_lost_device_is_opened_within_a_second_and_told_in_time(health: DeviceHealth) -> None:
    opened(health).delivered(T + 60_000 * MS)
    health.ended()
    assert health.action(T + 60_001 * MS) is Action.OPEN
    health.tried(T + 60_001 * MS, is_open=False)
    assert health.word(T + 60_000 * MS + SILENT_NS - 1) is None
    assert health.word(T + 60_000 * MS + SILENT_NS) is DeviceTrouble.LOST


def test_a_doubtful_stream_is_replaced_once_and_not_again_if_that_fails(health: DeviceHealth) -> None:
    opened(health).doubt()
    assert health.action(T + 1) is Action.REOPEN
    opened(health, T + 1)
    assert health.action(T + 2) is Action.NOTHING


def test_looking_again_at_the_last_sound_before_an_outage_does_not_end_it(health: DeviceHealth) -> None:
    opened(health).delivered(T + 1000 * MS)
    assert health.word(T + 1000 * MS + SILENT_NS) is DeviceTrouble.SILENT
    health.delivered(T + 1000 * MS)
    assert health.word(T + 1000 * MS + SILENT_NS + 1) is None


def test_its_return_is_told_once_and_the_next_outage_again(health: DeviceHealth) -> None:
    opened(health)
    assert health.word(T + SILENT_NS) is DeviceTrouble.SILENT
    health.delivered(T + SILENT_NS + 1)
    assert health.word(T + SILENT_NS + 2) is DeviceTrouble.BACK
    assert health.word(T + SILENT_NS + 3) is None
    assert health.word(T + 3 * SILENT_NS) is DeviceTrouble.SILENT


def test_nothing_but_zeros_is_told_only_where_sound_is_expected(health: DeviceHealth) -> None:
    opened(health)
    zeros_ns = T + 100 * SILENT_NS
    health.delivered(zeros_ns)
    assert health.word(zeros_ns) is None
    health.expect(zeros_ns, sound=True)
    assert health.word(zeros_ns + MS) is None
    health.delivered(zeros_ns + MUTE_NS)
    assert health.word(zeros_ns + MUTE_NS) is DeviceTrouble.MUTE


def test_a_program_that_plays_now_and_then_into_a_muted_output_is_told_of_once(health: DeviceHealth) -> None:
    opened(health)
    words = []
    for turn in range(50):
        at_ns = T + turn * 1000 * MS
        health.delivered(at_ns)
        health.expect(at_ns, sound=turn % 10 < 6)
        words.append(health.word(at_ns))
    assert [word for word in words if word is not None] == [DeviceTrouble.MUTE]


def test_a_mute_device_is_back_when_it_sounds_and_not_when_it_is_opened_again(health: DeviceHealth) -> None:
    opened(health).expect(T, sound=True)
    at_ns = T + MUTE_NS
    health.delivered(at_ns)
    assert health.word(at_ns) is DeviceTrouble.MUTE
    opened(health, at_ns + MS)
    health.delivered(at_ns + 2 * MS)
    assert health.word(at_ns + 2 * MS) is None
    health.heard(at_ns + 3 * MS)
    assert health.word(at_ns + 3 * MS) is DeviceTrouble.BACK


def test_a_mute_device_that_is_then_lost_is_told_again(health: DeviceHealth) -> None:
    opened(health).expect(T, sound=True)
    health.delivered(T + MUTE_NS)
    assert health.word(T + MUTE_NS) is DeviceTrouble.MUTE
    health.ended()
    assert health.word(T + MUTE_NS + SILENT_NS) is DeviceTrouble.LOST


turns = st.lists(
    st.tuples(st.integers(1, 3000), st.booleans(), st.booleans(), st.booleans(), st.booleans()), max_size=80
)


@given(turns)
def test_words_come_in_turn_whatever_happens(turns: list[tuple[int, bool, bool, bool, bool]]) -> None:
    """A return is told only of a told outage, and none is told twice without a return but mute, which may get worse."""
    health = DeviceHealth(T)
    at_ns = T
    told: DeviceTrouble | None = None
    for step_ms, is_open, delivers, sounds, plays in turns:
        at_ns += step_ms * MS
        health.tried(at_ns, is_open=is_open)
        if delivers and is_open:
            health.delivered(at_ns)
            if sounds:
                health.heard(at_ns)
        health.expect(at_ns, sound=plays)
        word = health.word(at_ns)
        if word is DeviceTrouble.BACK:
            assert told is not None
            told = None
        elif word is not None:
            assert told is None or (told is DeviceTrouble.MUTE and word is not DeviceTrouble.MUTE)
            told = word
