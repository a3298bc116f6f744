"""Old pictures encoded again as AV1, and looked at before they may take the place of the old ones.

DESIGN: a run (pictures between two gaps) is decoded and encoded with the same times, frame for frame. What was staged
is then read back, decoded, and compared with the original picture by picture. A track that is not smaller, or not the
same to the eye, stays as it is. The original is in the store until the order that replaces it, one transaction.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from reeld.media.av1 import CODEC, Av1Encoder
from reeld.media.decode import pictures
from reeld.media.encoder import TIMESCALE
from reeld.media.fragments import Sample, parse_chunk, parse_init
from reeld.runtime.logs import get_logger
from reeld.store.api import Segment, TrackOutline
from reeld.store.reader import StoreReader
from reeld.store.staging import StagedChunk, StagingWriter, read_staged
from reeld_proto.errors import ErrorCode, RequestRejected, StoreCorrupt
from reeld_proto.records import TrackKind
from reeld_proto.store_orders import MediaStaged, RunCompress
from reeld_proto.units import NS_PER_S, seconds

CHUNK_TICKS = TIMESCALE
CHUNK_TICKS_MAX = 2 * TIMESCALE
KEYFRAME_TICKS = 9 * TIMESCALE
SMALLER_THAN = 0.9
"""New media must save a tenth at least: less is not worth a generation of loss."""
PSNR_DB_MEAN, PSNR_DB_MIN = 36.0, 30.0
"""Luma against the original. From 36 dB on screens differ by nothing a person sees side by side."""

Progress = Callable[[float, float], bool]


@dataclass(frozen=True)
class _Run:
    """Neighbouring chunks of one init segment, the first beginning with a key frame."""

    segments: list[Segment]
    init: bytes


def compress(reader: StoreReader, order: RunCompress, progress: Progress = lambda _done, _all: True) -> MediaStaged:
    """Stage the pictures of a session as AV1, track by track; nothing where nothing is gained.

    Raises RequestRejected: NOT_FOUND, DISK_FULL, DEVICE_FAILED without an encoder, WRONG_STATE when it was stopped.
    """
    os.environ.setdefault("SVT_LOG", "1")  # it writes a page about itself to stderr otherwise
    outline = reader.outline(order.session)
    tracks = [track for track in outline.tracks if track.kind is TrackKind.VIDEO and track.codec != CODEC]
    with StagingWriter(Path(order.store)) as writer:
        for index, track in enumerate(tracks):
            done_s = seconds(index * outline.end_ns)

            def report(at_ns: int, done_s: float = done_s) -> None:
                if not progress(done_s + seconds(at_ns), seconds(outline.end_ns) * len(tracks)):
                    raise RequestRejected("compression was stopped", code=ErrorCode.WRONG_STATE)

            _compress_track(reader, order, track, writer, report)
    if writer.chunks == 0:
        writer.path.unlink()
        return MediaStaged(staged="", new_bytes=0)
    return MediaStaged(staged=str(writer.path), new_bytes=writer.chunk_bytes)


def _compress_track(
    reader: StoreReader, order: RunCompress, track: TrackOutline, writer: StagingWriter, report: Callable[[int], None]
) -> None:
    runs = _runs(reader, order.session, track.id)
    if runs is None:
        get_logger().info(
            "compress.skipped", session_id=order.session, track=track.id, reason="cannot be decoded alone"
        )
        return
    if any(frame.format.is_rgb for frame in _first(reader, runs)):
        get_logger().info("compress.skipped", session_id=order.session, track=track.id, reason="it is lossless")
        return
    before = sum(segment.size for run in runs for segment in run.segments)
    with StagingWriter(Path(order.store)) as trial:
        for run in runs:
            for chunk in _encoded(reader, order.session, track.id, run):
                trial.add(chunk)
                report(chunk.end_ns)
    try:
        verdict = _verdict(reader, Path(order.store), str(trial.path), runs, trial.chunk_bytes, before)
        if verdict:
            get_logger().info("compress.rejected", session_id=order.session, track=track.id, reason=verdict)
            return
        for chunk in read_staged(Path(order.store), str(trial.path)):
            writer.add(chunk)
    finally:
        trial.path.unlink(missing_ok=True)


def _runs(reader: StoreReader, session: str, track: str) -> list[_Run] | None:
    """The runs of a track; None if one does not begin with a key frame or has pictures that are not shown."""
    runs: list[_Run] = []
    previous: Segment | None = None
    for segment in reader.segments(session, track):
        follows = previous is not None and previous.end_ns == segment.start_ns and previous.init == segment.init
        if not follows:
            if not segment.keyframe:
                return None
            runs.append(_Run([], reader.chunk(segment.init)))
        runs[-1].segments.append(segment)
        previous = segment
    return runs


def _shown(reader: StoreReader, run: _Run) -> Iterator[tuple[Sample, int]]:
    """The samples of a run, and from when (ticks of media time) each is shown; what a cut hides comes with none."""
    init = parse_init(run.init)
    for segment in run.segments:
        shift = segment.shift_ns * init.timescale // NS_PER_S
        for sample in parse_chunk(reader.chunk(segment.chunk), init):
            yield sample, (sample.pts + shift) * TIMESCALE // init.timescale


def _frames(reader: StoreReader, run: _Run) -> Iterator[tuple[Any, int]]:
    """Decoded pictures of a run and when each is shown (ticks); those outside what is shown are left out."""
    times: list[int] = []

    def samples() -> Iterator[Sample]:
        for sample, at in _shown(reader, run):
            times.append(at)
            yield sample

    first, end = _ticks(run.segments[0].start_ns), _ticks(run.segments[-1].end_ns)
    shown: list[tuple[Any, int]] = []
    for index, frame in enumerate(pictures(run.init, samples(), parse_init(run.init).timescale)):
        at = times[index]
        if at >= end:
            break
        if shown and (at > first or shown[-1][1] >= first):
            yield shown.pop()
        shown = [(frame, max(at, first))]
    yield from shown


def _first(reader: StoreReader, runs: list[_Run]) -> Iterator[Any]:
    """The first picture of each run."""
    for run in runs:
        for frame, _ in islice(_frames(reader, run), 1):
            yield frame


def _encoded(reader: StoreReader, session: str, track: str, run: _Run) -> Iterator[StagedChunk]:
    encoder: Av1Encoder | None = None
    end = _ticks(run.segments[-1].end_ns)
    waiting: list[Any] = []
    keyframe_at = 0
    try:
        for frame, at in _frames(reader, run):
            if encoder is None:
                encoder, keyframe_at = Av1Encoder(frame.width, frame.height, frame), at - KEYFRAME_TICKS
            keyframe = at - keyframe_at >= KEYFRAME_TICKS
            keyframe_at = at if keyframe else keyframe_at
            waiting += encoder.encode(frame, at, keyframe=keyframe)
            while (count := _whole_chunk(waiting)) is not None:
                yield _chunk(session, track, encoder, waiting[:count], waiting[count].pts)
                waiting = waiting[count:]
        if encoder is None:
            return
        waiting += encoder.encode(None)
        while (count := _whole_chunk(waiting)) is not None:
            yield _chunk(session, track, encoder, waiting[:count], waiting[count].pts)
            waiting = waiting[count:]
        if waiting:
            yield _chunk(session, track, encoder, waiting, end)
    finally:
        if encoder is not None:
            encoder.close()


def _whole_chunk(packets: list[Any]) -> int | None:
    """How many of these packets make a chunk that is surely complete; None while more must come."""
    for index, packet in enumerate(packets):
        if index and (packet.is_keyframe or packet.pts - packets[0].pts >= CHUNK_TICKS):
            return index
    return None


def _chunk(session: str, track: str, encoder: Av1Encoder, packets: list[Any], end: int) -> StagedChunk:
    start, keyframe, frames = packets[0].pts, packets[0].is_keyframe, len(packets)
    return StagedChunk(
        session=session,
        track=track,
        start_ns=start * NS_PER_S // TIMESCALE,
        end_ns=end * NS_PER_S // TIMESCALE,
        shift_ns=0,
        frames=frames,
        keyframe=keyframe,
        codec=CODEC,
        dropped=0,
        unchanged=0,
        silence_ns=0,
        payload=encoder.fragment(packets, end),
        init=encoder.init,
    )


def _verdict(reader: StoreReader, store: Path, staged: str, runs: list[_Run], after: int, before: int) -> str:
    """Why the new pictures may not take the place of the old ones; empty if they may."""
    if after > SMALLER_THAN * before:
        return f"{after} bytes instead of {before}"
    old = (frame for run in runs for frame in _frames(reader, run))
    ratios = []
    for original, made in zip_longest(old, _made(store, staged)):
        if original is None or made is None:
            return "another number of pictures"
        if original[1] != made[1]:
            return f"a picture at {made[1]} instead of {original[1]} ticks"
        ratios.append(_psnr_db(original[0], made[0]))
    if not ratios or min(ratios) < PSNR_DB_MIN or sum(ratios) / len(ratios) < PSNR_DB_MEAN:
        return f"not the same picture: {min(ratios, default=0):.1f} dB"
    return ""


def _made(store: Path, staged: str) -> Iterator[tuple[Any, int]]:
    """The staged pictures, decoded, and when each is shown (ticks)."""
    group: list[StagedChunk] = []
    for chunk in read_staged(store, staged):
        if group and (chunk.keyframe or chunk.init != group[0].init):
            yield from _decoded(group)
            group = []
        group.append(chunk)
    yield from _decoded(group)


def _decoded(group: list[StagedChunk]) -> Iterator[tuple[Any, int]]:
    if not group:
        return
    init = parse_init(group[0].init)
    samples = [sample for chunk in group for sample in parse_chunk(chunk.payload, init)]
    frames = list(pictures(group[0].init, samples, init.timescale))
    if len(frames) != len(samples):
        raise StoreCorrupt("AV1 that was just made cannot be decoded")
    yield from ((frame, sample.pts) for frame, sample in zip(frames, samples, strict=True))


def _psnr_db(original: Any, made: Any) -> float:
    """Peak signal-to-noise ratio of the luma of two 8-bit pictures of one size; 100 dB if they are equal."""
    difference = _luma(original).astype(np.float32) - _luma(made)
    error = float(np.mean(difference * difference))
    return 100.0 if error == 0 else float(10 * np.log10(255.0**2 / error))


def _luma(frame: Any) -> Any:
    plane = frame.planes[0]
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width]


def _ticks(at_ns: int) -> int:
    return (at_ns * TIMESCALE + NS_PER_S // 2) // NS_PER_S
