"""The sources of a track. Harm guarded against: a camera that blinks because somebody chose another layout."""

from pathlib import Path

import pytest

from reeld.capture.cast import Cast
from reeld.capture.sources import Wishes
from reeld.capture.sync_group import SyncedSource
from reeld_proto.records import SourceKind
from reeld_proto.stats import SourceStats
from reeld_proto.track_orders import SourceSpec
from tests.daemon.capture.videos import pattern_pictures, write_video

WISHES = Wishes(fps=30)
DISPLAY = SourceSpec(kind=SourceKind.DISPLAY, id="LEFT", width=640, height=480)
TEST = SourceSpec(kind=SourceKind.TEST, id="test-1", width=640, height=480)


@pytest.fixture
def films(tmp_path: Path) -> list[SourceSpec]:
    found = []
    for name in ("one.mp4", "two.mp4"):
        path = write_video(tmp_path / name.replace("mp4", "mkv"), pattern_pictures(3))
        found.append(SourceSpec(kind=SourceKind.FILE, id=str(path), label=name, width=320, height=240))
    return found


def test_what_is_shown_already_stays_the_same_source() -> None:
    cast = Cast([DISPLAY, TEST], WISHES)
    before = cast.shown
    parts = cast.parts([TEST, DISPLAY])
    assert list(parts.values()) == before[::-1]
    cast.keep(cast.parts([TEST]))
    assert cast.shown == [before[1]]


def test_what_was_taken_out_is_made_anew() -> None:
    cast = Cast([DISPLAY, TEST], WISHES)
    first = cast.shown[0]
    cast.keep(cast.parts([TEST]))
    assert cast.parts([DISPLAY, TEST])[DISPLAY.key] is not first


def test_a_refused_change_leaves_all_as_it_was() -> None:
    cast = Cast([DISPLAY], WISHES)
    before = cast.shown
    cast.parts([DISPLAY, TEST])
    assert cast.shown == before


def test_films_beside_others_are_shown_in_step_and_counted(films: list[SourceSpec]) -> None:
    cast = Cast(films, WISHES)
    sources = [part.source for part in cast.shown]
    assert all(isinstance(source, SyncedSource) for source in sources)
    for source in sources:
        source.open()
    try:
        names = [stats.source for stats in cast.statistics()]
        assert names == [film.id for film in films]
        assert all(isinstance(stats, SourceStats) for stats in cast.statistics())
    finally:
        for source in sources:
            source.close()
    assert cast.statistics() == []


def test_a_film_alone_waits_for_nobody(films: list[SourceSpec]) -> None:
    assert not isinstance(Cast(films[:1], WISHES).shown[0].source, SyncedSource)
    assert not isinstance(Cast([DISPLAY, TEST], WISHES).shown[1].source, SyncedSource)
