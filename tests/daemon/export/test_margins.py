"""What is made anew next to a range. Harm guarded against: a margin that cannot be shown, or that shows the range."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest

from reeld.export.margins import Cutting, Margin, margins_of
from reeld.media.cmaf import CmafEncoder
from reeld.media.fragments import parse_chunk, parse_init
from reeld.store.environment import StoreEnvironment
from reeld.store.holders import SessionPlan, plan_of_one
from reeld.store.reader import StoreReader
from reeld.store.staging import StagedChunk
from reeld.store.transaction import Table
from reeld_proto.workers import ChunkCaptured
from tests.daemon.export.cutting import capture, check, derive, film, forget, held_numbers, redact
from tests.daemon.export.recording import NS, Recording, picture

SESSION = "20261122-170509-test"


def plan(store: StoreEnvironment, from_s: float, to_s: float, session: str = SESSION) -> SessionPlan:
    with store.read() as txn:
        return plan_of_one(txn, session, round(from_s * NS), round(to_s * NS))


def made(store: StoreEnvironment, from_s: float, to_s: float) -> list[tuple[Margin, list[StagedChunk]]]:
    planned = plan(store, from_s, to_s)
    cutting = Cutting(StoreReader(store), in_place=True)
    found = [(margin, list(cutting.made(planned, margin))) for margin in margins_of(planned)]
    cutting.close()
    return found


@pytest.fixture
def store(recording: Recording) -> StoreEnvironment:
    capture(recording, 120, keyframes=(0, 90))
    recording.finish(4.0)
    return recording.store


def test_one_margin_goes_from_the_range_to_the_next_key_frame(store: StoreEnvironment) -> None:
    video = [(margin, chunks) for margin, chunks in made(store, 1.1, 1.4) if margin.track.id == "video-1"]
    (before, shortened), (after, encoded) = video
    assert (before.start_ns, before.end_ns, before.again) == (NS, 1_100_000_000, False)
    assert (after.start_ns, after.end_ns, after.again) == (1_400_000_000, 3 * NS, True)
    assert len(shortened) == 1
    assert not shortened[0].keyframe
    assert encoded[0].keyframe
    assert (encoded[0].start_ns, encoded[-1].end_ns) == (after.start_ns, after.end_ns)
    for one, other in pairwise(encoded):
        assert one.end_ns == other.start_ns
        assert one.end_ns - one.start_ns <= 2 * NS
    assert sum(chunk.frames for chunk in encoded) == 48


def test_what_is_only_shortened_keeps_the_very_bytes_of_its_samples(store: StoreEnvironment) -> None:
    _, (chunk,) = made(store, 1.1, 1.4)[0]
    original = next(each for each in StoreReader(store).segments(SESSION, "video-1", NS))
    init = parse_init(chunk.init)
    before = parse_chunk(StoreReader(store).chunk(original.chunk), init)
    kept = parse_chunk(chunk.payload, init)
    assert [bytes(each.data) for each in kept] == [bytes(each.data) for each in before[:3]]
    assert kept[-1].pts + kept[-1].duration == round(1.1 * 90_000)


def test_a_range_of_less_than_a_picture_takes_no_picture(store: StoreEnvironment, tmp_path: Path) -> None:
    forget(store, SESSION, 1.005, 1.015)
    check(store)
    assert held_numbers(store) == set(range(120))
    assert [number for _, number in film(store, SESSION, tmp_path / "film.mp4").pictures][:60] != []


def test_a_clip_that_begins_with_a_preroll_can_be_redacted_at_once(store: StoreEnvironment, tmp_path: Path) -> None:
    derive(store, "clip", (SESSION, 1.5, 3.5))
    redact(store, "clip", 0.1, 0.4, "clean")
    check(store)
    shown = film(store, "clean", tmp_path / "film.mp4")
    assert [number for _, number in shown.pictures] == [*range(45, 48), *range(57, 105)]


def test_a_damaged_chunk_costs_its_margin_and_no_more(store: StoreEnvironment) -> None:
    lost = next(each for each in StoreReader(store).segments(SESSION, "video-1", NS))
    with store.write() as txn:
        txn.put(Table.CHUNKS, lost.chunk, b"damaged")
    forget(store, SESSION, 1.1, 1.2)
    gaps = [gap for gap in StoreReader(store).gaps(SESSION, "video-1") if gap.reason == "forgotten"]
    assert gaps[0].start_ns == lost.start_ns
    assert gaps[-1].end_ns == 3 * NS


def test_pictures_that_build_on_later_ones_are_encoded_again_on_both_sides(tmp_path: Path) -> None:
    recording = Recording.new(tmp_path / "store", tracks=("video-1",))

    def configure(stream: Any) -> None:
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"

    options = {"preset": "fast", "bf": "3", "qp": "10", "x264-params": "b-adapt=0:scenecut=0:keyint=30:open-gop=0"}
    encoder = CmafEncoder("libx264", timescale=90_000, options=options, configure=configure)
    packets = []
    for index in range(90):
        frame: Any = av.VideoFrame.from_ndarray(picture(index), format="yuv420p")
        frame.pts = 90_000 + index * 3000  # decoding begins earlier, and a chunk has no time before zero
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    for start in range(0, 90, 30):
        group = packets[start : start + 30]
        end = packets[start + 30].dts if start < 60 else packets[-1].dts + 3000
        message = ChunkCaptured(
            session=SESSION,
            track="video-1",
            epoch=1,
            start_ns=start * 3000 * NS // 90_000,
            end_ns=(start + 30) * 3000 * NS // 90_000,
            frames=30,
            keyframe=True,
            codec="h264",
            shift_ns=-NS,
        )
        recording.put(message, encoder.fragment(group, end), encoder.init)
    encoder.close()
    recording.finish(3.0)
    before = [number for _, number in film(recording.store, SESSION, tmp_path / "before.mp4").pictures]
    assert before == list(range(90))
    forget(recording.store, SESSION, 1.3, 1.5)
    check(recording.store)
    left = held_numbers(recording.store)
    assert not left & set(range(40, 44))
    assert len(left) >= 90 - 6 - 2
    recording.store.close()
