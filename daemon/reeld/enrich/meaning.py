"""Searching by meaning: the passages of all sessions whose vectors point where the question's does.

Runs in a worker, since the daemon does without numpy.
"""

import contextlib
import heapq
from typing import NamedTuple

import numpy as np

from reeld.enrich.engines.api import Embedder
from reeld.store import sessions
from reeld.store.meanings import Found, meanings_of, passages_in
from reeld.store.records import SessionRecord
from reeld.store.transaction import Transaction
from reeld_proto.enrich import Moment
from reeld_proto.errors import RequestRejected, StoreCorrupt
from reeld_proto.units import seconds

ALIKE_MIN = 0.25
"""Cosine from which on two texts are about the same: WordLlama gives 0.25 to 0.53 to ten pairs of sentences that say
the same in other words, and 0.21 at most to ninety that do not (see the test of that engine)."""
_SCALE = 127


class _Near(NamedTuple):
    """A passage and how near it is."""

    score: float
    session: str
    place: int


def search(txn: Transaction, embedder: Embedder, text: str, session: str, limit: int) -> tuple[list[Moment], bool]:
    """Moments whose passages mean what the text does, the nearest first; and whether any passage is known at all.

    session: only in this one; empty for all. Raises StoreCorrupt.
    """
    question = embedder.embed([text])[0].astype(np.float32) / _SCALE
    known = False
    best: list[_Near] = []
    for found in meanings_of(txn, session):
        if (found.engine, found.version) != (embedder.name, embedder.version) or not found.vectors:
            continue
        known = True
        best = heapq.nlargest(limit, [*best, *_nearest(found, question, limit)])
    return _told(txn, best), known


def _nearest(found: Found, question: "np.ndarray[tuple[int], np.dtype[np.float32]]", limit: int) -> list[_Near]:
    vectors = np.frombuffer(found.vectors, np.int8).reshape(-1, len(question))
    scores = vectors.astype(np.float32) @ question / _SCALE
    places = np.flatnonzero(scores >= ALIKE_MIN)
    if len(places) > limit:
        places = places[np.argpartition(scores[places], -limit)[-limit:]]
    return [_Near(float(scores[place]), found.session, int(place)) for place in places]


def _told(txn: Transaction, best: list[_Near]) -> list[Moment]:
    """What people are shown of them; what is hidden or damaged is left out."""
    records: dict[str, SessionRecord | None] = {}
    told = []
    for near in best:
        if near.session not in records:
            records[near.session] = None
            with contextlib.suppress(RequestRejected, StoreCorrupt):
                records[near.session] = sessions.load_shown(txn, near.session)
        record = records[near.session]
        passages = passages_in(txn, near.session) if record is not None else []
        if record is None or near.place >= len(passages):
            continue
        passage = passages[near.place]
        at_s = seconds(passage.at_ns)
        told.append(
            Moment(
                session=record.id,
                name=record.name,
                kind=passage.kind,
                at_s=at_s,
                text=passage.text,
                track=passage.track,
                link=f"reelctl review {record.id} --at {at_s:.2f}",
            )
        )
    return told
