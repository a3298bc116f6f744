"""The job behind `reelctl import`: every file is read whole, checked and staged before the store hears of it."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path

from msgspec import structs

from reeld.copies.bundle import read_bundle
from reeld.copies.bundle_format import is_bundle
from reeld.copies.media_file import SUFFIXES, UnfitError, read_media
from reeld.store import chunks, roster
from reeld.store.environment import StoreEnvironment
from reeld.store.keys import name_key
from reeld.store.records import References
from reeld.store.rows import Row, media_digest, read_rows, record_in
from reeld.store.slices import Slices, stage_rows
from reeld.store.staging import remove_staged
from reeld.store.transaction import Table
from reeld_proto import codec
from reeld_proto.errors import ErrorCode, ReeldError, RequestRejected, StoreCorrupt
from reeld_proto.store_orders import ImportStaged, RunImport, StagedImport, UnfitFile

BUNDLE_SUFFIX = ".reel"
STAGED_BYTES_MAX = 512 * 1024 * 1024
"""After so many staged bytes the store lands them before the next file is read, so that little is on disk twice."""
FILES_MAX = 100_000
_NAME_CHARS_MAX = 255

Progress = Callable[[str, str, float, float], bool]
"""Called with session, path, done and total; returns False when the job is to stop."""


def run_import(order: RunImport, progress: Progress) -> ImportStaged:
    """Stage files until there is enough to land. Raises RequestRejected; a file that is at fault is no error."""
    files, refused = files_in([Path(path) for path in order.paths])
    if order.skip:
        refused = []  # they were told with the first portion
    sizes = [_size(path) for path in files]
    total, done = sum(sizes), sum(sizes[: order.skip])
    imports: list[StagedImport] = []
    with closing(StoreEnvironment.open_read(Path(order.store))) as store, _undone(Path(order.store), imports):
        staged = 0
        for index in range(order.skip, len(files)):
            before = done

            def report(at: int, _size: int, before: int = before) -> bool:
                return progress("", order.paths[0], before + at, total)

            try:
                imports.append(_stage(store, files[index], order, report))
            except UnfitError as error:
                refused.append(UnfitFile(path=str(files[index]), reason=str(error)))
            else:
                staged += imports[-1].bytes
            done += sizes[index]
            if staged >= STAGED_BYTES_MAX and index + 1 < len(files):
                return ImportStaged(imports=imports, refused=refused, next=index + 1)
    return ImportStaged(imports=imports, refused=refused)


def files_in(paths: Iterable[Path]) -> tuple[list[Path], list[UnfitFile]]:
    """The files that are meant, folders searched to any depth, in a fixed order; and paths where there is nothing."""
    files: dict[Path, None] = {}
    refused = []
    for path in paths:
        if path.is_dir():
            found = [each for each in _below(path) if each.suffix.lower() in SUFFIXES | {BUNDLE_SUFFIX}]
            files.update(dict.fromkeys(found))
            if not found:
                refused.append(UnfitFile(path=str(path), reason="there is no bundle and no media file in this folder"))
        elif path.is_file():
            files[path] = None
        else:
            refused.append(UnfitFile(path=str(path), reason="there is no such file or folder"))
    if len(files) > FILES_MAX:
        raise RequestRejected(f"{len(files)} files at a time are too many", code=ErrorCode.TOO_LARGE)
    return list(files), refused


def _below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        with contextlib.suppress(OSError):
            if path.is_file() and not path.name.startswith("."):
                yield path


def _size(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.stat().st_size
    return 0


@contextlib.contextmanager
def _undone(store_dir: Path, imports: list[StagedImport]) -> Iterator[None]:
    """What was staged is removed when the block fails: nobody would hear of it."""
    try:
        yield
    except BaseException:
        for each in imports:
            for path in [*each.slices, each.rows]:
                remove_staged(store_dir, path)
        raise


class _Stage:
    """Bytes on their way to the store: each is staged once, and not at all if the store has it."""

    def __init__(self, store: StoreEnvironment, slices: Slices) -> None:
        self._store = store
        self._slices = slices
        self._seen: set[bytes] = set()

    def keep(self, data: bytes) -> bytes:
        """Stage bytes; their digest."""
        digest = chunks.digest_of(data)
        self.keep_as(digest, data)
        return digest

    def keep_as(self, digest: bytes, data: bytes) -> None:
        """The same for bytes whose digest is known."""
        if digest in self._seen:
            return
        self._seen.add(digest)
        with self._store.read() as txn:
            entry = txn.record(Table.REFERENCES, digest, References)
        if entry is None or not entry.count:
            self._slices.add(data)


def _stage(store: StoreEnvironment, path: Path, order: RunImport, progress: Callable[[int, int], bool]) -> StagedImport:
    """One file, staged. Raises UnfitError; RequestRejected when the job is to stop or the disk is full."""
    with Slices(store.path) as slices:
        if _begins_as_bundle(path):
            session, rows = _bundle(path, _Stage(store, slices), progress)
        else:
            session, rows = "", _media(store, path, order, slices, progress)
        rows = _renamed(rows, order)
        known = _known(store, rows)
        if known:
            slices.restart()  # nothing of it is needed
            return _described(path, known, rows, [], "", known=True)
        staged_rows = stage_rows(store.path, rows)
        session = "" if session and _is_taken(store, session) else session
    return _described(path, session, rows, slices.paths, staged_rows, known=False)


def _begins_as_bundle(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return is_bundle(stream.read(16))
    except OSError as error:
        raise UnfitError(f"it cannot be read: {error.strerror}") from error


def _bundle(path: Path, stage: _Stage, progress: Callable[[int, int], bool]) -> tuple[str, list[Row]]:
    size, done = _size(path), 0

    def keep(digest: bytes, data: bytes) -> None:
        nonlocal done
        stage.keep_as(digest, data)
        done += len(data)
        if not progress(done, size):
            raise RequestRejected("the import was stopped", code=ErrorCode.WRONG_STATE)

    try:
        with path.open("rb") as stream:
            content = read_bundle(stream, keep)
    except StoreCorrupt as error:
        raise UnfitError(str(error)) from error
    except OSError as error:
        raise UnfitError(f"it cannot be read: {error.strerror}") from error
    return content.record.id, content.rows


def _media(
    store: StoreEnvironment, path: Path, order: RunImport, slices: Slices, progress: Callable[[int, int], bool]
) -> list[Row]:
    def start() -> Callable[[bytes], bytes]:
        slices.restart()
        return _Stage(store, slices).keep

    try:
        draft, started_wall_ns = read_media(path, start, progress)
    except ReeldError:
        raise
    except OSError as error:
        raise UnfitError(f"it cannot be read: {error.strerror or error}") from error
    name = order.name or path.stem.strip()[:_NAME_CHARS_MAX] or path.name
    rows = draft.rows(name, order.tags, started_wall_ns)
    if not rows:
        raise UnfitError("there is neither picture nor sound in it")
    return rows


def _renamed(rows: list[Row], order: RunImport) -> list[Row]:
    """With the name and the tags that the person gave besides."""
    record = record_in(rows)
    tags = list(dict.fromkeys([*record.tags, *order.tags]))
    record = structs.replace(record, name=order.name or record.name, tags=tags)
    return [Row(row.table, row.key, codec.pack_record(record)) if row.table is Table.SESSIONS else row for row in rows]


def _known(store: StoreEnvironment, rows: list[Row]) -> str:
    """The session in the store that holds the same media from the same time; empty for none."""
    record, digest = record_in(rows), media_digest(rows)
    with store.read() as txn:
        for other in roster.readable(txn.scan(Table.SESSIONS)):
            if (other.started_wall_ns, other.end_ns) != (record.started_wall_ns, record.end_ns) or other.buffer:
                continue
            if media_digest(read_rows(txn, other.id)) == digest:
                return other.id
    return ""


def _is_taken(store: StoreEnvironment, session: str) -> bool:
    with store.read() as txn:
        return txn.get(Table.SESSIONS, name_key(session)) is not None


def _described(
    path: Path, session: str, rows: list[Row], slices: list[str], staged_rows: str, *, known: bool
) -> StagedImport:
    record = record_in(rows)
    return StagedImport(
        path=str(path),
        session=session,
        name=record.name,
        started_wall_ns=record.started_wall_ns,
        end_ns=record.end_ns or 0,
        bytes=sum(track.bytes for track in record.tracks),
        known=known,
        slices=slices,
        rows=staged_rows,
    )
