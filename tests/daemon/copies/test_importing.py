"""Imports. Harms guarded against: half of one in the store, a file taken in twice, a bad file that stops a folder."""

from pathlib import Path

import pytest

from reeld.copies import importing
from reeld.copies.importing import files_in, run_import
from reeld.store import landing, sessions
from reeld.store.api import Circumstances
from reeld.store.environment import StoreEnvironment
from reeld.store.reader import StoreReader
from reeld.store.slices import stage_rows
from reeld.store.staging import FOLDER
from reeld.store.transaction import Table
from reeld_proto.errors import ErrorCode, RequestRejected, StoreCorrupt
from reeld_proto.store_orders import ImportSession, LandBytes, RunImport
from reeld_proto.workers import RecordMarker
from tests.daemon.copies.builders import checked
from tests.daemon.copies.bundles import bundle_of, read, record
from tests.daemon.copies.importer import imported, land, staged
from tests.daemon.copies.samples import Sample, write_wav
from tests.daemon.store.builders import CLOCK, NS, SESSION, creation, new_store


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    with new_store(tmp_path / "origin", creation()) as store:
        record(store)
        bundle_of(store, tmp_path / "one.reel")
    return tmp_path / "one.reel"


@pytest.fixture
def store_dir(tmp_path: Path) -> Path:
    StoreEnvironment.open_write(tmp_path / "store").close()
    return tmp_path / "store"


def everything(store_dir: Path) -> dict[str, list[tuple[bytes, bytes]]]:
    """All that the store holds."""
    store = StoreEnvironment.open_read(store_dir)
    with store.read() as txn:
        found = {str(table): list(txn.scan(table)) for table in Table}
    store.close()
    return found


def leftovers(store_dir: Path) -> list[Path]:
    return list((store_dir / FOLDER).iterdir()) if (store_dir / FOLDER).exists() else []


def test_a_bundle_is_the_session_that_it_was(bundle: Path, store_dir: Path, tmp_path: Path) -> None:
    assert imported(store_dir, bundle) == [SESSION]
    assert checked(store_dir).ok
    assert leftovers(store_dir) == []
    there, origin = StoreReader.open(store_dir), StoreReader.open(tmp_path / "origin")
    assert there.show(SESSION) == origin.show(SESSION)
    assert any(track.clock == CLOCK for track in there.show(SESSION).tracks)
    there.close()
    origin.close()


def test_the_same_bundle_again_changes_nothing(bundle: Path, store_dir: Path) -> None:
    imported(store_dir, bundle)
    before = everything(store_dir)
    report = staged(store_dir, bundle)
    assert [(each.session, each.known, each.slices) for each in report.imports] == [(SESSION, True, [])]
    assert imported(store_dir, bundle) == [SESSION]
    assert everything(store_dir) == before
    assert leftovers(store_dir) == []


def test_what_people_wrote_since_does_not_make_it_another_session(bundle: Path, store_dir: Path) -> None:
    imported(store_dir, bundle)
    store = StoreEnvironment.open_write(store_dir)
    with store.write() as txn:
        sessions.mark(txn, RecordMarker(session=SESSION, media_ns=2 * NS, text="later"))
    store.close()
    assert staged(store_dir, bundle).imports[0].known


def test_other_media_under_the_same_id_get_a_new_one(bundle: Path, tmp_path: Path) -> None:
    with new_store(tmp_path / "store", creation()):
        pass
    (session,) = imported(tmp_path / "store", bundle)
    assert session != SESSION
    assert checked(tmp_path / "store").ok
    again = staged(tmp_path / "store", bundle).imports[0]
    assert (again.known, again.session) == (True, session)


def test_a_damaged_bundle_changes_nothing(bundle: Path, store_dir: Path) -> None:
    before = everything(store_dir)
    data = bytearray(bundle.read_bytes())
    data[-1] ^= 1
    bundle.write_bytes(data)
    report = staged(store_dir, bundle)
    assert [each.path for each in report.refused] == [str(bundle)]
    assert report.imports == []
    assert everything(store_dir) == before
    assert leftovers(store_dir) == []


@pytest.mark.parametrize(
    "content", [b"", b"no film", b"RIFF\0\0\0\0WAVEfmt ", b"\x1aE\xdf\xa3 matroska?", b"#EXTM3U\n/etc/passwd\n"]
)
def test_a_file_that_is_no_media_is_refused_with_a_reason(store_dir: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file.mp4").write_bytes(content)
    report = staged(store_dir, tmp_path / "file.mp4")
    assert report.refused[0].reason
    assert report.imports == []
    assert leftovers(store_dir) == []


def test_a_film_that_is_cut_off_is_refused(store_dir: Path, tmp_path: Path) -> None:
    path = Sample(pictures=60).write(tmp_path / "film.mp4")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert staged(store_dir, path).refused
    assert leftovers(store_dir) == []


def test_a_folder_gives_what_it_has_and_names_what_it_refuses(store_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "films" / "deep" / "deeper"
    folder.mkdir(parents=True)
    write_wav(folder / "note.WAV", seconds=1.0)
    (folder / "bad.mp4").write_bytes(b"no film")
    (folder / "readme.txt").write_bytes(b"text")
    (folder / ".hidden.mp4").write_bytes(b"")
    report = staged(store_dir, tmp_path / "films")
    assert [each.name for each in report.imports] == ["note"]
    assert [Path(each.path).name for each in report.refused] == ["bad.mp4"]


def test_a_path_without_anything_is_told(store_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    files, refused = files_in([tmp_path / "empty", tmp_path / "nowhere"])
    assert files == []
    assert len(refused) == 2


def test_many_files_are_staged_in_portions(
    bundle: Path, store_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "STAGED_BYTES_MAX", 1)
    note = write_wav(tmp_path / "note.wav", seconds=1.0)
    first = staged(store_dir, bundle, note, tmp_path / "nowhere")
    assert (len(first.imports), first.next, len(first.refused)) == (1, 1, 1)
    second = staged(store_dir, bundle, note, tmp_path / "nowhere", skip=1)
    assert (second.imports[0].name, second.next, second.refused) == ("note", None, [])


def test_an_import_that_is_stopped_leaves_nothing(bundle: Path, store_dir: Path, tmp_path: Path) -> None:
    calls = iter([True] * 4)
    order = RunImport(store=str(store_dir), paths=[str(bundle), str(write_wav(tmp_path / "note.wav"))])
    with pytest.raises(RequestRejected):
        run_import(order, lambda *_: next(calls, False))
    assert leftovers(store_dir) == []


def test_a_crash_before_the_last_order_shows_no_session(bundle: Path, store_dir: Path) -> None:
    report = staged(store_dir, bundle)
    store = StoreEnvironment.open_write(store_dir)
    circumstances = Circumstances(store_dir, ())
    for path in report.imports[0].slices:
        for _ in range(2):  # the store may be asked twice
            with store.write() as txn:
                landing.land_bytes(txn, LandBytes(staged=path), circumstances)
    with store.read() as txn:
        assert txn.count(Table.SESSIONS) == 0
        assert txn.count(Table.GARBAGE) == txn.count(Table.CHUNKS) == 5
    store.close()
    assert checked(store_dir).ok


def test_bytes_that_are_gone_make_no_session(bundle: Path, store_dir: Path) -> None:
    report = staged(store_dir, bundle)
    store = StoreEnvironment.open_write(store_dir)
    with pytest.raises(StoreCorrupt), store.write() as txn:
        landing.import_session(
            txn, ImportSession(session=SESSION, staged=report.imports[0].rows), Circumstances(store_dir, ())
        )
    store.close()
    assert everything(store_dir)["sessions"] == []


def test_two_imports_at_once_never_overwrite_a_session(bundle: Path, store_dir: Path) -> None:
    first, second = staged(store_dir, bundle), staged(store_dir, bundle)
    store = StoreEnvironment.open_write(store_dir)
    land(store, first)
    land(store, second)  # the same media: nothing changes
    with store.write() as txn:
        sessions.create(txn, creation("other"))
    third = staged_elsewhere(store, store_dir, bundle)
    with pytest.raises(RequestRejected) as caught, store.write() as txn:
        landing.import_session(txn, ImportSession(session="other", staged=third), Circumstances(store_dir, ()))
    assert caught.value.code is ErrorCode.WRONG_STATE
    store.close()
    assert checked(store_dir).ok


def staged_elsewhere(store: StoreEnvironment, store_dir: Path, bundle: Path) -> str:
    """The rows of a bundle, staged without asking what the store has."""
    content, _ = read(bundle.read_bytes())
    return stage_rows(store_dir, content.rows)
