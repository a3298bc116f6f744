"""The review page and its server against their budgets: pictures, seeks, frames, requests, memory.

All of it in one browser without graphics hardware, beside an empty page in the same browser and beside nginx.
"""

import argparse
import contextlib
import shutil
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser

from reeld.capture.api import Size
from tests.bench import review_shelf, serving, shelf, watching
from tests.bench.measure import percentile
from tests.bench.rows import Row
from tests.support.browser import Seat, chromium
from tests.support.desk import ONE_MONITOR, VirtualDesk
from tests.support.film import make_film
from tests.support.installation import Installation
from tests.support.review_stage import let_in
from tests.support.wait import until

FIRST_PICTURE_MS_MAX = 500.0
SEEK_NEAR_MS_MAX = 100.0
SEEK_FAR_MS_MAX = 500.0
PAGE_BYTES_MAX = 150e6
SERVER_BYTES_MAX = 80e6
FILM_TIMES = 3
CHUNK_P99_MS_MAX = 50.0
"""A piece is of a second or two and fetched 20 s before it is shown; a seek waits for one or two."""


@dataclass(frozen=True)
class Extent:
    """How much is measured."""

    film_s: int
    film_size: Size
    sessions: int
    day_s: int
    stills: int
    markers: int
    rounds: int
    seeks: int
    seconds: float
    opened: int


LONG = Extent(60, Size(1280, 720), 10_000, 12 * 3600, 5000, 1000, 7, 50, 6.0, 10)
SHORT = Extent(20, Size(320, 240), 500, 3600, 500, 100, 2, 8, 1.0, 2)


@dataclass(frozen=True)
class Stage:
    """A daemon whose store has everything, and a browser."""

    installation: Installation
    browser: Browser
    film: str  # several times the film that was made, one after another
    day: str
    copies: Sequence[str]
    chunk_paths: Sequence[str]

    def seat(self, session: str = "") -> Seat:
        """A page that was let in."""
        seat = let_in(self.installation, self.browser, session)
        if not session:
            until(lambda: seat.page.locator(".row[data-session]").count(), 20, what="a list")
        return seat


@contextlib.contextmanager
def stage(extent: Extent, folder: Path) -> Iterator[Stage]:
    """Import a film, fill the store with what is made of it, and open a browser."""
    film_path = folder / "film.mp4"
    make_film(film_path, extent.film_s, extent.film_size)
    with VirtualDesk(monitors=ONE_MONITOR) as desk, Installation(desk.env) as installation:
        installation.start_daemon()
        (imported,) = installation.ok("import", str(film_path), timeout_s=180)["sessions"]
        installation.stop_daemon()
        film_path.unlink()
        shelf.many_sessions(installation.store, extent.sessions)
        film = review_shelf.film_of(installation.store, imported["session"])
        copies = review_shelf.copies(installation.store, film, extent.opened, FILM_TIMES)
        day = review_shelf.long_day(installation.store, film, extent.day_s, extent.stills, extent.markers)
        installation.start_daemon()
        with chromium(desk.env) as browser:
            paths = [f"/chunks/{piece.digest.hex()}" for pieces in film.pieces.values() for piece in pieces]
            yield Stage(installation, browser, copies[0], day, copies, paths)


def rows(folder: Path, *, short: bool) -> list[Row]:
    """Every row; `folder` is left empty."""
    extent = SHORT if short else LONG
    place = folder / "reviewing"
    place.mkdir()
    with stage(extent, place) as staged:
        found = [
            *_pictures(staged, extent),
            *_frames(staged, extent),
            *_server(staged, extent, place / "peer"),
            *_page(staged, extent),
        ]
    shutil.rmtree(place)
    return found


def _pictures(staged: Stage, extent: Extent) -> list[Row]:
    seat = staged.seat(staged.film)
    address, visit = seat.page.url, seat.page.context.storage_state()
    near, far = (watching.seeks(seat, extent.seeks, inside=inside) for inside in (True, False))
    seat.close()
    first = watching.first_pictures(staged.browser, address, visit, extent.rounds)
    size = f"{extent.film_size.width}x{extent.film_size.height}"
    return [
        _timed(f"review: address to first picture, {size}, {len(first)} times", first, FIRST_PICTURE_MS_MAX),
        _timed(f"review: seek in what is buffered, {len(near)} times", near, SEEK_NEAR_MS_MAX),
        _timed(f"review: seek to what is not, {len(far)} times", far, SEEK_FAR_MS_MAX),
    ]


def _timed(work: str, took_ms: Sequence[float], bar_ms: float) -> Row:
    median = statistics.median(took_ms)
    return Row(work, f"p50 {median:.0f} p95 {percentile(took_ms, 0.95):.0f} ms", "", median, bar_ms, "ms p50")


def _frames(staged: Stage, extent: Extent) -> list[Row]:
    empty = Seat(staged.browser)
    nothing = watching.frames(empty, extent.seconds, "nothing")
    empty.close()
    seat = staged.seat()
    read = watching.frames(seat, extent.seconds, "read")
    scrolled = watching.frames(seat, extent.seconds, "list")
    seat.close()
    seat = staged.seat(staged.day)
    moved = watching.frames(seat, extent.seconds, "timeline")
    drawn = watching.drawing_ms(seat)
    seat.close()
    day = f"{extent.day_s / 3600:g} h, {extent.stills} stills, {extent.markers} markers"
    found = [
        Row(
            f"review: {work}",
            str(frames),
            f"empty page {nothing.p(0.5):.1f}, {nothing.p(0.95):.1f}; {frames.p(0.95) / nothing.p(0.95):.2f} x",
            frames.p(0.95),
            watching.FRAME_MS,
            "ms p95",
        )
        for work, frames in (
            ("frames of a list, a row every 1.4 frames", read),
            (f"frames of a list of {extent.sessions:,}, all in {extent.seconds:g} s", scrolled),
            (f"frames of a timeline of {day}, zoomed and moved", moved),
        )
    ]
    return [*found, _timed("review: that timeline drawn whole", drawn, watching.FRAME_MS)]


def _server(staged: Stage, extent: Extent, folder: Path) -> list[Row]:
    visitor = serving.Visitor.enter(staged.installation.ok("review")["url"])
    memory = serving.memory_while_playing(
        visitor, staged.film, staged.installation.worker_pids()["review"], extent.seconds
    )
    found = [
        Row(
            "review: memory of the server, four players at 4 x",
            f"{memory.pss / 1e6:.0f} MB PSS, {memory.rss / 1e6:.0f} RSS",
            "",
            memory.pss / 1e6,
            SERVER_BYTES_MAX / 1e6,
            "MB",
        )
    ]
    if serving.has_peer():
        ours, theirs = serving.beside_nginx(visitor, staged.chunk_paths, extent.seconds, folder)
        work = f"review: chunks over {serving.CONNECTIONS} connections"
        peer = f"nginx {theirs}; {theirs.a_second / ours.a_second:.1f} x ours"
        found.append(Row(work, str(ours), peer, ours.p99_ms, CHUNK_P99_MS_MAX, "ms p99"))
    return found


def _page(staged: Stage, extent: Extent) -> list[Row]:
    empty = Seat(staged.browser)
    before = watching.weight(empty)
    empty.close()
    seat = staged.seat()
    for session in staged.copies:
        seat.page.evaluate(
            "(id) => document.querySelector('reeld-list').dispatchEvent(new CustomEvent('chosen', { detail: id }))",
            session,
        )
        settled = f"view?.info?.session === '{session}' && conductor?.isSettled"
        until(lambda words=settled: seat.view(words), 20, what=session)  # type: ignore[misc]
        seat.view("(player.toggle(), 0)")
        seat.page.wait_for_timeout(1000 * min(2.0, extent.seconds))
    after = watching.weight(seat)
    seat.close()
    heap, pss = after.heap_bytes - before.heap_bytes, after.pss_bytes - before.pss_bytes
    return [
        Row(
            f"review: memory of a page, {len(staged.copies)} sessions watched in it",
            f"{pss / 1e6:.0f} MB PSS, {heap / 1e6:.0f} of it JavaScript",
            f"empty page {before.pss_bytes / 1e6:.0f} MB",
            pss / 1e6,
            PAGE_BYTES_MAX / 1e6,
            "MB",
        )
    ]


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="reeld-reviewing-") as folder:
        for row in rows(Path(folder), short=options.short):
            print(f"{row.work}: {row.ours} (bar {row.bar:g} {row.unit}); {row.peer}")


if __name__ == "__main__":
    main()
