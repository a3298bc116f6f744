"""The gate: who may connect over TCP. Belongs to the event loop's thread.

DESIGN: a TCP port of this machine is open to every user of it, so what goes through it is encrypted by CURVE, and only
keys that stand with a token get through the handshake (ZeroMQ's ZAP, RFC 27). A connection bears its key from then on
as its user id; what it may do is looked up with every command, so that a revoked token ends at once.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zmq
import zmq.asyncio
from zmq.utils import z85

from reeld.access.addresses import parse_address
from reeld.runtime.logs import get_logger
from reeld_proto.access import Remote
from reeld_proto.errors import ErrorCode, RequestRejected

KEY_FILE = "curve.key"
_ZAP = "inproc://zeromq.zap.01"
_DOMAIN = b"reeld"
_MECHANISM = b"CURVE"
_FRAMES = 9
"""Routing id, delimiter, version, request, domain, address, identity, mechanism, one credential."""


class Gate:
    """address: as in the config. folder: where the daemon's own key is kept. knows: whether a key stands with a token.

    refused: told of the address from which a stranger tried. Raises RequestRejected when the key cannot be kept.
    """

    def __init__(
        self,
        context: zmq.asyncio.Context,
        address: str,
        folder: Path,
        *,
        knows: Callable[[str], bool],
        refused: Callable[[str], None],
    ) -> None:
        self._host, self._port = parse_address(address)
        self._public, self._secret = _keys(folder / KEY_FILE)
        self._knows = knows
        self._refused = refused
        self._bound: dict[str, str] = {}
        self._socket = context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.bind(_ZAP)

    def open(self, socket: "zmq.Socket[Any]", name: str) -> None:
        """Let `socket` be reached over TCP, too, as `control` or `events`. Raises RequestRejected if the port is taken.

        What it is bound to already stays as it is: ZeroMQ's options hold for what is bound after them.
        """
        socket.setsockopt(zmq.CURVE_SERVER, 1)
        socket.setsockopt(zmq.CURVE_SECRETKEY, self._secret)
        socket.setsockopt(zmq.ZAP_DOMAIN, _DOMAIN)
        port: int | str = self._port + (name == "events") if self._port else "*"
        host = f"[{self._host}]" if ":" in self._host else self._host
        wanted = self._bound.get(name, f"tcp://{host}:{port}")
        if ":" in self._host:
            socket.setsockopt(zmq.IPV6, 1)
        try:
            socket.bind(wanted)
        except zmq.ZMQError as error:
            raise RequestRejected(
                f"cannot listen on {wanted.removeprefix('tcp://')}: {error.strerror}",
                code=ErrorCode.WRONG_STATE,
                remedy="Choose another port in [control] tcp of the config.",
            ) from error
        # A socket that is opened again must be found where clients know it to be.
        self._bound[name] = socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def remote(self) -> Remote:
        """Where the daemon is reached, and its public key."""
        return Remote(control=self._bound["control"], events=self._bound["events"], server_key=self._public.decode())

    async def serve(self) -> None:
        """Answer ZeroMQ's question about each new connection, for the life of the daemon."""
        while True:
            self._socket.send_multipart(self._answer(await self._socket.recv_multipart()))

    def _answer(self, frames: list[bytes]) -> list[bytes]:
        *route, version, request = frames[:4]
        known = b""
        if len(frames) == _FRAMES and frames[7] == _MECHANISM:
            known = z85.encode(frames[8])
        if known and self._knows(known.decode()):
            return [*route, version, request, b"200", b"", known, b""]
        self._refused(frames[5].decode(errors="replace") if len(frames) > 5 else "")
        return [*route, version, request, b"400", b"no token goes with this key", b"", b""]

    def close(self) -> None:
        """Close the socket; `serve` must have been cancelled."""
        self._socket.close()


def _keys(path: Path) -> tuple[bytes, bytes]:
    """The daemon's own key pair, made at its first need."""
    try:
        secret = path.read_bytes().strip()
        return zmq.curve_public(secret), secret
    except FileNotFoundError:
        pass
    except OSError as error:
        raise RequestRejected(f"cannot read {path}: {error.strerror}", code=ErrorCode.PERMISSION) from error
    except (ValueError, zmq.ZMQError) as error:
        raise RequestRejected(
            f"{path} is no key", code=ErrorCode.DISK_FAILED, remedy="Remove it; then clients need new connection files."
        ) from error
    public, secret = zmq.curve_keypair()
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(secret + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise RequestRejected(f"cannot write {path}: {error.strerror}", code=ErrorCode.DISK_FAILED) from error
    get_logger().info("gate.key_made", path=str(path))
    return public, secret
