"""How a menu looks where the desktop draws none (an XEMBED tray): rows, what is under the pointer, picture. Pure."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from reeld_client.cli.human import printable
from reeld_client.tray.menu import SEPARATOR, Entry

_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf")
_FONT_PX = 14
_ROW_PX = 26
_SEPARATOR_PX = 9
_LEFT_PX = 30
_RIGHT_PX = 18
_MARGIN_PX = 5
WIDTH_MAX_PX = 560
_GROUND = (248, 248, 250)
_CHOSEN = (52, 104, 192)
_TEXT = (24, 26, 30)
_DULL = (150, 154, 160)
_EDGE = (120, 124, 130)


@functools.cache
def font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A font of the system, which knows most scripts; else the one that Pillow brings."""
    for name in _FONTS:
        try:
            return ImageFont.truetype(name, _FONT_PX)
        except OSError:
            continue
    return ImageFont.load_default(_FONT_PX)


@dataclass(frozen=True, slots=True)
class Popup:
    """Entries laid out one below the other. Coordinates are pixels from its upper left corner."""

    entries: Sequence[Entry]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        widest = max((font().getlength(printable(entry.label)) for entry in self.entries), default=0.0)
        width = min(WIDTH_MAX_PX, _LEFT_PX + round(widest) + _RIGHT_PX)
        return width, 2 * _MARGIN_PX + sum(_height(entry) for entry in self.entries)

    def top(self, row: int) -> int:
        """Where a row begins."""
        return _MARGIN_PX + sum(_height(entry) for entry in self.entries[:row])

    def row_at(self, x: int, y: int) -> int | None:
        """The row under the pointer that can be chosen; None elsewhere."""
        if not 0 <= x < self.size[0]:
            return None
        for row, entry in enumerate(self.entries):
            if self.top(row) <= y < self.top(row) + _height(entry):
                return row if entry.can_be_chosen else None
        return None

    def holds(self, x: int, y: int) -> bool:
        """Whether a point is inside."""
        width, height = self.size
        return 0 <= x < width and 0 <= y < height

    def step(self, row: int | None, by: int) -> int | None:
        """The next row that can be chosen, downwards (1) or upwards (-1), around the ends; None without any."""
        count = len(self.entries)
        start = row if row is not None else (-1 if by > 0 else count)
        for distance in range(1, count + 1):
            found = (start + by * distance) % count
            if self.entries[found].can_be_chosen:
                return found
        return None

    def draw(self, chosen: int | None = None) -> Image.Image:
        """RGB, with the chosen row marked."""
        image = Image.new("RGB", self.size, _GROUND)
        draw = ImageDraw.Draw(image)
        width, height = image.size
        for row, entry in enumerate(self.entries):
            top = self.top(row)
            if entry == SEPARATOR:
                middle = top + _SEPARATOR_PX // 2
                draw.line((_MARGIN_PX, middle, width - _MARGIN_PX, middle), fill=(210, 212, 216))
                continue
            if row == chosen:
                draw.rectangle((_MARGIN_PX - 2, top, width - _MARGIN_PX + 1, top + _ROW_PX - 1), fill=_CHOSEN)
            _draw_entry(draw, entry, top + _ROW_PX // 2, is_chosen=row == chosen)
        draw.rectangle((0, 0, width - 1, height - 1), outline=_EDGE)
        return image


def _height(entry: Entry) -> int:
    return _SEPARATOR_PX if entry == SEPARATOR else _ROW_PX


def _draw_entry(draw: ImageDraw.ImageDraw, entry: Entry, middle: int, *, is_chosen: bool) -> None:
    colour = _GROUND if is_chosen else _TEXT if entry.enabled else _DULL
    draw.text((_LEFT_PX, middle), printable(entry.label), fill=colour, font=font(), anchor="lm")
    if entry.checked is not None:
        draw.rectangle((10, middle - 6, 21, middle + 5), outline=colour)
        if entry.checked:
            draw.line((12, middle, 15, middle + 3, 20, middle - 4), fill=colour, width=2)


def beside(icon: tuple[int, int, int, int], size: tuple[int, int], screen: tuple[int, int]) -> tuple[int, int]:
    """Where a popup of `size` goes: below or above the icon (x, y, width, height), wholly on the screen if it fits."""
    x, y, _, height = icon
    below = y + height / 2 < screen[1] / 2
    top = y + height if below else y - size[1]
    return max(0, min(x, screen[0] - size[0])), max(0, min(top, screen[1] - size[1]))
