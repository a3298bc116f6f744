"""Messages and stores for the tests of this box."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reeld.media.still_header import HEADER_VERSION, StillHeader, pack_header
from reeld.store import sessions
from reeld.store.api import IngestItem, Landing
from reeld.store.environment import StoreEnvironment
from reeld.store.ingest import Batch
from reeld_proto.records import GapReason, SessionState, SoundClock, TrackKind
from reeld_proto.workers import ChunkCaptured, ClockFitted, CreateSession, FinishSession, GapFound, TrackRecord

SESSION = "20261122-170509-k3fa"
NS = 1_000_000_000


_KINDS = {"video": TrackKind.VIDEO, "snapshots": TrackKind.SNAPSHOT}


def creation(
    session: str = SESSION, name: str = "work", tracks: tuple[str, ...] = ("video-1", "mix"), **fields: object
) -> CreateSession:
    records = [
        TrackRecord(
            id=track,
            kind=_KINDS.get(track.partition("-")[0], TrackKind.AUDIO),
            codec="",
            label=track,
            source=track.replace("snapshots", "video"),
        )
        for track in tracks
    ]
    values = {"tags": [], "started_wall_ns": 1_700_000_000 * NS, "started_mono_ns": 5, "tracks": records, **fields}
    return CreateSession(session=session, name=name, **values)  # type: ignore[arg-type]


def finish(end_ns: int, session: str = SESSION, state: SessionState = SessionState.COMPLETED) -> FinishSession:
    return FinishSession(session=session, end_ns=end_ns, state=state)


def chunk(
    start_ns: int,
    end_ns: int,
    payload: bytes = b"",
    *,
    track: str = "video-1",
    session: str = SESSION,
    epoch: int = 1,
    seq: int = 1,
    producer: str = "capture-1",
    keyframe: bool = True,
    init: bytes = b"init",
    **counters: int,
) -> IngestItem:
    message = ChunkCaptured(
        session=session,
        track=track,
        epoch=epoch,
        start_ns=start_ns,
        end_ns=end_ns,
        keyframe=keyframe,
        codec="avc1",
        **{"frames": 3, **counters},
    )
    return IngestItem(producer, seq, message, payload or f"{track} {start_ns} {end_ns}".encode(), init)


def still(
    start_ns: int,
    end_ns: int,
    picture: bytes,
    *,
    taken_ns: int | None = None,
    track: str = "snapshots-1",
    session: str = SESSION,
    epoch: int = 1,
    frames: int = 1,
) -> IngestItem:
    """A snapshot that comes on view; with `frames=0` one that stays, or was taken at `taken_ns`."""
    header = StillHeader(
        version=HEADER_VERSION,
        format="png",
        width=640,
        height=480,
        hash=f"{len(picture):064x}",
        of=track.replace("snapshots", "video"),
        taken_ns=start_ns if taken_ns is None else taken_ns,
    )
    init = pack_header(header)
    return chunk(start_ns, end_ns, picture, track=track, session=session, epoch=epoch, init=init, frames=frames)


def gap(
    start_ns: int,
    end_ns: int,
    reason: GapReason = GapReason.HIDDEN,
    *,
    track: str = "video-1",
    session: str = SESSION,
    epoch: int = 1,
    seq: int = 1,
    detail: str = "",
) -> IngestItem:
    message = GapFound(
        session=session, track=track, epoch=epoch, start_ns=start_ns, end_ns=end_ns, reason=reason, detail=detail
    )
    return IngestItem("capture-1", seq, message)


CLOCK = SoundClock(ppm=80.125, residual_ms=0.25, offset_ms=-0.5, corrected_ms=-576.001)


def fitted(
    at_ns: int = NS,
    clock: SoundClock = CLOCK,
    *,
    track: str = "mix",
    session: str = SESSION,
    epoch: int = 1,
    seq: int = 1,
) -> IngestItem:
    message = ClockFitted(session=session, track=track, epoch=epoch, at_ns=at_ns, clock=clock)
    return IngestItem("audio-1", seq, message)


def land(store: StoreEnvironment, *items: IngestItem) -> list[Landing]:
    """Land items as one batch, in one transaction."""
    with store.write() as txn:
        batch = Batch(txn)
        landings = [batch.land(item) for item in items]
        batch.finish()
    return landings


@contextmanager
def new_store(path: Path, *sessions_to_create: CreateSession) -> Iterator[StoreEnvironment]:
    store = StoreEnvironment.open_write(path)
    try:
        for order in sessions_to_create:
            with store.write() as txn:
                sessions.create(txn, order)
        yield store
    finally:
        store.close()
