"""What people are told of a session. Harms guarded against: a transcript that ends without saying so, progress that is
reported and not there, a chapter that ends before it begins."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reeld.sessions.sounds import usual_graph
from reeld.store import known, sessions
from reeld.store.environment import StoreEnvironment
from reeld.store.known import Extent, extent_of, findings_of, transcript_of
from reeld.store.reader import StoreReader
from reeld.store.revisions import touch
from reeld_proto.enrich import ChapterInfo, Findings, SummaryLine, Transcript, TranscriptWord, Utterance
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.findings import Stage
from tests.daemon.export.cutting import derive
from tests.daemon.store.builders import SESSION, creation, new_store
from tests.daemon.store.found import (
    STILLS,
    chapters,
    end,
    film_with_stills,
    finding,
    forget,
    job,
    keep,
    page,
    result,
    sound,
    sounds,
    spoken,
    summary,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreEnvironment]:
    """Three tracks of ten seconds of sound, of which one is the mix of the others."""
    order = creation(tracks=("video-1", "mix", "mic", "system"), sound=usual_graph())
    with new_store(tmp_path / "store", order) as opened:
        for track in ("mix", "mic", "system"):
            sounds(opened, 10, track=track)
        end(opened, 10)
        yield opened


def transcript(store: StoreEnvironment, skip: int = 0, session: str = SESSION) -> Transcript:
    return transcript_of(StoreReader(store), session, skip)


def findings(store: StoreEnvironment, session: str = SESSION) -> Findings:
    return findings_of(StoreReader(store), session)


def extent(store: StoreEnvironment, stage: Stage, engine: str = "engine", session: str = SESSION) -> Extent:
    return extent_of(StoreReader(store), session, stage, engine)


def talk(store: StoreEnvironment) -> None:
    keep(
        store,
        result(sound(0, "mic"), spoken((0.1, 0.4, " Good"), (0.4, 0.9, " morning."))),
        result(sound(1, "system"), spoken((1.2, 1.6, " Hello."))),
        result(sound(2, "mic"), spoken((2.2, 2.6, " Well"))),
    )


def test_a_transcript_tells_who_said_which_word_when(store: StoreEnvironment) -> None:
    talk(store)
    told = transcript(store)
    assert told.utterances[0] == Utterance(
        track="mic",
        start_s=0.1,
        end_s=0.9,
        text="Good morning.",
        words=[
            TranscriptWord(start_s=0.1, end_s=0.4, text="Good", probability=0.9),
            TranscriptWord(start_s=0.4, end_s=0.9, text="morning.", probability=0.9),
        ],
    )
    assert [(each.track, each.text) for each in told.utterances] == [
        ("mic", "Good morning."),
        ("system", "Hello."),
        ("mic", "Well"),
    ]
    assert (told.session, told.more) == (SESSION, False)


def test_a_transcript_says_how_much_of_the_sound_it_knows(store: StoreEnvironment) -> None:
    assert transcript(store) == Transcript(session=SESSION, utterances=[], complete=0.0)
    talk(store)
    # Three seconds of twenty: nobody listens to the mix.
    assert transcript(store).complete == 0.15
    silent = [result(sound(second, track), spoken()) for track in ("mic", "system") for second in range(10)]
    keep(store, *silent)
    assert transcript(store).complete == 1.0


def test_of_a_session_without_sound_everything_is_known(store: StoreEnvironment) -> None:
    with store.write() as txn:
        sessions.create(txn, creation("silent", tracks=("video-1",)))
    assert transcript(store, session="silent") == Transcript(session="silent", utterances=[], complete=1.0)


def test_a_long_transcript_comes_in_pages_without_losing_or_repeating_anything(
    store: StoreEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(store, *(result(sound(each, "mic"), spoken((each + 0.2, each + 0.6, f" No {each}."))) for each in range(10)))
    monkeypatch.setattr(known, "UTTERANCES_MAX", 3)
    told: list[str] = []
    pages: list[int] = []
    while True:
        found = transcript(store, len(told))
        told += [each.text for each in found.utterances]
        pages.append(len(found.utterances))
        if not found.more:
            break
    assert told == [f"No {each}." for each in range(10)]
    assert pages == [3, 3, 3, 1]


def test_what_is_known_already_is_left_out(store: StoreEnvironment) -> None:
    talk(store)
    everything = transcript(store).utterances
    assert transcript(store, 1).utterances == everything[1:]
    assert transcript(store, 9).utterances == []


def test_a_clip_has_its_part_of_the_transcript(store: StoreEnvironment) -> None:
    talk(store)
    derive(store, "clip", (SESSION, 1, 3))
    told = transcript(store, session="clip")
    assert [(each.track, each.start_s, each.text) for each in told.utterances] == [
        ("system", 0.2, "Hello."),
        ("mic", 1.2, "Well"),
    ]
    assert told.complete == 0.5


def test_chapters_end_where_the_next_begins_and_the_last_with_the_session(store: StoreEnvironment) -> None:
    keep(store, finding(store, chapters((0, "Start"), (4, "Middle"), (7.5, "End"))))
    keep(store, finding(store, summary((1, "It began."), (8, "It ended."))))
    found = findings(store)
    assert found.chapters == [
        ChapterInfo(start_s=0, end_s=4, title="Start"),
        ChapterInfo(start_s=4, end_s=7.5, title="Middle"),
        ChapterInfo(start_s=7.5, end_s=10, title="End"),
    ]
    assert found.summary == [SummaryLine(at_s=1, text="It began."), SummaryLine(at_s=8, text="It ended.")]


def test_a_chapter_never_ends_before_it_begins(store: StoreEnvironment) -> None:
    keep(store, finding(store, chapters((0, "Start"), (10.5, "Beyond the end"))))
    assert all(each.start_s <= each.end_s for each in findings(store).chapters)


def test_where_nothing_was_found_nothing_is_told(store: StoreEnvironment) -> None:
    assert findings(store) == Findings(session=SESSION, chapters=[], summary=[])
    keep(store, finding(store, chapters()))
    assert findings(store).chapters == []
    keep(store, finding(store, summary((1, "A secret."))))
    forget(store, 2, 3)
    assert findings(store) == Findings(session=SESSION, chapters=[], summary=[])


def test_the_speech_to_do_is_that_of_the_voices_and_only_what_this_engine_heard_is_done(
    store: StoreEnvironment,
) -> None:
    talk(store)
    assert extent(store, Stage.SPEECH) == Extent(20, 3, "seconds of sound")
    assert extent(store, Stage.SPEECH, "other") == Extent(20, 0, "seconds of sound")
    keep(store, result(sound(0, "mic"), page("No sound"), engine="other"))
    assert extent(store, Stage.SPEECH, "other") == Extent(20, 0, "seconds of sound")
    derive(store, "clip", (SESSION, 0.5, 2))
    assert extent(store, Stage.SPEECH, session="clip") == Extent(3, 1.5, "seconds of sound")


def test_a_still_that_comes_back_is_read_once(tmp_path: Path) -> None:
    with new_store(tmp_path / "stills", creation(tracks=("video-1", STILLS))) as store:
        film_with_stills(store, (0, 1, b"desk"), (1, 2, b"mail"), (2, 3, b"desk"))
        assert extent(store, Stage.OCR) == Extent(2, 0, "stills")
        keep(store, result(b"desk", page("Inbox")))
        assert extent(store, Stage.OCR) == Extent(2, 1, "stills")
        assert extent(store, Stage.OCR, "other") == Extent(2, 0, "stills")
        assert extent(store, Stage.SPEECH) == Extent(0, 0, "seconds of sound")


@pytest.mark.parametrize("stage", [Stage.CHAPTERS, Stage.SUMMARY])
def test_a_finding_is_one_thing_to_do_and_done_when_it_is_there(store: StoreEnvironment, stage: Stage) -> None:
    assert extent(store, stage) == Extent(1, 0, "session")
    keep(store, finding(store, chapters((0, "One"))), by=job("job-1"))
    keep(store, finding(store, summary((0, "One."))), by=job("job-2"))
    assert extent(store, stage) == Extent(1, 1, "session")


def test_the_rolling_buffer_and_what_is_not_there_are_not_found(store: StoreEnvironment) -> None:
    with store.write() as txn:
        sessions.create(txn, creation("buffer"))
        record = sessions.load(txn, "buffer")
        record.buffer = True
        touch(txn, record)
    for session in ("buffer", "none"):
        for ask in (transcript, findings, lambda store, session: extent(store, Stage.OCR, session=session)):
            with pytest.raises(RequestRejected) as caught:
                ask(store, session=session)
            assert caught.value.code is ErrorCode.NOT_FOUND
