"""Sets aside what is damaged and puts back what a second copy had: the store's part of `reelctl repair`.

DESIGN: nothing that is good is thrown away. A damaged chunk takes with it, from the timeline, what cannot be decoded
without it (of a picture: everything up to the next key frame); these rows go to the quarantine as they are, together
with the damaged bytes, and what they refer to stays counted. When the bytes are healed later, the rows go back to where
they were, as long as nothing else has taken the time.
"""

import uuid

from reeld.store import recount, replay, roster, staging
from reeld.store.api import Circumstances
from reeld.store.chunks import digest_of
from reeld.store.ingest import apply_gaps, spans_around
from reeld.store.keys import NUMBER_BYTES, REPAIRED_KEY, number_of
from reeld.store.records import ChunkEntry, QuarantineEntry, References
from reeld.store.timeline import settle_media
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto.commands import Repaired
from reeld_proto.errors import StoreCorrupt
from reeld_proto.records import GapReason, TrackKind
from reeld_proto.store_orders import RepairChunks

DAMAGED = "its bytes had another digest, or were missing"


def repair(txn: Transaction, order: RepairChunks, circumstances: Circumstances) -> Repaired:
    """Carry out one repair. Doing it again changes nothing. Raises StoreCorrupt if what is staged is damaged."""
    unreadable = recount.drop_unreadable(txn)
    rebuilt = recount.rebuild_records(txn)
    replay.complete_all(txn)
    healed = _heal(txn, order, circumstances)
    lost = {bytes.fromhex(each) for each in order.lost} - healed
    for digest in sorted(lost):
        _set_aside(txn, digest, order.at_wall_ns)
    broken = {key for table, key in unreadable if table is Table.TIMELINE}
    if lost or broken:
        _take_out(txn, lost, broken)
    put_back = sum(_put_back(txn, digest) for digest in sorted(healed))
    gaps, fixed = recount.recount(txn, order.at_wall_ns)
    return Repaired(
        healed=sorted(digest.hex() for digest in healed),
        quarantined=sorted(digest.hex() for digest in lost),
        gaps=gaps,
        fixed=rebuilt + fixed + put_back + len(unreadable),
    )


def _heal(txn: Transaction, order: RepairChunks, circumstances: Circumstances) -> set[bytes]:
    healed = set()
    for chunk in staging.read_staged(circumstances.store_dir, order.staged):
        digest = digest_of(chunk.payload)
        known = txn.record(Table.REFERENCES, digest, References)
        if known is None:
            continue  # nobody asked for it
        txn.put(Table.CHUNKS, digest, chunk.payload)
        txn.put_record(Table.REFERENCES, digest, References(known.count, len(chunk.payload)))
        healed.add(digest)
    if healed:
        # Copies that are being made know the chunks by their names only.
        txn.put(Table.META, REPAIRED_KEY, uuid.uuid4().bytes)
    return healed


def _set_aside(txn: Transaction, digest: bytes, at_wall_ns: int) -> None:
    if txn.get(Table.QUARANTINE, digest) is None:
        data = txn.get(Table.CHUNKS, digest) or b""
        txn.put_record(Table.QUARANTINE, digest, QuarantineEntry(DAMAGED, at_wall_ns, data, []))
    txn.delete(Table.CHUNKS, digest)


def _take_out(txn: Transaction, lost: set[bytes], broken: set[bytes]) -> None:
    """Move every row that cannot be decoded any more to the quarantine of the chunk, or broken row, that it lacks."""
    pictures = _picture_tracks(txn)
    taken: dict[bytes, list[tuple[str, bytes, bytes]]] = {}
    track, lacking = b"", b""
    breaks = sorted(broken, reverse=True)
    for key, value in txn.scan(Table.TIMELINE):
        entry = decode(value, ChunkEntry)
        if key[:-NUMBER_BYTES] != track:
            track, lacking = key[:-NUMBER_BYTES], b""
        while breaks and breaks[-1] < key:
            row = breaks.pop()
            lacking = recount.row_key(Table.TIMELINE, row) if row[:-NUMBER_BYTES] == track else lacking
        preroll = txn.get(Table.PREROLL, key)
        before = [] if preroll is None else recount.rows_of(Table.PREROLL, preroll)
        own = next((digest for digest in (entry.chunk, entry.init, *before) if digest in lost), b"")
        if entry.keyframe or preroll is not None or track not in pictures:
            lacking = b""
        lacking = own or lacking
        if lacking:
            rows = taken.setdefault(lacking, [])
            rows.append((Table.TIMELINE.value, key, value))
            if preroll is not None:
                rows.append((Table.PREROLL.value, key, preroll))
    for digest, rows in taken.items():
        known = txn.record(Table.QUARANTINE, digest, QuarantineEntry)
        if known is None:
            raise StoreCorrupt(f"{digest.hex()} is not set aside")
        kept = QuarantineEntry(known.reason, known.at_wall_ns, known.data, known.rows + rows)
        txn.put_record(Table.QUARANTINE, digest, kept)
        for table, key, _ in rows:
            txn.delete(Table(table), key)


def _picture_tracks(txn: Transaction) -> set[bytes]:
    """Prefixes of tracks whose chunks need the ones before."""
    found: set[bytes] = set()
    for key, value in txn.scan(Table.SESSIONS):
        record = roster.readable_one(key, value)
        tracks = record.tracks if record is not None else []
        found.update(key + b"\0" + track.id.encode() + b"\0" for track in tracks if track.kind is TrackKind.VIDEO)
    return found


def _put_back(txn: Transaction, digest: bytes) -> int:
    """Put the rows back that were taken out for want of `digest`; how many."""
    known = txn.record(Table.QUARANTINE, digest, QuarantineEntry)
    if known is None:
        return 0
    txn.delete(Table.QUARANTINE, digest)
    back = 0
    for table, key, value in known.rows:
        if table == Table.PREROLL:
            if txn.get(Table.TIMELINE, key) is not None:
                txn.put(Table.PREROLL, key, value)
            continue
        prefix = key[:-NUMBER_BYTES]
        entry = decode(value, ChunkEntry)
        start_ns = number_of(key, prefix)
        around = spans_around(txn, prefix, start_ns, entry.end_ns)
        settlement = settle_media(around, entry.end_ns, start_ns, entry.end_ns, GapReason.DAMAGED)
        whole = settlement.media is not None and not settlement.shortened and settlement.media.start_ns == start_ns
        if whole:
            txn.put(Table.TIMELINE, key, value)
            apply_gaps(txn, prefix, settlement)
            back += 1
    return back
