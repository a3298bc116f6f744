"""What a process of another user can do: run with the rights of somebody who owns nothing here.

The system's own perl is used, since this interpreter may lie in a folder that the other user cannot enter.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

UID = 65534
"""`nobody`."""

_CONNECT = "use Socket; socket(S, PF_UNIX, SOCK_STREAM, 0); connect(S, sockaddr_un($ARGV[0])) or die; print 'in'"
_LIST = "opendir(D, $ARGV[0]) or die; print join(',', readdir(D))"
_READ = "open(F, '<', $ARGV[0]) or die; read(F, $x, 1); print 'read'"
_WRITE = "open(F, '>>', $ARGV[0]) or die; print 'wrote'"


def missing() -> str:
    """Why nobody else can be played here; empty if it can."""
    if os.getuid() != 0:
        return "only root can become another user"
    return "" if shutil.which("perl") else "there is no perl"


def can_connect(path: Path) -> bool:
    """Whether the other user gets through to a Unix socket."""
    return _does(_CONNECT, path)


def can_list(path: Path) -> bool:
    """Whether the other user sees what is in a folder."""
    return _does(_LIST, path)


def can_read(path: Path) -> bool:
    """Whether the other user reads a file."""
    return _does(_READ, path)


def can_write(path: Path) -> bool:
    """Whether the other user changes a file."""
    return _does(_WRITE, path)


def _does(program: str, path: Path) -> bool:
    done = subprocess.run(
        ["perl", "-e", program, str(path)], user=UID, group=UID, extra_groups=[], capture_output=True, check=False,
        timeout=20, cwd="/",
    )  # fmt: skip
    assert done.returncode in {0, 2, 13, 111, 255}, done.stderr
    return done.returncode == 0


_ASK = """
import os, sys, zmq
from reeld_proto import codec
from reeld_proto.commands import GetStatus
os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]))
with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
    socket.setsockopt(zmq.LINGER, 0)
    socket.connect("ipc://" + sys.argv[1])
    socket.send(codec.pack(GetStatus(), id="x"))
    sys.stdout.buffer.write(socket.recv() if socket.poll(5000) else b"silence")
"""


def ask(control: Path) -> bytes:
    """What the daemon answers the other user, who asks for its status. What is needed is imported before the change."""
    done = subprocess.run(
        [sys.executable, "-c", _ASK, str(control), str(UID)], capture_output=True, check=True, timeout=30, cwd="/"
    )
    return done.stdout
