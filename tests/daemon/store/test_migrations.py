"""Stores of earlier formats. Harms guarded against: recordings that an update makes unreadable, or changes."""

import lzma
import subprocess
import sys
from pathlib import Path

import pytest

from reeld.export.remux import export
from reeld.store import migrations, rollback
from reeld.store.environment import StoreEnvironment, stored_format
from reeld.store.keys import IDENTITY_KEY
from reeld.store.reader import StoreReader
from reeld.store.records import STORE_FORMAT_VERSION
from reeld.store.transaction import Table
from reeld.store.verify import verify
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import SessionState
from reeld_proto.workers import RunExport

DATA = Path(__file__).parents[2] / "data"
PAST = range(1, STORE_FORMAT_VERSION)


def recorded(version: int, folder: Path) -> Path:
    """The recorded store of that format, as a reeld of its time left it."""
    folder.mkdir()
    (folder / "data.mdb").write_bytes(lzma.decompress((DATA / f"store-v{version}.mdb.xz").read_bytes()))
    return folder


def test_there_is_a_recorded_store_of_every_past_format() -> None:
    assert [version for version in PAST if not (DATA / f"store-v{version}.mdb.xz").exists()] == []


def test_there_is_one_step_from_every_past_format() -> None:
    assert sorted(migrations.STEPS) == list(PAST)


@pytest.mark.parametrize("version", PAST)
def test_a_store_of_a_past_format_opens_and_is_whole(version: int, tmp_path: Path) -> None:
    folder = recorded(version, tmp_path / "store")
    store = StoreEnvironment.open_write(folder)
    assert verify(store, None).ok
    with store.read() as txn:
        assert len(txn.get(Table.META, IDENTITY_KEY) or b"") == 16
    store.close()
    assert stored_format(folder) == STORE_FORMAT_VERSION


def test_a_session_of_format_1_says_and_shows_what_it_did(tmp_path: Path) -> None:
    folder = recorded(1, tmp_path / "store")
    StoreEnvironment.open_write(folder).close()
    reader = StoreReader.open(folder)
    (session,) = reader.list_sessions()
    assert (session.name, session.tags, session.state) == ("version one", ["old"], SessionState.COMPLETED)
    assert session.duration_s == 7.264224
    assert len(session.markers) == 1
    assert any(gap.reason == "paused" for gap in session.gaps)
    assert (session.tier, session.pinned, session.origins, session.note) == ("full", False, [], "")
    order = RunExport(
        store=str(folder),
        session=session.session,
        path=str(tmp_path / "out.mp4"),
        from_s=None,
        to_s=None,
        tracks=[],
    )
    done = export(reader, order)
    assert done.duration_s == pytest.approx(session.duration_s, abs=1 / 30)
    reader.close()


def test_looking_at_an_old_store_does_not_change_it(tmp_path: Path) -> None:
    folder = recorded(1, tmp_path / "store")
    before = (folder / "data.mdb").read_bytes()
    assert stored_format(folder) == 1
    assert len(migrations.plan(1)) == STORE_FORMAT_VERSION - 1
    assert migrations.plan(STORE_FORMAT_VERSION) == []
    with pytest.raises(RequestRejected) as caught:
        StoreEnvironment.open_read(folder)
    assert caught.value.code is ErrorCode.UNSUPPORTED_VERSION
    assert (folder / "data.mdb").read_bytes() == before


def test_a_migration_that_fails_leaves_the_old_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = recorded(1, tmp_path / "store")

    def failing(_txn: object) -> None:
        raise MemoryError

    monkeypatch.setitem(migrations.STEPS, 1, failing)
    with pytest.raises(MemoryError):
        StoreEnvironment.open_write(folder)
    monkeypatch.undo()
    assert stored_format(folder) == 1
    store = StoreEnvironment.open_write(folder)
    assert verify(store, None).ok
    store.close()


def test_the_store_as_it_was_is_kept_and_can_be_gone_back_to(tmp_path: Path) -> None:
    folder = recorded(1, tmp_path / "store")
    StoreEnvironment.open_write(folder).close()
    rollback.path_of(folder, 1).replace(folder / "data.mdb")
    assert stored_format(folder) == 1
    StoreEnvironment.open_write(folder).close()
    assert stored_format(folder) == STORE_FORMAT_VERSION


def test_reeld_tells_what_it_would_migrate(tmp_path: Path) -> None:
    folder = recorded(1, tmp_path / "store")
    command = [sys.executable, "-m", "reeld", "--check-store", "--store", str(folder)]
    env = {"PYTHONPATH": ":".join(sys.path)}
    told = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
    assert "format 1" in told
    assert "1 to 2" in told
    assert stored_format(folder) == 1
    StoreEnvironment.open_write(folder).close()
    assert "up to date" in subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
