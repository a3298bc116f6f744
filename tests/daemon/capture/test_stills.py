"""When a snapshot is taken. Harms guarded against: a scene that is missed, a store full of the same picture, and a
processor that does nothing else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.capture.stills import (
    ALLOWANCE_NS,
    CPU_SHARE,
    ENOUGH_SHARE,
    KNOWN_BYTES_MAX,
    KNOWN_MAX,
    SETTLE_NS,
    Gate,
    Known,
    Memory,
    Pace,
    changed_share,
    samples_of,
)
from reeld.media.stills import Still, fingerprint
from reeld_proto.units import NS_PER_MS, NS_PER_S
from tests.daemon.media.test_stills import photograph, recorded, text

MIN_NS, MAX_NS = 2 * NS_PER_S, 30 * NS_PER_S
COST_NS = 20 * NS_PER_MS


def screen(width: int = 1920, height: int = 1080) -> "np.ndarray[tuple[int, int], np.dtype[np.uint8]]":
    return np.full((height, width), 30, np.uint8)


def test_a_line_of_text_is_enough_and_a_cursor_or_a_clock_is_not() -> None:
    before = screen()
    line, cursor, clock = screen(), screen(), screen()
    line[500:516, 100:900:2] = 200
    cursor[500:516, 100:108] = 200
    clock[0:16, 1800:1880:2] = 200
    seen = samples_of(before)
    assert changed_share(seen, samples_of(line)) >= ENOUGH_SHARE
    assert 0 < changed_share(seen, samples_of(cursor)) < ENOUGH_SHARE
    assert 0 < changed_share(seen, samples_of(clock)) < ENOUGH_SHARE
    assert changed_share(seen, samples_of(before)) == 0
    assert changed_share(seen, samples_of(screen(1280, 720))) == 1.0


@given(st.integers(1, 70), st.integers(1, 70))
def test_pictures_of_any_size_are_compared_to_their_edges(width: int, height: int) -> None:
    one = np.zeros((height, width), np.uint8)
    other = one.copy()
    other[-1, -1] = 255
    assert changed_share(one, one) == 0
    assert 0 < changed_share(one, other) <= 1
    assert changed_share(one, one + 255) == 1


def test_a_change_after_stillness_is_looked_at_when_it_has_settled_and_then_not_again() -> None:
    gate = Gate(MIN_NS)
    assert gate.is_open(0, changed=True), "the first picture is taken at once"
    gate.looked(0)
    assert not gate.is_open(60 * NS_PER_S, changed=False), "nothing changed"
    at_ns = 61 * NS_PER_S
    assert not gate.is_open(at_ns, changed=True), "half a window"
    assert gate.is_open(at_ns + SETTLE_NS, changed=False), "also when nothing changes any more"
    gate.looked(at_ns + SETTLE_NS)
    assert not gate.is_open(at_ns + MIN_NS, changed=True)
    assert gate.is_open(at_ns + SETTLE_NS + MIN_NS, changed=True)
    gate.looked(at_ns + 5 * NS_PER_S)
    gate.hurry()
    assert gate.is_open(at_ns + 5 * NS_PER_S + 1, changed=False), "after a pause nobody knows what is there"


def times_taken(looks: "list[tuple[float, float]]", cost_ns: int = COST_NS) -> list[float]:
    """Seconds at which snapshots are taken, of looks every two seconds as (moved, away)."""
    pace = Pace(MIN_NS, MAX_NS)
    taken = []
    for number, (moved, away) in enumerate(looks):
        at_ns = number * MIN_NS
        if pace.wants(at_ns, moved=moved, away=away):
            pace.taken(at_ns, cost_ns, moved=moved)
            taken.append(at_ns / NS_PER_S)
    return taken


def test_constant_motion_is_taken_ever_more_seldom_down_to_the_slowest_pace() -> None:
    taken = times_taken([(0.5, 0.5)] * 150)
    gaps = np.diff(taken)
    assert gaps[0] == 2
    assert list(gaps) == sorted(gaps)
    assert list(gaps[-4:]) == [30] * 4


def test_what_comes_to_rest_after_motion_is_taken_at_once_and_the_pace_is_quick_again() -> None:
    looks = [(0.5, 0.5)] * 61 + [(0.0, 0.5)] + [(0.0, 0.0)] * 5 + [(0.4, 0.4)]
    taken = times_taken(looks)
    assert 122 in taken, "the last picture of the motion"
    assert taken[-1] == (len(looks) - 1) * 2, "the next scene"


def test_another_scene_during_motion_in_a_corner_is_not_missed() -> None:
    looks = [(0.08, 0.08)] * 60 + [(0.9, 0.9)]
    assert times_taken(looks)[-1] == 120


def test_a_still_picture_is_never_taken_again() -> None:
    assert times_taken([(0.0, 0.0)] * 100) == [0]
    assert times_taken([(0.004, 0.004)] * 100) == [0], "a clock"


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=30, max_size=300),
    st.integers(1, 400).map(lambda ms: ms * NS_PER_MS),
)
def test_whatever_the_screen_does_the_processor_has_its_share_and_the_pace_its_bounds(
    looks: list[tuple[float, float]], cost_ns: int
) -> None:
    taken = times_taken(looks, cost_ns)
    gaps = np.diff(taken)
    assert (gaps >= 2).all()
    # The slowest pace is kept whatever it costs; what is quicker must be saved up.
    quick = int((gaps < 30).sum())
    assert quick * cost_ns <= ALLOWANCE_NS + 2 * cost_ns + len(looks) * MIN_NS // CPU_SHARE


def known(samples: "np.ndarray[tuple[int, int], np.dtype[np.uint8]]", hash_bits: int, size: int = 1000) -> Known:
    number = f"{hash_bits}".encode()
    return Known(Still(b"x" * size, number, "png"), samples, hash_bits)


def test_a_picture_that_comes_back_is_known_and_another_page_of_the_same_text_is_not() -> None:
    memory = Memory()
    luma = recorded(text()).luma()
    kept = known(samples_of(luma), fingerprint(luma))
    memory.keep(kept)
    ticked = luma.copy()
    ticked[4:10, 600:604] = 255
    assert memory.find(samples_of(ticked), fingerprint(ticked)) is kept
    for other in (text(20), text(1), photograph()):
        page = recorded(other).luma()
        assert memory.find(samples_of(page), fingerprint(page)) is None
        # Not by its hash alone: what is stored must say the same as what was there.
        assert memory.find(samples_of(page), fingerprint(luma)) is None


def test_what_is_remembered_is_bounded_and_the_latest() -> None:
    memory = Memory()
    samples = np.zeros((4, 8), np.uint8)
    for number in range(3 * KNOWN_MAX):
        memory.keep(known(samples, number << 64))
    assert len(memory) == KNOWN_MAX
    large = Memory()
    for number in range(6):
        large.keep(known(samples, number << 64, KNOWN_BYTES_MAX // 3))
    assert len(large) == 2
    large.keep(known(samples, 99, 2 * KNOWN_BYTES_MAX))
    assert len(large) == 1, "one is always known, however large"


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_first_look_is_taken_whatever_it_shows(share: float) -> None:
    assert Pace(MIN_NS, MAX_NS).wants(0, moved=share, away=share)
