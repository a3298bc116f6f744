"""How a daemon is reached over TCP: addresses and keys, and the file that keeps them."""

import os
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from reeld_proto.access import CurveKey, Remote
from reeld_proto.errors import ErrorCode, RequestRejected

Address = Annotated[str, Meta(pattern=r"^tcp://(127(\.[0-9]{1,3}){3}|\[::1\]):[0-9]{1,5}$")]
_BYTES_MAX = 64 * 1024


class Connection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a daemon listens, its key, and the pair of keys of this client. The secret key opens the door: keep it."""

    control: Address
    events: Address
    server_key: CurveKey
    public_key: CurveKey
    secret_key: CurveKey

    def __post_init__(self) -> None:
        """Raises ValueError."""
        if not (self.server_key and self.public_key and self.secret_key):
            raise ValueError("a key is missing")


def new_keys() -> tuple[str, str]:
    """A public and a secret key for a new client."""
    import zmq  # noqa: PLC0415 - keeps `import reeld_client` quick

    public, secret = zmq.curve_keypair()
    return public.decode(), secret.decode()


def connection_of(remote: Remote, keys: tuple[str, str]) -> Connection:
    """What a client with these keys needs to reach the daemon that told `remote`."""
    return Connection(
        control=remote.control,
        events=remote.events,
        server_key=remote.server_key,
        public_key=keys[0],
        secret_key=keys[1],
    )


def write_connection(path: Path, connection: Connection) -> None:
    """Write the file, for its owner alone. Raises RequestRejected, also when there is one already."""
    data = msgspec.json.format(msgspec.json.encode(connection)) + b"\n"
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(data)
    except FileExistsError as error:
        raise RequestRejected(
            f"there is a file {path} already", code=ErrorCode.WRONG_STATE, remedy="Name another, or remove it."
        ) from error
    except OSError as error:
        raise RequestRejected(f"cannot write {path}: {error.strerror}", code=ErrorCode.PERMISSION) from error


def read_connection(path: Path) -> Connection:
    """The connection in a file. Raises RequestRejected for one that is missing, no such file, or open to others."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(_BYTES_MAX)
    except FileNotFoundError as error:
        raise RequestRejected(
            f"there is no connection file {path}",
            code=ErrorCode.NOT_FOUND,
            remedy="Make one with `reelctl token create --new-connection FILE`.",
        ) from error
    except OSError as error:
        raise RequestRejected(f"cannot read {path}: {error.strerror}", code=ErrorCode.PERMISSION) from error
    if mode & 0o077:
        raise RequestRejected(
            f"other users may read the secret key in {path}",
            code=ErrorCode.PERMISSION,
            remedy=f"chmod 600 {path}; if somebody may have read it, revoke its token.",
        )
    try:
        return msgspec.json.decode(data, type=Connection)
    except msgspec.DecodeError as error:
        raise RequestRejected(f"{path} is no connection file: {error}") from error
