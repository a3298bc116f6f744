"""What only real sockets can do wrong; the rest is the contract in test_transport.py."""

import os
import socket
import statistics
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from reeld_client import zmq_transport
from reeld_client.zmq_transport import ZmqTransport
from reeld_proto.codec import pack
from reeld_proto.commands import Ping
from reeld_proto.errors import ErrorCode, RequestRejected, TransportError
from tests.client.fake_reeld import Server


def test_a_socket_that_accepts_but_never_greets_is_given_up(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon stopped by a debugger accepts connections for ever."""
    monkeypatch.setattr(zmq_transport, "CONNECT_TIMEOUT_S", 0.2)
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(os.fsencode(runtime / "control.sock"))
        mute.listen()
        transport = ZmqTransport(runtime)
        with pytest.raises(TransportError, match="does not answer") as caught:
            transport.connect()
        transport.close()
    assert caught.value.code is ErrorCode.TIMEOUT


def test_a_server_of_another_kind_is_not_taken_for_the_daemon(runtime: Path) -> None:
    with socket.socket(socket.AF_UNIX) as web:
        web.bind(os.fsencode(runtime / "control.sock"))
        web.listen()

        def serve() -> None:
            for _ in range(2):
                peer, _ = web.accept()
                with peer, suppress(OSError):
                    peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        transport = ZmqTransport(runtime)
        with pytest.raises(TransportError):
            transport.connect()
        transport.close()
        thread.join()


def test_a_path_no_socket_can_have_is_refused_before_anything_opens(tmp_path: Path) -> None:
    with pytest.raises(RequestRejected, match="too long"):
        ZmqTransport(tmp_path / ("x" * 120))


def test_connecting_when_connected_costs_nothing(runtime: Path, server: Server) -> None:
    transport = ZmqTransport(runtime)
    transport.connect()
    took = []
    for _ in range(200):
        begun = time.perf_counter()
        transport.connect()
        took.append(time.perf_counter() - begun)
    transport.close()
    assert statistics.median(took) < 0.0005


def test_a_round_trip_is_well_below_a_millisecond(runtime: Path, server: Server) -> None:
    """The budget for a control round trip is p50 0.5 ms, recording; the transport may use only part of it."""
    transport = ZmqTransport(runtime)
    transport.connect()
    took = []
    for _ in range(300):
        begun = time.perf_counter()
        transport.send(pack(Ping()))
        assert transport.receive(1.0) is not None
        took.append(time.perf_counter() - begun)
    transport.close()
    # The peer is a thread of this very process: on a busy machine both wait for one interpreter.
    assert statistics.median(took) < 0.002
