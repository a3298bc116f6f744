"""An ordinary media file as a session: which of its streams are taken, how, and from when it is."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from reeld.copies.draft import Draft, Keep
from reeld.copies.encoded_lanes import EncodedSound, EncodedVideo
from reeld.copies.lanes import CopiedSound, CopiedVideo, Lane, NotCopiableError
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import TrackKind
from reeld_proto.units import NS_PER_S

SUFFIXES = frozenset({".mp4", ".m4v", ".m4a", ".mov", ".mkv", ".mka", ".webm", ".wav", ".flac"})
"""What is looked at in a folder; a file that is named itself may be called anything."""
TRACKS_MAX = 20
_OPTIONS = {"format_whitelist": "mov,matroska,wav,w64,flac", "protocol_whitelist": "file"}
"""Others could lead FFmpeg to further files (playlists) or take a text for a picture."""
_LABEL_CHARS_MAX = 80

Progress = Callable[[int, int], bool]
"""Called with (bytes done, bytes in all); returns False to stop."""


class UnfitError(Exception):
    """The file cannot be taken in; the message says why, for people."""


class _StreamUnfitError(Exception):
    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index


def read_media(path: Path, start: Callable[[], Keep], progress: Progress) -> tuple[Draft, int]:
    """The file as a draft of a session, and when it began on the civil clock (ns).

    start: called at each attempt, since a stream that turns out not to be copiable is encoded in the next one.
    Raises UnfitError; RequestRejected when the job is to stop; OSError, DISK_FULL of the staging.
    """
    encoded: set[int] = set()
    while True:
        try:
            with _opened(path) as container:
                stated_us = container.duration
                draft = Draft(path.name, start(), None if stated_us is None else stated_us * 1000)
                _read(container, draft, encoded, path.stat().st_size, progress)
                return draft, _started_wall_ns(container, path)
        except _StreamUnfitError as error:
            if error.index in encoded:
                raise UnfitError("one of its streams can be neither copied nor encoded") from error
            encoded.add(error.index)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with av.open(str(path), options=_OPTIONS) as container:
            yield container
    except av.FFmpegError as error:
        if isinstance(error, PermissionError):
            raise UnfitError("it may not be read") from error
        raise UnfitError(f"FFmpeg cannot read it: {error.strerror or error}") from error


def _read(container: Any, draft: Draft, encoded: set[int], size: int, progress: Progress) -> None:
    streams = [each for each in container.streams if _is_wanted(each)]
    if not streams:
        raise UnfitError("there is neither picture nor sound in it")
    if len(streams) > TRACKS_MAX:
        raise UnfitError(f"it has {len(streams)} streams; at most {TRACKS_MAX} can be taken")
    origin = min((_start_of(each) for each in streams if each.start_time is not None), default=Fraction(0))
    lanes: dict[int, Lane] = {}
    try:
        for stream in streams:
            lanes[stream.index] = _lane(stream, origin, encode=stream.index in encoded)
        tracks = {stream.index: draft.track(lanes[stream.index], _label(stream, draft.source)) for stream in streams}
        for packet in container.demux(streams):
            if packet.size == 0:
                continue  # the demuxer's end marks
            index = packet.stream.index
            done = packet.pos or 0
            with _blamed(index):
                for piece in lanes[index].feed(packet):
                    tracks[index].add(piece, lanes[index].init, draft.keep)
            if not progress(min(done, size), size):
                raise RequestRejected("the import was stopped", code=ErrorCode.WRONG_STATE)
        for index, lane in lanes.items():
            with _blamed(index):
                for piece in lane.finish():
                    tracks[index].add(piece, lane.init, draft.keep)
    finally:
        for lane in lanes.values():
            lane.close()


@contextlib.contextmanager
def _blamed(index: int) -> Iterator[None]:
    try:
        yield
    except NotCopiableError as error:
        raise _StreamUnfitError(index) from error


def _lane(stream: Any, origin: Fraction, *, encode: bool) -> Lane:
    is_video = stream.type == TrackKind.VIDEO
    if not encode:
        with contextlib.suppress(NotCopiableError, ValueError):
            return CopiedVideo(stream, origin) if is_video else CopiedSound(stream, origin)
    return EncodedVideo(stream, origin) if is_video else EncodedSound(stream, origin)


def _is_wanted(stream: Any) -> bool:
    if stream.type not in (TrackKind.VIDEO, TrackKind.AUDIO) or stream.codec_context is None:
        return False
    return not stream.disposition & av.stream.Disposition.attached_pic  # the cover of an album


def _start_of(stream: Any) -> Fraction:
    return Fraction(stream.start_time * Fraction(stream.time_base))


def _label(stream: Any, source: str) -> str:
    return str(stream.metadata.get("title") or stream.metadata.get("handler_name") or source)[:_LABEL_CHARS_MAX]


def _started_wall_ns(container: Any, path: Path) -> int:
    """When the file says it was made, or else when it was last changed."""
    with contextlib.suppress(ValueError, OverflowError):
        made = datetime.fromisoformat(container.metadata.get("creation_time", ""))
        made = made if made.tzinfo is not None else made.replace(tzinfo=UTC)
        if made.timestamp() > 0:
            return round(made.timestamp() * 1000) * (NS_PER_S // 1000)
    return max(0, path.stat().st_mtime_ns)
