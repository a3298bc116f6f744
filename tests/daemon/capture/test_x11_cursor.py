from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
import xcffib.xfixes
import xcffib.xproto
from hypothesis import given
from hypothesis import strategies as st

from reeld.capture.api import Band, Pixels, Rect
from reeld.capture.x11_cursor import HIDDEN, Cursor, blend, fetch_cursor, trimmed
from reeld.capture.x11_wire import XConnection
from tests.daemon.capture.canvas import GREEN, Canvas
from tests.daemon.capture.pointing import Hand
from tests.support.desk import VirtualDesk

VIEW = Rect(0, 0, 64, 48)


@pytest.fixture
def connection(at_x_desk: VirtualDesk) -> Iterator[XConnection]:
    opened = XConnection()
    yield opened
    opened.close()


def premultiplied(seed: int, width: int, height: int) -> Pixels:
    """Any picture with alpha; never all transparent."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (height, width, 4), dtype=np.uint8)
    pixels[0, 0, 3] = 255
    pixels[:, :, :3] = np.minimum(pixels[:, :, :3], pixels[:, :, 3:])
    return pixels


def laid_over(picture: Pixels, cursor: Cursor, at: Rect) -> Pixels:
    """The definition, pixel by pixel in real numbers."""
    expected = picture.astype(float)
    for y in range(max(0, at.y), min(at.bottom, picture.shape[0])):
        for x in range(max(0, at.x), min(at.right, picture.shape[1])):
            over = cursor.pixels[y - at.y, x - at.x].astype(float)
            expected[y, x] = over + np.floor(picture[y, x] * (255 - over[3]) / 255 + 0.5)
    return expected[:, :, :3].astype(np.uint8)


def bands_over(picture: Pixels, cuts: list[int]) -> list[Band]:
    """The picture in horizontal bands of its own memory."""
    edges = sorted({0, VIEW.height, *cuts})
    return [Band(Rect(0, top, VIEW.width, bottom - top), picture[top:bottom]) for top, bottom in pairwise(edges)]


@given(
    seed=st.integers(0, 1000),
    x=st.integers(-20, 70),
    y=st.integers(-20, 50),
    cuts=st.lists(st.integers(0, VIEW.height), max_size=3),
)
def test_it_is_laid_over_exactly_wherever_it_is_and_however_the_bands_lie(
    seed: int, x: int, y: int, cuts: list[int]
) -> None:
    """Harm: a fringe around the pointer, or one that is cut at bands or at the picture's edge, or drawn twice."""
    cursor = Cursor(premultiplied(seed, 11, 9), -3, -2)
    picture = np.random.default_rng(seed + 1).integers(0, 256, (VIEW.height, VIEW.width, 4), dtype=np.uint8)
    at = cursor.rect(x, y)
    assert at == Rect(x - 3, y - 2, 11, 9)
    expected = laid_over(picture, cursor, at)
    blend(cursor, at, bands_over(picture, cuts))
    assert np.array_equal(picture[:, :, :3], expected)


def test_colours_brighter_than_their_alpha_do_not_wrap_around() -> None:
    """Harm: a glowing cursor, as some themes have it, turns black."""
    picture = np.full((2, 2, 4), 255, np.uint8)
    bright = Cursor(np.array([[[200, 200, 200, 0]]], np.uint8), 0, 0)
    blend(bright, Rect(0, 0, 1, 1), [Band(Rect(0, 0, 2, 2), picture)])
    assert picture[0, 0].tolist()[:3] == [255, 255, 255]


def test_transparent_edges_are_cut_and_the_hot_spot_stays() -> None:
    """Harm: a large cursor of a small picture costs large bands, or points somewhere else after cutting."""
    pixels = np.zeros((32, 32, 4), np.uint8)
    pixels[5:9, 7:20] = 255
    cursor = trimmed(pixels, 8, 6)
    assert cursor.rect(100, 100) == Rect(99, 99, 13, 4)
    assert trimmed(np.zeros((32, 32, 4), np.uint8), 3, 3) is HIDDEN
    assert HIDDEN.rect(5, 5) is None


def test_the_servers_picture_is_understood(connection: XConnection) -> None:
    """Harm: red and blue are exchanged, rows are shifted, or the pointer points beside what it clicks."""
    with Canvas(300, 300, 100, 100, GREEN) as canvas, Hand() as hand:
        hand.shape(int(canvas.id, 16), 68)
        hand.move(350, 350)
        xfixes = connection.xcb(xcffib.xfixes.key)
        xfixes.QueryVersion(5, 0).reply()
        pixels, hot_x, hot_y = hand.image()
        expected = trimmed(pixels, hot_x, hot_y)
        cursor = fetch_cursor(connection, xfixes)
        assert cursor.pixels.any()
        assert np.array_equal(cursor.pixels, expected.pixels)
        assert (cursor.left, cursor.top) == (expected.left, expected.top)


def test_a_server_without_a_pointer_has_a_hidden_one(connection: XConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Harm: a touch screen without a pointer cannot be recorded."""

    def refuse(*_: object) -> None:
        raise xcffib.xproto.CursorError.__new__(xcffib.xproto.CursorError)

    monkeypatch.setattr(connection, "ask", refuse)
    assert fetch_cursor(connection, None) is HIDDEN
