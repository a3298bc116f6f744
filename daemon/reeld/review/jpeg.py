"""Small JPEG pictures of what was stored. Imports FFmpeg, and so is imported itself only where a picture is made."""

from contextlib import closing
from typing import Any

import av
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from reeld.media.decode import pictures
from reeld.media.fragments import parse_chunk, parse_init
from reeld.media.still_header import parse_header
from reeld_proto.errors import StoreCorrupt

_QUANTIZER = 4
"""Of FFmpeg's JPEG: about what others call quality 75."""
_HEIGHT_MAX = 2048


def first_picture(init: bytes, chunk: bytes, width: int) -> bytes:
    """JPEG of the first picture of a chunk, no wider than `width`. Raises StoreCorrupt."""
    described = parse_init(init)
    sample = parse_chunk(chunk, described)[0]
    with closing(pictures(init, [sample], described.timescale)) as frames:  # type: ignore[type-var]
        frame = next(frames, None)
        if frame is None:
            raise StoreCorrupt("a key frame without a picture")
        return _jpeg(frame, width)


def still_picture(header: bytes, data: bytes, width: int) -> bytes:
    """The same of a picture file. header: its description. Raises StoreCorrupt."""
    decoder: Any = av.CodecContext.create(parse_header(header).format, "r")
    decoder.thread_count = 1
    try:
        frames = [*decoder.decode(av.Packet(data)), *decoder.decode(None)]
    except av.FFmpegError as error:
        raise StoreCorrupt(f"FFmpeg cannot read a snapshot: {error}") from error
    if not frames:
        raise StoreCorrupt("a snapshot without a picture")
    return _jpeg(frames[0], width)


def _jpeg(frame: Any, width: int) -> bytes:
    width = min(width, frame.width)
    height = min(max(1, round(frame.height * width / frame.width)), _HEIGHT_MAX)
    small = frame.reformat(
        width,
        height,
        "yuvj420p",
        dst_colorspace=Colorspace.ITU601,
        dst_color_range=ColorRange.JPEG,
        interpolation=Interpolation.AREA,
    )
    small.pts = 0
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.qmin = encoder.qmax = _QUANTIZER
    encoder.thread_count = 1
    return b"".join(bytes(packet) for part in (small, None) for packet in encoder.encode(part))
