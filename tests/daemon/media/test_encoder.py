import dataclasses
import io
import json
import subprocess
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from reeld.capture.api import Band, Rect
from reeld.capture.convert import YuvPicture, picture_for
from reeld.media.encoder import VideoEncoder
from reeld.media.fragments import parse_chunk, parse_init
from reeld.media.presets import Settings, settings_for
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import Quality, VideoCodec
from tests.daemon.media.screens import noise, page, recorded, shown
from tests.support.ssim import luma, ssim

WIDTH, HEIGHT = 320, 200
KINDS = [
    settings_for(codec, quality)
    for codec in VideoCodec
    for quality in Quality
    if (codec, quality) != (VideoCodec.AV1, Quality.LOSSLESS)
]
MEDIUM = [settings_for(codec, Quality.MEDIUM) for codec in VideoCodec]
EXACT = [settings_for(codec, Quality.LOSSLESS) for codec in (VideoCodec.H264, VideoCodec.HEVC)]
PURE = [(0, 0, 255), (0, 255, 0), (255, 0, 0), *((level,) * 3 for level in (0, 16, 128, 235, 255))]
"""Full red, green and blue (BGR), and greys at the ends of both ranges."""


def name(settings: Settings) -> str:
    return f"{settings.name}-{settings.quantiser}"


each_kind = pytest.mark.parametrize("settings", KINDS, ids=name)
each_medium = pytest.mark.parametrize("settings", MEDIUM, ids=name)
each_exact = pytest.mark.parametrize("settings", EXACT, ids=name)


def samples_of(plane: Any) -> Any:
    """The bytes of a plane, to be written."""
    return np.frombuffer(plane, np.uint8)


def scene(step: int) -> np.ndarray:
    """A picture with text and a moving square, BGRA."""
    picture = np.full((HEIGHT, WIDTH, 4), (90, 60, 30, 0), np.uint8)
    cv2.putText(picture, "reeld records", (20, 60), cv2.FONT_HERSHEY_SIMPLEX, 1, (255, 255, 255, 0), 2)
    picture[100:140, 10 + step * 5 : 50 + step * 5] = (0, 220, 255, 0)
    return picture


def error(picture: np.ndarray, step: int) -> float:
    """Root mean square difference to the scene, in grey levels."""
    difference = picture.astype(float) - scene(step)[:, :, :3]
    return float(np.sqrt((difference**2).mean()))


@each_kind
def test_every_quality_shows_the_scene(settings: Settings) -> None:
    """Harm: a preset gives an unreadable recording."""
    pictures = shown(recorded([scene(step) for step in range(8)], settings))
    assert len(pictures) == 8
    # Chroma at half resolution alone costs about 6 levels at the edges of this scene.
    assert max(error(picture, step) for step, picture in enumerate(pictures)) < 12


@pytest.mark.parametrize("codec", list(VideoCodec))
def test_better_qualities_are_closer_and_larger(codec: VideoCodec) -> None:
    """Harm: the names of the qualities mean nothing."""
    scenes = [page(320, 192, seed=seed) for seed in range(3)]
    files = [recorded(scenes, settings) for settings in KINDS if settings.codec is codec]
    alike = [
        np.mean([ssim(one[..., :3], other) for one, other in zip(scenes, shown(file), strict=True)]) for file in files
    ]
    sizes = [len(file) for file in files]
    assert sizes == sorted(sizes)
    assert alike == sorted(alike)


@each_exact
def test_lossless_gives_back_every_pixel(settings: Settings) -> None:
    """Harm: lossless is a lie: the conversion to luma and chroma rounds."""
    screens = [noise(96, 64, 1), page(96, 64), page(96, 64, dark=True, colours=True), noise(96, 64, 2)]
    screens.append(screens[-1])
    for screen, picture in zip(screens, shown(recorded(screens, settings)), strict=True):
        assert np.array_equal(picture, screen[..., :3])


def test_lossless_of_an_odd_size_keeps_its_pixels_and_repeats_the_last() -> None:
    """Harm: a region of odd size is not exact, or shifted by one."""
    screen = noise(97, 63, 3)
    for settings in EXACT:
        (picture,) = shown(recorded([screen], settings))
        assert picture.shape == (64, 98, 3)
        assert np.array_equal(picture, np.pad(screen, ((0, 1), (0, 1), (0, 0)), mode="edge")[..., :3])


def test_lossless_av1_is_refused_with_what_to_do_instead() -> None:
    """Harm: what is called lossless has lost three quarters of its colours."""
    with pytest.raises(RequestRejected, match="AV1 cannot be recorded lossless") as caught:
        settings_for(VideoCodec.AV1, Quality.LOSSLESS)
    assert caught.value.code == ErrorCode.INVALID_REQUEST
    assert "h264 or hevc" in caught.value.remedy


@each_medium
def test_keyframes_come_only_when_asked_for_and_frames_at_once(settings: Settings) -> None:
    """Harm: a still hour is full of keyframes, nothing can be decoded after a pause, or the last frames are missing."""
    picture = YuvPicture(WIDTH, HEIGHT)
    encoder = VideoEncoder(WIDTH, HEIGHT, 30, settings)
    # `encode` raises unless each frame gives its packet.
    frames = [encoder.encode(picture.frame, step * 3000, keyframe=step in {0, 12}) for step in range(20)]
    encoder.close()
    encoder.close()
    assert [index for index, frame in enumerate(frames) if frame.keyframe] == [0, 12]
    assert [frame.packet.pts for frame in frames] == [frame.packet.dts for frame in frames]


@each_medium
def test_a_chunk_that_begins_with_a_keyframe_needs_nothing_before(settings: Settings) -> None:
    """Harm: the key frame is one in name only: parts of it, or what follows, refer to frames before."""
    picture = YuvPicture(WIDTH, HEIGHT)
    encoder = VideoEncoder(WIDTH, HEIGHT, 30, settings)
    planes = samples_of(picture.frame.planes[0])
    packets = []
    for step in range(12):
        planes[:] = 20 + 15 * step
        packets.append(encoder.encode(picture.frame, step * 3000, keyframe=step % 6 == 0).packet)
    encoder.fragment(packets[:6], 18_000)
    late = encoder.init + encoder.fragment(packets[6:], 36_000)
    encoder.close()
    with av.open(io.BytesIO(late), "r") as container:
        levels = [bytes(frame.planes[0])[0] for frame in container.decode(video=0)]
    assert np.allclose(levels, [20 + 15 * step for step in range(6, 12)], atol=4)


@each_kind
def test_other_programs_know_codec_matrix_and_range(settings: Settings, tmp_path: Path) -> None:
    """Harm: players guess BT.709 for large pictures and show wrong colours, or do not know what the track is."""
    path = tmp_path / "colours.mp4"
    path.write_bytes(recorded([scene(0), scene(1)], settings))
    probed = subprocess.run(
        ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", str(path)],
        check=True,
        capture_output=True,
        timeout=30,
    )
    assert probed.stderr == b""
    (stream,) = json.loads(probed.stdout)["streams"]
    tags = {VideoCodec.H264: "avc1", VideoCodec.HEVC: "hvc1", VideoCodec.AV1: "av01"}
    assert (stream["codec_name"], stream["codec_tag_string"]) == (settings.codec, tags[settings.codec])
    assert int(stream["nb_read_frames"]) == 2
    exact = settings.pixels.exact
    declared = (stream["pix_fmt"], stream["color_space"], stream["color_range"], stream["color_primaries"])
    assert declared == ("gbrp", "gbr", "pc", "bt709") if exact else ("yuv420p", "smpte170m", "tv", "bt709")


@each_medium
def test_full_colours_and_greys_come_back_as_they_were(settings: Settings) -> None:
    """Harm: the file declares another matrix or range than it holds: black is grey, red is orange."""
    screens = [np.full((64, 64, 4), (*colour, 0), np.uint8) for colour in PURE]
    for colour, picture in zip(PURE, shown(recorded(screens, settings)), strict=True):
        worst = int(np.abs(picture.astype(int) - colour).max())
        assert worst <= 2, (colour, picture[32, 32].tolist())


@each_medium
@pytest.mark.parametrize("dark", [False, True])
def test_small_text_stays_legible(settings: Settings, *, dark: bool) -> None:
    """Harm: nobody can read the recorded terminal."""
    screen = page(dark=dark)
    picture = shown(recorded([screen, screen], settings))[-1]
    assert ssim(screen[..., :3], picture) >= 0.97
    assert ssim(luma(screen[..., :3]), luma(picture)) >= 0.97


@each_medium
def test_small_coloured_text_keeps_its_shapes(settings: Settings) -> None:
    """Harm: code in colours cannot be read. Of the colours a quarter is kept, so they alone are less alike."""
    screen = page(dark=True, colours=True)
    picture = shown(recorded([screen, screen], settings))[-1]
    assert ssim(luma(screen[..., :3]), luma(picture)) >= 0.97
    assert ssim(screen[..., :3], picture) >= 0.90


@each_medium
def test_frames_keep_their_times(settings: Settings) -> None:
    """Harm: variable frame rate is flattened to a constant one."""
    picture = YuvPicture(64, 64)
    encoder = VideoEncoder(64, 64, 30, settings)
    times = [0, 17, 3000, 90_000, 90_001]
    packets = [encoder.encode(picture.frame, ticks, keyframe=ticks == 0).packet for ticks in times]
    data = encoder.init + encoder.fragment(packets, 100_000)
    encoder.close()
    with av.open(io.BytesIO(data), "r") as container:
        found = [(packet.pts, packet.duration) for packet in container.demux(video=0) if packet.size]
    assert [pts for pts, _ in found] == times
    assert found[-1] == (90_001, 9_999)


@pytest.mark.parametrize("settings", MEDIUM + EXACT, ids=name)
def test_a_still_picture_costs_next_to_nothing(settings: Settings) -> None:
    """Harm: an idle hour takes more than 5 MB."""
    picture = picture_for(settings.pixels, 1920, 1080)
    picture.update([Band(Rect(0, 0, 640, 352), page())])
    encoder = VideoEncoder(1920, 1080, 30, settings)
    first = encoder.encode(picture.frame, 0, keyframe=True)
    repeat = encoder.encode(picture.frame, 135_000, keyframe=False)
    chunk = encoder.fragment([repeat.packet], 270_000)
    encoder.close()
    assert first.keyframe
    assert len(chunk) * 2400 < 5_000_000 // 2


@each_medium
def test_noise_stays_under_the_ceiling_in_one_track(settings: Settings) -> None:
    """Harm: an hour of television snow fills the disk; or the change of quantiser makes the rest undecodable."""
    low = dataclasses.replace(settings, ceiling=10_000_000)
    picture = YuvPicture(640, 352)
    encoder = VideoEncoder(640, 352, 30, low)
    share = 640 * 352 / (1920 * 1080)
    planes = samples_of(picture.frame.planes[0])
    snow = [np.random.default_rng(seed).integers(16, 236, planes.size, np.uint8) for seed in range(5)]
    init, frames, calm = encoder.init, [], page(640, 352)
    for step in range(90):
        planes[:] = snow[step % 5]
        frames.append(encoder.encode(picture.frame, step * 3000, keyframe=step == 0))
    assert encoder.init == init
    assert 1 < sum(frame.keyframe for frame in frames) < 8
    unbounded = frames[0].size * 90
    written = sum(frame.size for frame in frames)
    assert written < unbounded / 4
    if settings.codec is not VideoCodec.AV1:
        assert 8 * written < 3 * share * 10_000_000 * 1.6
    # The snow is over: the page that follows after a moment is as sharp as ever.
    shapes = cv2.cvtColor(calm, cv2.COLOR_BGRA2YUV_I420)[:352]
    planes.reshape(352, -1)[:, :640] = shapes
    for plane in picture.frame.planes:
        if plane.width < 640:
            samples_of(plane)[:] = 128
    frames.append(encoder.encode(picture.frame, 90 * 3000 + 60_000, keyframe=False))
    chunks = [encoder.fragment([each.packet for each in group], end) for group, end in ((frames, 400_000),)]
    encoder.close()
    pictures = shown(init + b"".join(chunks))
    assert len(pictures) == 91
    assert ssim(calm[..., :3], pictures[-1]) >= 0.97


def test_chunks_are_numbered_on_when_the_quantiser_changes() -> None:
    """Harm: a player that goes by the sequence numbers of fragments throws away what comes after the change."""
    settings = dataclasses.replace(MEDIUM[0], ceiling=1_000_000)
    picture = YuvPicture(320, 192)
    encoder = VideoEncoder(320, 192, 30, settings)
    planes = samples_of(picture.frame.planes[0])
    numbers, keys = [], 0
    for step in range(40):
        planes[:] = np.random.default_rng(step).integers(16, 236, planes.size, np.uint8)
        frame = encoder.encode(picture.frame, step * 3000, keyframe=step == 0)
        keys += frame.keyframe
        chunk = encoder.fragment([frame.packet], (step + 1) * 3000)
        numbers.append(int.from_bytes(chunk[chunk.index(b"mfhd") + 8 :][:4], "big"))
        (sample,) = parse_chunk(chunk, parse_init(encoder.init))
        assert (sample.dts, sample.sync) == (step * 3000, frame.keyframe)
    encoder.close()
    assert keys > 1
    assert numbers == list(range(1, 41))


def test_an_installation_without_the_encoder_is_told_once_and_clearly() -> None:
    """Harm: a traceback of FFmpeg where `pip install av` is the answer."""
    missing = dataclasses.replace(settings_for(VideoCodec.HEVC, Quality.LOW), name="libx265-not-built")
    with pytest.raises(RequestRejected, match="no libx265-not-built") as caught:
        VideoEncoder(64, 64, 30, missing)
    assert caught.value.code == ErrorCode.DEVICE_FAILED
    assert "--codec h264" in caught.value.remedy
