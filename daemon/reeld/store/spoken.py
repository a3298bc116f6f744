"""What was said in a session: the words that engines found in its chunks of sound, at their times in the session.

DESIGN: a word is told only if it lies within what the session shows of its track without a break. So a clip tells no
word that was cut off, and what was forgotten takes the words with it that reached into it.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile

from reeld.store import results
from reeld.store.keys import at, number_of, track_prefix
from reeld.store.records import ChunkEntry, SessionRecord, TrackState
from reeld.store.transaction import Table, Transaction, decode
from reeld.store.voices import voices_of
from reeld_proto.findings import SpokenWords, Stage
from reeld_proto.records import TrackKind
from reeld_proto.units import NS_PER_MS, NS_PER_S

BREAK_NS = 20 * NS_PER_MS
"""Neighbouring chunks of sound are at most a packet apart; more is a gap."""
REACH_NS = 250 * NS_PER_MS
"""So far an engine's times may reach into what is not there: they are no more exact than that."""

PAUSE_NS = 900 * NS_PER_MS
UTTERANCE_NS_MAX = 12 * NS_PER_S
_STOPS = (".", "?", "!", "\u3002")


@dataclass(frozen=True, slots=True)
class Spoken:
    """A word in a session's media time. text: with its punctuation and the blank before it."""

    start_ns: int
    end_ns: int
    text: str
    probability: float


@dataclass(frozen=True, slots=True)
class Said:
    """Words that were said in one go on one track, in order."""

    track: str
    words: tuple[Spoken, ...]

    @property
    def start_ns(self) -> int:
        """When the first word begins."""
        return self.words[0].start_ns

    @property
    def end_ns(self) -> int:
        """When the last word ends."""
        return self.words[-1].end_ns

    @property
    def text(self) -> str:
        """All words as one line."""
        return "".join(word.text for word in self.words).strip()


def said_in(txn: Transaction, record: SessionRecord) -> list[Said]:
    """Everything that was said in a session, in the order of time. Raises StoreCorrupt."""
    found = [said for track in voices_of(txn, record) for said in in_one_go(track.id, words_of(txn, record, track))]
    return sorted(found, key=lambda said: (said.start_ns, said.track))


def said_from(txn: Transaction, record: SessionRecord, track: TrackState, from_ns: int) -> list[Said]:
    """What was said in one go from exactly this instant on: nothing, or something, or several of no length."""
    return list(
        takewhile(lambda said: said.start_ns == from_ns, in_one_go(track.id, words_of(txn, record, track, from_ns)))
    )


def words_of(txn: Transaction, record: SessionRecord, track: TrackState, from_ns: int = 0) -> Iterator[Spoken]:
    """The words of one track that begin at or after `from_ns`, in order; none of a track that is no sound."""
    if track.kind is not TrackKind.AUDIO:
        return
    waiting: deque[Spoken] = deque()
    reached_ns, shift_ns, chunk = -1, None, b""
    for start_ns, entry, spoken in entries_of(txn, record.id, track.id, from_ns):
        joined = start_ns <= reached_ns + BREAK_NS and entry.shift_ns == shift_ns
        if not joined:
            yield from (word for word in waiting if word.end_ns <= reached_ns + REACH_NS)
            waiting.clear()
        # Rounding may put a word a little before its chunk; where a chunk goes on, it is the last entry's.
        goes_on = joined and entry.chunk == chunk
        reached_ns, shift_ns, chunk = entry.end_ns, entry.shift_ns, entry.chunk
        earliest_ns = max(from_ns, start_ns if goes_on else start_ns - NS_PER_MS)
        for word in spoken.words if spoken is not None else ():
            at_ns, end_ns = word.start_ns + entry.shift_ns, word.end_ns + entry.shift_ns
            if earliest_ns <= at_ns < entry.end_ns:
                waiting.append(Spoken(max(at_ns, start_ns), end_ns, word.text, word.probability))
        while waiting and waiting[0].end_ns <= reached_ns:
            yield waiting.popleft()
    yield from (word for word in waiting if word.end_ns <= reached_ns + REACH_NS)


def entries_of(
    txn: Transaction, session: str, track: str, from_ns: int = 0
) -> Iterator[tuple[int, ChunkEntry, SpokenWords | None]]:
    """The chunks of a track in order, from the one that holds `from_ns` on, each with its start and its words.

    No words of one that nobody listened to.
    """
    prefix = track_prefix(session, track)
    first = next((key for key, _ in txn.scan_back(Table.TIMELINE, prefix, at(prefix, from_ns))), None)
    for key, value in txn.scan(Table.TIMELINE, prefix, first):
        entry = decode(value, ChunkEntry)
        yield number_of(key, prefix), entry, results.payload(txn, entry.chunk, Stage.SPEECH, SpokenWords)


def in_one_go(track: str, words: Iterable[Spoken]) -> Iterator[Said]:
    """Words grouped where a sentence ends, where somebody is silent, and at the latest after twelve seconds."""
    group: list[Spoken] = []
    for word in words:
        if group and _begins_anew(group, word):
            yield Said(track, tuple(group))
            group = []
        group.append(word)
    if group:
        yield Said(track, tuple(group))


def _begins_anew(group: list[Spoken], word: Spoken) -> bool:
    silent = word.start_ns - group[-1].end_ns > PAUSE_NS
    too_long = word.end_ns - group[0].start_ns > UTTERANCE_NS_MAX
    return silent or too_long or group[-1].text.rstrip().endswith(_STOPS)
