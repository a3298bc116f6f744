"""A stage on a cluster. Harms guarded against: results that differ from those of one machine, work that is lost when a
machine dies or the copy lacks something, and a cluster that is away and is waited for without end."""

import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from distributed import Client

from reeld.copies import layout
from reeld.copies.folder import FolderTarget
from reeld.copies.sync import sync
from reeld.enrich.afar import cluster as cluster_module
from reeld.enrich.afar.cluster import Cluster
from reeld.enrich.afar.run import AfarRun, manifest_of
from reeld.enrich.listening import Listening
from reeld.enrich.reading import Reading
from reeld.store import results, sessions
from reeld.store.spoken import said_in
from reeld.store.transaction import Table
from reeld_proto.enrich_orders import EngineChoice, OpenStage
from reeld_proto.errors import ErrorCode, RequestRejected, TransportError
from reeld_proto.findings import Stage
from tests.daemon.enrich.library import Shelf
from tests.support.toy_engines import ToyListener, ToyReader, draw, png
from tests.support.toy_make import make_toy


def pages(seed: int, count: int, new_share: float = 0.2) -> list[bytes]:
    """Stills on which mostly a line changes, and now and then everything, the background among it."""
    chance = random.Random(seed)
    words, ground = [chance.randint(1, 200) for _ in range(5)], 0
    found = []
    for _ in range(count):
        if chance.random() < new_share:
            words, ground = [chance.randint(1, 200) for _ in range(5)], (ground + 40) % 240
        else:
            words = [*words]
            words[chance.randrange(5)] = chance.randint(0, 200)
        page = draw(words)
        page[page == 0] = ground
        found.append(png(page))
    return found


@contextmanager
def at_the_cluster(
    shelf: Shelf, session: str, stage: Stage, scheduler: str, folder: Path, make: Any = make_toy
) -> Iterator[AfarRun]:
    url = folder.as_uri()
    order = OpenStage(session=session, stage=stage, choice=EngineChoice(engine="toy"), scheduler=scheduler, objects=url)
    manifest = manifest_of(shelf.reader, session, url)
    assert manifest is not None
    cluster = Cluster(scheduler)
    try:
        yield AfarRun(shelf.reader, order, "", cluster, make, manifest)
    finally:
        cluster.close()


def synced(shelf: Shelf, tmp_path: Path) -> Path:
    sync(shelf.store, FolderTarget(tmp_path / "copy"), "copy", lambda *_: True)
    return tmp_path / "copy"


def payloads(shelf: Shelf, session: str, stage: Stage) -> dict[bytes, bytes]:
    found = {}
    with shelf.store.read() as txn:
        for key, _ in txn.scan(Table.RESULTS, b""):
            best = results.best(txn, key[:32], stage)
            if best is not None:
                found[key[:32]] = best.payload
        assert sessions.load(txn, session)
    return found


def test_stills_are_read_as_one_machine_reads_them(shelf: Shelf, scheduler: str, tmp_path: Path) -> None:
    shown = pages(7, 40)
    shelf.stills("s", shown)
    folder = synced(shelf, tmp_path)
    with at_the_cluster(shelf, "s", Stage.OCR, scheduler, folder) as run:
        slices = shelf.take_all(run, "s")
        assert (run.total, run.cached, run.engine_name) == (40, 0, "toy-reader")
    assert len(slices) >= 8
    assert [each.done for each in slices] == sorted(each.done for each in slices)
    assert slices[-1].done == run.total
    afar = payloads(shelf, "s", Stage.OCR)
    other = Shelf(tmp_path / "other")
    try:
        other.stills("s", shown)
        engine = ToyReader()
        other.take_all(Reading(other.reader, "s", engine, ""), "s")
        assert payloads(other, "s", Stage.OCR) == afar
        assert engine.calls == sum(each.calls for each in slices)
    finally:
        other.close()


def test_speech_is_heard_as_one_machine_hears_it(shelf: Shelf, scheduler: str, tmp_path: Path) -> None:
    chance = random.Random(3)
    words: dict[str, dict[float, int]] = {}
    for track in ("mic", "system"):
        at_s = 0.5
        words[track] = {}
        while at_s < 418:
            words[track][round(at_s, 2)] = chance.randint(1, 60)
            at_s += chance.uniform(0.7, 9.0)
    shelf.talk("s", words, 420.0)
    folder = synced(shelf, tmp_path)
    with at_the_cluster(shelf, "s", Stage.SPEECH, scheduler, folder) as run:
        slices = shelf.take_all(run, "s")
        assert (run.total, run.cached) == (840, 0)
    assert len([each for each in slices if each.results]) == 6
    afar = payloads(shelf, "s", Stage.SPEECH)
    with shelf.store.read() as txn:
        said = list(said_in(txn, sessions.load(txn, "s")))
    for track, wanted in words.items():
        starts = [word.start_ns / 1e9 for each in said if each.track == track for word in each.words]
        assert starts == pytest.approx(sorted(wanted), abs=0.03)
    job = "again"
    with shelf.store.write() as txn:
        for source in afar:
            results.drop(txn, source)
    shelf.take_all(Listening(shelf.reader, "s", ToyListener(), ""), "s", job)
    assert payloads(shelf, "s", Stage.SPEECH) == afar


def test_what_is_known_is_not_done_again_and_a_part_goes_on_from_it(
    shelf: Shelf, scheduler: str, tmp_path: Path
) -> None:
    shelf.pages("s", [[1, 2, 3, 4, 5], [1, 2, 3, 4, 6], [1, 2, 3, 4, 7]])
    shelf.keep(Reading(shelf.reader, "s", ToyReader(), "").step(), "s")
    folder = synced(shelf, tmp_path)
    with at_the_cluster(shelf, "s", Stage.OCR, scheduler, folder) as run:
        assert (run.total, run.cached) == (3, 1)
        slices = shelf.take_all(run, "s")
    assert sum(len(each.results) for each in slices) == 2
    with at_the_cluster(shelf, "s", Stage.OCR, scheduler, folder) as run:
        assert (run.total, run.cached) == (3, 3)
        assert run.step().finished


def test_what_the_copy_lacks_is_done_on_this_machine(shelf: Shelf, scheduler: str, tmp_path: Path) -> None:
    shown = pages(11, 24)
    shelf.stills("s", shown)
    folder = synced(shelf, tmp_path)
    chunks = sorted(folder.glob(f"{layout.CHUNKS}/*/*"))
    for path in chunks[::3]:
        path.unlink()
    with at_the_cluster(shelf, "s", Stage.OCR, scheduler, folder) as run:
        slices = shelf.take_all(run, "s")
    assert sum(len(each.results) for each in slices) == run.total
    assert not any(each.faults for each in slices)


def test_a_damaged_chunk_of_the_copy_is_named_and_the_rest_is_done(
    shelf: Shelf, scheduler: str, tmp_path: Path
) -> None:
    shelf.pages("s", [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]])
    folder = synced(shelf, tmp_path)
    with shelf.store.read() as txn:
        still = next(iter(_stills(txn)))
    path = folder / layout.chunk_name(still)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with at_the_cluster(shelf, "s", Stage.OCR, scheduler, folder) as run:
        slices = shelf.take_all(run, "s")
    assert [list(each.faults) for each in slices if each.faults] == [[still.hex()]]
    assert sum(len(each.results) for each in slices) == 1


def test_a_session_that_is_not_in_the_copy_has_no_manifest(shelf: Shelf, tmp_path: Path) -> None:
    assert manifest_of(shelf.reader, "s", (tmp_path / "none").as_uri()) is None
    shelf.pages("s", [[1, 2]])
    folder = synced(shelf, tmp_path)
    assert manifest_of(shelf.reader, "t", folder.as_uri()) is None


def test_another_version_on_a_machine_is_refused(shelf: Shelf, scheduler: str, tmp_path: Path) -> None:
    shelf.stills("s", pages(2, 30, new_share=1.0))
    folder = synced(shelf, tmp_path)
    with (
        at_the_cluster(shelf, "s", Stage.OCR, scheduler, folder, make=_of_its_own) as run,
        pytest.raises(RequestRejected, match="different versions") as caught,
    ):
        shelf.take_all(run, "s")
    assert caught.value.code is ErrorCode.WRONG_STATE


def _of_its_own(_order: OpenStage) -> ToyReader:
    """Another version in each process and thread, as on machines that were not updated together."""
    return ToyReader(version=os.urandom(4).hex(), slow_s=0.05)


def test_a_machine_that_dies_loses_nothing(shelf: Shelf, scheduler: str, tmp_path: Path) -> None:
    shelf.stills("s", pages(5, 60))
    folder = synced(shelf, tmp_path)
    with at_the_cluster(shelf, "s", Stage.OCR, scheduler, folder) as run:
        slices = [run.step()]
        shelf.keep(slices[0], "s")
        with Client(scheduler, set_as_default=False) as other:
            pid = next(iter(other.run(os.getpid).values()))
        os.kill(pid, signal.SIGKILL)
        slices += shelf.take_all(run, "s")
    done = [result.source for each in slices for result in each.results]
    assert len(done) == len(set(done)) == run.total


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "tcp://no.such.host.invalid:8786"])
def test_a_scheduler_that_does_not_answer_is_told(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "CONNECT_S", 0.5)
    with pytest.raises(TransportError, match="no Dask scheduler answers") as caught:
        Cluster(address)
    assert caught.value.code is ErrorCode.TIMEOUT
    assert "dask scheduler" in caught.value.remedy


def _stills(txn: Any) -> list[bytes]:
    from reeld.store.shown_text import views_of  # noqa: PLC0415

    return [view.source for view in views_of(txn, sessions.load(txn, "s"))]
