"""Where the rows of our own menu are, and that the pointer hits what is drawn there."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld_client.tray.menu import SEPARATOR, Action, Entry
from reeld_client.tray.popup import WIDTH_MAX_PX, Popup, beside

ENTRIES = [Entry("Recording"), SEPARATOR, Entry("Stop", Action.STOP), Entry("Mark", Action.MARK, enabled=False)]
LINES = st.one_of(
    st.just(SEPARATOR),
    st.builds(
        Entry, st.text(max_size=20), st.sampled_from([None, *Action]), st.booleans(), st.sampled_from([None, True])
    ),
)


def test_only_entries_that_do_something_are_hit() -> None:
    popup = Popup(ENTRIES)
    hit = {popup.row_at(20, y) for y in range(popup.size[1])}
    assert hit == {None, 2}
    assert popup.row_at(20, popup.top(2)) == 2
    assert popup.row_at(20, popup.top(3)) is None
    assert popup.row_at(-1, popup.top(2)) is None
    assert popup.row_at(popup.size[0], popup.top(2)) is None


def test_the_chosen_row_is_marked_and_no_other() -> None:
    popup = Popup(ENTRIES)
    changed = np.asarray(popup.draw(2), dtype=int) != np.asarray(popup.draw(), dtype=int)
    rows = np.flatnonzero(changed.any(axis=(1, 2)))
    assert (rows[0], rows[-1]) == (popup.top(2), popup.top(3) - 1)


def test_a_switch_shows_whether_it_is_on() -> None:
    on, off = (Popup([Entry("Private", Action.PRIVATE_ON, checked=checked)]).draw() for checked in (True, False))
    assert on.tobytes() != off.tobytes()


def test_a_long_line_does_not_make_a_menu_wider_than_the_screen() -> None:
    assert Popup([Entry("W" * 500)]).size[0] == WIDTH_MAX_PX


def test_keys_go_around_and_pass_over_what_cannot_be_chosen() -> None:
    popup = Popup([*ENTRIES, Entry("Quit", Action.QUIT)])
    assert [popup.step(None, 1), popup.step(2, 1), popup.step(4, 1)] == [2, 4, 2]
    assert [popup.step(None, -1), popup.step(2, -1), popup.step(4, -1)] == [4, 4, 2]
    assert Popup([Entry("only text")]).step(None, 1) is None


@settings(max_examples=50)
@given(st.lists(LINES, max_size=8), st.integers(-50, 900), st.integers(-50, 500))
def test_what_is_hit_is_inside_and_can_be_chosen(entries: list[Entry], x: int, y: int) -> None:
    popup = Popup(entries)
    row = popup.row_at(x, y)
    assert popup.draw(row).size == popup.size
    if row is not None:
        assert popup.holds(x, y)
        assert entries[row].can_be_chosen
        assert popup.top(row) <= y < popup.top(row + 1)


@given(st.integers(0, 1896), st.integers(0, 1056), st.integers(1, 560), st.integers(1, 500))
def test_a_menu_is_on_the_screen_and_beside_its_icon(x: int, y: int, width: int, height: int) -> None:
    """Under the icon, the click that opened it would choose."""
    left, top = beside((x, y, 24, 24), (width, height), (1920, 1080))
    assert 0 <= left <= 1920 - width
    assert 0 <= top <= 1080 - height
    assert top >= y + 24 or top + height <= y
