"""Harm guarded against: a socket to which every user may connect, for the daemon was started with a careless umask."""

import os
import stat
from pathlib import Path

import zmq

from reeld.runtime.sockets import bind_private


def test_a_socket_is_its_owners_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
            bind_private(socket, f"ipc://{tmp_path}/s")
            found = (tmp_path / "s").stat().st_mode
            assert stat.S_ISSOCK(found)
            assert stat.S_IMODE(found) == 0o600
            bind_private(socket, "inproc://other")
    finally:
        os.umask(before)
