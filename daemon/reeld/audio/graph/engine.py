"""Pulls the graph. Pure.

One pull takes from every sink backwards: a node runs after all that lead to it, once a pull, and what it gives goes
into the queue of each connection that leaves the port. A node that leads to a queue that presses back is left out until
there is room again: sound waits where it is, up to the sources, which keep it themselves.
"""

import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reeld.audio.graph.edge import Edge, Notes
from reeld.audio.graph.negotiation import Negotiated
from reeld.audio.graph.nodes import Moment, Node, Processor, Source
from reeld.audio.graph.ports import PortType, ports_of, split_reference
from reeld_proto.sound_graph import AnyNode
from reeld_proto.stats import QueueStats
from reeld_proto.units import NS_PER_MS

TIMES_KEPT = 128
"""Pulls whose time is remembered for percentiles."""


class NodeFailed(RuntimeError):
    """A node raised an error that nobody recovered from. node: its name."""

    def __init__(self, node: str, error: Exception) -> None:
        super().__init__(f"{node} failed: {error}")
        self.node = node


@dataclass
class NodeTimes:
    """What a node has done: pulls in which it ran, frames or observations that went through, and its time."""

    node: str
    type: str
    pulls: int = 0
    frames: int = 0
    busy_ns: int = 0
    newest_ns: deque[int] = field(default_factory=lambda: deque(maxlen=TIMES_KEPT))
    """What each of the last pulls took."""
    latency_ms: float = 0.0
    errors: int = 0
    presses: int = 0
    """How often a queue that leads to it began to press back."""
    fullness: float = 0.0
    """Of the fullest queue that leads to it, 0 to 1."""
    is_pressed: bool = False
    """Whether a queue that leads to it presses back."""


class Graph:
    """Nodes at work. Used by one thread.

    parts: a working node for each node of the negotiated graph, by name.
    """

    def __init__(self, negotiated: Negotiated, parts: Mapping[str, Node]) -> None:
        self.settings = {node.name: node for node in negotiated.graph.nodes}
        self._negotiated = negotiated
        self._parts = dict(parts)
        self._times = {name: NodeTimes(name, _type(node)) for name, node in self.settings.items()}
        self._inputs: dict[str, list[Edge | Notes]] = {name: [] for name in self.settings}
        self._outputs: dict[str, list[list[Edge | Notes]]] = {
            name: [[] for _ in ports_of(node).outputs] for name, node in self.settings.items()
        }
        for node in negotiated.graph.nodes:
            self._connect(node)

    @property
    def sources(self) -> list[Source]:
        """Where sound comes in."""
        return [part for part in self._parts.values() if isinstance(part, Source)]

    def part(self, name: str) -> Node:
        """The working node of this name."""
        return self._parts[name]

    def pull(self, until: int, *, last: bool = False) -> bool:
        """Bring what is ready to the sinks; whether a source moved, so that another pull may bring more.

        until: frame up to which sources may give, at 48 kHz since the graph's start. last: given once, at the end:
        also what nodes hold back. Raises NodeFailed.
        """
        before = sum(source.frames for source in self.sources)
        for name in self.settings:  # in order: negotiation places givers first
            outputs = self._outputs[name]
            if not last and any(edge.is_pressed for port in outputs for edge in port):
                continue
            self._run(name, outputs, until, last=last)
        return sum(source.frames for source in self.sources) > before

    def schedule(self, at: int, settings: AnyNode) -> None:
        """From frame `at` (48 kHz, since the graph's start) on, the node of this name has these settings."""
        part = self._parts[settings.name]
        assert isinstance(part, Processor)  # noqa: S101 - what can be changed was checked
        (form, *_) = self._negotiated.inputs[settings.name]
        source_rate = self._source_rate()
        part.schedule(Moment(round(at * form.rate / source_rate), settings))
        self.settings[settings.name] = settings

    def times(self) -> list[NodeTimes]:
        """What each node has done so far."""
        for name, times in self._times.items():
            part = self._parts[name]
            times.frames = part.frames
            times.latency_ms = part.latency_ms if isinstance(part, Processor) else 0.0
            edges = [edge for edge in self._inputs[name] if isinstance(edge, Edge)]
            times.presses = sum(edge.presses for edge in edges)
            times.is_pressed = any(edge.is_pressed for edge in edges)
            times.fullness = max((len(edge) / edge.limit for edge in edges), default=0.0)
        return list(self._times.values())

    def queues(self) -> list[QueueStats]:
        """The queue of every connection."""
        return [edge.statistics() for edges in self._inputs.values() for edge in edges]

    @property
    def is_pressed(self) -> bool:
        """Whether any queue presses back."""
        return any(edge.is_pressed for edges in self._inputs.values() for edge in edges)

    def _run(self, name: str, outputs: list[list[Edge | Notes]], until: int, *, last: bool) -> None:
        times = self._times[name]
        started_ns = time.perf_counter_ns()
        try:
            payloads = self._parts[name].process(self._inputs[name], until=until, last=last)
            for port, payload in zip(outputs, payloads, strict=True):
                for edge in port:
                    edge.push(payload)  # type: ignore[arg-type] # ports and queues were matched when connected
        except Exception as error:
            times.errors += 1
            raise NodeFailed(name, error) from error
        busy_ns = time.perf_counter_ns() - started_ns
        times.pulls += 1
        times.busy_ns += busy_ns
        times.newest_ns.append(busy_ns)

    def _connect(self, node: AnyNode) -> None:
        for reference in node.inputs:
            giver, port = split_reference(reference)
            ports = list(ports_of(self.settings[giver]).outputs)
            index = ports.index(port) if port else 0
            edge: Edge | Notes
            if ports_of(node).takes is PortType.SOUND:
                edge = Edge(f"{reference}-{node.name}", self._negotiated.outputs[giver])
            else:
                edge = Notes(f"{reference}-{node.name}")
            self._outputs[giver][index].append(edge)
            self._inputs[node.name].append(edge)

    def _source_rate(self) -> int:
        return next(self._negotiated.outputs[source.name].rate for source in self.sources)


def percentiles_ms(taken_ns: Iterable[int]) -> tuple[float, float, float]:
    """Median, 95th and 99th percentile, in milliseconds; zeros for nothing."""
    taken = sorted(taken_ns) or [0]
    p50, p95, p99 = (taken[min(len(taken) - 1, int(share * len(taken)))] / NS_PER_MS for share in (0.5, 0.95, 0.99))
    return round(p50, 3), round(p95, 3), round(p99, 3)


def _type(node: AnyNode) -> str:
    return str(type(node).__struct_config__.tag)
