"""What could be read on screens. Harms guarded against: a still that stays is told as many, one that nobody read hides
the others, and what was on a forgotten still can be read all the same."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from reeld.store import chunks, sessions
from reeld.store.environment import StoreEnvironment
from reeld.store.shown_text import View, pages_at, views_of
from reeld_proto.findings import PageText
from tests.daemon.export.cutting import check, derive
from tests.daemon.store.builders import NS, SESSION, chunk, creation, land, new_store, still
from tests.daemon.store.found import STILLS, end, film_with_stills, forget, keep, page, result, spoken

OTHER = "snapshots-2"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreEnvironment]:
    with new_store(tmp_path / "store", creation(tracks=("video-1", STILLS, OTHER, "mix"))) as opened:
        yield opened


def views(store: StoreEnvironment, session: str = SESSION) -> list[View]:
    with store.read() as txn:
        return views_of(txn, sessions.load(txn, session))


def shown(store: StoreEnvironment, session: str = SESSION) -> list[tuple[float, float, list[str] | None]]:
    return [
        (
            view.start_ns / NS,
            view.end_ns / NS,
            None if view.page is None else [line.text for line in view.page.lines],
        )
        for view in views(store, session)
    ]


def at(store: StoreEnvironment, second: float, session: str = SESSION) -> list[tuple[str, PageText]]:
    with store.read() as txn:
        return list(pages_at(txn, sessions.load(txn, session), round(second * NS)))


def test_a_still_that_stays_on_view_is_one_view_however_often_that_is_told(store: StoreEnvironment) -> None:
    land(store, chunk(0, 90 * NS))
    for start in (0, 30, 60):
        land(store, still(start * NS, (start + 30) * NS, b"desk", taken_ns=0, frames=int(not start)))
    keep(store, result(b"desk", page("Inbox", "Outbox")))
    (view,) = views(store)
    assert (view.start_ns, view.end_ns, view.track) == (0, 90 * NS, STILLS)
    assert view.source == chunks.digest_of(b"desk")
    assert view.page == page("Inbox", "Outbox")
    # A hit is looked up where the view began; nothing came on view at the other instants.
    assert [[track for track, _ in at(store, second)] for second in (0, 30, 15)] == [[STILLS], [STILLS], []]


def test_a_still_that_comes_back_is_another_view_with_the_same_text(store: StoreEnvironment) -> None:
    film_with_stills(store, (0, 2, b"desk"), (2, 3, b"mail"), (3, 5, b"desk"))
    keep(store, result(b"desk", page("Inbox")))
    assert shown(store) == [(0, 2, ["Inbox"]), (2, 3, None), (3, 5, ["Inbox"])]


def test_a_still_after_a_gap_is_another_view(store: StoreEnvironment) -> None:
    film_with_stills(store, (0, 2, b"desk"), (2, 6, b"other"), (6, 7, b"desk"))
    end(store, 7)
    forget(store, 2, 6)
    keep(store, result(b"desk", page("Inbox")))
    assert shown(store) == [(0, 2, ["Inbox"]), (6, 7, ["Inbox"])]


def test_a_still_that_nobody_read_is_a_view_and_hides_no_other(store: StoreEnvironment) -> None:
    film_with_stills(store, (0, 1, b"one"), (1, 2, b"two"), (2, 3, b"three"))
    keep(store, result(b"two", page()), result(b"three", page("Text")))
    assert shown(store) == [(0, 1, None), (1, 2, []), (2, 3, ["Text"])]
    assert at(store, 0) == []
    assert at(store, 2) == [(STILLS, page("Text"))]


def test_two_screens_are_told_apart_also_at_one_instant(store: StoreEnvironment) -> None:
    land(store, chunk(0, 2 * NS), still(0, 2 * NS, b"left"), still(0, 2 * NS, b"right", track=OTHER))
    keep(store, result(b"left", page("Left")), result(b"right", page("Right")))
    assert [(view.track, view.page) for view in views(store)] == [(STILLS, page("Left")), (OTHER, page("Right"))]
    assert at(store, 0) == [(STILLS, page("Left")), (OTHER, page("Right"))]


def test_what_was_found_in_other_media_is_no_text_of_a_screen(store: StoreEnvironment) -> None:
    film_with_stills(store, (0, 1, b"desk"))
    land(store, chunk(0, NS, b"sound", track="mix"))
    keep(store, result(b"desk", spoken((0, 0.5, " said"))), result(b"sound", page("Seen")))
    assert shown(store) == [(0, 1, None)]
    assert at(store, 0) == []


def test_a_view_leads_to_the_description_of_its_still(store: StoreEnvironment) -> None:
    item = still(0, NS, b"desk")
    land(store, chunk(0, NS), item)
    (view,) = views(store)
    assert view.header == chunks.digest_of(item.init)


def test_a_clip_shows_the_texts_of_its_range_at_its_own_times(store: StoreEnvironment) -> None:
    film_with_stills(store, (0, 4, b"desk"), (4, 6, b"mail"), (6, 9, b"web"))
    end(store, 9)
    keep(store, result(b"desk", page("Inbox")), result(b"mail", page("Dear")), result(b"web", page("News")))
    derive(store, "clip", (SESSION, 3, 6))
    assert shown(store, "clip") == [(0, 1, ["Inbox"]), (1, 3, ["Dear"])]
    assert at(store, 0, "clip") == [(STILLS, page("Inbox"))]


def test_what_was_on_a_forgotten_still_cannot_be_read_anywhere(store: StoreEnvironment) -> None:
    film_with_stills(store, (0, 2, b"desk"), (2, 4, b"secret"), (4, 6, b"web"), (6, 8, b"secret"))
    end(store, 8)
    keep(store, result(b"desk", page("Inbox")), result(b"secret", page("Secret")), result(b"web", page("News")))
    derive(store, "clip", (SESSION, 1, 3))
    receipt = forget(store, 2, 4)
    assert set(receipt.sessions) == {SESSION, "clip"}
    assert shown(store, "clip") == [(0, 1, ["Inbox"])]
    # At another time the same was to be seen, and that was not forgotten.
    assert shown(store) == [(0, 2, ["Inbox"]), (4, 6, ["News"]), (6, 8, ["Secret"])]
    assert at(store, 2) == []
    forget(store, 6, 8)
    assert shown(store) == [(0, 2, ["Inbox"]), (4, 6, ["News"])]
    check(store)


def test_a_damaged_text_is_as_one_that_was_never_read(store: StoreEnvironment) -> None:
    film_with_stills(store, (0, 1, b"desk"))
    broken = result(b"desk", page())
    keep(store, structs.replace(broken, payload=b"?"))
    assert [view.page for view in views(store)] == [None]
    assert at(store, 0) == []
