"""What the monitor of a socket says, and the options that decide what happens when a daemon dies."""

import struct
from collections.abc import Iterator

import pytest
import zmq

from reeld_client.zmq_link import LinkState, configure, discard, mute, stuck, subscribe
from reeld_proto.codec import MESSAGE_BYTES_MAX
from reeld_proto.errors import ErrorCode


@pytest.fixture
def context() -> Iterator["zmq.Context[zmq.Socket[bytes]]"]:
    made: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    yield made
    made.term()


def said(event: int) -> list[bytes]:
    return [struct.pack("=hi", event, 0), b"ipc:///x"]


def test_a_link_is_up_after_the_greeting_and_down_for_good_after_a_break() -> None:
    state = LinkState()
    state.feed(said(zmq.EVENT_CONNECTED))
    assert (state.up, state.down) == (False, False)
    state.feed(said(zmq.EVENT_HANDSHAKE_SUCCEEDED))
    assert (state.up, state.down) == (True, False)
    state.feed(said(zmq.EVENT_DISCONNECTED))
    state.feed(said(zmq.EVENT_HANDSHAKE_SUCCEEDED))
    assert (state.up, state.down) == (True, True)


@pytest.mark.parametrize(
    "event", [zmq.EVENT_CLOSED, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL, zmq.EVENT_HANDSHAKE_FAILED_AUTH]
)
def test_a_failed_greeting_is_a_break(event: int) -> None:
    state = LinkState()
    state.feed(said(event))
    assert state.down


def test_the_options_keep_old_questions_from_new_daemons(context: "zmq.Context[zmq.Socket[bytes]]") -> None:
    made = configure(context.socket(zmq.DEALER))
    assert made.getsockopt(zmq.LINGER) == 0
    assert made.getsockopt(zmq.RECONNECT_IVL) == 3_600_000
    assert made.getsockopt(zmq.MAXMSGSIZE) == MESSAGE_BYTES_MAX
    discard(made, None)


def test_discarding_twice_or_nothing_is_harmless(context: "zmq.Context[zmq.Socket[bytes]]") -> None:
    made = configure(context.socket(zmq.SUB))
    subscribe(made, ())
    monitor = made.get_monitor_socket()
    discard(made, monitor)
    discard(made, monitor)
    discard(None, None)
    assert made.closed


def test_a_stuck_and_a_mute_daemon_are_worth_another_try() -> None:
    assert stuck(zmq.Again()).code is ErrorCode.TIMEOUT
    assert mute().code is ErrorCode.TIMEOUT
    assert mute().remedy
