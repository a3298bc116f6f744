"""Lazy enrichment in a real daemon. Harm guarded against: who looks at a recording never gets to see what is in it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.enrich.library import Shelf
from tests.support.installation import Installation
from tests.support.stocked import stocked
from tests.support.toy_engines import spelled
from tests.support.wait import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def is_done(installation: Installation, session: str) -> bool:
    return [job["state"] for job in installation.ok("enrich", "list", session)] == ["completed"]


def test_who_looks_or_searches_gets_it_and_nobody_else(tmp_path: Path) -> None:
    def fill(shelf: Shelf) -> None:
        for number in range(3):
            shelf.pages(f"s{number}", [[number + 1, 40]])

    with stocked(tmp_path, '[enrich]\nplan = "standard"\nlazy = true\n', fill) as installation:
        looks: list[tuple[str, Callable[[], Any]]] = [
            ("s1", lambda: installation.ok("transcript", "s1")),
            ("s2", lambda: installation.ok("search", spelled(3), "--session", "s2")),
        ]
        for session, look in looks:
            assert installation.ok("enrich", "list", session) == []
            look()
            until(partial(is_done, installation, session), 60, what="what was looked at")
        assert installation.ok("search", spelled(3), "--session", "s2")["hits"]
        installation.ok("transcript", "s1")
        assert [job["session"] for job in installation.ok("enrich", "list")] == ["s1", "s2"]
