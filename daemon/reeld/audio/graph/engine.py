"""Builds the graph, checks it, and pulls it. Pure.

One pull takes from every sink backwards: a node runs after all that lead to it, once per pull, and what it gives goes
into the queue of each of its outgoing edges. A node with several outputs therefore feeds each completely, and a node
with several inputs takes from each only what it can use.
"""

from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter

from reeld.audio.graph.edge import Edge
from reeld.audio.graph.nodes import Node
from reeld_proto.errors import RequestRejected
from reeld_proto.stats import QueueStats


class Graph:
    """Nodes by name and the connections between them. Used by one thread; fixed once made.

    connections: pairs of names, giver first. Raises RequestRejected that lists all faults at once.
    """

    def __init__(self, nodes: Iterable[Node], connections: Iterable[tuple[str, str]]) -> None:
        listed = list(nodes)
        pairs = list(connections)
        self._nodes = {node.name: node for node in listed}
        self._faults = [f"there are two nodes {node.name}" for node in listed if self._nodes[node.name] is not node]
        self._inputs: dict[str, list[Edge]] = {name: [] for name in self._nodes}
        self._outputs: dict[str, list[Edge]] = {name: [] for name in self._nodes}
        for giver, taker in pairs:
            self._connect(giver, taker)
        self._check_nodes()
        self._order = self._sort(pairs)
        if self._faults:
            raise RequestRejected("the sound graph is not valid", faults=tuple(self._faults))

    def pull(self, *, last: bool = False) -> None:
        """Bring everything that is ready to the sinks; with `last`, given once at the end, what nodes hold back too."""
        for name in self._order:
            samples = self._nodes[name].process(self._inputs[name], last=last)
            for edge in self._outputs[name]:
                edge.push(samples)

    def statistics(self) -> list[QueueStats]:
        """The queue of every edge."""
        return [edge.statistics() for edges in self._inputs.values() for edge in edges]

    def _connect(self, giver: str, taker: str) -> None:
        unknown = [name for name in (giver, taker) if name not in self._nodes]
        if unknown:
            self._faults += [f"there is no node {name}" for name in unknown]
            return
        edge = Edge(f"{giver}-{taker}")
        self._outputs[giver].append(edge)
        self._inputs[taker].append(edge)

    def _check_nodes(self) -> None:
        for name, node in self._nodes.items():
            count = len(self._inputs[name])
            if not node.inputs_min <= count <= node.inputs_max:
                self._faults.append(f"{name} takes {node.inputs_min} to {node.inputs_max} inputs, not {count}")
            if bool(self._outputs[name]) != node.outputs:
                self._faults.append(f"{name} leads nowhere" if node.outputs else f"nothing may follow {name}")
        if not self._nodes:
            self._faults.append("it has no nodes")

    def _sort(self, pairs: list[tuple[str, str]]) -> list[str]:
        sorter: TopologicalSorter[str] = TopologicalSorter({name: [] for name in self._nodes})
        for giver, taker in pairs:
            if giver in self._nodes and taker in self._nodes:
                sorter.add(taker, giver)
        try:
            return list(sorter.static_order())
        except CycleError as error:
            self._faults.append(f"it runs in a circle: {' -> '.join(error.args[1])}")
            return []
