import io
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from reeld.capture.api import Band, Rect
from reeld.capture.convert import YuvPicture
from reeld.media.h264 import TIMESCALE, VideoEncoder
from reeld_proto.records import Quality

WIDTH, HEIGHT = 320, 200


def scene(step: int) -> np.ndarray:
    """A picture with text and a moving square, BGRA."""
    picture = np.full((HEIGHT, WIDTH, 4), (90, 60, 30, 0), np.uint8)
    cv2.putText(picture, "reeld records", (20, 60), cv2.FONT_HERSHEY_SIMPLEX, 1, (255, 255, 255, 0), 2)
    picture[100:140, 10 + step * 5 : 50 + step * 5] = (0, 220, 255, 0)
    return picture


def encode(quality: Quality, steps: int = 8, keyframes: tuple[int, ...] = (0,)) -> tuple[bytes, list[bool]]:
    """A file of `steps` frames at 10 a second, and which of them are keyframes."""
    picture = YuvPicture(WIDTH, HEIGHT)
    encoder = VideoEncoder(WIDTH, HEIGHT, 30, quality)
    encoded = []
    for step in range(steps):
        picture.update([Band(Rect(0, 0, WIDTH, HEIGHT), scene(step))])
        encoded.append(encoder.encode(picture.frame, step * TIMESCALE // 10, keyframe=step in keyframes))
    data = encoder.init + encoder.fragment([frame.packet for frame in encoded], steps * TIMESCALE // 10)
    encoder.close()
    encoder.close()
    return data, [frame.keyframe for frame in encoded]


def decoded(data: bytes) -> list[np.ndarray]:
    with av.open(io.BytesIO(data), "r") as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


def error(picture: np.ndarray, step: int) -> float:
    """Root mean square difference to the scene, in grey levels."""
    difference = picture.astype(float) - scene(step)[:, :, :3]
    return float(np.sqrt((difference**2).mean()))


@pytest.mark.parametrize("quality", list(Quality))
def test_every_quality_shows_the_scene(quality: Quality) -> None:
    """Harm: a preset gives an unreadable recording."""
    pictures = decoded(encode(quality)[0])
    assert len(pictures) == 8
    # Chroma at half resolution alone costs about 6 levels at the edges of this scene.
    assert max(error(picture, step) for step, picture in enumerate(pictures)) < 12


def test_better_qualities_are_closer_and_larger() -> None:
    """Harm: the names of the qualities mean nothing."""
    order = [Quality.LOW, Quality.MEDIUM, Quality.HIGH, Quality.LOSSLESS]
    files = [encode(quality)[0] for quality in order]
    sizes = [len(data) for data in files]
    errors = [np.mean([error(picture, step) for step, picture in enumerate(decoded(data))]) for data in files]
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)


def test_lossless_loses_nothing_of_the_converted_picture() -> None:
    """Harm: lossless is a lie."""
    picture = YuvPicture(WIDTH, HEIGHT)
    picture.update([Band(Rect(0, 0, WIDTH, HEIGHT), scene(7))])
    with av.open(io.BytesIO(encode(Quality.LOSSLESS)[0]), "r") as container:
        last = list(container.decode(video=0))[-1]
    assert last.to_ndarray().tobytes() == picture.frame.to_ndarray().tobytes()


def test_keyframes_come_only_when_asked_for() -> None:
    """Harm: a still hour is full of keyframes, or nothing can be decoded after a pause."""
    _, keyframes = encode(Quality.MEDIUM, steps=20, keyframes=(0, 12))
    assert [index for index, keyframe in enumerate(keyframes) if keyframe] == [0, 12]


def test_the_stream_declares_the_matrix_and_range_it_holds(tmp_path: Path) -> None:
    """Harm: players guess BT.709 for large pictures and show wrong colours."""
    path = tmp_path / "colours.mp4"
    path.write_bytes(encode(Quality.MEDIUM)[0])
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        declared = (context.colorspace, context.color_range, context.color_primaries, context.color_trc)
        assert [int(value) for value in declared] == [6, 1, 1, 1]
        assert context.pix_fmt == "yuv420p"


def test_frames_keep_their_times() -> None:
    """Harm: variable frame rate is flattened to a constant one."""
    picture = YuvPicture(64, 64)
    encoder = VideoEncoder(64, 64, 30, Quality.MEDIUM)
    times = [0, 17, 3000, 90_000, 90_001]
    packets = [encoder.encode(picture.frame, ticks, keyframe=ticks == 0).packet for ticks in times]
    data = encoder.init + encoder.fragment(packets, 100_000)
    encoder.close()
    with av.open(io.BytesIO(data), "r") as container:
        found = [(packet.pts, packet.duration) for packet in container.demux(video=0) if packet.size]
    assert [pts for pts, _ in found] == times
    assert found[-1] == (90_001, 9_999)


def test_a_still_picture_costs_next_to_nothing() -> None:
    """Harm: an idle hour takes more than 5 MB."""
    picture = YuvPicture(1920, 1080)
    encoder = VideoEncoder(1920, 1080, 30, Quality.MEDIUM)
    first = encoder.encode(picture.frame, 0, keyframe=True)
    repeat = encoder.encode(picture.frame, 135_000, keyframe=False)
    chunk = encoder.fragment([repeat.packet], 270_000)
    encoder.close()
    assert first.keyframe
    assert len(chunk) * 2400 < 5_000_000 // 2
