"""One track of sound as a file of its own: decoded, cut to the frame, and written as PCM or encoded again.

DESIGN: a copy of packets begins and ends where packets do. Here every frame of the range is in the file and no other:
that is what somebody wants who edits sound. From a lossless track to WAV or FLAC not a bit changes.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import av

from reeld.audio.codecs.file_sinks import ENDINGS, FileSink, encoded_sink, wav_sink
from reeld.audio.codecs.recipes import AAC_RATES, OPUS_RATES
from reeld.audio.samples import RATE, Samples, nearest_frame
from reeld.export import target
from reeld.export.remix import RemixSource
from reeld.export.remix_track import remixed_track
from reeld.export.store_source import StoreSource
from reeld.export.window import Window, choose_tracks, window_of
from reeld.runtime.logs import get_logger
from reeld.store.api import SessionOutline, TrackOutline
from reeld.store.reader import StoreReader
from reeld_proto.commands import Exported
from reeld_proto.errors import ErrorCode, InternalError, RequestRejected
from reeld_proto.records import TrackKind
from reeld_proto.sound_graph import SampleFormat, SoundCodec
from reeld_proto.units import NS_PER_S
from reeld_proto.workers import RunExport

Progress = Callable[[float, float], bool]
"""Called with (seconds done, seconds in all), often; returns False to stop."""

_BLOCK_S = 1
_MIX = "mix"
_RATES = {SoundCodec.AAC: AAC_RATES, SoundCodec.OPUS: OPUS_RATES}
_BYTES_PER_SAMPLE = {SoundCodec.AAC: 0.2, SoundCodec.OPUS: 0.2, SoundCodec.FLAC: 1.5}
"""About, for the estimate of the file's size."""
_PCM_BYTES = {SampleFormat.F32: 4, SampleFormat.I16: 2, SampleFormat.I24: 3, SampleFormat.I32: 4}


def is_sound_file(path: Path) -> bool:
    """Whether a file of this name holds one sound and nothing else."""
    return path.suffix.lower() in ENDINGS


def export_sound(reader: StoreReader, order: RunExport, progress: Progress = lambda _done, _all: True) -> Exported:
    """Write the file. It is complete and durable, or not there at all.

    Raises RequestRejected (INVALID_REQUEST, NOT_FOUND, PERMISSION, DISK_FULL, DISK_FAILED, WRONG_STATE when it was
    stopped) or StoreCorrupt.
    """
    path = Path(order.path)
    target.check(path)
    codec = ENDINGS[path.suffix.lower()]
    if order.samples is not None and codec is not None:
        raise RequestRejected(
            f"{path.suffix} files have no choice of samples", remedy="Leave --samples out, or write a .wav file."
        )
    outline = reader.outline(order.session)
    window = window_of(outline, order.from_s, order.to_s)
    source = _source(reader, order, outline, window)
    rate = source.rate if codec is None or source.rate in _RATES.get(codec, (source.rate,)) else RATE
    form = order.samples or SampleFormat.I24
    width = _PCM_BYTES[form] if codec is None else _BYTES_PER_SAMPLE[codec]
    target.check_room(path, round(nearest_frame(window.length_ns, rate) * source.format.channels * width))
    with target.part_of(path) as part:
        try:
            frames = _write(_sink(part, path, codec, form, rate, source), source, window, rate, progress)
        except av.FFmpegError as error:
            if isinstance(error, OSError) and error.errno:
                raise target.rejected(error, path) from error
            raise InternalError(f"FFmpeg could not write {path}: {error}") from error
        size = part.stat().st_size
        target.publish(part, path)
    duration_s = round(frames / rate, 6)
    get_logger().info(
        "export.written",
        session_id=order.session,
        duration_s=duration_s,
        size_bytes=size,
        skipped_chunks=source.skipped,
    )
    return Exported(path=str(path), duration_s=duration_s, bytes=size)


def _source(
    reader: StoreReader, order: RunExport, outline: SessionOutline, window: Window
) -> StoreSource | RemixSource:
    if order.remix is None:
        return StoreSource(reader, order.session, _track(outline, order.tracks).id, window.from_ns)
    tracks = choose_tracks(outline, order.tracks) if order.tracks else list(outline.tracks)
    track = remixed_track(reader, outline, tracks)
    return RemixSource(reader, order.session, track.id, window.from_ns, order.remix)


def _track(outline: SessionOutline, wanted: list[str]) -> TrackOutline:
    """The track asked for; without a wish the mix, or the only sound."""
    chosen = choose_tracks(outline, wanted)
    sounds = [track for track in chosen if track.kind is TrackKind.AUDIO]
    names = ", ".join(track.id for track in sounds)
    if not wanted:
        if not sounds:
            raise RequestRejected(f"session {outline.id} has no sound", code=ErrorCode.NOT_FOUND)
        mixes = [track for track in sounds if track.id == _MIX]
        if mixes or len(sounds) == 1:
            return (mixes or sounds)[0]
    elif len(chosen) == 1 and sounds:
        return sounds[0]
    elif len(sounds) < len(chosen):
        pictures = ", ".join(track.id for track in chosen if track not in sounds)
        raise RequestRejected(
            f"a sound file holds no picture such as {pictures}",
            remedy="Name one track of sound, or write an .mp4 file.",
        )
    raise RequestRejected(
        f"a sound file holds one track, not {names}",
        remedy="Choose one with --track and export each to a file of its own; an .mp4 file holds them all.",
    )


def _sink(
    part: Path, path: Path, codec: SoundCodec | None, form: SampleFormat, rate: int, source: StoreSource | RemixSource
) -> FileSink:
    channels = source.format.channels
    if codec is None:
        return wav_sink(part, form, rate=rate, channels=channels, replace=True)
    return encoded_sink(part, codec, rate=rate, channels=channels, replace=True, ending=path.suffix)


def _write(sink: FileSink, source: StoreSource | RemixSource, window: Window, rate: int, progress: Progress) -> int:
    """Write the range; how many frames that are."""
    total_s = window.length_ns / NS_PER_S
    with closing(sink):
        for block in _at_rate(source, nearest_frame(window.length_ns, source.rate), rate):
            sink.write(block)
            if not progress(min(sink.frames / rate, total_s), total_s):
                raise RequestRejected("the export was stopped", code=ErrorCode.WRONG_STATE)
        sink.finish()
    return sink.frames


def _at_rate(source: StoreSource | RemixSource, frames: int, rate: int) -> Iterator[Samples]:
    """So many frames of the source, at another rate where the file's codec lacks its own."""

    def blocks() -> Iterator[Samples]:
        for start in range(0, frames, source.rate * _BLOCK_S):
            yield source.read(min(source.rate * _BLOCK_S, frames - start))

    if rate == source.rate:
        yield from blocks()
        return
    import soxr  # noqa: PLC0415 - only for sound that was imported at an odd rate

    resampler = soxr.ResampleStream(source.rate, rate, source.format.channels, dtype="float32", quality="VHQ")
    for block in blocks():
        yield resampler.resample_chunk(block)
    yield resampler.resample_chunk(source.read(0), last=True)
