"""Several sources in one picture. Harm guarded against: what one shows is missing, misplaced, or shown twice."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.capture import scene as scene_module
from reeld.capture.api import Rect, Size
from reeld.capture.convert import YuvPicture
from reeld.capture.layouts import SPACING, arrange
from reeld.capture.scene import Part, Scene
from reeld_proto.errors import RequestRejected
from reeld_proto.records import Arrangement, Layout
from tests.daemon.capture.canvas import BLACK, BLUE, GREEN, RED, WHITE
from tests.daemon.capture.fake_source import FakeSource

GRID = Arrangement(layout=Layout.GRID)
SMALL = Size(64, 48)


class House:
    """Fake sources, and the scenes of them; everything is closed at the end."""

    def __init__(self) -> None:
        self.sources: list[FakeSource] = []
        self.scenes: list[Scene] = []
        self.lost: list[tuple[str, str | None]] = []

    def part(self, width: int = SMALL.width, height: int = SMALL.height, colour: int = BLACK) -> Part:
        source = FakeSource(width, height)
        source.paint(colour)
        self.sources.append(source)
        return Part(f"source-{len(self.sources)}", source)

    def scene(self, parts: Sequence[Part], arrangement: Arrangement, output: Size) -> Scene:
        made = Scene(
            parts,
            arrangement,
            output,
            make_picture=YuvPicture,
            on_lost=lambda label, error: self.lost.append((label, None if error is None else str(error))),
        )
        self.scenes.append(made)
        made.open()
        return made

    def close(self) -> None:
        for made in self.scenes:
            made.close()
        for source in self.sources:
            source.dispose()


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.close()


def fake(part: Part) -> FakeSource:
    assert isinstance(part.source, FakeSource)
    return part.source


def rgb(scene: Scene) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    """The picture as colours of 0 or 255."""
    return (scene.picture.frame.to_ndarray(format="rgb24") > 128).astype(np.uint8) * 255


def colour_at(scene: Scene, x: int, y: int) -> int:
    red, green, blue = (int(value) for value in rgb(scene)[y, x])
    return red << 16 | green << 8 | blue


def settle(scene: Scene) -> None:
    scene.grab(full=True)
    assert scene.changed_ns() is None


def test_each_source_is_in_its_cell_and_the_rest_is_black(house: House) -> None:
    parts = [house.part(colour=RED), house.part(colour=GREEN)]
    scene = house.scene(parts, GRID, Size(2 * 64 + SPACING, 48))
    assert scene.grab(full=True).changed
    assert (colour_at(scene, 30, 20), colour_at(scene, 64 + SPACING + 30, 20)) == (RED, GREEN)
    assert colour_at(scene, 65, 20) == BLACK


def test_only_the_source_that_changed_is_read(house: House) -> None:
    """Harm: a second monitor that stands still costs as much as the one that moves."""
    parts = [house.part(colour=RED), house.part(colour=GREEN)]
    scene = house.scene(parts, GRID, Size(2 * 64 + SPACING, 48))
    settle(scene)
    before = [len(fake(part).grabs) for part in parts]
    fake(parts[1]).paint(BLUE, Rect(0, 0, 20, 20))
    assert scene.changed_ns() is not None
    assert scene.grab(full=False).changed
    assert [len(fake(part).grabs) for part in parts] == [before[0], before[1] + 1]
    assert (colour_at(scene, 64 + SPACING + 10, 10), colour_at(scene, 64 + SPACING + 40, 40)) == (BLUE, GREEN)
    assert scene.changed_ns() is None


def test_the_same_drawn_again_is_no_change(house: House) -> None:
    """Harm: an idle grid is encoded again and again."""
    parts = [house.part(colour=RED), house.part(colour=GREEN)]
    scene = house.scene(parts, GRID, Size(2 * 64 + SPACING, 48))
    settle(scene)
    fake(parts[0]).paint(RED)
    assert not scene.grab(full=False).changed


@pytest.mark.parametrize("arrangement", [GRID, Arrangement(layout=Layout.SIDE_BY_SIDE), Arrangement(layout=Layout.PIP)])
@settings(max_examples=25, deadline=None)
@given(
    data=st.data(),
    output=st.sampled_from([Size(132, 48), Size(100, 100), Size(300, 200), Size(64, 48)]),
)
def test_piece_by_piece_is_what_all_at_once_makes(arrangement: Arrangement, data: st.DataObject, output: Size) -> None:
    """Harm: remains of the former picture between the parts that changed."""
    house = House()
    try:
        shapes = data.draw(st.lists(st.sampled_from([(64, 48), (96, 64), (62, 90)]), min_size=2, max_size=4))
        parts = [house.part(*shape) for shape in shapes]
        scene = house.scene(parts, arrangement, output)
        scene.grab(full=True)
        for _ in range(data.draw(st.integers(1, 6))):
            source = fake(data.draw(st.sampled_from(parts)))
            x, y = 2 * data.draw(st.integers(0, 20)), 2 * data.draw(st.integers(0, 20))
            where = Rect(x, y, min(20, source.whole.width - x), min(12, source.whole.height - y))
            source.paint(data.draw(st.integers(0, 0xFFFFFF)), where)
            scene.grab(full=False)
        fresh = Scene(parts, arrangement, output, make_picture=YuvPicture)
        for part in parts:
            part.source.close()
        fresh.open()
        fresh.grab(full=True)
        for whole, piecewise in zip(fresh.picture.planes, scene.picture.planes, strict=True):
            assert np.abs(whole.astype(int) - piecewise).max() <= 1
    finally:
        house.close()


def test_a_layout_can_be_exchanged_while_it_is_recorded(house: House) -> None:
    parts = [house.part(colour=RED), house.part(colour=GREEN)]
    output = Size(2 * 64 + SPACING, 96)
    scene = house.scene(parts, GRID, output)
    settle(scene)
    scene.rearrange(Arrangement(layout=Layout.GRID, columns=1), parts)
    assert scene.changed_ns() is not None
    assert scene.grab(full=False).changed
    upper, lower = arrange(Arrangement(layout=Layout.GRID, columns=1), [SMALL, SMALL], output)
    for cell, colour in ((upper, RED), (lower, GREEN)):
        assert colour_at(scene, cell.where.x + 10, cell.where.y + 10) == colour
    assert colour_at(scene, 2, 2) == BLACK
    assert [fake(part).opened for part in parts] == [1, 1]


def test_sources_come_and_go_while_it_is_recorded(house: House) -> None:
    first, second = house.part(colour=RED), house.part(colour=GREEN)
    scene = house.scene([first], Arrangement(), Size(2 * 64 + SPACING, 48))
    settle(scene)
    scene.rearrange(GRID, [first, second])
    scene.grab(full=False)
    assert (colour_at(scene, 10, 10), colour_at(scene, 64 + SPACING + 10, 10)) == (RED, GREEN)
    scene.rearrange(Arrangement(), [second])
    scene.grab(full=False)
    assert scene.parts == [second]
    with pytest.raises(RequestRejected):
        first.source.grab(full=True)
    assert colour_at(scene, 66, 24) == GREEN


def test_a_source_that_cannot_be_opened_changes_nothing(house: House) -> None:
    first, second = house.part(colour=RED), house.part(colour=GREEN)
    scene = house.scene([first], Arrangement(), SMALL)
    settle(scene)
    fake(second).present = False
    with pytest.raises(RequestRejected, match="no desktop"):
        scene.rearrange(GRID, [first, second])
    assert scene.changed_ns() is None
    assert scene.parts == [first]


def test_a_lost_source_leaves_black_and_comes_back(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Harm: the other monitors are not recorded any more, or the last picture of the lost one is shown for hours."""
    monkeypatch.setattr(scene_module, "REOPEN_NS", 0)
    parts = [house.part(colour=RED), house.part(colour=GREEN)]
    scene = house.scene(parts, GRID, Size(2 * 64 + SPACING, 48))
    settle(scene)
    fake(parts[1]).vanish()
    assert scene.changed_ns() is not None
    assert scene.grab(full=False).changed
    assert (colour_at(scene, 10, 10), colour_at(scene, 64 + SPACING + 10, 10)) == (RED, BLACK)
    assert house.lost == [("source-2", "the desktop is gone")]
    assert scene.changed_ns() is None
    fake(parts[0]).paint(WHITE)
    scene.grab(full=False)
    assert colour_at(scene, 10, 10) == WHITE
    fake(parts[1]).present = True
    assert scene.changed_ns() is not None
    scene.grab(full=False)
    assert colour_at(scene, 64 + SPACING + 10, 10) == GREEN
    assert house.lost[1] == ("source-2", None)


def test_the_last_source_that_is_lost_is_the_scene(house: House) -> None:
    """Harm: a recorder writes black for hours instead of a gap that says why."""
    parts = [house.part(), house.part()]
    scene = house.scene(parts, GRID, Size(2 * 64 + SPACING, 48))
    settle(scene)
    for part in parts:
        fake(part).present = False
    with pytest.raises(RequestRejected, match="gone"):
        scene.changed_ns()
    scene.close()
    with pytest.raises(RequestRejected):
        scene.open()
    fake(parts[0]).present = True
    scene.open()
    assert scene.grab(full=True).changed


def test_at_the_start_every_source_must_be_there(house: House) -> None:
    parts = [house.part(), house.part()]
    fake(parts[1]).present = False
    with pytest.raises(RequestRejected, match="no desktop"):
        house.scene(parts, GRID, Size(2 * 64 + SPACING, 48))
    with pytest.raises(RequestRejected):
        parts[0].source.grab(full=True)


def test_a_source_that_changes_its_size_is_fitted_into_its_cell_again(house: House) -> None:
    """Harm: after a change of resolution the picture is stretched, cut off, or the recorder dies."""
    part = house.part(colour=RED)
    scene = house.scene([part], Arrangement(), SMALL)
    settle(scene)
    fake(part).resize(32, 24)
    fake(part).paint(GREEN)
    assert scene.grab(full=False).changed
    assert (colour_at(scene, 32, 24), colour_at(scene, 4, 4)) == (GREEN, BLACK)
    fake(part).resize(128, 96)
    fake(part).paint(BLUE)
    assert scene.grab(full=False).changed
    assert {colour_at(scene, x, y) for x in (1, 32, 62) for y in (1, 24, 46)} == {BLUE}


def test_the_main_picture_shows_through_the_round_corners_only(house: House) -> None:
    parts = [house.part(320, 240, RED), house.part(320, 240, GREEN)]
    arrangement = Arrangement(layout=Layout.PIP)
    scene = house.scene(parts, arrangement, Size(320, 240))
    settle(scene)
    where = arrange(arrangement, [Size(320, 240)] * 2, Size(320, 240))[1].where
    assert colour_at(scene, where.x + 20, where.y + 20) == GREEN
    for x, y in ((0, 0), (where.width - 1, 0), (0, where.height - 1), (where.width - 1, where.height - 1)):
        assert colour_at(scene, where.x + x, where.y + y) == RED
    fake(parts[0]).paint(BLUE)
    scene.grab(full=False)
    assert colour_at(scene, where.x, where.y) == BLUE
    assert colour_at(scene, where.x + 20, where.y + 20) == GREEN
