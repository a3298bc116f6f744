"""Enrichment that is killed again and again. Harms guarded against: a plan that never ends, a result that is lost or
there twice, a job that says more or less than the store holds, and what is left over of a plan that was undone.

`REELD_KILLS=100` kills as often as that; without it a few times.
"""

import functools
import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reeld.store.environment import StoreEnvironment
from reeld.store.keys import name_key
from reeld.store.records import References, ResultEntry
from reeld.store.transaction import Table, decode
from reeld_proto.findings import Stage
from tests.daemon.enrich.library import Shelf
from tests.support.installation import Installation, is_alive
from tests.support.toy_engines import spelled
from tests.support.toy_make import SLOW
from tests.support.wait import until

KILLS = int(os.environ.get("REELD_KILLS", "6"))
DAEMONS = 5
"""Every so-manieth kill is the daemon's."""
SLOW_S = 0.1
MOMENTS_S = 0.8
"""A kill comes at any moment of this long after the worker is there: while it imports, loads, reads, or waits."""
pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(120 + 10 * KILLS)]


@dataclass
class Ordeal:
    """What is left after all kills. results: of each stage, by source and engine; orphans: of chunks nobody has."""

    job: Any
    undone: Any
    results: dict[Stage, Counter[bytes]]
    orphans: int
    findings: int
    screens: list[str]
    spoken: list[str]
    undone_results: int
    verified: bool
    killed: Counter[str]


PAGES = [[number % 200 + 1, (number * 7) % 200 + 1, number // 200 + 1] for number in range(4 * KILLS + 8)]
WORDS = {1.0 + 2.2 * at: at % 60 + 1 for at in range(2 * KILLS)}


@pytest.fixture(scope="module")
def ordeal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ordeal]:
    config = tmp_path_factory.mktemp("config") / "config.toml"
    config.write_text('[[enrich.plans]]\nname = "screens"\nstages = ["ocr", "chapters"]\non_failure = "undo"\n')
    env = {**os.environ, SLOW: str(SLOW_S), "PYTHONPATH": str(Path(__file__).parents[2])}
    with Installation(env) as installation:
        with closing(Shelf(installation.store)) as shelf:
            shelf.pages("pages", PAGES)
            shelf.talk("talk", {"mic": WORDS}, max(WORDS) + 2)
            shelf.pages("undone", [[201 - page[0] // 2, 5, 9] for page in PAGES[:8]])
        yield _kill(installation, config)


def _kill(installation: Installation, config: Path) -> Ordeal:
    chance = random.Random(8)
    killed: Counter[str] = Counter()
    words = ("--config", str(config))
    installation.start_daemon(*words, program="toy-reeld")
    jobs = [installation.ok("enrich", session, "--no-wait") for session in ("pages", "talk")]
    while sum(killed.values()) < KILLS:
        pid = until(lambda: _worker(installation), 30, what="an enrichment worker")
        threading.Event().wait(chance.uniform(0.01, MOMENTS_S))  # the passing of time chooses the moment
        if sum(killed.values()) % DAEMONS == DAEMONS - 1:
            installation.kill_daemon()
            killed["daemon"] += 1
            installation.start_daemon(*words, program="toy-reeld")
        else:
            os.kill(pid, signal.SIGKILL)
            until(functools.partial(_is_gone, pid), 10, what="the end of a killed worker")
            killed["worker"] += 1
    until(lambda: all(_job(installation, job["id"])["state"] == "completed" for job in jobs), 60 + KILLS, every_s=0.1)
    undone = installation.ok("enrich", "undone", "--plan", "screens", "--no-wait")
    while True:
        job = _job(installation, undone["id"])
        if job["state"] in ("failed", "completed"):
            break
        # Before anything is read: an attempt that found something does not count as fruitless.
        for worker in installation.workers():
            if worker.name.startswith("enrich") and is_alive(worker.pid):
                os.kill(worker.pid, signal.SIGKILL)
    screens = [hit["text"] for page in PAGES for hit in _hits(installation, spelled(page[1]))]
    spoken = [each["text"] for each in installation.ok("transcript", "talk")["utterances"]]
    verified = installation.ok("verify")["ok"]
    left = _job(installation, jobs[0]["id"])
    installation.stop_daemon()
    return _counted(installation, left, job, screens, spoken, killed, verified=verified)


def _is_gone(pid: int) -> bool:
    return not is_alive(pid)


def _worker(installation: Installation) -> int:
    found = [worker.pid for worker in installation.workers() if worker.name.startswith("enrich")]
    return found[0] if found and is_alive(found[0]) else 0


def _job(installation: Installation, job: str) -> Any:
    return next(each for each in installation.ok("enrich", "list") if each["id"] == job)


def _hits(installation: Installation, word: str) -> list[Any]:
    hits: list[Any] = installation.ok("search", word, "--session", "pages")["hits"]
    return hits


def _counted(
    installation: Installation,
    job: Any,
    undone: Any,
    screens: list[str],
    spoken: list[str],
    killed: Counter[str],
    *,
    verified: bool,
) -> Ordeal:
    results: dict[Stage, Counter[bytes]] = {stage: Counter() for stage in Stage}
    orphans = undone_results = 0
    with closing(StoreEnvironment.open_read(installation.store)) as store, store.read() as txn:
        for key, value in txn.scan(Table.RESULTS):
            entry = decode(value, ResultEntry)
            results[entry.stage][key[:32]] += 1
            held = txn.record(Table.REFERENCES, key[:32], References)
            orphans += held is None or held.count == 0
            undone_results += entry.job == undone["id"]
        findings = sum(
            1 for key, _ in txn.scan(Table.FINDINGS) if key.startswith((name_key("pages"), name_key("talk")))
        )
    return Ordeal(job, undone, results, orphans, findings, screens, spoken, undone_results, verified, killed)


def test_workers_and_daemon_were_really_killed(ordeal: Ordeal) -> None:
    assert sum(ordeal.killed.values()) == KILLS
    assert set(ordeal.killed) == {"worker", "daemon"}


def test_the_plan_is_completed_and_every_still_was_read_once(ordeal: Ordeal) -> None:
    stills = len({tuple(page) for page in PAGES})
    assert ordeal.job["state"] == "completed"
    assert ordeal.job["attempts"] > 1
    assert len(ordeal.results[Stage.OCR]) == stills
    assert set(ordeal.results[Stage.OCR].values()) == {1}
    status = next(each for each in ordeal.job["stages"] if each["stage"] == "ocr")
    assert (status["done"], status["total"], status["cached"]) == (stills, stills, 0)


def test_every_chunk_of_sound_was_listened_to_once_and_no_word_is_lost_or_doubled(ordeal: Ordeal) -> None:
    assert set(ordeal.results[Stage.SPEECH].values()) == {1}
    assert " ".join(ordeal.spoken).split() == [spelled(WORDS[at]) for at in sorted(WORDS)]


def test_chapters_and_summary_are_there_and_no_result_is_of_nothing(ordeal: Ordeal) -> None:
    assert ordeal.findings == 4
    assert ordeal.orphans == 0
    assert ordeal.verified


def test_what_was_read_is_found(ordeal: Ordeal) -> None:
    assert set(ordeal.screens) >= {spelled(page[1]) for page in PAGES}


def test_a_plan_that_is_killed_for_good_and_undoes_leaves_nothing(ordeal: Ordeal) -> None:
    assert ordeal.undone["state"] == "failed"
    assert ordeal.undone_results == 0
