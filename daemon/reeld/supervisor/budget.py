"""How often a role may be restarted before it is given up. Pure."""

from collections import deque

from reeld_proto.units import NS_PER_MS, NS_PER_S

RESTARTS_MAX = 10
WINDOW_NS = 60 * NS_PER_S
"""Ten restarts in a minute: a fault that leaves at least 6 s of recording between two is still worth riding out."""

_FREE_RESTARTS = 2
_BACKOFF_NS = 200 * NS_PER_MS
_BACKOFF_MAX_NS = 5 * NS_PER_S


class RestartBudget:
    """Counts the restarts of one role in a sliding window."""

    def __init__(self, restarts_max: int = RESTARTS_MAX, window_ns: int = WINDOW_NS) -> None:
        self.total = 0
        self._restarts_max = restarts_max
        self._window_ns = window_ns
        self._spent: deque[int] = deque()

    def spend(self, now_ns: int) -> bool:
        """Note a restart at `now_ns`; False if the window already holds as many as are allowed."""
        self._forget(now_ns)
        if len(self._spent) >= self._restarts_max:
            return False
        self._spent.append(now_ns)
        self.total += 1
        return True

    def backoff_ns(self, now_ns: int) -> int:
        """How long a restart that nobody waits for is put off: nothing at first, then doubling up to 5 s."""
        self._forget(now_ns)
        extra = len(self._spent) - _FREE_RESTARTS
        return 0 if extra <= 0 else min(_BACKOFF_MAX_NS, _BACKOFF_NS << (extra - 1))

    def refill(self) -> None:
        """The role proved healthy, or somebody asks for another try."""
        self._spent.clear()

    def _forget(self, now_ns: int) -> None:
        while self._spent and now_ns - self._spent[0] >= self._window_ns:
            self._spent.popleft()
