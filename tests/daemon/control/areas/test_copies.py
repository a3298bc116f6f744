"""What the daemon does for sync, bundle and import. Harm guarded against: staged files that nobody removes."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from reeld.config import Config
from reeld.control.areas.copies import commands
from reeld.control.parts import Parts
from reeld.store.staging import FOLDER
from reeld_proto import commands as c
from reeld_proto.errors import ErrorCode, InternalError, RequestRejected
from reeld_proto.store_orders import ImportSession, ImportStaged, LandBytes, RunImport, StagedImport, UnfitFile
from reeld_proto.workers import AnyOrder, AnyReport, Done


class Jobs:
    """Reports that a job would give, one after the other."""

    def __init__(self, *reports: AnyReport) -> None:
        self.reports = list(reports)
        self.orders: list[Any] = []
        self.kept = 0

    async def run(self, order: AnyOrder) -> AnyReport:
        self.orders.append(order)
        return self.reports.pop(0)

    @contextmanager
    def keeping(self) -> Iterator[None]:
        self.kept += 1
        yield


class Store:
    """Takes orders; fails at those for which `fails` says so."""

    def __init__(self, fails: Callable[[Any], bool] = lambda _order: False) -> None:
        self.fails = fails
        self.orders: list[Any] = []

    async def ask(self, order: AnyOrder, _timeout_s: float) -> AnyReport:
        self.orders.append(order)
        if self.fails(order):
            raise RequestRejected("no room", code=ErrorCode.DISK_FULL)
        return Done()


class Shelf:
    async def show(self, session: str) -> None:
        if session != "known":
            raise RequestRejected("unknown", code=ErrorCode.NOT_FOUND)


class Replay:
    async def until_filled(self, _session: str) -> None:
        pass


def carry_out(command: c.Command, jobs: Jobs, store: Store, store_dir: Path = Path("/store")) -> Any:
    parts = Parts(
        config=Config(),
        ask_store=store.ask,
        sessions=cast("Any", None),
        jobs=cast("Any", jobs),
        library=cast("Any", Shelf()),
        stats=cast("Any", None),
        workers=list,
        event_seq=lambda: 7,
        store_dir=store_dir,
        replay=cast("Any", Replay()),
        **{name: cast("Any", None) for name in Parts.__dataclass_fields__ if name not in _KNOWN},
    )
    return asyncio.run(commands(parts)[type(command)](command, 0))  # type: ignore[arg-type]


_KNOWN = {
    "config",
    "ask_store",
    "sessions",
    "jobs",
    "library",
    "stats",
    "workers",
    "event_seq",
    "store_dir",
    "replay",
}


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    (tmp_path / FOLDER).mkdir()
    return tmp_path / FOLDER


def staged(staging: Path, name: str, slices: int = 2, **fields: Any) -> StagedImport:
    files = [staging / f"{name}{number}.chunks" for number in range(slices + 1)]
    for file in files:
        file.write_bytes(b"")
    paths = [str(file) for file in files]
    values = {"session": "", "started_wall_ns": 1_577_934_245 * 10**9, "end_ns": 2 * 10**9, "bytes": 10, **fields}
    return StagedImport(path=f"/{name}", name=name, slices=paths[:-1], rows=paths[-1], **values)


def test_a_copy_and_a_bundle_are_jobs_on_this_store() -> None:
    synced = c.Synced(target="/copy", sessions=0, chunks=0, bytes=0, copied_chunks=0, copied_bytes=0, removed_chunks=0)
    bundled = c.Bundled(path="/x.reel", session="known", chunks=0, bytes=0, duration_s=0.0, sha256="")
    jobs = Jobs(synced, bundled)
    assert carry_out(c.SyncStore(target="/copy"), jobs, Store()) == synced
    assert carry_out(c.BundleSession(session="known", path="/x.reel"), jobs, Store()) == bundled
    assert [order.store for order in jobs.orders] == ["/store", "/store"]


def test_relative_paths_and_unknown_sessions_are_refused_before_a_process_is_started() -> None:
    jobs, store = Jobs(), Store()
    for command in (
        c.SyncStore(target="copy"),
        c.BundleSession(session="known", path="x.reel"),
        c.BundleSession(session="unknown", path="/x.reel"),
        c.ImportMedia(paths=["a.mp4"]),
        c.ImportMedia(paths=[]),
        c.ImportMedia(paths=["/a"], name="x" * 300),
    ):
        with pytest.raises(RequestRejected):
            carry_out(command, jobs, store)
    assert jobs.orders == []


def test_a_report_of_another_kind_is_a_fault_of_ours() -> None:
    for command in (c.SyncStore(target="s3://b"), c.ImportMedia(paths=["/a"])):
        with pytest.raises(InternalError):
            carry_out(command, Jobs(Done()), Store())


def test_bytes_land_before_the_session_and_nothing_stays_staged(staging: Path) -> None:
    first, second = staged(staging, "a"), staged(staging, "b", session="wanted")
    jobs = Jobs(ImportStaged(imports=[first], next=1), ImportStaged(imports=[second]))
    store = Store()
    done = carry_out(c.ImportMedia(paths=["/films"], tags=["x"]), jobs, store, staging.parent)
    assert [(type(order), order.skip) for order in jobs.orders] == [(RunImport, 0), (RunImport, 1)]
    kinds = [type(order) for order in store.orders]
    assert kinds == [LandBytes, LandBytes, ImportSession] * 2
    assert done.sessions[0].session.startswith("20200102-030405-")
    assert (done.sessions[1].session, done.sessions[1].new, done.sessions[1].duration_s) == ("wanted", True, 2.0)
    assert list(staging.iterdir()) == []
    assert jobs.kept == 1


def test_what_is_known_asks_nothing_of_the_store(staging: Path) -> None:
    known = staged(staging, "a", slices=0, session="known", known=True)
    store = Store()
    done = carry_out(c.ImportMedia(paths=["/a"]), Jobs(ImportStaged(imports=[known])), store, staging.parent)
    assert (done.sessions[0].new, store.orders) == (False, [])


@pytest.mark.parametrize("kind", [LandBytes, ImportSession])
def test_a_store_without_room_leaves_nothing_staged(staging: Path, kind: type) -> None:
    imports = [staged(staging, "a"), staged(staging, "b")]
    store = Store(lambda order: isinstance(order, kind))
    with pytest.raises(RequestRejected) as caught:
        carry_out(c.ImportMedia(paths=["/a"]), Jobs(ImportStaged(imports=imports)), store, staging.parent)
    assert caught.value.code is ErrorCode.DISK_FULL
    assert list(staging.iterdir()) == []


def test_refused_files_are_told_beside_what_was_taken(staging: Path) -> None:
    refused = [UnfitFile(path="/b", reason="it is damaged")]
    report = ImportStaged(imports=[staged(staging, "a")], refused=refused)
    done = carry_out(c.ImportMedia(paths=["/a", "/b"]), Jobs(report), Store(), staging.parent)
    assert [(each.path, each.reason) for each in done.refused] == [("/b", "it is damaged")]
    with pytest.raises(RequestRejected) as caught:
        carry_out(c.ImportMedia(paths=["/b"]), Jobs(ImportStaged(refused=refused)), Store(), staging.parent)
    assert "it is damaged" in str(caught.value)
