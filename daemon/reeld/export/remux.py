"""Chunks of a session copied into one MP4 file that any player opens. Encoded again is only what a cut makes necessary.

DESIGN: FFmpeg's muxer writes the file, its index moved to the front (faststart). A range may begin anywhere: the
samples that are only needed for decoding get times before zero, which the muxer turns into an edit list.
"""

import heapq
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from reeld.export import target
from reeld.export.captions import Captions, add_chapters, add_texts, captions_of, packets
from reeld.export.remix_track import RemixTrack, remixed_track
from reeld.export.timing import Timed
from reeld.export.tracks import NeedsTranscodingError, TrackSource
from reeld.export.window import Window, choose_tracks, window_of
from reeld.media.cmaf import keep_tag
from reeld.media.decode import open_init
from reeld.runtime.logs import get_logger
from reeld.store.reader import StoreReader
from reeld_proto.commands import Exported
from reeld_proto.errors import ErrorCode, InternalError, RequestRejected
from reeld_proto.records import TrackKind
from reeld_proto.units import NS_PER_S
from reeld_proto.workers import RunExport

Progress = Callable[[float, float], bool]
"""Called with (seconds done, seconds in all), often; returns False to stop."""

Sources = list[TrackSource | RemixTrack]

_OPTIONS = {
    "movflags": "faststart",
    "movie_timescale": "90000",  # the edit list counts in it; the usual 1000 would round a cut to a millisecond
}
_CONTAINER_OPTIONS = {"avoid_negative_ts": "disabled"}  # or the muxer would move the hidden start into view
_OVERHEAD = 1.02
"""The file's index, beside the bytes of the chunks."""
_DEFAULT_AUDIO = "mix"


@dataclass(slots=True)
class _Lane:
    """A track of the file being written."""

    source: TrackSource | RemixTrack
    stream: Any
    time_base: Fraction


def export(reader: StoreReader, order: RunExport, progress: Progress = lambda _done, _all: True) -> Exported:
    """Write the file. It is complete and durable, or not there at all.

    Raises RequestRejected (INVALID_REQUEST, NOT_FOUND, PERMISSION, DISK_FULL, DISK_FAILED) or StoreCorrupt.
    """
    path = Path(order.path)
    target.check(path)
    if order.samples is not None:
        raise RequestRejected("only WAV files have a choice of samples", remedy="Leave --samples out.")
    outline = reader.outline(order.session)
    window = window_of(outline, order.from_s, order.to_s)
    encoded: set[str] = set()
    while True:
        try:
            return _export(reader, order, window, encoded, progress)
        except NeedsTranscodingError as error:
            get_logger().info("export.transcodes", session_id=order.session, track=error.track)
            encoded.add(error.track)


def _export(
    reader: StoreReader, order: RunExport, window: Window, encoded: Collection[str], progress: Progress
) -> Exported:
    path = Path(order.path)
    tracks = choose_tracks(reader.outline(order.session), order.tracks)
    anew = None if order.remix is None else remixed_track(reader, reader.outline(order.session), tracks)
    opened = [
        RemixTrack(reader, order.session, track, window, order.remix or [])
        if track is anew
        else TrackSource.open(reader, order.session, track, window, encoded=track.id in encoded)
        for track in tracks
    ]
    sources = [source for source in opened if source is not None]
    if not sources:
        raise RequestRejected(f"nothing was recorded in this part of session {order.session}", code=ErrorCode.NOT_FOUND)
    target.check_room(path, round(sum(source.stored_bytes() for source in sources) * _OVERHEAD))
    with target.part_of(path) as part, ExitStack() as stack:
        for source in sources:
            stack.callback(source.close)
        try:
            _write(part, sources, window, captions_of(reader, order.session, window, order.tracks), progress)
            duration_s = _duration_s(part)
        except av.FFmpegError as error:
            if isinstance(error, OSError) and error.errno:
                raise target.rejected(error, path) from error
            raise InternalError(f"FFmpeg could not write {path}: {error}") from error
        size = part.stat().st_size
        target.publish(part, path)
    get_logger().info(
        "export.written",
        session_id=order.session,
        duration_s=duration_s,
        size_bytes=size,
        skipped_chunks=sum(source.skipped for source in sources),
    )
    return Exported(path=str(path), duration_s=duration_s, bytes=size)


def _write(part: Path, sources: Sources, window: Window, captions: Captions, progress: Progress) -> None:
    with av.open(str(part), "w", format="mp4", options=_OPTIONS, container_options=_CONTAINER_OPTIONS) as container:
        lanes = [_Lane(source, *_add_stream(container, source, sources)) for source in sources]
        texts = add_texts(container, captions)
        add_chapters(container, captions)
        spoken = deque(packets(texts, captions) if texts is not None else ())
        total_s = window.length_ns / NS_PER_S
        for at_ns, lane, sample in _interleaved(lanes):
            while spoken and spoken[0][0] <= at_ns:
                container.mux_one(spoken.popleft()[1])
            packet: Any = av.Packet(bytes(sample.data))
            packet.stream = lane.stream
            packet.time_base = lane.time_base
            packet.dts, packet.pts, packet.duration = sample.dts, sample.pts, sample.duration
            packet.is_keyframe = sample.sync
            container.mux_one(packet)
            if not progress(max(0, at_ns) / NS_PER_S, total_s):
                raise RequestRejected("the export was stopped", code=ErrorCode.WRONG_STATE)
        for _, packet in spoken:
            container.mux_one(packet)


def _add_stream(container: Any, source: TrackSource | RemixTrack, sources: Sources) -> tuple[Any, Fraction]:
    time_base = Fraction(1, source.init.timescale)
    with open_init(source.init_bytes) as template:
        stream = container.add_stream_from_template(template.streams[0], opaque=True)
        keep_tag(stream, template.streams[0])
    stream.time_base = time_base
    stream.metadata["title"] = source.track.label
    stream.metadata["handler_name"] = source.track.label
    if _is_default(source, sources):
        stream.disposition = av.stream.Disposition.default
    else:
        stream.disposition = av.stream.Disposition(0)
    return stream, time_base


def _is_default(source: TrackSource | RemixTrack, sources: Sources) -> bool:
    """Whether players choose this track by themselves: the first picture, and the mix or else the first sound."""
    same_kind = [each for each in sources if each.track.kind is source.track.kind]
    if source.track.kind is TrackKind.AUDIO:
        same_kind.sort(key=lambda each: each.track.id != _DEFAULT_AUDIO)
    return same_kind[0] is source


def _interleaved(lanes: list[_Lane]) -> Iterator[tuple[int, _Lane, Timed]]:
    """The samples of all tracks by their time, so that a player reads the file front to back."""

    def timed(lane: _Lane) -> Iterator[tuple[int, _Lane, Timed]]:
        for sample in lane.source.samples():
            yield sample.dts * NS_PER_S // lane.time_base.denominator, lane, sample

    return heapq.merge(*(timed(lane) for lane in lanes), key=lambda each: each[0])


def _duration_s(path: Path) -> float:
    """Playing time of the file, as a player finds it."""
    with av.open(str(path)) as container:
        if container.duration is None:
            raise InternalError(f"the exported file does not say how long it is: {path.name}")
        return round(container.duration / av.time_base, 6)
