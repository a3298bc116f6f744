"""Search by meaning in a real daemon, with the real model. Harms guarded against: a daemon that waits for a job before
it searches, a search that is of no use before anything has meanings, and meanings that stay when a session goes."""

from pathlib import Path

import pytest

from tests.daemon.enrich.library import put_read
from tests.support.stocked import stocked

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

LINES = ("the customer has not paid the invoice yet", "we travel by plane to Portugal next week")


def test_what_was_shown_is_found_in_other_words_and_goes_with_its_session(tmp_path: Path) -> None:
    config = '[enrich]\n[[enrich.plans]]\nname = "mine"\nstages = ["embeddings"]\n'
    with stocked(tmp_path, config, lambda shelf: put_read(shelf, "a", *LINES)) as installation:
        before = installation.ok("search", "invoice", "--meaning")
        assert (before["meaning"], len(before["hits"])) == (False, 1)
        plan = installation.ok("enrich", "plan", "a", "--plan", "mine")["stages"][0]
        assert (plan["engine"], plan["sends"]) == ("wordllama", "")
        job = installation.ok("enrich", "a", "--plan", "mine")
        assert (job["state"], job["stages"][0]["calls"]) == ("completed", 1)
        assert installation.ok("enrich", "a", "--plan", "mine")["stages"][0]["calls"] == 0
        for text, line, at_s in (("the payment is overdue", 0, 0.0), ("book a flight to Lisbon", 1, 10.0)):
            found = installation.ok("search", text, "--meaning")
            assert (found["meaning"], found["hits"][0]["text"], found["hits"][0]["at_s"]) == (True, LINES[line], at_s)
            assert installation.ok("search", text)["hits"] == []
        assert {"enrich-1", "enrich-search"} <= {worker.name for worker in installation.workers()}
        installation.ok("delete", "a", "--yes")
        assert installation.ok("search", "the payment is overdue", "--meaning") == {
            "hits": [],
            "more": False,
            "meaning": False,
        }
