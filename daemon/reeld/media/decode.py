"""Stored samples back into pictures. Used by jobs, never beside a recording."""

import io
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import av

from reeld.media.fragments import Sample
from reeld_proto.errors import StoreCorrupt


def open_init(init: bytes) -> Any:
    """A PyAV container over an init segment alone; its one stream is the template of a track. Close it after use.

    Raises StoreCorrupt if FFmpeg cannot read it.
    """
    try:
        container = av.open(io.BytesIO(init), format="mp4")
    except (av.FFmpegError, OSError) as error:
        raise StoreCorrupt(f"FFmpeg cannot read an init segment: {error}") from error
    if len(container.streams) != 1:
        container.close()
        raise StoreCorrupt("an init segment must describe one track")
    return container


def pictures(init: bytes, samples: Iterable[Sample], timescale: int) -> Iterator[Any]:
    """Decoded `av.VideoFrame`s of samples that begin at a key frame, in order of their `pts` (ticks of `timescale`).

    One picture is in memory at a time. Raises StoreCorrupt if FFmpeg cannot decode them.
    """
    time_base = Fraction(1, timescale)
    with open_init(init) as container:
        stream = container.streams[0]
        decoder: Any = av.CodecContext.create(stream.codec_context.name, "r")
        decoder.extradata = stream.codec_context.extradata
        # A thread more would hold back a picture more.
        decoder.thread_count = 1
    try:
        for sample in samples:
            packet: Any = av.Packet(bytes(sample.data))
            packet.dts, packet.pts, packet.time_base = sample.dts, sample.pts, time_base
            yield from decoder.decode(packet)
        yield from decoder.decode(None)
    except av.FFmpegError as error:
        raise StoreCorrupt(f"FFmpeg cannot decode a picture: {error}") from error
