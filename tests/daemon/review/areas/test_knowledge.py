"""What enrichment found, as the page asks for it. Harm: a page that cannot tell nothing from a fault."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest

from reeld.enrich.listening import Listening
from reeld_proto.commands import MomentsFound
from reeld_proto.enrich import EnrichJob, Moment
from reeld_proto.errors import TransportError
from tests.daemon.enrich.library import Shelf
from tests.support.review_app import ReviewApp
from tests.support.toy_engines import ToyListener, spelled

JOB = EnrichJob(id="e1", session="s", plan="full", cost=0.25, cost_s=3.5)
HIT = Moment(session="s", name="n", kind="speech", at_s=1.0, text="a")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = Shelf(tmp_path / "store")
    made.talk("s", {"mic": {1.0: 1, 4.0: 2}}, 6.0)
    made.talk("plain", {"mic": {1.0: 1}}, 2.0)
    made.take_all(Listening(made.reader, "s", ToyListener(), ""), "s")
    made.close()
    return made.store.path


class Daemon(SimpleNamespace):
    """What the area asks of the daemon's client."""

    gone = False
    looked: ClassVar[list[tuple[str, float]]] = []

    async def want_enrichment(self, session: str, *, at_s: float) -> list[EnrichJob]:
        self.looked.append((session, at_s))
        if self.gone:
            raise TransportError("nobody answers")
        return [JOB] if session == "s" else []

    async def search(self, text: str, *, session: str, limit: int) -> MomentsFound:
        assert (text, session) == ("two words", "s")
        return MomentsFound(hits=[HIT][:limit])


def test_what_was_said_and_what_it_cost_is_told(folder: Path) -> None:
    with ReviewApp(folder, Daemon()) as app:
        status, body, _ = app.ask("/api/sessions/s/knowledge")
    known = json.loads(body)
    assert (status, known["complete"], known["cost"], known["seconds"]) == (200, 1.0, 0.25, 3.5)
    assert [(each["track"], each["text"]) for each in known["said"]] == [("mic", spelled(1)), ("mic", spelled(2))]


def test_a_recording_that_nobody_enriched_has_nothing_and_is_no_fault(folder: Path) -> None:
    with ReviewApp(folder, Daemon()) as app:
        status, body, _ = app.ask("/api/sessions/plain/knowledge")
        assert app.ask("/api/sessions/nobody/knowledge")[0] == 404
    known = json.loads(body)
    assert status == 200
    assert (known["said"], known["chapters"], known["summary"], known["complete"]) == ([], [], [], 0)


def test_without_a_daemon_what_is_stored_is_told_all_the_same(folder: Path) -> None:
    with ReviewApp(folder, Daemon(gone=True)) as app:
        status, body, _ = app.ask("/api/sessions/s/knowledge")
    assert (status, len(json.loads(body)["said"]), json.loads(body)["cost"]) == (200, 2, 0)


def test_words_are_looked_for_in_this_recording_alone_and_no_words_are_refused(folder: Path) -> None:
    with ReviewApp(folder, Daemon()) as app:
        status, body, _ = app.ask("/api/sessions/s/moments?text=+two+words+")
        assert app.ask("/api/sessions/s/moments?text=+")[0] == 400
    assert (status, [hit["at_s"] for hit in json.loads(body)["hits"]]) == (200, [1.0])


def test_the_daemon_learns_where_somebody_looks(folder: Path) -> None:
    daemon = Daemon()
    daemon.looked.clear()
    with ReviewApp(folder, daemon) as app:
        for at in ("", "?at=12.5", "?at=-1", "?at=inf"):
            assert app.ask(f"/api/sessions/s/knowledge{at}")[0] == 200
        assert app.ask("/api/sessions/s/knowledge?at=soon")[0] == 400
    assert daemon.looked == [("s", 0.0), ("s", 12.5), ("s", 0.0), ("s", 0.0)]
