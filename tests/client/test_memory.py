"""What only the transport in memory promises; the rest is the contract in test_transport.py."""

import pytest

from reeld_client.memory import MemoryTransport
from reeld_proto.errors import TransportError


def echo(data: bytes) -> list[bytes]:
    return [data]


def test_time_passes_only_while_somebody_waits() -> None:
    """A test of a 30 s time-out takes no time."""
    transport = MemoryTransport(echo)
    transport.connect()
    assert transport.clock() == 0
    assert transport.receive(30.0) is None
    assert transport.clock() == 30_000_000_000
    assert transport.subscribe().receive(1.0) is None
    assert transport.clock() == 31_000_000_000


def test_an_answer_takes_no_time() -> None:
    transport = MemoryTransport(echo)
    transport.connect()
    transport.send(b"x")
    assert transport.receive(30.0) == b"x"
    assert transport.clock() == 0


def test_answers_of_the_dead_do_not_reach_the_next_connection() -> None:
    transport = MemoryTransport(lambda data: [data, data])
    transport.connect()
    transport.send(b"x")
    assert transport.receive(0.0) == b"x"
    transport.die()
    transport.revive()
    transport.connect()
    assert transport.receive(0.0) is None


def test_what_is_sent_to_the_dead_is_lost() -> None:
    transport = MemoryTransport(echo)
    transport.connect()
    transport.die()
    transport.send(b"x")
    with pytest.raises(TransportError):
        transport.receive(0.0)
