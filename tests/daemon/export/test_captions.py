"""Chapters and subtitles in exports. Harms guarded against: a text at the wrong time, texts that overlap, which no
player shows, and words of another track or of another part of the session."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.enrich.listening import Listening
from reeld.enrich.stages import open_stage
from reeld.export.captions import _one_at_a_time
from reeld.export.remux import export
from reeld_proto.cues import Cue
from reeld_proto.enrich_orders import EngineChoice, OpenStage
from reeld_proto.findings import Stage
from reeld_proto.workers import RunExport
from tests.daemon.enrich.library import Shelf
from tests.support.toy_engines import ToyListener, spelled

WORDS = {"mic": {1.0: 1, 5.0: 2}, "system": {5.1: 3, 9.0: 4}}


@pytest.fixture
def shelf(tmp_path: Path) -> Any:
    made = Shelf(tmp_path / "store")
    session = made.talk("s", WORDS, 12.0)
    made.take_all(Listening(made.reader, session, ToyListener(), ""), session)
    order = OpenStage(session=session, stage=Stage.CHAPTERS, choice=EngineChoice(engine="local"))
    made.take_all(open_stage(made.reader, order, None), session)
    yield made
    made.close()


def exported(
    shelf: Shelf, path: Path, from_s: float | None = None, to_s: float | None = None, tracks: list[str] | None = None
) -> tuple[list[tuple[float, float, str]], list[tuple[float, float, str]]]:
    """Texts and chapters in the file: start, end, text."""
    order = RunExport(store="", session="s", path=str(path), from_s=from_s, to_s=to_s, tracks=tracks or [])
    export(shelf.reader, order)
    with av.open(str(path)) as container:
        chapters = []
        for each in container.chapters():
            base = each["time_base"]
            assert base is not None
            chapters.append((float(each["start"] * base), float(each["end"] * base), each["metadata"]["title"]))
        texts = []
        for stream in container.streams.subtitles:
            for packet in container.demux(stream):
                data = bytes(packet)[2:]
                if data and packet.pts is not None and packet.duration is not None:
                    start, length = packet.pts / 1000, packet.duration / 1000
                    texts.append((round(start, 2), round(start + length, 2), data.decode()))
    return texts, chapters


def test_texts_and_chapters_are_where_they_were_said(shelf: Shelf, tmp_path: Path) -> None:
    texts, chapters = exported(shelf, tmp_path / "out.mp4")
    one, two, three, four = (spelled(number) for number in (1, 2, 3, 4))
    assert [text for _, _, text in texts] == [one, two, f"{two}\n{three}", three, four]
    assert [start for start, _, _ in texts] == pytest.approx([1.0, 5.0, 5.1, 5.3, 9.0], abs=0.02)
    assert [(start, end) for start, end, _ in chapters] == [(0.0, 12.0)]
    assert chapters[0][2]


def test_a_part_has_its_own_times_and_nothing_of_the_rest(shelf: Shelf, tmp_path: Path) -> None:
    texts, chapters = exported(shelf, tmp_path / "part.mp4", 4.0, 7.0)
    assert {spelled(1), spelled(4)}.isdisjoint("\n".join(text for _, _, text in texts).split())
    assert texts[0][0] == pytest.approx(1.0, abs=0.02)
    assert [(start, end) for start, end, _ in chapters] == [(0.0, 3.0)]


def test_who_exports_one_track_gets_its_words_alone(shelf: Shelf, tmp_path: Path) -> None:
    texts, _ = exported(shelf, tmp_path / "mic.mp4", tracks=["mic"])
    assert [text for _, _, text in texts] == [spelled(1), spelled(2)]


def test_a_session_that_nobody_enriched_has_no_texts_and_no_chapters(tmp_path: Path) -> None:
    made = Shelf(tmp_path / "other")
    made.talk("s", WORDS, 12.0)
    assert exported(made, tmp_path / "plain.mp4") == ([], [])
    made.close()


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 80), st.sampled_from(["a", "b", "c d"])), max_size=12))
def test_texts_never_overlap_and_each_is_shown_all_its_time(said: list[tuple[int, int, str]]) -> None:
    cues = [
        Cue(start / 10, (start + length) / 10, f"{text} {place}", "mic")
        for place, (start, length, text) in enumerate(said)
    ]
    cues.sort(key=lambda cue: cue.start_s)
    shown = _one_at_a_time(cues, 0.0)
    for (_, end, _), (start, _, _) in pairwise(shown):
        assert end <= start
    for cue in cues:
        time = sum(end - start for start, end, text in shown if cue.text in text.split("\n"))
        assert time == round((cue.end_s - cue.start_s) * 1000)
