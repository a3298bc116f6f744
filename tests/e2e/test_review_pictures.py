"""What a browser sees of a recording beside the player, and what a player sees of a clip. Harm guarded against: a clip
that begins with pictures from before it, and a picture, a peak or a chunk that is another's or was forgotten."""

import os
from collections.abc import Iterator

import pytest

from reeld.capture.pattern_source import read_counter
from tests.e2e.test_review import House, play, play_url
from tests.support.installation import Installation
from tests.support.wait import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

RECORDED_S = 5.0
CUT_S, CUT_END_S = 1.37, 3.61
"""Within chunks, and no whole number of pictures."""
HIDDEN_S = 0.01
"""What nobody sees."""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with Installation({**os.environ}) as installation:
        installation.start_daemon()
        pattern = ("--test-pattern", "640x480", "--mic", "none", "--system-audio", "none")
        session = installation.ok("start", *pattern)["session"]
        until(lambda: installation.elapsed_s() >= RECORDED_S, 30, what="some seconds of it")
        installation.ok("stop")
        clip = installation.ok("clip", session, "--from", str(CUT_S), "--to", str(CUT_END_S))["session"]
        yield House(installation, session, clip)


def counters(url: str) -> list[tuple[float, int]]:
    """When a player shows which number of the pattern."""
    times, pictures = play(url)
    numbers = [read_counter(picture[:, :, None]) for picture in pictures]
    return [(at_s, number) for at_s, number in zip(times, numbers, strict=True) if number is not None]


def test_a_clip_begins_with_the_picture_on_view_there_and_shows_each_at_its_time(house: House) -> None:
    visitor, _ = house.visitor()
    whole, clip = (counters(play_url(visitor, session)) for session in (house.session, house.clip))
    hidden = [number for at_s, number in clip if at_s < HIDDEN_S]
    shown = [(0.0, hidden[-1]), *(each for each in clip if each[0] >= HIDDEN_S)]
    before = [number for at_s, number in whole if at_s <= CUT_S]
    wanted = [(0.0, before[-1]), *((at_s - CUT_S, number) for at_s, number in whole if CUT_S < at_s < CUT_END_S)]
    assert len(hidden) > 1, "it begins within a chunk"
    assert [number for _, number in shown] == [number for _, number in wanted]
    assert all(abs(one[0] - two[0]) < 0.002 for one, two in zip(shown, wanted, strict=True))
