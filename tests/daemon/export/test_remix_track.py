"""Harm guarded against: a film whose new mix is another one, out of step, or in place of the wrong track."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from reeld.audio.samples import RATE
from reeld.export.remux import export
from reeld.store import automation
from reeld.store.reader import StoreReader
from reeld_proto.errors import RequestRejected
from reeld_proto.sound_graph import SoundChange, SoundCodec
from reeld_proto.workers import RunExport
from tests.daemon.audio.fakes import tone
from tests.daemon.audio.graph.samples import graph_of
from tests.daemon.export.recording import Recording
from tests.daemon.export.test_remix import PLAIN
from tests.support.media import tone_level_db

MUTED = SoundChange(node="mic-volume", setting="muted", value=True)


@pytest.fixture
def film(tmp_path: Path) -> Recording:
    """Four seconds: pictures, an AAC mix of a microphone (600 Hz) and the computer (1000 Hz), and each alone."""
    made = Recording.new(tmp_path / "store")
    made.video([0.0, 1.0, 2.0], 4.0)
    mic, system = tone(600, 0, 4 * RATE), tone(1000, 0, 4 * RATE)
    made.samples(mic + system, codec=SoundCodec.AAC, track="mix")
    made.samples(mic, codec=SoundCodec.OPUS, track="mic")
    made.samples(system, codec=SoundCodec.OPUS, track="system")
    with made.store.write() as txn:
        automation.put_graph(txn, made.session, 0, graph_of(PLAIN))
    made.finish(4.0)
    return made


def write(film: Recording, path: Path, **options: Any) -> Path:
    order = RunExport(
        store=str(film.store.path),
        session=film.session,
        path=str(path),
        **{"from_s": None, "to_s": None, "tracks": [], "remix": [], **options},
    )
    exported = export(StoreReader(film.store), order)
    assert exported.duration_s == pytest.approx(4.0, abs=0.01) or options
    return path


def sounds(path: Path) -> "list[np.ndarray[Any, Any]]":
    found = []
    with av.open(str(path)) as container:
        count = len(container.streams.audio)
    for index in range(count):
        with av.open(str(path)) as container:
            frames = [frame.to_ndarray()[0] for frame in container.decode(audio=index)]
        found.append(np.concatenate(frames))
    return found


def test_the_mix_is_made_anew_and_the_other_tracks_stay(film: Recording, tmp_path: Path) -> None:
    mix, mic, system = sounds(write(film, tmp_path / "x.mp4", remix=[MUTED]))
    middle = slice(RATE, 2 * RATE)
    assert tone_level_db(mix[middle], 1000) > -20
    assert tone_level_db(mix[middle], 600) < -60
    assert tone_level_db(mic[middle], 600) > -20
    assert tone_level_db(system[middle], 1000) > -20
    assert len(mix) == pytest.approx(4 * RATE, abs=1100)


def test_without_a_change_it_is_the_mix_that_was(film: Recording, tmp_path: Path) -> None:
    again = sounds(write(film, tmp_path / "again.mp4"))[0]
    before = sounds(write(film, tmp_path / "before.mp4", remix=None))[0]
    part = slice(RATE, 2 * RATE)
    error = again[part] - before[part]
    assert 10 * np.log10(np.mean(before[part] ** 2) / np.mean(error**2)) > 25


def test_a_range_of_it_is_in_step(film: Recording, tmp_path: Path) -> None:
    path = write(film, tmp_path / "part.mp4", from_s=1.5, to_s=2.5)
    with av.open(str(path)) as container:
        assert container.duration is not None
        assert container.duration / 1e6 == pytest.approx(1.0, abs=0.03)
    assert tone_level_db(sounds(path)[0][4800:38_400], 600) > -20


def test_what_is_no_mix_is_refused(film: Recording, tmp_path: Path) -> None:
    with pytest.raises(RequestRejected, match="not among the tracks"):
        write(film, tmp_path / "no.mp4", tracks=["mic"])
    assert not (tmp_path / "no.mp4").exists()
