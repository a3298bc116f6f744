"""The review page as a person uses it, in a real browser. Harm guarded against: a recording that cannot be found,
watched, cut or got rid of by who has only this page, and a name of a recording that takes the page over."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from reeld.store.reader import StoreReader
from reeld_client import Client
from tests.support.browser import Seat
from tests.support.desk import ONE_MONITOR
from tests.support.media import duration_s
from tests.support.review_stage import ReviewStage, review_stage
from tests.support.wait import until

pytestmark = [pytest.mark.paired, pytest.mark.slow, pytest.mark.timeout(180)]

HOSTILE = '<img src=x onerror="alert(1)"> "quoted" & meeting'
RECORDED_S = 6.0
PATTERN = ("--test-pattern", "640x480", "--mic", "none", "--system-audio", "none")


@pytest.fixture(scope="module")
def stage() -> Iterator[ReviewStage]:
    with review_stage(monitors=ONE_MONITOR) as stage:
        yield stage


@pytest.fixture(scope="module")
def session(stage: ReviewStage) -> str:
    return stage.record(RECORDED_S, "--name", HOSTILE, *PATTERN)


def damage(store: Path, session: str) -> float:
    """Change a byte of the third piece of the pictures; where that begins, in seconds."""
    reader = StoreReader.open(store)
    segment = list(reader.segments(session, "video-1"))[2]
    chunk = reader.chunk(segment.chunk)
    reader.close()
    (file,) = store.glob("*.mdb") if not (store / "data.mdb").exists() else (store / "data.mdb",)
    part = chunk[len(chunk) // 2 :]
    place = file.read_bytes().index(part)
    with file.open("r+b") as opened:
        opened.seek(place)
        opened.write(bytes([part[0] ^ 1]))
    return segment.start_ns / 1e9


def click(seat: Seat, action: str) -> None:
    seat.page.click(f"[data-action={action}]")


def drag(seat: Seat, from_s: float, to_s: float) -> None:
    """Across the timeline."""
    x, y, width, height = seat.page.evaluate(
        "(() => { const r = document.querySelector('reeld-timeline canvas').getBoundingClientRect();"
        " return [r.x, r.y, r.width, r.height]; })()"
    )
    low, high = seat.view("view.timeline.view")
    places = [x + width * (at - low) / (high - low) for at in (from_s, to_s)]
    seat.page.mouse.move(places[0], y + height - 8)
    seat.page.mouse.down()
    seat.page.mouse.move(sum(places) / 2, y + height - 8)
    seat.page.mouse.move(places[1], y + height - 8)
    seat.page.mouse.up()


def point(seat: Seat, at_s: float) -> None:
    """With the mouse, at a time in the lane of the pictures."""
    place = seat.page.evaluate(
        "((at) => { const { canvas, view } = document.querySelector('reeld-timeline');"
        " const r = canvas.getBoundingClientRect();"
        " return [r.x + r.width * (at - view[0]) / (view[1] - view[0]), r.y + 60]; })",
        at_s,
    )
    seat.page.mouse.move(*place)


def test_a_recording_is_found_by_its_words_and_watched(stage: ReviewStage, session: str) -> None:
    seat = stage.seat()
    seat.page.fill("#search", "no-such-thing")
    until(lambda: "Nothing matches" in seat.page.inner_text("#news"), 5, what="no hits")
    seat.page.fill("#search", "meeting")
    until(lambda: seat.page.locator(".row[data-session]").count() == 1, 5, what="one hit")
    assert seat.page.locator(".row mark").all_inner_texts() == ["meeting"]
    assert seat.page.inner_text(".row strong") == HOSTILE
    until(lambda: seat.page.evaluate("document.querySelector('.thumb img')?.naturalWidth"), 5, what="its picture")
    seat.page.keyboard.press("Tab")
    seat.page.focus("#sessions")
    seat.page.keyboard.press("Enter")
    until(lambda: seat.view("conductor?.isSettled"), 10, what="its first picture")
    assert seat.page.inner_text("reeld-session h2") == HOSTILE
    before = seat.number()
    seat.page.keyboard.press(" ")
    until(lambda: seat.view("player.position") > 1, 10, what="a picture that moves")
    seat.page.keyboard.press(" ")
    until(lambda: seat.view("conductor.isSettled"), 5, what="a still picture")
    until(lambda: 20 < seat.number() - before < 150, 5, what="a later picture")
    assert seat.page.title().startswith(HOSTILE)
    seat.page.go_back()
    until(lambda: seat.page.is_visible("#search"), 5, what="the list again")
    seat.close()


@pytest.mark.long
def test_a_link_leads_to_its_moment(stage: ReviewStage, session: str) -> None:
    seat = stage.seat()
    seat.page.goto(f"{seat.page.url.partition('?')[0]}?session={session}&t=3.25")
    until(lambda: seat.view("conductor?.isSettled"), 10, what="the session")
    assert seat.view("player.position") == pytest.approx(3.25, abs=0.01)
    seat.close()


def test_what_people_write_is_changed_and_a_moment_is_marked(stage: ReviewStage, session: str) -> None:
    seat = stage.seat(session)
    seat.view("player.seek(2)")
    click(seat, "mark")
    seat.page.fill("dialog [name=text]", "a <b>decision</b>")
    seat.page.keyboard.press("Enter")
    until(lambda: "a <b>decision</b>" in seat.page.inner_text(".happened"), 5, what="the marker on the page")
    click(seat, "describe")
    seat.page.fill("dialog [name=tags]", "team, weekly")
    seat.page.fill("dialog [name=note]", "what was said")
    seat.page.click("dialog button.main")
    until(lambda: "what was said" in seat.page.inner_text(".about"), 5, what="the note on the page")
    shown = stage.installation.ok("show", session)
    assert (shown["tags"], shown["note"]) == (["team", "weekly"], "what was said")
    assert [(each["at_s"], each["text"]) for each in shown["markers"]] == [(2.0, "a <b>decision</b>")]
    seat.close()


def test_a_clip_is_made_by_dragging_and_opens(stage: ReviewStage, session: str) -> None:
    seat = stage.seat(session)
    counter = seat.view("(player.seek(2.5), 0)")
    until(lambda: seat.view("conductor.isSettled"), 5, what="the picture at 2.5 s")
    expected = until(seat.number, 5, what="its number")
    assert counter == 0
    drag(seat, 2.5, 4.5)
    click(seat, "clip")
    seat.page.fill("dialog [name=name]", "the clip")
    seat.page.click("dialog button.main")
    until(lambda: seat.page.inner_text("reeld-session h2") == "the clip", 10, what="the clip's page")
    until(lambda: seat.view("conductor?.isSettled"), 10, what="the clip's picture")
    # A pixel of the timeline is a third of a frame.
    until(lambda: abs(seat.number() - expected) <= 2, 5, what=f"the picture {expected}")
    assert seat.view("view.manifest.duration") == pytest.approx(2.0, abs=0.02)
    seat.close()


def test_an_export_is_followed_to_its_file(stage: ReviewStage, session: str, tmp_path: Path) -> None:
    seat = stage.seat(session)
    path = tmp_path / "out.mp4"
    drag(seat, 1.0, 3.0)
    click(seat, "exportFile")
    seat.page.fill("dialog [name=path]", str(path))
    seat.page.click("dialog button.main")
    until(lambda: seat.page.locator(".job a").count(), 15, what="a link to the file")
    assert duration_s(path) == pytest.approx(2.0, abs=0.1)
    with seat.page.expect_download() as download:
        seat.page.click(".job a")
    assert Path(download.value.path()).read_bytes() == path.read_bytes()
    seat.close()


@pytest.mark.long
def test_a_forgotten_range_is_gone_and_said_to_be(stage: ReviewStage) -> None:
    session = stage.record(4.0, "--name", "to be forgotten", *PATTERN)
    seat = stage.seat(session)
    drag(seat, 1.5, 2.5)
    click(seat, "forget")
    seat.page.click("dialog button.main")
    until(lambda: "Forgotten" in seat.page.inner_text("dialog.notice h2"), 20, what="the receipt")
    seat.page.click("dialog.notice button")
    until(lambda: seat.view("conductor?.isSettled"), 10, what="the page again")
    seat.view("player.seek(2)")
    until(lambda: "forgotten on request" in seat.page.inner_text(".veil"), 5, what="the reason")
    click(seat, "remove")
    seat.page.click("dialog button.main")
    until(lambda: seat.page.is_visible("#search"), 10, what="the list")
    assert stage.installation.ctl("show", session).code == 5
    seat.close()


@pytest.mark.long
def test_a_piece_that_is_damaged_is_a_gap_and_playback_goes_on(stage: ReviewStage) -> None:
    session = stage.record(6.0, "--name", "damaged", *PATTERN)
    start_s = damage(stage.installation.store, session)
    seat = stage.seat(session)
    seat.view(f"player.seek({start_s + 0.1})")
    until(lambda: "damaged or missing" in seat.page.inner_text(".veil"), 5, what="the reason")
    seat.page.click(".play")
    until(lambda: seat.view("!conductor.playing"), 20, what="the end")
    assert seat.view("player.position >= view.manifest.duration - 0.1")
    seat.close()


@pytest.mark.long
def test_a_hidden_stretch_is_explained_and_skipped(stage: ReviewStage) -> None:
    session = stage.installation.ok("start", "--name", "private", *PATTERN)["session"]
    for at_s, switch in ((2.0, "on"), (4.5, "off"), (6.5, "")):
        until(lambda at_s=at_s: stage.installation.elapsed_s() >= at_s, 20, what=f"{at_s} s")  # type: ignore[misc]
        if switch:
            stage.installation.ok("private", switch)
    stage.installation.ok("stop")
    seat = stage.seat(session)
    seat.view("player.seek(3.5)")
    until(lambda: "hidden for privacy (private)" in seat.page.inner_text(".veil"), 5, what="the reason")
    assert "hidden for privacy" in seat.page.inner_text(".happened")
    point(seat, 3.5)
    assert "hidden for privacy" in seat.page.inner_text(".hover")
    point(seat, 1.0)
    until(lambda: seat.page.evaluate("document.querySelector('.hover img')?.naturalWidth"), 5, what="a picture of 1 s")
    seat.page.check("input[type=checkbox]")
    seat.view("player.seek(1)")
    seat.page.click(".play")
    begun = seat.page.evaluate("performance.now()")
    until(lambda: seat.view("player.position > 5"), 10, what="what follows")
    assert seat.page.evaluate("performance.now()") - begun < 3500
    seat.close()


@pytest.mark.long
def test_keys_do_what_buttons_do(stage: ReviewStage, session: str) -> None:
    seat = stage.seat(session)
    for key, position in (("ArrowRight", 5.0), ("ArrowLeft", 0.0), (".", 1 / 30), ("End", None), ("Home", 0.0)):
        seat.page.keyboard.press(key)
        expected = seat.view("view.manifest.duration") if position is None else position
        assert seat.view("player.position") == pytest.approx(expected, abs=0.01)
    seat.page.keyboard.press(">")
    assert seat.view("conductor.speed") == 1.25
    seat.page.keyboard.press("i")
    assert seat.page.inner_text(".chosen").startswith("Selected")
    seat.page.keyboard.press("Escape")
    assert seat.page.inner_text(".chosen") == ""
    seat.page.keyboard.press("m")
    seat.page.keyboard.type("k is a letter here")
    assert seat.page.input_value("dialog [name=text]") == "k is a letter here"
    seat.page.keyboard.press("Escape")
    until(lambda: not seat.page.locator("dialog").count(), 5, what="no dialog")
    seat.page.keyboard.press("Escape")
    until(lambda: seat.page.is_visible("#search"), 5, what="the list")
    seat.page.keyboard.press("/")
    assert seat.page.evaluate("document.activeElement.id") == "search"
    seat.close()


@pytest.mark.long
def test_a_running_recording_is_watched_from_its_beginning_and_at_its_edge(stage: ReviewStage) -> None:
    session = stage.installation.ok("start", "--name", "live", *PATTERN)["session"]
    until(lambda: stage.installation.elapsed_s() >= 4, 20, what="some seconds")
    seat = stage.seat(session)
    assert "frames" in until(lambda: seat.page.inner_text("#live"), 5, what="what is recorded")
    assert seat.view("player.position") == 0
    seat.page.click(".live")
    until(lambda: seat.view("conductor.playing && !conductor.isWaiting && player.position > 2"), 10, what="the edge")
    begun = seat.view("player.position")
    until(lambda: seat.view("player.position") > begun + 3, 15, what="going along")
    assert seat.view("view.manifest.duration - player.position") < 8
    stage.installation.ok("stop")
    until(lambda: "has ended" in seat.page.inner_text("reeld-player .news"), 10, what="the end of the recording")
    until(lambda: seat.view("!conductor.playing"), 20, what="the end")
    seat.close()


def test_who_may_only_read_changes_nothing(stage: ReviewStage, session: str) -> None:
    made = stage.installation.ok("token", "create", "--name", "reader", "--scope", "read")
    with Client(stage.installation.runtime, token=made["token"]) as client:
        url = client.open_review(session).url
    seat = Seat(stage.browser)
    seat.open_session(url)
    click(seat, "remove")
    seat.page.click("dialog button.main")
    until(lambda: "admin" in seat.page.inner_text("reeld-session > .news"), 5, what="a refusal")
    assert stage.installation.ok("show", session)["session"] == session
    seat.close()


def test_a_killed_daemon_is_told_and_so_is_its_return(stage: ReviewStage, session: str) -> None:
    seat = stage.seat(session)
    (server,) = [pid for name, pid in stage.installation.worker_pids().items() if name == "review"]
    stage.installation.kill_daemon()
    try:
        until(lambda: "does not answer" in seat.page.inner_text("#live"), 15, what="a lost daemon")
        seat.view("player.seek(4)")
        until(lambda: seat.view("conductor.isSettled"), 5, what="a picture without a daemon")
        stage.installation.start_daemon()
        until(lambda: seat.page.get_attribute("#live", "data-state") == "idle", 15, what="its return")
    finally:
        os.kill(server, signal.SIGTERM)
    seat.close()
