"""Units and identifiers that cross process borders.

Durations and instants are integer nanoseconds inside the system and float seconds (`_s`) in what people read.
"""

from typing import NewType

MonotonicNs = NewType("MonotonicNs", int)
"""Instant on CLOCK_MONOTONIC of this machine, in nanoseconds; comparable between processes until a reboot."""

MediaNs = NewType("MediaNs", int)
"""Instant in a session's own time: 0 at its start, pauses taken out, in nanoseconds. What a player shows."""

WallNs = NewType("WallNs", int)
"""Instant of the civil clock: nanoseconds since 1970-01-01 UTC. Recorded for people, never used to pace or order."""

ByteCount = NewType("ByteCount", int)
SessionId = NewType("SessionId", str)
"""Name of a session: its UTC start and four random characters, `20261122-170509-k3fa`; sorts by start."""

TrackId = NewType("TrackId", str)
"""Name of a track within its session: `video-1`, `video-2`, ..., `mix`, `mic`, `system`."""

ChunkId = NewType("ChunkId", str)
"""SHA-256 of the chunk's bytes in lower-case hexadecimal."""

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000


def seconds(ns: int) -> float:
    """Nanoseconds as float seconds, rounded to the microsecond so that JSON stays readable."""
    return round(ns / NS_PER_S, 6)
