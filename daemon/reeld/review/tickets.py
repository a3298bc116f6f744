"""What lets a browser or a player in: tickets that the daemon signs and the server's process checks. Pure.

A ticket is 16 random bytes, the instant until which it holds, what its holder may do and what it is for, with an
HMAC-SHA-256 (RFC 2104) of all that. Both processes know the key, which is made anew with every process; nothing has to
be told between them.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from reeld_proto.access import Scope
from reeld_proto.units import NS_PER_S

KEY_BYTES = 32
_NONCE_BYTES, _INSTANT_BYTES, _MAC_BYTES = 16, 8, 32
_SCOPES = tuple(Scope)
_BODY_BYTES = _NONCE_BYTES + _INSTANT_BYTES + 1
ENTRY_S = 60.0
"""How long an opened address lets a browser in: as long as a slow browser needs to start."""
VISIT_S = 12 * 3600.0
"""How long a browser stays let in, and a player that was given an address."""


class Purpose(Enum):
    """What a ticket is for; one for another purpose is worth nothing."""

    ENTRY = b"entry"
    """Lets one browser in, once."""
    VISIT = b"visit"
    """A browser that was let in: its cookie."""
    PLAY = b"play:"
    """A player that plays one session; the session's name follows."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A valid ticket. nonce: tells it from all others. expires_ns: monotonic. scopes: what its holder may do."""

    nonce: bytes
    expires_ns: int
    scopes: frozenset[Scope] = frozenset()


class TicketOffice:
    """Issues tickets and checks them. All instants are monotonic nanoseconds of this machine, which processes share."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def issue(
        self, purpose: Purpose, now_ns: int, lasts_s: float, about: str = "", scopes: Iterable[Scope] = ()
    ) -> str:
        """A ticket as text that fits into an address or a cookie."""
        expires_ns = now_ns + int(lasts_s * NS_PER_S)
        allowed = sum(1 << _SCOPES.index(scope) for scope in set(scopes))
        body = secrets.token_bytes(_NONCE_BYTES) + expires_ns.to_bytes(_INSTANT_BYTES, "big") + bytes([allowed])
        return base64.urlsafe_b64encode(body + self._mac(purpose, about, body)).decode().rstrip("=")

    def check(self, text: str, purpose: Purpose, now_ns: int, about: str = "") -> Ticket | None:
        """The ticket, or None for one that is forged, expired or for something else."""
        try:
            raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error, ValueError):
            return None
        if len(raw) != _BODY_BYTES + _MAC_BYTES:
            return None
        body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(purpose, about, body)):
            return None
        scopes = frozenset(scope for place, scope in enumerate(_SCOPES) if body[-1] >> place & 1)
        ticket = Ticket(body[:_NONCE_BYTES], int.from_bytes(body[_NONCE_BYTES:-1], "big"), scopes)
        return ticket if now_ns < ticket.expires_ns else None

    def _mac(self, purpose: Purpose, about: str, body: bytes) -> bytes:
        # The purpose has a fixed end or is followed by the name alone, the body has a fixed length: no two read alike.
        return hmac.digest(self._key, purpose.value + about.encode() + b"\0" + body, hashlib.sha256)


class Entries:
    """Entry tickets that were used: each lets in once."""

    def __init__(self, office: TicketOffice) -> None:
        self._office = office
        self._used: dict[bytes, int] = {}

    def use(self, text: str, now_ns: int) -> Ticket | None:
        """The ticket, if it lets in; not again from now on."""
        ticket = self._office.check(text, Purpose.ENTRY, now_ns)
        self._used = {nonce: until_ns for nonce, until_ns in self._used.items() if now_ns < until_ns}
        if ticket is None or ticket.nonce in self._used:
            return None
        self._used[ticket.nonce] = ticket.expires_ns
        return ticket
