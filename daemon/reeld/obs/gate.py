"""Who may connect. Pure.

Any page in a browser may open a WebSocket to loopback and guess at the password. Browsers name the page in `Origin`,
and the name they looked up in `Host`: a page that is not ours (we serve none), or one that gave its own name our
address, is refused before a word is exchanged.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def refusal(hosts: list[str], origins: list[str], port: int) -> str:
    """Why a connection with these headers is refused; empty if it is not. port: ours."""
    if len(hosts) != 1 or not _is_here(f"//{hosts[0]}", port):
        return "Host is not this machine's loopback"
    # Some remotes that are no browsers name the server itself.
    if len(origins) > 1 or any(not _is_here(origin, port, ("http", "https")) for origin in origins):
        return "web pages may not drive reeld"
    return ""


def _is_here(address: str, port: int, schemes: tuple[str, ...] = ("",)) -> bool:
    try:
        parts = urlsplit(address)
        hostname, its_port = parts.hostname, parts.port
    except ValueError:
        return False
    return hostname in _LOOPBACK and its_port == port and parts.scheme in schemes


def _token() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


@dataclass(frozen=True)
class Challenge:
    """What one connection is asked, so that the password never travels and an answer is good once."""

    salt: str = field(default_factory=_token)
    challenge: str = field(default_factory=_token)

    def fits(self, answer: object, password: str) -> bool:
        """Whether whoever answered knows the password."""
        return isinstance(answer, str) and hmac.compare_digest(answer.encode(), self.answer(password).encode())

    def answer(self, password: str) -> str:
        """The right one."""
        return _digest(_digest(password + self.salt) + self.challenge)


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
