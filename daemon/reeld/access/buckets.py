"""How often each client may ask: a token bucket for each connection. Pure; the time is told."""

from collections import OrderedDict

from reeld_proto.limits import RATE_BURST, RATE_PER_S
from reeld_proto.units import NS_PER_S

CLIENTS_MAX = 4096
"""Connections remembered; who was forgotten has a full bucket again, after thousands of others have asked."""


class Buckets:
    """rate: commands a second. burst: those that a rested client may send at once."""

    def __init__(self, *, rate: float = RATE_PER_S, burst: int = RATE_BURST) -> None:
        self._rate, self._burst = rate, burst
        self._left: OrderedDict[bytes, tuple[float, int]] = OrderedDict()

    def take(self, client: bytes, now_ns: int) -> bool:
        """Whether this client may ask now; counts it if so."""
        left, since_ns = self._left.get(client, (float(self._burst), now_ns))
        left = min(self._burst, left + self._rate * (now_ns - since_ns) / NS_PER_S)
        allowed = left >= 1
        self._left[client] = (left - allowed, now_ns)
        self._left.move_to_end(client)
        if len(self._left) > CLIENTS_MAX:
            self._left.popitem(last=False)
        return allowed
