"""The icons, drawn as needed: a shape and a colour for each state, so that neither alone must be told apart."""

from PIL import Image, ImageDraw

from reeld_client.tray.model import Face

_SCALE = 8
"""Drawn this much larger and scaled down, for Pillow draws without antialiasing."""
TILE = (40, 44, 52, 255)
"""Dark behind the light shapes: readable on light and dark panels."""
_LIGHT = (222, 226, 232, 255)
_DIM = (128, 134, 144, 255)
_RED = (240, 64, 60, 255)
_AMBER = (255, 190, 50, 255)
_VIOLET = (178, 142, 255, 255)
_CLEAR = (0, 0, 0, 0)


def icon(face: Face, edge: int, *, rounded: bool = True) -> Image.Image:
    """RGBA, `edge` pixels square. rounded: transparent corners, for trays that know transparency."""
    whole = edge * _SCALE
    image = Image.new("RGBA", (whole, whole), _CLEAR if rounded else TILE)
    pen = _Pen(ImageDraw.Draw(image), whole)
    if rounded:
        pen.draw.rounded_rectangle((0, 0, whole - 1, whole - 1), radius=whole // 5, fill=TILE)
    _SHAPES[face](pen)
    return image.resize((edge, edge), Image.Resampling.LANCZOS)


class _Pen:
    """Draws in hundredths of the icon's edge."""

    def __init__(self, draw: ImageDraw.ImageDraw, whole: int) -> None:
        self.draw = draw
        self._unit = whole / 100

    def at(self, *numbers: float) -> list[float]:
        return [number * self._unit for number in numbers]

    def ring(self, colour: tuple[int, ...], width: float = 10) -> None:
        self.draw.ellipse(self.at(18, 18, 82, 82), outline=colour, width=round(width * self._unit))

    def bar(self, colour: tuple[int, ...], *box: float) -> None:
        self.draw.rectangle(self.at(*box), fill=colour)


def _idle(pen: _Pen) -> None:
    pen.ring(_LIGHT)
    pen.draw.ellipse(pen.at(40, 40, 60, 60), fill=_LIGHT)


def _recording(pen: _Pen) -> None:
    pen.draw.ellipse(pen.at(16, 16, 84, 84), fill=_RED)


def _paused(pen: _Pen) -> None:
    pen.bar(_LIGHT, 24, 20, 42, 80)
    pen.bar(_LIGHT, 58, 20, 76, 80)


def _attention(pen: _Pen) -> None:
    pen.draw.polygon(pen.at(50, 10, 94, 88, 6, 88), fill=_AMBER)
    pen.bar(TILE, 45, 36, 55, 64)
    pen.bar(TILE, 45, 70, 55, 80)


def _private(pen: _Pen) -> None:
    """An eye, crossed out."""
    pen.draw.ellipse(pen.at(8, 28, 92, 72), outline=_VIOLET, width=round(pen.at(8)[0]))
    pen.draw.ellipse(pen.at(38, 38, 62, 62), fill=_VIOLET)
    pen.draw.line(pen.at(16, 90, 84, 10), fill=TILE, width=round(pen.at(22)[0]))
    pen.draw.line(pen.at(16, 90, 84, 10), fill=_VIOLET, width=round(pen.at(9)[0]))


def _no_daemon(pen: _Pen) -> None:
    pen.ring(_DIM, 8)
    pen.draw.line(pen.at(28, 72, 72, 28), fill=_DIM, width=round(pen.at(8)[0]))


_SHAPES = {
    Face.IDLE: _idle,
    Face.RECORDING: _recording,
    Face.PAUSED: _paused,
    Face.ATTENTION: _attention,
    Face.PRIVATE: _private,
    Face.NO_DAEMON: _no_daemon,
}
