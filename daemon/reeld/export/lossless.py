"""A lossless track as a file must hold it: every frame that an entry shows and no other, silence where there is none.

DESIGN: packets are copied as they are; one of which a part is shown is decoded and that part encoded again, which
changes no bit. So nothing needs an edit list, which not all players honour, and no file is longer than it says.
"""

from collections.abc import Callable, Iterable, Iterator

import av

from reeld.audio.codecs.flac import part_of_packet, silent_packet
from reeld.audio.codecs.recipes import Recipe, recipe_for
from reeld.export.codecs import Format
from reeld.export.steps import Samples
from reeld.export.timing import Timed
from reeld.store.api import Segment
from reeld_proto.errors import StoreCorrupt
from reeld_proto.sound_graph import SoundCodec


class FlacPackets:
    """Packets of a track of this format. Used by one thread."""

    def __init__(self, format_: Format) -> None:
        rate, channels = format_.shape
        self._recipe: Recipe = recipe_for(SoundCodec.FLAC, rate, channels, None)
        self._extradata = format_.extradata
        self._silent: dict[int, bytes] = {}

    def part(self, data: bytes, first: int, count: int) -> bytes:
        """`count` frames of a packet from `first` on. Raises StoreCorrupt."""
        try:
            return part_of_packet(data, self._recipe, self._extradata, first, count)
        except (av.FFmpegError, ValueError) as error:
            raise StoreCorrupt(f"FFmpeg cannot decode a packet of sound: {error}") from error

    def silence(self, start: int, end: int) -> Iterator[Timed]:
        """Silent packets for frames [start, end)."""
        while start < end:
            count = min(self._recipe.packet_frames, end - start)
            if count not in self._silent:
                self._silent[count] = silent_packet(self._recipe, count)
            yield Timed(start, start, sync=True, data=self._silent[count])
            start += count


def lossless(
    segments: Iterable[Segment],
    ticks: Callable[[int], int],
    window: tuple[int, int],
    samples: Samples,
    skip: Callable[[Segment, StoreCorrupt], None],
    packets: FlacPackets,
) -> Iterator[Timed]:
    """Packets that tile the window, which begins at tick 0 of the file. window: its start and end in media ticks.

    Of two entries that overlap the first is meant. skip: told of chunks that cannot be read; they are silence.
    """
    origin, end = window[0], window[1] - window[0]
    cursor = 0
    for segment in segments:
        moved = ticks(segment.shift_ns) - origin
        low, high = max(0, ticks(segment.start_ns) - origin), min(end, ticks(segment.end_ns) - origin)
        try:
            for sample in samples(segment.chunk, segment.init):
                at = sample.pts + moved
                first, last = max(at, low, cursor), min(at + sample.duration, high)
                if first >= last:
                    continue
                whole = last - first == sample.duration
                data = bytes(sample.data) if whole else packets.part(bytes(sample.data), first - at, last - first)
                yield from packets.silence(cursor, first)
                yield Timed(first, first, sync=True, data=data)
                cursor = last
        except StoreCorrupt as error:
            skip(segment, error)
    yield from packets.silence(cursor, end)
