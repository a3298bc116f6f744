from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.capture.x11_wanted import successor, titles_alike
from reeld_proto.records import WindowSource


def window(window_id: str, title: str, app: str = "Editor") -> WindowSource:
    return WindowSource(id=window_id, title=title, app=app, x=0, y=0, width=1, height=1)


NOTES = "notes.txt - Editor"


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("notes.txt - Editor", "notes.txt - Editor", True),
        ("notes.txt - Editor", "other.txt - Editor", True),
        ("Page A \u2014 Browser", "Page B \u2014 Browser", True),
        ("Page A \u2014 Browser", "Page B \u2014 Browser Private", False),
        ("notes.txt", "notes.txt - Editor", True),
        ("notes.txt - Editor", "bank.txt - Ledger", False),
        ("well-known", "well-hidden", False),
        ("", "x", False),
    ],
)
def test_titles_are_alike_by_document_or_program(one: str, other: str, alike: bool) -> None:
    """Harm: the window with another document is missed, or a private one is recorded."""
    assert titles_alike(one, other) is alike
    assert titles_alike(other, one) is alike


@pytest.mark.parametrize(
    ("windows", "others", "found"),
    [
        ([window("0x2", NOTES)], [], "0x2"),
        ([window("0x2", "b.txt - Editor")], [], "0x2"),
        ([window("0x2", "b.txt - Editor"), window("0x3", NOTES)], [], "0x3"),
        ([window("0x2", NOTES)], ["0x2"], None),
        ([window("0x2", NOTES)], None, "0x2"),
        ([window("0x2", "b.txt - Editor")], None, None),
        ([window("0x2", NOTES, "Other")], [], None),
        ([window("0x2", "start page")], [], None),
        ([], [], None),
    ],
    ids=[
        "the same title",
        "the same program, another document",
        "the same title before a like one",
        "a window that was there before",
        "after a restart of the worker: the same title",
        "after a restart of the worker: nothing by guess",
        "another program with the same title",
        "another kind of window",
        "nothing",
    ],
)
def test_the_successor_is_a_new_window_of_the_program(
    windows: list[WindowSource], others: list[str] | None, found: str | None
) -> None:
    """Harm: after closing and opening again nothing is recorded, or a window that nobody chose."""
    chosen = successor(windows, "Editor", [NOTES, "last.txt - Editor"], others)
    assert (chosen.id if chosen else None) == found


_WINDOWS = st.lists(
    st.builds(
        window,
        st.sampled_from(["0x1", "0x2", "0x3", "0x4"]),
        st.sampled_from([NOTES, "b.txt - Editor", "Private", ""]),
        st.sampled_from(["Editor", "Browser"]),
    ),
    max_size=6,
)


@given(windows=_WINDOWS, others=st.none() | st.lists(st.sampled_from(["0x2", "0x3"])))
def test_what_nobody_chose_is_never_found(windows: Sequence[WindowSource], others: list[str] | None) -> None:
    """Harm: a window of another program, or one that was always beside ours, is recorded."""
    found = successor(windows, "Editor", [NOTES], others)
    if found is not None:
        assert found in windows
        assert found.app == "Editor"
        assert found.id not in (others or [])
        assert titles_alike(found.title, NOTES)
    else:
        assert not any(w.app == "Editor" and w.id not in (others or []) and w.title == NOTES for w in windows)
