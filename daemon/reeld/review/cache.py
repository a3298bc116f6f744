"""What was made before and may be asked for again: the least recently used goes first. Pure."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

OVERHEAD_BYTES = 200
"""What an entry costs beside its value: key, place in the dictionary, the value's own object."""


class Cache(Generic[K, V]):
    """Values of together at most `bytes_max` bytes. Used by one thread."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()

    @property
    def bytes(self) -> int:
        """What it takes."""
        return self._bytes

    def get(self, key: K) -> V | None:
        """The value, which is the youngest now; None for one that is not there."""
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def put(self, key: K, value: V, size: int) -> None:
        """Keep a value of `size` bytes. One that is larger than all may be is not kept."""
        self._bytes -= self._kept.pop(key, (None, 0))[1]
        size += OVERHEAD_BYTES
        if size > self._bytes_max:
            return
        self._kept[key] = value, size
        self._bytes += size
        while self._bytes > self._bytes_max:
            _, (_, freed) = self._kept.popitem(last=False)
            self._bytes -= freed
