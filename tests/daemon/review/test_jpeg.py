"""Harm guarded against: a thumbnail in wrong colours or shape, and bytes that end the process instead of an answer."""

import cv2
import numpy as np
import pytest

from reeld.media.still_header import HEADER_VERSION, StillHeader, pack_header
from reeld.review.jpeg import first_picture, still_picture
from reeld_proto.errors import StoreCorrupt
from tests.daemon.media.test_fragments import encode

COLOUR = (30, 90, 200)
"""Blue, green, red."""


def header(kind: str) -> bytes:
    described = StillHeader(
        version=HEADER_VERSION, format=kind, width=640, height=480, hash="", of="video-1", taken_ns=0
    )
    return pack_header(described)


def picture(width: int, height: int, kind: str = "png") -> bytes:
    return bytes(cv2.imencode(f".{kind}", np.full((height, width, 3), COLOUR, np.uint8))[1])


@pytest.mark.parametrize(
    ("width", "height", "shape"),
    [(640, 480, (120, 160)), (1001, 333, (53, 160)), (100, 100, (100, 100)), (33, 1, (1, 33)), (20, 4000, (2048, 20))],
)
def test_it_is_no_wider_than_asked_and_keeps_its_shape(width: int, height: int, shape: tuple[int, int]) -> None:
    found = cv2.imdecode(
        np.frombuffer(still_picture(header("png"), picture(width, height), 160), np.uint8), cv2.IMREAD_COLOR
    )
    assert found is not None
    assert found.shape == (*shape, 3)


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_colours_stay_what_they_are(kind: str) -> None:
    data = still_picture(header(kind), picture(64, 48, kind), 64)
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert found is not None
    assert np.abs(found.astype(int) - COLOUR).max() <= 8


def test_what_is_no_picture_is_told() -> None:
    init, data, *_ = encode([3000], {"preset": "ultrafast", "tune": "zerolatency"})
    assert first_picture(init, data, 64)[:2] == b"\xff\xd8"
    for bad_init, bad in ((init, b"junk"), (b"junk", data)):
        with pytest.raises(StoreCorrupt):
            first_picture(bad_init, bad, 64)
    for bad_header, bad in ((header("png"), b"junk"), (header("png"), b""), (b"junk", picture(8, 8))):
        with pytest.raises(StoreCorrupt):
            still_picture(bad_header, bad, 64)
