"""Streams copied as they are. Harms guarded against: cuts where pictures are shown out of order; guessed times."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest

from reeld.copies.lanes import CopiedSound, CopiedVideo, NotCopiableError, Piece
from reeld.media.fragments import parse_chunk, parse_init
from tests.daemon.copies.samples import Sample

NS = 1_000_000_000


def pieces(path: Path, kind: str, change: Any = None) -> tuple[list[Piece], bytes]:
    """What a lane makes of a file's first stream of a kind. change: called with each packet; False drops it."""
    with av.open(str(path)) as container:
        stream = next(each for each in container.streams if each.type == kind)
        lane = CopiedVideo(stream, Fraction(0)) if kind == "video" else CopiedSound(stream, Fraction(0))
        found: list[Piece] = []
        for number, packet in enumerate(container.demux(stream)):
            if packet.size and (change is None or change(number, packet) is not False):
                found += lane.feed(packet)
        found += lane.finish()
        init = lane.init
        lane.close()
    return found, init


@pytest.mark.parametrize("b_frames", ["0", "3"])
def test_every_picture_is_in_the_piece_that_shows_its_time(tmp_path: Path, b_frames: str) -> None:
    path = Sample(pictures=300, tone_hz=0, key_every=1000, options={"bf": b_frames, "sc_threshold": "0"}).write(
        tmp_path / "a.mp4"
    )
    found, init = pieces(path, "video")
    track = parse_init(init)
    times = []
    for before, after in pairwise(found):
        assert before.end_ns == after.start_ns
    for piece in found:
        for sample in parse_chunk(piece.data, track):
            at_ns = round(sample.pts * NS / track.timescale) + piece.shift_ns
            assert piece.start_ns - 1000 <= at_ns < piece.end_ns
            times.append(at_ns)
    assert sorted(times) == pytest.approx([number * NS / 30 for number in range(300)], abs=20_000)
    assert [piece.keyframe for piece in found] == [True] + [False] * (len(found) - 1)
    assert found[-1].end_ns == pytest.approx(10 * NS, abs=1000)


def test_sound_before_the_start_is_kept_and_not_shown(tmp_path: Path) -> None:
    found, init = pieces(Sample().write(tmp_path / "a.mp4"), "audio")
    track = parse_init(init)
    first = parse_chunk(found[0].data, track)[0]
    assert found[0].start_ns == 0
    assert first.pts == 0
    assert found[0].shift_ns == pytest.approx(-1024 * NS / 48_000, abs=1)


def test_a_hole_in_the_sound_is_between_two_pieces(tmp_path: Path) -> None:
    path = Sample(pictures=0).write(tmp_path / "a.mp4")
    found, _ = pieces(path, "audio", lambda number, _packet: not 20 <= number < 40)
    assert found[1].start_ns - found[0].end_ns == pytest.approx(20 * 1024 * NS / 48_000, abs=10)


def no_time(number: int, packet: Any) -> None:
    if number == 5:
        packet.pts = None


def same_time(number: int, packet: Any) -> None:
    if number == 5:
        packet.dts = packet.pts = 0


def not_first(number: int, _packet: Any) -> bool:
    return number > 0


@pytest.mark.parametrize("change", [no_time, same_time, not_first])
def test_pictures_whose_times_are_unclear_are_not_copied(tmp_path: Path, change: Any) -> None:
    path = Sample(tone_hz=0, options={"bf": "0"}).write(tmp_path / "a.mp4")
    with pytest.raises(NotCopiableError):
        pieces(path, "video", change)


def test_other_codecs_are_not_copied(tmp_path: Path) -> None:
    path = Sample(codec="mpeg4", sound_codec="flac").write(tmp_path / "a.mkv")
    for kind in ("video", "audio"):
        with pytest.raises(NotCopiableError):
            pieces(path, kind)
