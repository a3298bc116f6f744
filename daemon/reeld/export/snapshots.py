"""The snapshots of a session as picture files in a folder."""

from collections.abc import Callable
from pathlib import Path

from msgspec import structs

from reeld.export import target
from reeld.runtime.logs import get_logger
from reeld.store.reader import StoreReader
from reeld.store.stills import snapshots_of
from reeld_proto.errors import ErrorCode, RequestRejected, StoreCorrupt
from reeld_proto.snapshots import SnapshotInfo, SnapshotList
from reeld_proto.workers import RunSnapshots

Progress = Callable[[float, float], bool]
"""Called with (pictures done, pictures in all); returns False to stop."""


def write_snapshots(
    reader: StoreReader, order: RunSnapshots, progress: Progress = lambda _done, _all: True
) -> SnapshotList:
    """Write every picture that is stored, each file whole or not there; the folder is made, its parent must be there.

    Raises RequestRejected (NOT_FOUND, PERMISSION, DISK_FULL, DISK_FAILED, WRONG_STATE when it was stopped). A picture
    that is damaged is left out.
    """
    found = snapshots_of(reader, order.session)
    folder = Path(order.folder)
    target.check(folder / "any") if folder.exists() else _make(folder)
    stored = [taken for taken in found if taken.info.duplicate_of is None]
    target.check_room(folder / "any", sum(taken.info.bytes for taken in stored))
    files: dict[tuple[str, bytes], str] = {}
    for done, taken in enumerate(stored, start=1):
        path = folder / name_of(taken.info)
        try:
            data = reader.chunk(taken.chunk)
        except StoreCorrupt as error:
            get_logger().warning("snapshots.skipped", session_id=order.session, reason=str(error))
            continue
        with target.part_of(path) as part:
            part.write_bytes(data)
            target.publish(part, path)
        files[taken.info.track, taken.chunk] = str(path)
        if not progress(done, len(stored)):
            raise RequestRejected("the export was stopped", code=ErrorCode.WRONG_STATE)
    get_logger().info("snapshots.written", session_id=order.session, files=len(files))
    return SnapshotList(
        snapshots=[structs.replace(taken.info, file=files.get((taken.info.track, taken.chunk))) for taken in found]
    )


def name_of(snapshot: SnapshotInfo) -> str:
    """The name of a snapshot's file: names sort by time, `00h02m03.456s-snapshots-1.png`."""
    milliseconds = round(snapshot.at_s * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    time = f"{hours:02}h{minutes:02}m{rest // 1000:02}.{rest % 1000:03}s"
    return f"{time}-{snapshot.track}.{snapshot.format}"


def _make(folder: Path) -> None:
    target.check(folder)
    try:
        folder.mkdir()
    except OSError as error:
        raise target.rejected(error, folder) from error
