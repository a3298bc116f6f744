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

from reeld_proto.errors import ErrorCode, InternalError, RequestRejected

_MUXER_OPTIONS = {
    "movflags": "empty_moov+default_base_moof+frag_discont+skip_trailer+cmaf",
    "use_editlist": "0",
}


class CmafEncoder:
    """An encoder whose packets can be cut into CMAF chunks. Used by one thread.

    codec: FFmpeg's name of an encoder (`libx264`, `aac`). timescale: ticks a second of all times here.
    configure: sets size, rate and format on the new stream before it is opened.
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
    ) -> None:
        self.timescale = timescale
        self._time_base = Fraction(1, timescale)
        self._fragments = 0
        header = io.BytesIO()
        try:
            self._container = av.open(header, "w", format="mp4", options=_MUXER_OPTIONS)
            self._stream: Any = self._container.add_stream(codec, rate=rate, options=options)
            self._stream.time_base = self._time_base
            self._stream.codec_context.time_base = self._time_base
            configure(self._stream)
            self._container.start_encoding()
        except (av.FFmpegError, ValueError) as error:
            raise RequestRejected(
                f"the encoder {codec} cannot be used: {error}", code=ErrorCode.DEVICE_FAILED
            ) from error
        # Muxing an empty chunk gives exactly the header that every chunk's own muxer writes.
        self.init = header.getvalue()
        self._header_size = len(self.init)

    @property
    def context(self) -> Any:
        """PyAV's codec context."""
        return self._stream.codec_context

    def encode(self, frame: Any | None) -> list[Any]:
        """Packets that `frame` gives, with times in ticks; None flushes the encoder."""
        return list(self._stream.codec_context.encode(frame))

    def fragment(self, packets: Sequence[Any], end_ticks: int) -> bytes:
        """One chunk, moof and mdat, of packets in decoding order.

        end_ticks: where the last sample ends. The packets belong to the chunk afterwards and must not be used again.
        Raises InternalError for an empty sequence or times that do not rise.
        """
        if not packets:
            raise InternalError("a chunk needs at least one packet")
        self._fragments += 1
        buffer = io.BytesIO()
        options = {**_MUXER_OPTIONS, "fragment_index": str(self._fragments)}
        with av.open(buffer, "w", format="mp4", options=options) as container:
            stream = container.add_stream_from_template(self._stream, opaque=True)
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
