"""The order of windows against a painter. Harm guarded against: a pixel of a private window that is not masked."""

from hypothesis import given
from hypothesis import strategies as st

from reeld.capture.api import Rect
from reeld.capture.x11_windows import TopWindow, WindowStack

WINDOWS = st.integers(1, 5)
RECTS = st.builds(Rect, st.integers(0, 12), st.integers(0, 12), st.integers(1, 10), st.integers(1, 10))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), WINDOWS, RECTS, st.booleans()),
        st.tuples(st.just("remove"), WINDOWS),
        st.tuples(st.just("restack"), WINDOWS, st.integers(0, 5)),
        st.tuples(st.just("lift"), WINDOWS),
        st.tuples(st.just("map"), WINDOWS, st.booleans()),
    ),
    max_size=30,
)


class Model:
    """The screen as a list of windows, painted from below."""

    def __init__(self) -> None:
        self.order: list[int] = []
        self.windows: dict[int, tuple[Rect, bool]] = {}
        self.mapped: set[int] = set()

    def do(self, step: tuple[object, ...], stack: WindowStack) -> None:
        word, window = step[0], int(str(step[1]))
        if word == "put":
            rect, opaque = step[2], bool(step[3])
            assert isinstance(rect, Rect)
            stack.put(TopWindow(window, rect, opaque=opaque))
            self.take(window)
            self.windows[window] = (rect, opaque)
            self.order.append(window)
        elif word == "remove":
            stack.remove(window)
            self.take(window)
        elif word == "restack":
            above = int(str(step[2]))
            stack.restack(window, above if above != window else 0)
            if window in self.order:
                self.order.remove(window)
                self.order.insert(self.order.index(above) + 1 if above in self.order else 0, window)
        elif word == "lift":
            stack.lift(window)
            if window in self.order:
                self.order.remove(window)
                self.order.append(window)
        elif (known := stack.get(window)) is not None:
            known.mapped = bool(step[2])
            self.mapped = self.mapped | {window} if known.mapped else self.mapped - {window}

    def take(self, window: int) -> None:
        if window in self.order:
            self.order.remove(window)
        self.windows.pop(window, None)
        self.mapped.discard(window)

    def seen(self, private: int, *, see_through: bool) -> set[tuple[int, int]]:
        """Pixels in which `private` may show: nothing opaque was painted over it."""
        shown: set[tuple[int, int]] = set()
        for window in self.order:
            if window not in self.mapped:
                continue
            rect, opaque = self.windows[window]
            area = {(x, y) for x in range(rect.x, rect.right) for y in range(rect.y, rect.bottom)}
            if window == private:
                shown = area
            elif opaque and not see_through:
                shown -= area
        return shown


@given(STEPS, st.booleans())
def test_what_shows_of_a_window_is_what_a_painter_leaves_of_it(steps: list[tuple[object, ...]], through: bool) -> None:
    stack, model = WindowStack(), Model()
    for step in steps:
        model.do(step, stack)
    shown = stack.visible(range(1, 6), lambda window: window.opaque and not through)
    for window in range(1, 6):
        rects = shown.get(window, [])
        found = {(x, y) for rect in rects for x in range(rect.x, rect.right) for y in range(rect.y, rect.bottom)}
        assert found == model.seen(window, see_through=through)


def test_windows_that_are_not_known_change_nothing() -> None:
    """Harm: an event about a window that has closed ends the recording."""
    stack = WindowStack()
    stack.remove(7)
    stack.restack(7, 0)
    stack.lift(7)
    assert stack.get(7) is None
    assert 7 not in stack
    assert stack.visible({7}, lambda _: True) == {}
