"""Another mix of a session, rendered from its tracks through its graph: with what was changed then, and now.

DESIGN: the same engine as while recording, over stored tracks. It begins `LEAD_NS` early, so that a compressor or a
limiter has heard what came before; a range therefore sounds as it does in the whole.
"""

from collections import deque
from collections.abc import Callable, Sequence

from reeld.audio.changes import Score
from reeld.audio.generators import silence_reader, tone_reader
from reeld.audio.graph.building import Workshop
from reeld.audio.graph.engine import Graph
from reeld.audio.graph.negotiation import Format, negotiate
from reeld.audio.graph.nodes import Noted
from reeld.audio.samples import Samples, frames_to_ns, join, nearest_frame, ns_to_frames, silence
from reeld.export.remixing import Part, plan_remix
from reeld.export.store_source import SoundFormat, StoreSource
from reeld.store.reader import StoreReader
from reeld_proto.sound_graph import LevelFeedNode, SinkNode, SoundChange, SoundGraph, SourceNode, SpanFeedNode, ToneNode
from reeld_proto.sound_settings import with_changes
from reeld_proto.units import NS_PER_S

LEAD_NS = 5 * NS_PER_S
_STEP_FRAMES = 48_000


class RemixSource:
    """Frames of a mix made anew, read once from `start_ns` (media time) on, like those of a stored track.

    changes: settings that hold throughout. Used by one thread. Raises RequestRejected (see `plan_remix`).
    """

    def __init__(
        self, reader: StoreReader, session: str, track: str, start_ns: int = 0, changes: Sequence[SoundChange] = ()
    ) -> None:
        graphs, moments = reader.sound_history(session)
        recorded = [each.id for each in reader.outline(session).tracks]
        parts = plan_remix(track, graphs, moments, changes, recorded)
        self._reader, self._session = reader, session
        begin_ns = max(0, start_ns - LEAD_NS)
        first = next(index for index in reversed(range(len(parts))) if index == 0 or parts[index].start_ns <= begin_ns)
        before = [moment for moment in parts[first].moments if moment.at_ns <= begin_ns]
        begun = with_changes(parts[first].graph, [moment.change for moment in before])
        (form,) = negotiate(begun).inputs[track]
        self.format = SoundFormat(form.rate, form.channels, "remix")
        self._waiting: deque[Samples] = deque()
        self._ready = 0
        self._sources: list[StoreSource] = []
        self._open: dict[str, StoreSource] = {}
        self._before: dict[str, str] = {}  # stand-ins of the part before
        self._part = parts[first]
        self._begin = nearest_frame(begin_ns)
        self._until = self._begin
        self._workshop = Workshop(self)
        self._score = Score(begun, self._begin, self._build)
        self._schedule(parts, first, begin_ns)
        self._drop(nearest_frame(start_ns, form.rate) - nearest_frame(begin_ns, form.rate))

    @property
    def rate(self) -> int:
        """Frames a second of what is read."""
        return self.format.rate

    @property
    def skipped(self) -> int:
        """Chunks that were missing or damaged and are silence."""
        return sum(source.skipped for source in self._sources)

    def read(self, frames: int) -> Samples:
        """The next `frames` frames; beyond the end of the session what its tracks leave: silence."""
        while self._ready < frames:
            self._until += _STEP_FRAMES
            self._score.pull(self._until)
        parts: list[Samples] = []
        missing = frames
        while missing:
            block = self._waiting.popleft()
            if len(block) > missing:
                self._waiting.appendleft(block[missing:])
            parts.append(block[:missing])
            missing -= len(parts[-1])
        self._ready -= frames
        return join(parts) if parts else silence(0, self.format.channels)

    # -- the ends of its graphs -------------------------------------------------------------------------------------

    def source(self, node: SourceNode) -> Callable[[int], Samples]:
        """A stored track in the place of a device; what can be made again is."""
        name = self._part.stand_ins.get(node.name)
        if name is not None:
            if self._before.get(node.name) != name:
                start_ns = frames_to_ns(self._building_at)
                self._sources.append(StoreSource(self._reader, self._session, name, start_ns))
                self._open[node.name] = self._sources[-1]
            return self._open[node.name].read
        return tone_reader(node) if isinstance(node, ToneNode) else silence_reader()

    def sink(self, node: SinkNode, form: Format) -> Callable[[Samples], None]:  # noqa: ARG002 - there is one
        """What `read` gives."""
        return self._keep

    def tell(self, node: LevelFeedNode | SpanFeedNode, noted: Sequence[Noted]) -> None:
        """Nobody listens."""

    def is_watched(self, node: LevelFeedNode) -> bool:  # noqa: ARG002 - the interface of ends
        """Nobody listens."""
        return False

    def _build(self, graph: SoundGraph, frame: int) -> Graph:
        self._building_at = frame
        return self._workshop.build(graph)

    def _schedule(self, parts: Sequence[Part], first: int, begin_ns: int) -> None:
        for index, part in enumerate(parts[first:]):
            if index:
                self._before, self._part = self._part.stand_ins, part
                self._score.switch(ns_to_frames(part.start_ns), part.graph)
            for moment in part.moments:
                if moment.at_ns > begin_ns:
                    self._score.adjust(ns_to_frames(moment.at_ns), [moment.change])

    def _keep(self, samples: Samples) -> None:
        if len(samples):
            self._waiting.append(samples)
            self._ready += len(samples)

    def _drop(self, frames: int) -> None:
        while frames > 0:
            frames -= len(self.read(min(frames, self.format.rate)))
