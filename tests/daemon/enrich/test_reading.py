"""Reading stills. Harms guarded against: a still that is read twice or never, a line that is lost or kept where only a
part of the picture was read anew, and one bad still that ends the reading of all others."""

import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reeld.enrich.reading import Reading
from reeld.store import sessions
from reeld.store.shown_text import views_of
from reeld_proto.store_orders import RemoveSession
from tests.daemon.enrich.library import Shelf
from tests.support.toy_engines import ToyReader, draw, png, spelled

NUMBERS = itertools.count()
PAGES = [[1, 2, 3, 0, 0], [1, 2, 4, 0, 0], [5, 6, 7, 8, 9], [1, 2, 3, 0, 0]]


def read(shelf: Shelf, session: str, engine: ToyReader, parameters: str = "") -> Reading:
    run = Reading(shelf.reader, session, engine, parameters)
    shelf.take_all(run, session)
    return run


def texts(shelf: Shelf, session: str) -> list[list[str] | None]:
    with shelf.store.read() as txn:
        views = views_of(txn, sessions.load(txn, session))
    return [None if view.page is None else [line.text for line in view.page.lines] for view in views]


def wanted(pages: list[list[int]]) -> list[list[str]]:
    return [[spelled(word) for word in page if word] for page in pages]


def test_every_still_is_read_once_and_one_that_comes_back_not_again(shelf: Shelf) -> None:
    session = shelf.pages("s", PAGES)
    engine = ToyReader()
    run = read(shelf, session, engine)
    assert (run.total, run.cached) == (3, 0)
    assert texts(shelf, session) == wanted(PAGES)


def test_a_second_run_and_a_clip_call_no_engine(shelf: Shelf) -> None:
    session = shelf.pages("s", PAGES)
    read(shelf, session, ToyReader())
    clip = shelf.clip(session, "clip", 5, 25)
    for each in (session, clip):
        engine = ToyReader()
        run = read(shelf, each, engine)
        assert (engine.calls, run.cached) == (0, run.total)
    assert texts(shelf, clip) == wanted(PAGES[:3])


def test_another_version_or_another_setting_reads_everything_again(shelf: Shelf) -> None:
    session = shelf.pages("s", PAGES)
    read(shelf, session, ToyReader())
    for engine, parameters in ((ToyReader(version="2"), ""), (ToyReader(), "languages=deu")):
        run = read(shelf, session, engine, parameters)
        assert (run.total, run.cached) == (3, 0)
        assert engine.calls >= 3


def test_where_one_line_changes_the_rest_of_the_screen_is_not_read_again(shelf: Shelf) -> None:
    session = shelf.pages("s", PAGES[:2])
    engine = ToyReader()
    read(shelf, session, engine)
    pixels = 320 * 240
    assert pixels < engine.read_pixels < 1.4 * pixels
    assert texts(shelf, session) == wanted(PAGES[:2])


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pages=st.lists(st.lists(st.integers(0, 200), min_size=5, max_size=5), min_size=1, max_size=6))
def test_whatever_changes_between_stills_each_has_its_own_lines(shelf: Shelf, pages: list[list[int]]) -> None:
    session = shelf.pages(f"s{next(NUMBERS)}", pages)
    read(shelf, session, ToyReader(version=session))
    shown = [page for place, page in enumerate(pages) if place == 0 or page != pages[place - 1]]
    assert texts(shelf, session) == wanted(shown)


def test_a_reader_that_begins_in_the_middle_knows_what_was_read_before(shelf: Shelf) -> None:
    """Harm: after each restart whole screens are read, because nobody remembers the one before."""
    session = shelf.pages("s", PAGES[:2])
    engine = ToyReader()
    shelf.keep(Reading(shelf.reader, session, engine, "").step(), session)
    before = engine.read_pixels
    shelf.take_all(Reading(shelf.reader, session, engine, ""), session)
    assert engine.read_pixels - before < 0.4 * 320 * 240
    assert texts(shelf, session) == wanted(PAGES[:2])


def test_a_still_that_is_no_picture_is_named_and_the_others_are_read(shelf: Shelf) -> None:
    session = shelf.pages("s", [[1, 0], [2, 0]], last=b"no picture")
    run = Reading(shelf.reader, session, ToyReader(), "")
    slices = shelf.take_all(run, session)
    assert [len(each.faults) for each in slices if each.faults] == [1]
    assert texts(shelf, session) == [*wanted([[1], [2]]), None]


def test_what_was_deleted_while_it_was_read_does_not_come_back(shelf: Shelf) -> None:
    session = shelf.pages("s", [[1, 0]])
    found = Reading(shelf.reader, session, ToyReader(), "").step()
    shelf.order(RemoveSession(session=session, reason="test"))
    assert shelf.keep(found, session).kept == 0


def test_a_picture_of_another_size_is_read_whole(shelf: Shelf) -> None:
    session = shelf.pages("s", [[1, 2, 0]], last=png(draw([1, 2], 400, 300)))
    read(shelf, session, ToyReader())
    assert texts(shelf, session) == wanted([[1, 2], [1, 2]])


def test_what_is_looked_at_is_read_first_and_all_the_rest_after_it(shelf: Shelf) -> None:
    pages = [[1, 2, 3], [1, 2, 4], [5, 6, 7], [5, 6, 8]]
    session = shelf.pages("s", pages)
    run = Reading(shelf.reader, session, ToyReader(), "", 25_000_000_000)
    shelf.keep(run.step(), session)
    assert texts(shelf, session) == [None, None, *wanted([pages[2]]), None]
    shelf.take_all(run, session)
    assert texts(shelf, session) == wanted(pages)
