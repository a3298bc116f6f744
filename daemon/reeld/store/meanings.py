"""The meanings of passages, as enrichment found them: read for a search over all sessions."""

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

from reeld.store.enrichment import finding_of
from reeld.store.keys import session_prefix
from reeld.store.records import FindingEntry
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto.errors import StoreCorrupt
from reeld_proto.findings import MeaningPassage, Meanings, Stage

_SUFFIX = b"\0" + Stage.EMBEDDINGS.encode()


class Found(NamedTuple):
    """Of one session. vectors: see `Meanings`; engine, version: what made them."""

    session: str
    engine: str
    version: str
    vectors: bytes


def meanings_of(txn: Transaction, session: str = "") -> Iterator[Found]:
    """Of each session that has them, or of one; what cannot be read is left out: it can be made again."""
    prefix = session_prefix(session) if session else b""
    for key, value in txn.scan(Table.FINDINGS, prefix):
        if key.endswith(_SUFFIX):
            with contextlib.suppress(StoreCorrupt):
                entry = decode(value, FindingEntry)
                made = decode(entry.payload, Meanings)
                yield Found(key[: -len(_SUFFIX)].decode(), entry.engine, entry.version, made.vectors)


def passages_in(txn: Transaction, session: str) -> list[MeaningPassage]:
    """The passages of a session, in the order of their vectors. Raises StoreCorrupt."""
    entry = finding_of(txn, session, Stage.EMBEDDINGS)
    if entry is None:
        return []
    return decode(decode(entry.payload, Meanings).passages, list[MeaningPassage])
