"""Searching by meaning: the passages of all sessions whose vectors point where the question's does.

Runs in a worker, since the daemon does without numpy.
"""

import contextlib
import heapq
from collections import Counter
from typing import NamedTuple

import numpy as np

from reeld.enrich.engines.api import Embedder
from reeld.store import sessions
from reeld.store.known import moment
from reeld.store.meanings import Found, meanings_of, passages_in
from reeld.store.records import SessionRecord
from reeld.store.transaction import Transaction
from reeld_proto.enrich import Moment
from reeld_proto.errors import RequestRejected, StoreCorrupt
from reeld_proto.findings import MeaningPassage

ALIKE_MIN = 0.2
"""Cosine from which on two texts are about the same. Of 34 pairs of sentences that say the same in other words
WordLlama finds 29 so, of others one in a hundred (ten of the pairs are in the test of that engine)."""
SAME_MAX = 3
"""Hits with the very same text: a line that is on the screen every day is not all that is told."""
_SPARE = 4
"""Passages looked at for each that is told."""
_SCALE = 127


class _Near(NamedTuple):
    """A passage and how near it is."""

    score: float
    session: str
    place: int


def search(
    txn: Transaction, embedder: Embedder, text: str, session: str, limit: int
) -> tuple[list[Moment], bool, bool]:
    """Moments whose passages mean what the text does, the nearest first.

    With them whether there are more, and whether any passage is known at all. session: only in this one; empty for all.
    Raises StoreCorrupt.
    """
    question = embedder.embed([text])[0].astype(np.float32) / _SCALE
    known = False
    best: list[_Near] = []
    records: dict[str, SessionRecord] = {}
    for found in meanings_of(txn, session):
        if (found.engine, found.version) != (embedder.name, embedder.version) or not found.vectors:
            continue
        if len(found.vectors) % len(question):
            continue  # damaged; it can be made again
        known = True
        near = _nearest(found, question, limit * _SPARE)
        if not near:
            continue
        with contextlib.suppress(RequestRejected, StoreCorrupt):
            # What is hidden takes nobody's place.
            records[found.session] = sessions.load_shown(txn, found.session)
            best = heapq.nlargest(limit * _SPARE, [*best, *near])
    told = _told(txn, best, records)
    return told[:limit], len(told) > limit or len(best) == limit * _SPARE, known


def _nearest(found: Found, question: "np.ndarray[tuple[int], np.dtype[np.float32]]", limit: int) -> list[_Near]:
    vectors = np.frombuffer(found.vectors, np.int8).reshape(-1, len(question))
    scores = vectors.astype(np.float32) @ question / _SCALE
    places = np.flatnonzero(scores >= ALIKE_MIN)
    if len(places) > limit:
        places = places[np.argpartition(scores[places], -limit)[-limit:]]
    return [_Near(float(scores[place]), found.session, int(place)) for place in places]


def _told(txn: Transaction, best: list[_Near], records: dict[str, SessionRecord]) -> list[Moment]:
    """What people are shown of them; what is damaged is left out."""
    passages: dict[str, list[MeaningPassage]] = {}
    same: Counter[tuple[str, str]] = Counter()
    told = []
    for near in best:
        if near.session not in passages:
            passages[near.session] = []
            with contextlib.suppress(StoreCorrupt):
                passages[near.session] = passages_in(txn, near.session)
        if near.place >= len(passages[near.session]):
            continue
        passage, record = passages[near.session][near.place], records[near.session]
        text = passage.kind, passage.text.casefold()
        same[text] += 1
        if same[text] > SAME_MAX:
            continue
        told.append(moment(record, passage.kind, passage.at_ns, passage.text, passage.track))
    return told
