"""Encoded media as CMAF: one init segment a track, then chunks of one moof and one mdat each.

DESIGN: FFmpeg's own muxer writes every byte. An encoder lives in a container that is never given a packet, which
yields the init segment; each chunk is muxed by a short-lived container of its own whose header is cut off. That costs
0.4 ms a chunk and gives what no option of a long-lived muxer does: a chunk is complete the moment it is closed, holds
any number of frames, and starts at any time. `frag_discont` without edit lists makes the muxer take the first dts as
the fragment's absolute decode time (`track->frag_start` in FFmpeg's movenc.c), so init + chunks concatenate to a file.
"""

import io
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import av
from av.codec.hwaccel import HWAccel

from reeld.media.scheduling import ordinary_scheduling
from reeld_proto.errors import ErrorCode, InternalError, RequestRejected

_MUXER_OPTIONS = {
    "movflags": "empty_moov+default_base_moof+frag_discont+skip_trailer+cmaf",
    "use_editlist": "0",
}
_HEVC = "hvc1"
_REORDERING = {
    **_MUXER_OPTIONS,
    "movflags": "empty_moov+default_base_moof+frag_discont+skip_trailer",
    "avoid_negative_ts": "disabled",  # without `cmaf` the muxer would let every chunk begin at 0
}
"""For pictures that are decoded before they are shown: with `cmaf` the muxer would take the offset of a chunk's first
picture out of all of them and add it to the decode time, another one in each chunk."""


def keep_tag(stream: Any, template: Any) -> None:
    """Give a stream made from `template` its sample entry: FFmpeg would write `hev1`, which Apple's players refuse."""
    if template.codec_context.codec_tag == _HEVC and stream.codec_context is not None:
        stream.codec_context.codec_tag = _HEVC


class CmafMuxer:
    """Packets of one stream as CMAF chunks. Used by one thread; made by `CmafEncoder` and `CmafCopier`.

    timescale: ticks a second of all times here. init: the track's init segment.
    """

    def __init__(self, timescale: int, add_stream: Callable[[Any], Any], options: dict[str, str]) -> None:
        self._options = options
        self.timescale = timescale
        self._time_base = Fraction(1, timescale)
        self._fragments = 0
        header = io.BytesIO()
        self._container = av.open(header, "w", format="mp4", options=options)
        try:
            self._stream: Any = add_stream(self._container)
            with ordinary_scheduling():
                self._container.start_encoding()
        except BaseException:
            self._container.close()
            raise
        # Muxing an empty chunk gives exactly the header that every chunk's own muxer writes.
        self.init = header.getvalue()
        self._header_size = len(self.init)

    def continue_from(self, other: "CmafMuxer") -> None:
        """Number the chunks on from those of `other`, whose place in the track this one takes."""
        self._fragments = other._fragments  # noqa: SLF001 - one of its own kind

    def fragment(self, packets: Sequence[Any], end_ticks: int) -> bytes:
        """One chunk, moof and mdat, of packets in decoding order.

        end_ticks: where the last sample ends. The packets belong to the chunk afterwards and must not be used again.
        Raises InternalError for an empty sequence or times that do not rise.
        """
        if not packets:
            raise InternalError("a chunk needs at least one packet")
        self._fragments += 1
        buffer = io.BytesIO()
        options = {**self._options, "fragment_index": str(self._fragments)}
        with av.open(buffer, "w", format="mp4", options=options) as container:
            stream = container.add_stream_from_template(self._stream, opaque=True)
            keep_tag(stream, self._stream)
            stream.time_base = self._time_base
            ends = [packet.dts for packet in packets[1:]] + [end_ticks]
            for packet, end in zip(packets, ends, strict=True):
                if end <= packet.dts:
                    raise InternalError(f"sample at {packet.dts} would end at {end}")
                packet.stream = stream
                packet.time_base = self._time_base
                packet.duration = end - packet.dts
                container.mux_one(packet)
        data = buffer.getvalue()
        if data[: self._header_size] != self.init:
            return data[_offset_of_moof(data) :]
        return data[self._header_size :]

    def close(self) -> None:
        """Free the encoder. May be called twice."""
        self._container.close()


class CmafEncoder(CmafMuxer):
    """An encoder whose packets can be cut into CMAF chunks. Used by one thread.

    codec: FFmpeg's name of an encoder (`libx264`, `aac`). timescale: ticks a second of all times here.
    configure: sets size, rate and format on the new stream before it is opened. hwaccel: where frames are sent to.
    Raises RequestRejected (DEVICE_FAILED) when this machine has no such encoder or it refuses the settings.
    """

    def __init__(
        self,
        codec: str,
        *,
        timescale: int,
        options: dict[str, str],
        configure: Callable[[Any], None],
        rate: int | None = None,
        hwaccel: HWAccel | None = None,
    ) -> None:
        def add_stream(container: Any) -> Any:
            stream = container.add_stream(codec, rate=rate, options=options, hwaccel=hwaccel)
            stream.time_base = Fraction(1, timescale)
            stream.codec_context.time_base = Fraction(1, timescale)
            configure(stream)
            return stream

        try:
            super().__init__(timescale, add_stream, _MUXER_OPTIONS)
        except (av.FFmpegError, ValueError) as error:
            raise RequestRejected(
                f"the encoder {codec} cannot be used: {error}", code=ErrorCode.DEVICE_FAILED
            ) from error

    @property
    def context(self) -> Any:
        """PyAV's codec context."""
        return self._stream.codec_context

    def encode(self, frame: Any | None) -> list[Any]:
        """Packets that `frame` gives, with times in ticks; None flushes the encoder."""
        return list(self._stream.codec_context.encode(frame))


class CmafCopier(CmafMuxer):
    """Packets of a stream that was encoded elsewhere, as they are. template: an open stream of PyAV.

    Raises av.FFmpegError or ValueError for a stream that MP4 cannot hold.
    """

    def __init__(self, template: Any, *, timescale: int) -> None:
        def add_stream(container: Any) -> Any:
            stream = container.add_stream_from_template(template, opaque=True)
            stream.time_base = Fraction(1, timescale)
            return stream

        super().__init__(timescale, add_stream, _REORDERING)


def _offset_of_moof(data: bytes) -> int:
    """Where the first moof box begins (ISO/IEC 14496-12: 32-bit size, then type)."""
    offset = 0
    while offset + 8 <= len(data):
        if data[offset + 4 : offset + 8] == b"moof":
            return offset
        size = int.from_bytes(data[offset : offset + 4], "big")
        if size < 8:
            break
        offset += size
    raise InternalError("the muxer wrote no moof")
