"""What the store must hold, as plain dictionaries. Times are whole steps; nothing here knows LMDB, keys or records."""

import struct
from collections import Counter
from dataclasses import dataclass, field
from functools import cache

from reeld.store.cutting import CHAIN_BREAKS
from reeld_proto.records import GapReason

VIDEO, AUDIO = "video-1", "mix"
TRACKS = (VIDEO, AUDIO)
CHUNK_STEPS = 2
GOP_CHUNKS = 3


@dataclass(frozen=True)
class Shown:
    """An entry: payload, its place, how far it was moved, and what is decoded before it (None: the entry before)."""

    start: int
    end: int
    payload: bytes
    shift: int
    key: bool
    needs: tuple[bytes, ...] | None = None


@dataclass
class Lane:
    """A track: entries by start, reasons by step. Together they cover [0, end)."""

    shown: dict[int, Shown] = field(default_factory=dict)
    holes: dict[int, GapReason] = field(default_factory=dict)
    end: int = 0

    def at(self, step: int) -> Shown | None:
        return next((each for each in self.shown.values() if each.start <= step < each.end), None)

    def put(self, entry: Shown) -> None:
        self._reach(entry.start)
        self.shown[entry.start] = entry
        for step in range(entry.start, entry.end):
            self.holes.pop(step, None)
        self.end = max(self.end, entry.end)

    def tell(self, start: int, stop: int, reason: GapReason) -> bool:
        """Whether a gap changes anything."""
        before = dict(self.holes), self.end
        free = [step for step in range(start, stop) if self.at(step) is None]
        if free:
            self._reach(start)
            self.holes |= dict.fromkeys(free, reason)
            self.end = max(self.end, free[-1] + 1)
        return (self.holes, self.end) != before

    def close(self, end: int, reason: GapReason) -> None:
        self.holes |= dict.fromkeys(range(self.end, end), reason)
        self.holes = {step: why for step, why in self.holes.items() if step < end}
        for entry in list(self.shown.values()):
            if entry.end > end:
                self.shown[entry.start] = Shown(entry.start, end, entry.payload, entry.shift, entry.key, entry.needs)
        self.end = end

    def _reach(self, start: int) -> None:
        self.holes |= dict.fromkeys(range(self.end, start), GapReason.DROPPED)
        self.end = max(self.end, start)

    def chain(self, start: int, hidden: range) -> tuple[bytes, ...]:
        """What a decoder needs before the entry at `start`, by this lane."""
        found: list[bytes] = []
        for step in range(start - 1, -1, -1):
            if self.holes.get(step) in CHAIN_BREAKS:
                return ()
            entry = self.shown.get(step)
            if entry is None:
                continue
            if any(entry.start <= each < entry.end for each in hidden):
                return ()
            found.insert(0, entry.payload)
            if entry.key:
                return tuple(found)
            if entry.needs is not None:
                return (*entry.needs, *found) if entry.needs else ()
        return ()


@dataclass
class Session:
    """A session. end: None while it is recorded."""

    name: str
    lanes: dict[str, Lane] = field(default_factory=lambda: {track: Lane() for track in TRACKS})
    end: int | None = None
    origins: set[str] = field(default_factory=set)
    tags: list[str] = field(default_factory=list)
    note: str = ""
    pinned: bool = False
    markers: set[tuple[int, str]] = field(default_factory=set)
    lines: list[tuple[int, int, str, int]] = field(default_factory=list)
    """Of a session made of others: from, to, the recording shown there, and its step at the beginning."""

    @property
    def reach(self) -> int:
        return self.end if self.end is not None else max(lane.end for lane in self.lanes.values())

    def needed(self) -> Counter[bytes]:
        """How often it refers to each payload and init segment."""
        found: Counter[bytes] = Counter()
        for track, lane in self.lanes.items():
            for entry in lane.shown.values():
                payloads = [entry.payload, *(entry.needs or ())]
                found.update(payloads)
                found[init_of(track)] += len(payloads)
        return found


TICKS = 5
"""Of a step, at 1000 a second."""


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box of ISO/IEC 14496-12."""
    return struct.pack(">I4s", 8 + sum(map(len, parts)), kind) + b"".join(parts)


@cache
def init_of(track: str) -> bytes:
    """An init segment with as much as is read of it."""
    mdhd = box(b"mdhd", struct.pack(">5I", 0, 0, 0, 1000, 0))
    trex = box(b"trex", struct.pack(">6I", 0, 1, 1, TICKS, 1, 0))
    return box(b"moov", box(b"trak", box(b"mdia", mdhd)), box(b"mvex", trex), box(b"free", track.encode()))


@cache
def media_of(text: str, start: int, stop: int) -> bytes:
    """A chunk with one sample a step, of these steps of its own time."""
    head = box(b"tfhd", struct.pack(">II", 0, 1)), box(b"tfdt", struct.pack(">IQ", 1 << 24, start * TICKS))
    trun = box(b"trun", struct.pack(">II", 0, stop - start))
    return box(b"moof", box(b"traf", *head, trun)) + box(b"mdat", f"{text} {start} {stop}".encode())


def steps_in(payload: bytes, track: str) -> range:
    """What `media_of` was asked for; of sound one more, because decoding reaches into the next packet."""
    start, stop = map(int, payload.split()[-2:])
    return range(start, stop + (track == AUDIO))


def payload_of(track: str, number: int) -> bytes:
    """Media of a piece: the same in every recording, so that sessions share it."""
    return media_of(track, number * CHUNK_STEPS, (number + 1) * CHUNK_STEPS)


@dataclass(frozen=True)
class Range:
    """A part of a session. hidden: steps of which nothing may be taken."""

    session: str
    start: int
    stop: int
    hidden: range = range(0)


class Model:
    """All sessions, all bytes."""

    def __init__(self) -> None:
        self.sessions: dict[str, Session] = {}
        self.stored: set[bytes] = set()

    def needed(self) -> Counter[bytes]:
        total: Counter[bytes] = Counter()
        for session in self.sessions.values():
            total += session.needed()
        return total

    def garbage(self) -> set[bytes]:
        return self.stored - set(self.needed())

    def land(self, session: str, track: str, entry: Shown) -> None:
        self.sessions[session].lanes[track].put(entry)
        self.stored |= {entry.payload, init_of(track)}

    def lines(self, name: str) -> list[tuple[int, int, str, int]]:
        session = self.sessions[name]
        return session.lines if session.origins else [(0, session.reach, name, 0)]

    def roots(self, name: str, start: int, steps: range) -> set[tuple[str, int]]:
        """What `steps` are in the recording that is shown at `start`, if its line went on beyond its ends."""
        for first, stop, root, root_first in self.lines(name):
            if first <= start < stop:
                return {(root, step - first + root_first) for step in steps}
        return set()

    def held(self, name: str, track: str, entry: Shown) -> set[tuple[str, int]]:
        """Every step of a recording that an entry holds, shown or not."""
        found: set[tuple[str, int]] = set()
        for payload in (entry.payload, *(entry.needs or ())):
            own = steps_in(payload, track)
            found |= self.roots(name, entry.start, range(own.start + entry.shift, own.stop + entry.shift))
        return found

    def derive(self, name: str, parts: list[Range]) -> Session:
        """What a session of these parts holds."""
        made = Session(name)
        base = 0
        for part in parts:
            source = self.sessions[part.session]
            delta = base - part.start
            for track in TRACKS:
                _take(source.lanes[track], made.lanes[track], part, delta, track)
            is_last = part.stop == source.reach
            inside = {(at, text) for at, text in source.markers if part.start <= at < part.stop + is_last}
            made.markers |= {(at + delta, text) for at, text in inside}
            made.origins |= source.origins or {part.session}
            for start, stop, root, first in self.lines(part.session):
                low, high = max(start, part.start), min(stop, part.stop)
                if low < high:
                    made.lines.append((low + delta, high + delta, root, first + low - start))
            base += part.stop - part.start
        made.end = base
        return made


def _take(source: Lane, made: Lane, part: Range, delta: int, track: str) -> None:
    made.end = part.start + delta
    first = True
    for entry in sorted(source.shown.values(), key=lambda each: each.start):
        start, stop = max(entry.start, part.start), min(entry.end, part.stop)
        if start >= stop:
            continue
        if any(entry.start <= step < entry.end for step in part.hidden):
            made.holes |= dict.fromkeys(range(start + delta, stop + delta), GapReason.FORGOTTEN)
            first = True
            continue
        needs = None
        if track == VIDEO and not entry.key:
            needs = entry.needs
            if needs is None and first:
                needs = source.chain(entry.start, part.hidden)
        made.shown[start + delta] = Shown(
            start + delta, stop + delta, entry.payload, entry.shift + delta, entry.key, needs
        )
        first = False
    for step in range(part.start, part.stop):
        if step in source.holes:
            made.holes[step + delta] = source.holes[step]
        elif step >= source.end:
            made.holes[step + delta] = GapReason.ABSENT
    made.end = part.stop + delta
