"""Sessions as the capture encoder makes them, orders carried out as the store worker does, and chunks looked at."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av

from reeld.export.recutting import recut
from reeld.export.remux import export
from reeld.media.decode import pictures
from reeld.media.encoder import TIMESCALE, VideoEncoder
from reeld.media.fit import fitted
from reeld.media.fragments import parse_chunk, parse_init
from reeld.media.presets import settings_for
from reeld.store import orders
from reeld.store.api import Circumstances
from reeld.store.environment import StoreEnvironment
from reeld.store.reader import StoreReader
from reeld.store.records import ChunkEntry, PrerollEntry
from reeld.store.transaction import Table, decode
from reeld.store.verify import verify
from reeld_proto.edits import Forgotten
from reeld_proto.records import Quality, VideoCodec
from reeld_proto.store_orders import DeriveSession, ForgetMedia, Recut, RunRecut, SessionPart
from reeld_proto.workers import ChunkCaptured, RunExport
from tests.daemon.export.recording import NS, Film, Recording, number_in, picture, watch

FPS = 30


def capture(
    recording: Recording,
    frames: int,
    *,
    first_number: int = 0,
    at_s: float = 0.0,
    keyframes: Sequence[int] = (0,),
    chunk_frames: int = 10,
    quality: Quality = Quality.HIGH,
    codec: VideoCodec = VideoCodec.H264,
    track: str = "video-1",
    size: tuple[int, int] = (160, 96),
    epoch: int = 1,
) -> None:
    """Pictures as the capture worker stores them, 30 a second; `keyframes`: numbers of frames that begin chunks."""
    settings = settings_for(codec, quality)
    encoder = VideoEncoder(*size, FPS, settings)
    times = [at_s + index / FPS for index in range(frames + 1)]
    packets = []
    for index in range(frames):
        frame: Any = av.VideoFrame.from_ndarray(picture(first_number + index, *size), format="yuv420p")
        frame = fitted(frame, *size, settings.pixels)
        packets.append(encoder.encode(frame, round(times[index] * TIMESCALE), keyframe=index in keyframes))
    for first in range(0, frames, chunk_frames):
        group = packets[first : first + chunk_frames]
        end = min(first + chunk_frames, frames)
        payload = encoder.fragment([each.packet for each in group], round(times[end] * TIMESCALE))
        message = ChunkCaptured(
            session=recording.session,
            track=track,
            epoch=epoch,
            start_ns=round(times[first] * TIMESCALE) * NS // TIMESCALE,
            end_ns=round(times[end] * TIMESCALE) * NS // TIMESCALE,
            frames=len(group),
            keyframe=group[0].keyframe,
            codec=codec,
        )
        recording.put(message, payload, encoder.init)
    encoder.close()


def carry_out(store: StoreEnvironment, order: Any) -> Any:
    """As the store worker does it."""
    with store.write() as txn:
        return orders.carry_out(txn, order, Circumstances(store.path, frozenset()))


def derive(store: StoreEnvironment, name: str, *parts: tuple[str, float, float | None]) -> str:
    """A session of (session, from, to) in seconds; its id is its name."""
    wanted = [
        SessionPart(session=session, from_ns=round(from_s * NS), to_ns=None if to_s is None else round(to_s * NS))
        for session, from_s, to_s in parts
    ]
    carry_out(store, DeriveSession(session=name, name=name, tags=[], parts=wanted))
    return name


def made_anew(store: StoreEnvironment, session: str, from_s: float, to_s: float, new_session: str = "") -> Recut:
    order = RunRecut(
        store=str(store.path),
        session=session,
        from_ns=round(from_s * NS),
        to_ns=round(to_s * NS),
        forget=not new_session,
        new_session=new_session,
    )
    return recut(store, order, lambda _done, _all: True)


def forget(store: StoreEnvironment, session: str, from_s: float, to_s: float) -> Forgotten:
    made = made_anew(store, session, from_s, to_s)
    order = ForgetMedia(session=session, from_ns=round(from_s * NS), to_ns=round(to_s * NS), staged=made.staged)
    receipt: Forgotten = carry_out(store, order)
    return receipt


def redact(store: StoreEnvironment, session: str, from_s: float, to_s: float, name: str) -> Recut:
    made = made_anew(store, session, from_s, to_s, new_session=name)
    parts = [
        SessionPart(session=session, from_ns=start, to_ns=end, left_out=made.left_out)
        for start, end in ((0, round(from_s * NS)), (round(to_s * NS), None))
        if end != 0 and start < made.end_ns
    ]
    carry_out(store, DeriveSession(session=name, name=name, tags=[], parts=parts, staged=made.staged))
    return made


def film(
    store: StoreEnvironment, session: str, path: Path, from_s: float | None = None, to_s: float | None = None
) -> Film:
    order = RunExport(store="", session=session, path=str(path), from_s=from_s, to_s=to_s, tracks=[])
    export(StoreReader(store), order)
    return watch(path)


def held_numbers(store: StoreEnvironment) -> set[int]:
    """What every picture in every chunk that anything refers to shows, each chunk in every chain that leads to it."""
    seen: set[int] = set()
    for chain in _chains(store):
        init = chain[0][1]
        with store.read() as txn:
            data = {digest: txn.get(Table.CHUNKS, digest) or b"" for pair in chain for digest in pair}
        samples = [sample for chunk, own in chain for sample in parse_chunk(data[chunk], parse_init(data[own]))]
        timescale = parse_init(data[init]).timescale
        seen |= {number_in(frame) for frame in pictures(data[init], samples, timescale)}
    return seen


def _chains(store: StoreEnvironment) -> Iterator[list[tuple[bytes, bytes]]]:
    """Every run of picture chunks that begins at a key frame, prerolls included."""
    with store.read() as txn:
        prerolls = {key: decode(value, PrerollEntry).chunks for key, value in txn.scan(Table.PREROLL)}
        rows = [(key, decode(value, ChunkEntry)) for key, value in txn.scan(Table.TIMELINE) if b"video" in key]
    chain: list[tuple[bytes, bytes]] = []
    for key, entry in rows:
        if entry.keyframe or key in prerolls:
            if chain:
                yield chain
            chain = list(prerolls.get(key, []))
        chain.append((entry.chunk, entry.init))
    if chain:
        yield chain


def check(store: StoreEnvironment) -> None:
    """Every promise of the store holds."""
    assert verify(store, None).faults == []
