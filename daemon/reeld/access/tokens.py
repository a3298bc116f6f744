"""The tokens of this daemon, in a file beside the store that holds their hashes only.

DESIGN: a token is 256 random bits, so a plain SHA-256 of it cannot be guessed back, and looking it up by its hash tells
an attacker nothing by its timing.
"""

import hashlib
import os
import secrets
from pathlib import Path

import msgspec

from reeld.access.audit import now_text
from reeld.runtime.logs import get_logger
from reeld_proto.access import Scope, TokenInfo
from reeld_proto.errors import ErrorCode, RequestRejected

FILE_NAME = "tokens.json"
TOKENS_MAX = 100
NAME_CHARACTERS_MAX = 64
PREFIX = "reeld_"
"""So that tools that look for secrets in text find one."""


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    scopes: list[Scope]
    created_at: str
    sha256: str
    public_key: str = ""


class Tokens:
    """Belongs to the event loop's thread; small files are written there, at the command of an admin only.

    A file that cannot be read lets nobody in who has a token, and is not written over; the owner records on.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._kept: dict[str, _Kept] = {}
        self._fault: RequestRejected | None = None
        try:
            self._kept = {each.sha256: each for each in _read(self._path)}
        except RequestRejected as error:
            get_logger().error("tokens.unreadable", reason=str(error))
            self._fault = error

    def create(self, name: str, scopes: list[Scope], public_key: str = "") -> str:
        """A new token, durable when this returns. Raises RequestRejected."""
        self._must_be_readable()
        _check(name, scopes)
        if any(each.name == name for each in self._kept.values()):
            raise RequestRejected(
                f"there is a token {name!r} already",
                code=ErrorCode.WRONG_STATE,
                remedy=f"Revoke it first: reelctl token revoke {name}",
            )
        if public_key and self.find_key(public_key) is not None:
            raise RequestRejected("a token goes with this key already", remedy="Make another pair of keys.")
        if len(self._kept) >= TOKENS_MAX:
            raise RequestRejected(f"there are {TOKENS_MAX} tokens already", remedy="Revoke those that nobody uses.")
        token = PREFIX + secrets.token_urlsafe(32)
        digest = _digest(token)
        kept = _Kept(name=name, scopes=sorted(set(scopes)), created_at=now_text(), sha256=digest, public_key=public_key)
        self._write({**self._kept, digest: kept})
        return token

    def listed(self) -> list[TokenInfo]:
        """All tokens, by name. Raises RequestRejected."""
        self._must_be_readable()
        return [_told(each) for each in sorted(self._kept.values(), key=lambda each: each.name)]

    def revoke(self, name: str) -> None:
        """End a token, durably. Raises RequestRejected."""
        self._must_be_readable()
        left = {digest: each for digest, each in self._kept.items() if each.name != name}
        if len(left) == len(self._kept):
            raise RequestRejected(
                f"there is no token {name!r}", code=ErrorCode.NOT_FOUND, remedy="See `reelctl token list`."
            )
        self._write(left)

    def find(self, token: str) -> TokenInfo | None:
        """Whose token this is; None when it is not valid."""
        kept = self._kept.get(_digest(token))
        return None if kept is None else _told(kept)

    def find_key(self, public_key: str) -> TokenInfo | None:
        """The token that goes with a client's key; None when there is none, or no more."""
        keys = (_told(each) for each in self._kept.values() if each.public_key and each.public_key == public_key)
        return next(keys, None)

    def _must_be_readable(self) -> None:
        if self._fault is not None:
            raise self._fault

    def _write(self, kept: dict[str, _Kept]) -> None:
        data = msgspec.json.format(msgspec.json.encode(list(kept.values())))
        draft = self._path.with_suffix(".tmp")
        try:
            draft.unlink(missing_ok=True)
            fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as error:
            raise RequestRejected(
                f"cannot write {self._path}: {error.strerror}",
                code=ErrorCode.DISK_FAILED,
                remedy="Nothing was changed.",
            ) from error
        self._kept = kept


def _told(kept: _Kept) -> TokenInfo:
    return TokenInfo(name=kept.name, scopes=kept.scopes, created_at=kept.created_at, tcp=bool(kept.public_key))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def _read(path: Path) -> list[_Kept]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[_Kept])
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RequestRejected(f"cannot read {path}: {error.strerror}", code=ErrorCode.PERMISSION) from error
    except msgspec.DecodeError as error:
        raise RequestRejected(
            f"{path} is damaged: {error}",
            code=ErrorCode.DISK_FAILED,
            remedy="Remove it, restart the daemon and make new tokens.",
        ) from error


def _check(name: str, scopes: list[Scope]) -> None:
    faults = []
    if not 0 < len(name) <= NAME_CHARACTERS_MAX or not name.isprintable() or name != name.strip():
        faults.append(f"a token's name has 1 to {NAME_CHARACTERS_MAX} printable characters")
    if not scopes:
        faults.append("a token needs a scope")
    if faults:
        raise RequestRejected("; ".join(faults), faults=tuple(faults))
