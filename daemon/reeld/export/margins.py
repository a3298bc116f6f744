"""New media for the time next to a range that goes: what stays of the chunks that held some of it.

DESIGN: before the range pictures need nothing of it, so samples are only left out. After it they build on what is gone:
they are decoded, from the key frame before on, and encoded again up to the next one. A picture from the range that
was still on view at its end is not shown: the first one captured after the end is. Sound is cut between packets, or
where it is lossless at the sample; a snapshot is on view for less long. Times inside a chunk stay what they are, and so
does the entry's shift.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from reeld.export.codecs import format_of
from reeld.export.lossless import FlacPackets
from reeld.media.decode import pictures
from reeld.media.encoder import TIMESCALE
from reeld.media.fragments import Sample, pack_chunk, parse_chunk, parse_init
from reeld.media.recut import PictureEncoder, Seen, whole_packets
from reeld.runtime.logs import get_logger
from reeld.store.forgetting import Redo
from reeld.store.holders import SessionPlan
from reeld.store.reader import StoreReader
from reeld.store.records import ChunkEntry, TrackState
from reeld.store.staging import StagedChunk
from reeld.store.timeline import ROUNDING_NS, Span
from reeld_proto.errors import StoreCorrupt
from reeld_proto.records import TrackKind, VideoCodec
from reeld_proto.sound_graph import SoundCodec
from reeld_proto.units import NS_PER_S

_IN_ORDER = frozenset({VideoCodec.H264, VideoCodec.HEVC})
"""Codecs whose pictures build on earlier ones alone if they are decoded in the order of display. In AV1 the data of one
may hold a later one that is not shown yet."""


@dataclass(frozen=True, slots=True)
class Margin:
    """Time of a track that is made anew in one go, in its session's media time. redos: of the entries it comes from."""

    track: TrackState
    redos: tuple[Redo, ...]
    start_ns: int
    end_ns: int
    again: bool

    @property
    def length_ns(self) -> int:
        """Nanoseconds of media to make."""
        return self.end_ns - self.start_ns


def margins_of(plan: SessionPlan) -> Iterator[Margin]:
    """What a plan wants made, in order of time. Neighbours that are encoded again are one margin."""
    for track in plan.record.tracks:
        planned = plan.tracks.get(track.id)
        if planned is None:
            continue
        entries = plan.entries[track.id]
        waiting: Margin | None = None
        for redo in planned.redos:
            for keep in redo.keeps:
                margin = Margin(track, (redo,), keep.span.start_ns, keep.span.end_ns, keep.again)
                if waiting is not None and _follows(waiting, margin, entries):
                    waiting = Margin(track, (*waiting.redos, redo), waiting.start_ns, margin.end_ns, again=True)
                    continue
                if waiting is not None:
                    yield waiting
                waiting = margin
        if waiting is not None:
            yield waiting


def _follows(before: Margin, margin: Margin, entries: list[tuple[int, ChunkEntry]]) -> bool:
    """Whether one decoder and one encoder can go through both. A short gap between them is no matter."""
    last, first = before.redos[-1].index, margin.redos[0].index
    if not (before.again and margin.again) or entries[last][1].shift_ns != entries[first][1].shift_ns:
        return False
    return first == last + 1 and before.end_ns == margin.start_ns and not entries[first][1].keyframe


@dataclass
class Cutting:
    """Makes margins. Close it after use. in_place: each new chunk comes where its entry was, with its preroll."""

    reader: StoreReader
    in_place: bool
    _encoders: dict[bytes, PictureEncoder] = field(default_factory=dict)

    def made(self, plan: SessionPlan, margin: Margin) -> Iterator[StagedChunk]:
        """The new chunks of a margin; those that can be made: what is damaged already is left to the gap."""
        entries = plan.entries[margin.track.id]
        try:
            if margin.track.kind is TrackKind.SNAPSHOT:
                yield self._still(plan, margin, entries[margin.redos[0].index][1])
            elif margin.track.kind is not TrackKind.VIDEO:
                yield from self._sound(plan, margin, *entries[margin.redos[0].index])
            elif margin.again or not self._may_be_shortened(plan, margin, *entries[margin.redos[0].index]):
                yield from self._encoded(plan, margin, entries)
            else:
                yield from self._shortened(plan, margin, *entries[margin.redos[0].index])
        except StoreCorrupt as error:
            get_logger().warning(
                "recut.skipped",
                session_id=plan.record.id,
                track=margin.track.id,
                start_ns=margin.start_ns,
                length_ns=margin.length_ns,
                reason=str(error),
            )

    def close(self) -> None:
        """Free the encoders."""
        for encoder in self._encoders.values():
            encoder.close()

    def _samples(self, chunk: bytes, init: bytes) -> tuple[list[Sample], int]:
        described = parse_init(self.reader.chunk(init))
        return parse_chunk(self.reader.chunk(chunk), described), described.timescale

    def _may_be_shortened(self, plan: SessionPlan, margin: Margin, start_ns: int, entry: ChunkEntry) -> bool:
        """Whether a picture never holds anything of a later one: stored in the order of display."""
        if not self.in_place and self.reader.preroll(plan.record.id, margin.track.id, start_ns) is not None:
            return False
        samples, _ = self._samples(entry.chunk, entry.init)
        ordered = all(sample.dts == sample.pts for sample in samples)
        return ordered and format_of(self.reader.chunk(entry.init)).codec in _IN_ORDER

    def _sound(self, plan: SessionPlan, margin: Margin, start_ns: int, entry: ChunkEntry) -> Iterator[StagedChunk]:
        samples, timescale = self._samples(entry.chunk, entry.init)
        redo = margin.redos[0]

        def ns(ticks: int) -> int:
            return ticks * NS_PER_S // timescale + entry.shift_ns

        def is_removed(start: int, end: int) -> bool:
            return any(ns(start) < cut.end_ns and cut.start_ns < ns(end) for cut in redo.cuts)

        heard = [
            sample
            for sample in samples
            if ns(sample.pts) < margin.end_ns and ns(sample.pts + sample.duration) > margin.start_ns
        ]
        shown = Span(start_ns, entry.end_ns)
        lossless = margin.track.codec == SoundCodec.FLAC
        runs = [self._cut(heard, margin, entry, ns, is_removed)] if lossless else whole_packets(heard, is_removed)
        for run in filter(None, runs):
            start = _snapped(max(ns(run[0].pts), margin.start_ns), margin.start_ns)
            end = _snapped(min(ns(run[-1].pts + run[-1].duration), margin.end_ns), margin.end_ns)
            if start < end:
                silence_ns = entry.silence_ns * (end - start) // (shown.end_ns - shown.start_ns)
                yield _staged(plan, margin, entry, Span(start, end), run, silence_ns=silence_ns, init=self._init(entry))

    def _cut(
        self,
        heard: list[Sample],
        margin: Margin,
        entry: ChunkEntry,
        ns: Callable[[int], int],
        is_removed: Callable[[int, int], bool],
    ) -> list[Sample]:
        """Lossless packets cut at the samples where the margin begins and ends; it holds nothing that is removed."""
        packets = FlacPackets(format_of(self._init(entry)))
        found = []
        for sample in heard:
            ticks = range(sample.pts, sample.pts + sample.duration)
            first = bisect_left(ticks, margin.start_ns, key=ns)
            end = bisect_right(ticks, margin.end_ns, key=lambda tick: ns(tick + 1))
            # The end of a recording lies within a sample, which is heard all the same.
            if end < len(ticks) and margin.end_ns == entry.end_ns and ns(ticks[end]) < margin.end_ns:
                end += not is_removed(ticks[end], ticks[end] + 1)
            if end - first == sample.duration:
                found.append(sample)
            elif end > first:
                at, data = sample.pts + first, packets.part(bytes(sample.data), first, end - first)
                found.append(Sample(at, at, end - first, sample.sync, memoryview(data)))
        return found

    def _shortened(self, plan: SessionPlan, margin: Margin, _start_ns: int, entry: ChunkEntry) -> Iterator[StagedChunk]:
        samples, timescale = self._samples(entry.chunk, entry.init)
        end = (margin.end_ns - entry.shift_ns) * timescale // NS_PER_S
        kept = [sample for sample in samples if sample.pts < end]
        if kept:
            last = kept[-1]
            kept[-1] = Sample(last.dts, last.pts, max(1, end - last.dts), last.sync, last.data)
            yield _staged(plan, margin, entry, Span(margin.start_ns, margin.end_ns), kept, init=self._init(entry))

    def _still(self, plan: SessionPlan, margin: Margin, entry: ChunkEntry) -> StagedChunk:
        """The picture as it is, on view for a shorter time."""
        return StagedChunk(
            session=plan.record.id,
            track=margin.track.id,
            start_ns=margin.start_ns,
            end_ns=margin.end_ns,
            shift_ns=entry.shift_ns,
            frames=entry.frames,
            keyframe=True,
            codec=margin.track.codec,
            dropped=entry.dropped,
            unchanged=entry.unchanged,
            silence_ns=0,
            payload=self.reader.chunk(entry.chunk),
            init=self.reader.chunk(entry.init),
        )

    def _init(self, entry: ChunkEntry) -> bytes:
        return self.reader.chunk(entry.init)

    def _encoded(
        self, plan: SessionPlan, margin: Margin, entries: list[tuple[int, ChunkEntry]]
    ) -> Iterator[StagedChunk]:
        first, last = margin.redos[0].index, margin.redos[-1].index
        entry = entries[first][1]
        shift_ns = entry.shift_ns
        chain = self._chain(plan, margin.track.id, entries, first, last)
        init = self.reader.chunk(chain[0][1])
        timescale = parse_init(init).timescale
        cuts = [cut for redo in margin.redos for cut in redo.cuts]
        seen = _seen(self._decoded(chain, init, timescale), margin, cuts, timescale, shift_ns)
        encoder = self._encoder(init)
        end = (margin.end_ns - shift_ns) * timescale // NS_PER_S
        start_ns: int | None = None
        for made in encoder.chunks(seen, timescale, end):
            at_ns = made.start * NS_PER_S // TIMESCALE + shift_ns
            start_ns = _snapped(max(at_ns, margin.start_ns), margin.start_ns) if start_ns is None else start_ns
            end_ns = _snapped(min(made.end * NS_PER_S // TIMESCALE + shift_ns, margin.end_ns), margin.end_ns)
            if end_ns <= start_ns:
                continue
            yield StagedChunk(
                session=plan.record.id,
                track=margin.track.id,
                start_ns=start_ns,
                end_ns=end_ns,
                shift_ns=shift_ns,
                frames=made.frames,
                keyframe=made.keyframe,
                codec=encoder.codec,
                dropped=0,
                unchanged=0,
                silence_ns=0,
                payload=made.data,
                init=encoder.init,
            )
            start_ns = end_ns

    def _chain(
        self, plan: SessionPlan, track: str, entries: list[tuple[int, ChunkEntry]], first: int, last: int
    ) -> list[tuple[bytes, bytes]]:
        """Chunks to decode for the entries from `first` to `last`, from a key frame on. Raises StoreCorrupt."""
        begin = first
        lead: list[tuple[bytes, bytes]] = []
        while not entries[begin][1].keyframe:
            lead = self.reader.preroll(plan.record.id, track, entries[begin][0]) or []
            if lead:
                break
            if begin == 0 or entries[begin - 1][1].shift_ns != entries[begin][1].shift_ns:
                raise StoreCorrupt("no key frame leads to this picture")
            begin -= 1
        own = [(entry.chunk, entry.init) for _, entry in entries[begin : last + 1]]
        return list(dict.fromkeys([*lead, *own]))

    def _decoded(self, chain: list[tuple[bytes, bytes]], init: bytes, timescale: int) -> Iterator[Any]:
        def samples() -> Iterator[Sample]:
            for chunk, own_init in chain:
                found, own = self._samples(chunk, own_init)
                for sample in found:
                    if own == timescale:
                        yield sample
                    else:
                        dts, pts = (round(at * timescale / own) for at in (sample.dts, sample.pts))
                        yield Sample(dts, pts, sample.duration, sample.sync, sample.data)

        return pictures(init, samples(), timescale)

    def _encoder(self, init: bytes) -> PictureEncoder:
        if init not in self._encoders:
            self._encoders[init] = PictureEncoder.like(init)
        return self._encoders[init]


def _seen(frames: Iterable[Any], margin: Margin, cuts: list[Span], timescale: int, shift_ns: int) -> Iterator[Seen]:
    """The pictures of a margin. One that is on view at its start comes first, unless it is from the range."""
    view: Any = None
    begun = False
    start = -((shift_ns - margin.start_ns) * timescale // NS_PER_S)
    for frame in frames:
        at_ns = frame.pts * NS_PER_S // timescale + shift_ns
        if frame.pts < start:
            view = None if any(cut.start_ns <= at_ns + ROUNDING_NS and at_ns < cut.end_ns for cut in cuts) else frame
            continue
        if at_ns >= margin.end_ns:
            break
        if not begun and view is not None and frame.pts > start:
            yield Seen(view, start)
        begun = True
        yield Seen(frame, frame.pts)
    if not begun and view is not None:
        yield Seen(view, start)


def _staged(
    plan: SessionPlan,
    margin: Margin,
    entry: ChunkEntry,
    place: Span,
    samples: list[Sample],
    *,
    init: bytes,
    silence_ns: int = 0,
) -> StagedChunk:
    return StagedChunk(
        session=plan.record.id,
        track=margin.track.id,
        start_ns=place.start_ns,
        end_ns=place.end_ns,
        shift_ns=entry.shift_ns,
        frames=len(samples),
        keyframe=entry.keyframe,
        codec=margin.track.codec,
        dropped=entry.dropped,
        unchanged=min(entry.unchanged, len(samples)),
        silence_ns=silence_ns,
        payload=pack_chunk(samples),
        init=init,
    )


def _snapped(at_ns: int, mark_ns: int) -> int:
    """`mark_ns` if `at_ns` is that but for a rounding."""
    return mark_ns if abs(at_ns - mark_ns) <= ROUNDING_NS else at_ns
