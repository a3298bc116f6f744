"""Harm guarded against: a type of node that the graph does not know how to connect."""

from typing import Any

import pytest

from reeld.audio.graph.ports import PortType, ports_of, split_reference
from reeld_proto.sound_graph import AnyNode, SinkNode, SourceNode
from tests.daemon.audio.graph.samples import one_of


@pytest.mark.parametrize("kind", AnyNode.__args__, ids=lambda kind: str(kind.__struct_config__.tag))
def test_every_type_of_node_has_ports_that_fit_what_it_is(kind: type[Any]) -> None:
    ports = ports_of(one_of(kind))
    assert bool(ports.inputs_max) != issubclass(kind, SourceNode)
    assert bool(ports.outputs) != issubclass(kind, SinkNode)
    assert ports.inputs_min <= ports.inputs_max
    if ports.outputs:
        assert next(iter(ports.outputs.values())) is PortType.SOUND


def test_a_reference_names_a_node_and_perhaps_a_port() -> None:
    assert split_reference("mic") == ("mic", "")
    assert split_reference("mic-meter.levels") == ("mic-meter", "levels")
