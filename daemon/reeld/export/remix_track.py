"""A mix made anew as a track of a film: rendered, encoded as the stored one is, packet by packet."""

from collections.abc import Iterator, Sequence

from reeld.audio.encoder import EncodedChunk, encoder_for
from reeld.audio.samples import nearest_frame
from reeld.export.remix import RemixSource
from reeld.export.remixing import mix_of
from reeld.export.timing import Timed, with_durations
from reeld.export.window import Window
from reeld.media.fragments import parse_chunk, parse_init
from reeld.store.api import SessionOutline, TrackOutline
from reeld.store.reader import StoreReader
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.sound_graph import SoundChange, SoundCodec
from reeld_proto.units import NS_PER_S

BYTES_PER_S = 32_000
"""Of an encoded mix, for an estimate of the file's size."""


def remixed_track(reader: StoreReader, outline: SessionOutline, tracks: Sequence[TrackOutline]) -> TrackOutline:
    """Which of the chosen tracks is mixed anew. Raises RequestRejected if none of them is a mix."""
    graphs, _ = reader.sound_history(outline.id)
    name = mix_of(graphs)
    found = next((track for track in tracks if track.id == name), None)
    if found is None:
        what = "none of its tracks is a mix" if name is None else f"its mix, {name}, is not among the tracks asked for"
        raise RequestRejected(
            f"session {outline.id} cannot be mixed again: {what}",
            code=ErrorCode.INVALID_REQUEST,
            remedy="Leave --remix out, or --track.",
        )
    return found


class RemixTrack:
    """Stands for a `TrackSource`; `samples` may be read once. Close it after use.

    Raises RequestRejected (see `plan_remix`).
    """

    def __init__(
        self,
        reader: StoreReader,
        session: str,
        track: TrackOutline,
        window: Window,
        changes: Sequence[SoundChange],
    ) -> None:
        self.track = track
        self._window = window
        self._source = RemixSource(reader, session, track.id, window.from_ns, changes)
        form = self._source.format
        self._encoder = encoder_for(SoundCodec(track.codec), rate=form.rate, channels=form.channels)
        self.init_bytes = self._encoder.init
        self.init = parse_init(self.init_bytes)

    @property
    def skipped(self) -> int:
        """Chunks of the tracks it is made of that were missing or damaged."""
        return self._source.skipped

    def samples(self) -> Iterator[Timed]:
        """The packets, laid out for the file."""
        end = round(self._window.length_ns * self.init.timescale / NS_PER_S)
        return with_durations(self._packets(), end)

    def stored_bytes(self) -> int:
        """About how many bytes it will be."""
        return self._window.length_ns * BYTES_PER_S // NS_PER_S

    def close(self) -> None:
        """Free the encoder. May be called twice."""
        self._encoder.close()

    def _packets(self) -> Iterator[Timed]:
        rate = self._source.rate
        frames = nearest_frame(self._window.length_ns, rate)
        for start in range(0, frames, rate):
            yield from self._timed(self._encoder.write(self._source.read(min(rate, frames - start))))
        yield from self._timed(self._encoder.finish(frames, self._window.length_ns))

    def _timed(self, chunks: Sequence[EncodedChunk]) -> Iterator[Timed]:
        for chunk in chunks:
            for sample in parse_chunk(chunk.data, self.init):
                yield Timed(sample.dts, sample.pts, sample.sync, bytes(sample.data), sample.duration)
