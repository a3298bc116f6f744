"""Orders of enrichment: jobs and what they found. Each in the caller's one write transaction.

DESIGN: what a job found and how far it says it is are one transaction, so after a crash the one agrees with the other.
A finding is made of what a session said when it was read. If that has changed meanwhile (a range was forgotten, say),
the finding is refused, or it would tell what is not there any more.
"""

from collections.abc import Iterable

from reeld.runtime.clock import wall_ns
from reeld.store import chunks, results, roster, spending
from reeld.store.keys import name_key, session_prefix, track_prefix
from reeld.store.lineage import relatives
from reeld.store.records import ChunkEntry, FindingEntry, ResultEntry, SessionRecord
from reeld.store.revisions import touch
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto.enrich import FINAL_STATES, EnrichJob
from reeld_proto.enrich_orders import EnrichmentKept, KeepEnrichment, UndoEnrichment
from reeld_proto.errors import RequestRejected
from reeld_proto.findings import NewFinding, Stage

JOBS_KEPT_MAX = 500
"""Jobs that ended are kept for people to look at, the newest ones."""


def keep(txn: Transaction, order: KeepEnrichment) -> EnrichmentKept:
    """Write the job, and what it found. Raises RequestRejected for a name that cannot be one, StoreCorrupt."""
    if order.spent:
        spending.add(txn, order.day, order.spent)
    record = _record(txn, order.job.session)
    if record is None:
        return EnrichmentKept(kept=0, stale=bool(order.findings))
    _put_job(txn, order.job)
    now_wall_ns = wall_ns()
    kept = 0
    for new in order.results:
        entry = ResultEntry(
            stage=new.stage,
            engine=new.engine,
            version=new.version,
            parameters=new.parameters,
            job=order.job.id,
            made_wall_ns=now_wall_ns,
            seconds=new.seconds,
            payload=new.payload,
        )
        # What was forgotten or deleted while the engine worked must not come back as a result.
        if chunks.is_held(txn, new.source):
            kept += results.put(txn, new.source, entry)
    stale = False
    for finding in order.findings:
        if (finding.session, finding.revision) != (record.id, record.revision):
            stale = True
            continue
        kept += _put_finding(txn, finding, order.job.id, now_wall_ns)
    if kept:
        touch_all(txn, record)
    return EnrichmentKept(kept=kept, stale=stale)


def undo(txn: Transaction, order: UndoEnrichment) -> EnrichmentKept:
    """Write the job, and remove what it found, and nobody else: results of its session's chunks, and findings."""
    record = _record(txn, order.job.session)
    if record is None:
        return EnrichmentKept(kept=0)
    _put_job(txn, order.job)
    removed = 0
    for digest in sources_of(txn, record):
        removed += _remove(txn, Table.RESULTS, digest, order.job.id)
    removed += _remove(txn, Table.FINDINGS, session_prefix(record.id), order.job.id)
    if removed:
        touch_all(txn, record)
    return EnrichmentKept(kept=removed)


def touch_all(txn: Transaction, record: SessionRecord) -> None:
    """What is known of its chunks changed: so has every session that may show one of them."""
    for session in relatives(txn, record):
        shown = _record(txn, session)
        if shown is not None:
            touch(txn, shown)


def _remove(txn: Transaction, table: Table, prefix: bytes, job: str) -> int:
    kind: type[ResultEntry | FindingEntry] = ResultEntry if table is Table.RESULTS else FindingEntry
    doomed = [key for key, value in txn.scan(table, prefix) if decode(value, kind).job == job]
    for key in doomed:
        txn.delete(table, key)
    return len(doomed)


def sources_of(txn: Transaction, record: SessionRecord) -> Iterable[bytes]:
    """Digests of all chunks that a session shows, each once."""
    seen: set[bytes] = set()
    for track in record.tracks:
        for _, value in txn.scan(Table.TIMELINE, track_prefix(record.id, track.id)):
            digest = decode(value, ChunkEntry).chunk
            if digest not in seen:
                seen.add(digest)
                yield digest


def finding_of(txn: Transaction, session: str, stage: Stage) -> FindingEntry | None:
    """What a stage made of a session, if it did."""
    return txn.record(Table.FINDINGS, _finding_key(session, stage), FindingEntry)


def drop_findings(txn: Transaction, session: str) -> int:
    """Remove what was made of a session as a whole; how many findings that were. The caller touches the session."""
    doomed = [key for key, _ in txn.scan(Table.FINDINGS, session_prefix(session))]
    for key in doomed:
        txn.delete(Table.FINDINGS, key)
    return len(doomed)


def jobs_of(txn: Transaction) -> list[EnrichJob]:
    """Every job, the oldest first."""
    return [decode(value, EnrichJob) for _, value in txn.scan(Table.ENRICH_JOBS)]


def drop_jobs(txn: Transaction, session: str) -> None:
    """Remove the jobs of a session that is removed."""
    for job in jobs_of(txn):
        if job.session == session:
            txn.delete(Table.ENRICH_JOBS, name_key(job.id))


def _put_job(txn: Transaction, job: EnrichJob) -> None:
    key = name_key(job.id)
    if job.state in FINAL_STATES:
        ended = [each for each in jobs_of(txn) if each.state in FINAL_STATES]
        for old in ended[: max(0, len(ended) + 1 - JOBS_KEPT_MAX)]:
            txn.delete(Table.ENRICH_JOBS, name_key(old.id))
    txn.put_record(Table.ENRICH_JOBS, key, job)


def _put_finding(txn: Transaction, new: NewFinding, job: str, now_wall_ns: int) -> bool:
    key = _finding_key(new.session, new.stage)
    former = txn.record(Table.FINDINGS, key, FindingEntry)
    if former is not None and former.basis == new.basis:
        return False
    entry = FindingEntry(new.engine, new.version, new.basis, job, now_wall_ns, new.payload)
    txn.put_record(Table.FINDINGS, key, entry)
    return True


def _finding_key(session: str, stage: Stage) -> bytes:
    return session_prefix(session) + stage.encode()


def _record(txn: Transaction, session: str) -> SessionRecord | None:
    try:
        key = name_key(session)
    except RequestRejected:
        return None
    return roster.readable_one(key, txn.get(Table.SESSIONS, key))
