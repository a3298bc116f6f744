"""What enrichment found, on the review page. Harms guarded against: a transcript that does not follow what is played,
words that lead to another moment, a day of talk that fills the page, and text that becomes markup."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, expect

from reeld.enrich.engines.api import Heard, Listened, Voice
from reeld.enrich.listening import Listening
from reeld.enrich.stages import open_stage
from reeld_proto.enrich_orders import EngineChoice, OpenStage
from reeld_proto.findings import Stage
from reeld_proto.sound_graph import SoundCodec
from tests.daemon.enrich.library import Shelf
from tests.support.browser import Seat, chromium
from tests.support.desk import ONE_MONITOR, VirtualDesk
from tests.support.installation import Installation
from tests.support.review_stage import let_in
from tests.support.toy_engines import ToyListener, spelled
from tests.support.wait import until

pytestmark = [pytest.mark.long, pytest.mark.paired, pytest.mark.slow, pytest.mark.timeout(180)]

WORDS = {float(2 * at + 1): at % 60 + 1 for at in range(300)}
HOSTILE = '<img src=x onerror="alert(1)"> & </li>'
SHOWN_MAX = 200


class HostileListener(ToyListener):
    """Writes markup down, whatever is said."""

    def listen(self, voice: Voice) -> Listened:
        return Listened([Heard(each.start_s, each.end_s, HOSTILE, 0.9) for each in super().listen(voice).words], "en")


@pytest.fixture(scope="module")
def room() -> Iterator[tuple[Installation, Browser]]:
    with VirtualDesk(monitors=ONE_MONITOR) as desk, Installation(desk.env) as installation:
        with closing(Shelf(installation.store)) as shelf:
            for session, words, engine in (
                ("long", WORDS, ToyListener()),
                ("hostile", {1.0: 1}, HostileListener()),
            ):
                shelf.talk(session, {"mic": words}, max(words) + 2, codec=SoundCodec.AAC)
                shelf.take_all(Listening(shelf.reader, session, engine, ""), session)
                for stage in (Stage.CHAPTERS, Stage.SUMMARY):
                    order = OpenStage(session=session, stage=stage, choice=EngineChoice(engine="local"))
                    shelf.take_all(open_stage(shelf.reader, order, None), session)
            shelf.talk("plain", {"mic": {1.0: 1}}, 3.0, codec=SoundCodec.AAC)
        installation.start_daemon()
        with chromium(desk.env) as browser:
            yield installation, browser


@pytest.fixture
def seat(room: tuple[Installation, Browser], request: pytest.FixtureRequest) -> Iterator[Seat]:
    """A page that plays the session in the test's parameter."""
    made = let_in(*room, request.param)
    yield made
    made.close()


@pytest.mark.parametrize("seat", ["long"], indirect=True)
def test_the_transcript_follows_the_playhead_and_is_never_there_as_a_whole(seat: Seat) -> None:
    lines = seat.page.locator("reeld-known .said li")
    expect(seat.page.locator("reeld-known .said [aria-current]")).to_contain_text(spelled(WORDS[1.0]))
    for at_s in (201.1, 595.1, 3.1):
        seat.view(f"view.player.seek({at_s})")
        wanted = spelled(WORDS[at_s - 0.1])
        expect(seat.page.locator("reeld-known .said [aria-current]")).to_contain_text(wanted)
        expect(seat.page.locator("reeld-known .said [aria-current]")).to_be_in_viewport()
        assert lines.count() <= SHOWN_MAX


@pytest.mark.parametrize("seat", ["long"], indirect=True)
def test_a_word_is_found_and_leads_to_its_moment(seat: Seat) -> None:
    seat.page.get_by_label("Find in this recording").fill(spelled(7))
    seat.page.keyboard.press("Enter")
    hits = seat.page.locator("reeld-known .hits li")
    expect(hits).to_have_count(sum(word == 7 for word in WORDS.values()))
    expect(hits.first.locator("mark")).to_have_text(spelled(7))
    at_s = next(at for at, word in sorted(WORDS.items(), reverse=True) if word == 7)
    hits.first.get_by_role("button").click()
    until(lambda: abs(seat.view("view.player.position") - at_s) < 0.1, what="the moment")


@pytest.mark.parametrize("seat", ["hostile"], indirect=True)
def test_what_was_written_down_is_never_markup(seat: Seat) -> None:
    expect(seat.page.locator("reeld-known .said li")).to_contain_text(HOSTILE)
    assert seat.page.locator("reeld-known img").count() == 0


@pytest.mark.parametrize("seat", ["plain"], indirect=True)
def test_a_recording_that_nobody_enriched_says_how_to(seat: Seat) -> None:
    expect(seat.page.locator("reeld-known")).to_contain_text("reelctl enrich plain")
