"""Every kind of track through every job. Harm guarded against: a codec that can be recorded but not exported, cut or
forgotten; a redacted range that can still be seen in one codec; a lossless track that a cut makes lossy."""

import json
import subprocess
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from reeld.capture.api import Band, Rect
from reeld.capture.convert import picture_for
from reeld.export.compress import compress
from reeld.export.thin import thin
from reeld.media import encoder as encoder_module
from reeld.media.encoder import TIMESCALE, VideoEncoder
from reeld.media.presets import settings_for
from reeld.media.recut import PictureEncoder
from reeld.store.api import Circumstances
from reeld.store.reader import StoreReader
from reeld.store.replace import replace
from reeld_proto.errors import RequestRejected
from reeld_proto.records import Quality, VideoCodec
from reeld_proto.store_orders import ReplaceMedia, RunCompress, RunThin
from reeld_proto.workers import ChunkCaptured
from tests.daemon.export.cutting import FPS, capture, check, derive, film, forget, held_numbers, redact
from tests.daemon.export.recording import NS, Recording
from tests.daemon.media.screens import noise

KINDS = [
    (VideoCodec.H264, Quality.LOSSLESS),
    (VideoCodec.HEVC, Quality.HIGH),
    (VideoCodec.HEVC, Quality.LOSSLESS),
    (VideoCodec.AV1, Quality.HIGH),
]
FIRST = 1350
"""The numbers of pure greys, which any kind of picture can hold."""
FRAMES = 48
KEYFRAME = 32
SHOWN = range(FIRST, FIRST + FRAMES)
OUT = (0.5, 0.7)
"""A range that goes, in seconds: pictures 15 to 20."""


@pytest.fixture(params=KINDS, ids=lambda kind: f"{kind[0]}-{kind[1]}")
def kind(request: pytest.FixtureRequest) -> tuple[VideoCodec, Quality]:
    found: tuple[VideoCodec, Quality] = request.param
    return found


@pytest.fixture
def filmed(recording: Recording, kind: tuple[VideoCodec, Quality]) -> Recording:
    """48 pictures, 30 a second, in chunks of ten."""
    codec, quality = kind
    capture(recording, FRAMES, first_number=FIRST, keyframes=(0, KEYFRAME), codec=codec, quality=quality)
    recording.finish(FRAMES / FPS)
    return recording


def numbers(recording: Recording, session: str, path: Path, *window: float) -> list[int]:
    return [number for _, number in film(recording.store, session, path, *window).pictures]


def probed(path: Path) -> dict[str, Any]:
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", str(path)]
    done = subprocess.run(command, check=True, capture_output=True, timeout=30)
    assert done.stderr == b""
    (stream,) = json.loads(done.stdout)["streams"]
    found: dict[str, Any] = stream
    return found


def test_an_export_plays_elsewhere_as_what_it_is(
    filmed: Recording, kind: tuple[VideoCodec, Quality], tmp_path: Path
) -> None:
    path = tmp_path / "film.mp4"
    shown = film(filmed.store, filmed.session, path)
    assert [number for _, number in shown.pictures] == list(SHOWN)
    assert shown.duration_s == pytest.approx(FRAMES / FPS, abs=0.001)
    stream = probed(path)
    tags = {VideoCodec.H264: "avc1", VideoCodec.HEVC: "hvc1", VideoCodec.AV1: "av01"}
    assert (stream["codec_name"], stream["codec_tag_string"]) == (kind[0], tags[kind[0]])
    assert int(stream["nb_read_frames"]) == FRAMES
    assert stream["pix_fmt"] == ("gbrp" if kind[1] is Quality.LOSSLESS else "yuv420p")


def test_a_clip_may_begin_and_end_inside_a_chunk(filmed: Recording, tmp_path: Path) -> None:
    assert numbers(filmed, filmed.session, tmp_path / "a.mp4", 0.5, 1.5) == list(SHOWN[15:45])
    derive(filmed.store, "clip", (filmed.session, 0.55, 1.4))
    assert numbers(filmed, "clip", tmp_path / "b.mp4") == list(SHOWN[16:42])


def test_a_redacted_range_is_nowhere_and_the_rest_keeps_its_codec(
    filmed: Recording, kind: tuple[VideoCodec, Quality], tmp_path: Path
) -> None:
    redact(filmed.store, filmed.session, *OUT, "redacted")
    check(filmed.store)
    path = tmp_path / "film.mp4"
    assert numbers(filmed, "redacted", path) == [*SHOWN[:15], *SHOWN[21:]]
    stream = probed(path)
    assert stream["codec_name"] == kind[0]
    assert stream["pix_fmt"] == ("gbrp" if kind[1] is Quality.LOSSLESS else "yuv420p")
    segments = StoreReader(filmed.store).segments("redacted", "video-1")
    assert len({segment.init for segment in segments}) == 1, "what is encoded again fits beside what is not"


def test_a_forgotten_range_is_in_no_chunk_any_more(filmed: Recording, tmp_path: Path) -> None:
    derive(filmed.store, "clip", (filmed.session, 0.3, 1.4))
    forget(filmed.store, filmed.session, *OUT)
    check(filmed.store)
    assert held_numbers(filmed.store) == set(SHOWN) - set(SHOWN[15:21])
    assert numbers(filmed, filmed.session, tmp_path / "a.mp4") == [*SHOWN[:15], *SHOWN[21:]]
    assert numbers(filmed, "clip", tmp_path / "b.mp4") == [*SHOWN[9:15], *SHOWN[21:42]]


def test_merged_parts_show_each_picture_once(filmed: Recording, tmp_path: Path) -> None:
    derive(filmed.store, "merge", (filmed.session, 1.2, 1.5), (filmed.session, 0.4, 0.8))
    check(filmed.store)
    assert numbers(filmed, "merge", tmp_path / "film.mp4") == [*SHOWN[36:45], *SHOWN[12:24]]


def test_a_thinned_track_keeps_its_key_frames(filmed: Recording, tmp_path: Path) -> None:
    store = filmed.store
    staged = thin(StoreReader(store), RunThin(store=str(store.path), session=filmed.session)).staged
    order = ReplaceMedia(
        session=filmed.session, staged=staged, reason="thinned", drop_tracks=["video-1"], tier="keyframes"
    )
    with store.write() as txn:
        replace(txn, order, Circumstances(store.path, ()))
    assert numbers(filmed, filmed.session, tmp_path / "film.mp4") == [FIRST, FIRST + KEYFRAME]


def test_parts_of_two_codecs_become_one_film_in_the_first(recording: Recording, tmp_path: Path) -> None:
    capture(recording, 30, codec=VideoCodec.HEVC)
    capture(recording, 30, first_number=30, at_s=1.0, codec=VideoCodec.H264, epoch=2)
    recording.finish(2.0)
    path = tmp_path / "film.mp4"
    assert numbers(recording, recording.session, path) == list(range(60))
    assert probed(path)["codec_name"] == "hevc"


def test_lossless_stays_exact_through_a_cut(recording: Recording, tmp_path: Path) -> None:
    """Pixel by pixel, in what was encoded again, too."""
    settings = settings_for(VideoCodec.H264, Quality.LOSSLESS)
    encoder = VideoEncoder(96, 64, FPS, settings)
    screens = [noise(96, 64, seed) for seed in range(30)]
    picture, packets = picture_for(settings.pixels, 96, 64), []
    for index, screen in enumerate(screens):
        picture.update([Band(Rect(0, 0, 96, 64), screen)])
        packets.append(encoder.encode(picture.frame, index * 3000, keyframe=index == 0))
    message = ChunkCaptured(
        session=recording.session,
        track="video-1",
        epoch=1,
        start_ns=0,
        end_ns=NS,
        frames=30,
        keyframe=True,
        codec="h264",
    )
    recording.put(message, encoder.fragment([each.packet for each in packets], TIMESCALE), encoder.init)
    recording.finish(1.0)
    encoder.close()
    redact(recording.store, recording.session, 0.3, 0.6, "redacted")
    path = tmp_path / "film.mp4"
    film(recording.store, "redacted", path)
    with av.open(str(path)) as container:
        found = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    expected = [*screens[:9], *screens[18:]]
    assert len(found) == len(expected)
    for made, screen in zip(found, expected, strict=True):
        assert np.array_equal(made, screen[..., :3])


@pytest.mark.parametrize("codec", [VideoCodec.H264, VideoCodec.HEVC])
def test_lossless_is_never_compressed_to_what_is_not(recording: Recording, codec: VideoCodec) -> None:
    capture(recording, 60, keyframes=(0, 30), codec=codec, quality=Quality.LOSSLESS, size=(320, 192))
    recording.finish(2.0)
    order = RunCompress(store=str(recording.store.path), session=recording.session)
    assert compress(StoreReader(recording.store), order).staged == ""


def test_without_the_encoder_of_a_track_what_is_made_anew_is_h264(
    recording: Recording, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Harm: an installation without x265 cannot forget what another one recorded."""
    capture(recording, FRAMES, keyframes=(0, KEYFRAME), codec=VideoCodec.HEVC)
    recording.finish(FRAMES / FPS)
    present = encoder_module._check_present

    def without_x265(settings: Any) -> None:
        if settings.name == "libx265":
            raise RequestRejected("no libx265")
        present(settings)

    monkeypatch.setattr(encoder_module, "_check_present", without_x265)
    forget(recording.store, recording.session, *OUT)
    assert not held_numbers(recording.store) & set(range(15, 21))
    assert numbers(recording, recording.session, tmp_path / "film.mp4") == [*range(15), *range(21, FRAMES)]


def test_a_track_of_a_codec_that_is_never_encoded_here_is_taken_on_as_h264(tmp_path: Path) -> None:
    path = tmp_path / "init.mp4"
    options = {"movflags": "empty_moov+default_base_moof"}
    with av.open(str(path), "w", format="mp4", options=options) as container:
        stream: Any = container.add_stream("libvpx-vp9", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()
    found = PictureEncoder.like(path.read_bytes())
    assert (found.codec, found.exact) == (VideoCodec.H264, False)
    found.close()
