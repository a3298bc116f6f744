"""Recordings of which something is missing or strange, in a real browser. Harm guarded against: a page that stays empty
or waits for ever, without a word, for what is not there."""

import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.browser import Seat
from tests.support.desk import ONE_MONITOR
from tests.support.review_stage import ReviewStage, review_stage
from tests.support.wait import until

pytestmark = [pytest.mark.long, pytest.mark.paired, pytest.mark.slow, pytest.mark.timeout(120)]

PATTERN = ("--test-pattern", "640x480", "--mic", "none", "--system-audio", "none", "--no-snapshots")


@pytest.fixture(scope="module")
def stage() -> Iterator[ReviewStage]:
    with review_stage(monitors=ONE_MONITOR) as stage:
        yield stage


def plays_to_its_end(seat: Seat) -> None:
    seat.page.click(".play")
    until(
        lambda: seat.view("!conductor.playing && player.position >= view.manifest.duration - 0.05"), 20, what="its end"
    )


def test_sound_alone_is_played_and_said_to_have_no_picture(stage: ReviewStage, tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    with wave.open(str(path), "wb") as out:
        out.setparams((1, 2, 48_000, 0, "NONE", ""))
        out.writeframes((8000 * np.sin(np.arange(96_000) / 10)).astype("<i2").tobytes())
    (imported,) = stage.installation.ok("import", str(path))["sessions"]
    seat = stage.seat(imported["session"])
    assert "no picture" in seat.page.inner_text(".stage")
    plays_to_its_end(seat)
    seat.close()


def test_a_third_of_a_second_is_played(stage: ReviewStage) -> None:
    session = stage.record(0.3, *PATTERN)
    seat = stage.seat(session)
    plays_to_its_end(seat)
    seat.close()


def test_a_lossless_picture_is_shown(stage: ReviewStage) -> None:
    session = stage.record(1.0, *PATTERN, "--quality", "lossless")
    seat = stage.seat(session)
    seat.view("player.seek(0.9)")
    until(lambda: seat.view("conductor.isSettled"), 5, what="its picture")
    until(lambda: seat.number() > 20, 5, what="the pattern's number")
    seat.close()


def test_a_codec_that_this_browser_lacks_is_said_and_an_export_offered(stage: ReviewStage) -> None:
    session = stage.record(1.0, *PATTERN, "--codec", "hevc")
    seat = stage.seat(session)
    if seat.view("view.manifest.tracks.get('video-1') && !player.feeds.length"):
        assert "cannot play test-1 (hevc)" in seat.page.inner_text("reeld-player .news")
        assert seat.page.is_visible("[data-action=exportFile]")
    else:
        until(
            lambda: seat.view("document.querySelector('video').videoWidth") == 640,
            5,
            what="a picture of a browser with HEVC",
        )
    seat.close()


def test_a_browser_without_media_source_plays_the_whole(stage: ReviewStage) -> None:
    session = stage.record(3.0, *PATTERN)
    seat = Seat(stage.browser)
    seat.page.add_init_script("delete window.MediaSource;")
    seat.open_session(stage.installation.ok("review", session)["url"])
    assert seat.view("player.feeds[0].element.src").endswith("/video-1/playlist.m3u8")
    seat.view("player.seek(1.5)")
    until(lambda: seat.view("conductor.isSettled"), 10, what="the picture at 1.5 s")
    until(lambda: abs(seat.number() - 45) <= 4, 5, what="the pattern's number")
    plays_to_its_end(seat)
    seat.close()


def test_a_session_that_another_tab_deleted_is_said_to_be_gone(stage: ReviewStage) -> None:
    session = stage.record(1.0, *PATTERN)
    one, other = stage.seat(session), stage.seat(session)
    one.page.click("[data-action=remove]")
    one.page.click("dialog button.main")
    until(lambda: one.page.is_visible("#search"), 10, what="the list")
    other.page.click("[data-action=mark]")
    other.page.fill("dialog [name=text]", "too late")
    other.page.click("dialog button.main")
    until(lambda: session in other.page.inner_text("reeld-session > .news"), 5, what="what is wrong")
    other.page.reload()
    until(lambda: session in other.page.inner_text("reeld-session .news"), 5, what="what is wrong, again")
    one.close()
    other.close()
