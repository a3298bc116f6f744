"""Changes of the graph while it works: settings at a frame, and another graph from a frame on. Pure.

DESIGN: a change is asked for at an instant. Sound from before it may still be on its way (a device whose clock is not
settled owes up to 2 s), so a change waits for its frame, and is exact however late the sound is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from reeld.audio.graph.engine import Graph
from reeld_proto.sound_graph import AnyNode, SoundChange, SoundGraph
from reeld_proto.sound_settings import with_changes


@dataclass
class Switch:
    """From media frame `frame` on, the graph is `graph`, at work as `work`; later changes of it wait in `moments`."""

    frame: int
    graph: SoundGraph
    work: Graph
    moments: list[tuple[int, AnyNode]] = field(default_factory=list)


class Score:
    """The graph at work and what is to become of it. Frames are of media, at 48 kHz. Calls exclude each other.

    build: makes a graph that begins at a frame. switched: told when one has taken over, and at which frame.
    """

    def __init__(
        self,
        graph: SoundGraph,
        first_frame: int,
        build: Callable[[SoundGraph, int], Graph],
        switched: Callable[[SoundGraph, int], None] = lambda _graph, _frame: None,
    ) -> None:
        self._build = build
        self._switched = switched
        self._switches: list[Switch] = []
        self._start = first_frame
        self.settings = graph
        self.graph = build(graph, first_frame)

    @property
    def start(self) -> int:
        """Media frame at which the graph at work began."""
        return self._start

    @property
    def newest(self) -> SoundGraph:
        """The graph as it will be when all changes have come."""
        return self._switches[-1].graph if self._switches else self.settings

    @property
    def position(self) -> int:
        """Media frame up to which every source was read."""
        return self._start + min(source.frames for source in self.graph.sources)

    def adjust(self, frame: int, changes: Sequence[SoundChange]) -> None:
        """Change settings from media frame `frame` on. They were checked against the newest graph."""
        made = with_changes(self.newest, changes)
        nodes = {node.name: node for node in made.nodes}
        touched = [(frame, nodes[name]) for name in dict.fromkeys(change.node for change in changes)]
        if self._switches:
            self._switches[-1].graph = made
            self._switches[-1].moments += touched
            return
        self.settings = made
        for at, node in touched:
            self._schedule(at, node)

    def switch(self, frame: int, graph: SoundGraph) -> None:
        """Another graph from media frame `frame` on, or from the first one that no source has passed.

        Raises RequestRejected, and then nothing has changed.
        """
        ahead = self._start + max(source.frames for source in self.graph.sources)
        last = self._switches[-1].frame if self._switches else 0
        frame = max(frame, ahead, last)
        self._switches.append(Switch(frame, graph, self._build(graph, frame)))

    def pull(self, until: int) -> None:
        """Bring what there is up to media frame `until` to the sinks, through the graph that is due.

        Raises NodeFailed.
        """
        while True:
            switch = self._switches[0] if self._switches else None
            limit = until if switch is None else min(until, switch.frame)
            while self.graph.pull(limit - self._start):
                pass
            if switch is None or self.position < switch.frame:
                return
            self._take_over(self._switches.pop(0))

    def finish(self, until: int) -> None:
        """Bring everything up to media frame `until`, and what nodes hold back, to the sinks."""
        self.pull(until)
        self.graph.pull(until - self._start, last=True)

    def _take_over(self, switch: Switch) -> None:
        self.graph.pull(switch.frame - self._start, last=True)
        self.graph, self._start, self.settings = switch.work, switch.frame, switch.graph
        for frame, node in switch.moments:
            self._schedule(frame, node)
        self._switched(self.settings, self._start)

    def _schedule(self, frame: int, node: AnyNode) -> None:
        self.graph.schedule(max(0, frame - self._start), node)
