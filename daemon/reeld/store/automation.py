"""The graph that the sounds of a session ran through, and what was changed in it when; in the caller's transaction.

DESIGN: a row of `sound-graphs` holds from its time up to the next one; a row of `automation` is one setting of one
node, from its time on. A range that is cut out of a session begins with the graph as it was there by then, so that
nothing before the range is needed to render it.
"""

import hashlib
from collections.abc import Sequence

import msgspec

from reeld.store import sessions
from reeld.store.keys import TIME_NS_MAX, at, number_of, session_prefix
from reeld.store.records import AutomationEntry, SessionRecord, SoundGraphEntry
from reeld.store.timeline import Span
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto.errors import RequestRejected
from reeld_proto.sound_graph import SoundChange, SoundGraph, SoundMoment
from reeld_proto.sound_settings import with_setting
from reeld_proto.workers import RecordAutomation, RecordGraph

DIGEST_BYTES = 8
"""Of node and setting, at the end of an automation's key: one setting has one value at one instant."""


def record_graph(txn: Transaction, order: RecordGraph) -> None:
    """From an instant on the sound runs through this graph. Raises RequestRejected."""
    sessions.load(txn, order.session)
    _check_time(order.media_ns)
    put_graph(txn, order.session, order.media_ns, order.graph)


def record_changes(txn: Transaction, order: RecordAutomation) -> None:
    """Settings were changed at an instant. Raises RequestRejected."""
    sessions.load(txn, order.session)
    _check_time(order.media_ns)
    for change in order.changes:
        _put(txn, order.session, order.media_ns, change)


def put_graph(txn: Transaction, session: str, media_ns: int, graph: SoundGraph) -> None:
    """Write a graph."""
    txn.put_record(Table.SOUND_GRAPHS, at(session_prefix(session), media_ns), SoundGraphEntry(graph))


def graphs_of(txn: Transaction, session: str) -> list[tuple[int, SoundGraph]]:
    """The graphs of a session and from when on each was in use, in order; none for a session of before there were any.

    Raises StoreCorrupt.
    """
    prefix = session_prefix(session)
    rows = txn.scan(Table.SOUND_GRAPHS, prefix)
    return [(number_of(key, prefix), decode(value, SoundGraphEntry).graph) for key, value in rows]


def moments_of(txn: Transaction, session: str) -> list[SoundMoment]:
    """Every change of a session in order. Raises StoreCorrupt."""
    prefix = session_prefix(session)
    found = []
    for key, value in txn.scan(Table.AUTOMATION, prefix):
        entry = decode(value, AutomationEntry)
        change = SoundChange(node=entry.node, setting=entry.setting, value=entry.value)
        found.append(SoundMoment(at_ns=number_of(key, prefix), change=change))
    return found


def graph_at(txn: Transaction, session: str, media_ns: int) -> SoundGraph | None:
    """The graph as it was at an instant, with what had been changed by then. Raises StoreCorrupt."""
    before = [(at_ns, graph) for at_ns, graph in graphs_of(txn, session) if at_ns <= media_ns]
    if not before:
        return None
    since_ns, graph = before[-1]
    return with_changes(graph, [each for each in moments_of(txn, session) if since_ns <= each.at_ns <= media_ns])


def with_changes(graph: SoundGraph, moments: Sequence[SoundMoment]) -> SoundGraph:
    """The graph with these changes made in order; one that does not fit it, being of another graph, is left out."""
    nodes = {node.name: node for node in graph.nodes}
    for moment in moments:
        change = moment.change
        node = nodes.get(change.node)
        if node is None or change.setting not in node.__struct_fields__:
            continue
        try:
            nodes[node.name] = with_setting(node, change)
        except msgspec.ValidationError:
            continue
    return msgspec.structs.replace(graph, nodes=list(nodes.values()))


def carry(txn: Transaction, record: SessionRecord, source: str, within: Span, delta_ns: int) -> None:
    """Write what holds in a range of another session, moved by `delta_ns`."""
    first = graph_at(txn, source, within.start_ns)
    if first is not None:
        put_graph(txn, record.id, within.start_ns + delta_ns, first)
    for at_ns, graph in graphs_of(txn, source):
        if within.start_ns < at_ns < within.end_ns:
            put_graph(txn, record.id, at_ns + delta_ns, graph)
    for moment in moments_of(txn, source):
        if within.start_ns < moment.at_ns < within.end_ns:
            _put(txn, record.id, moment.at_ns + delta_ns, moment.change)


def forget(txn: Transaction, record: SessionRecord, cleared: Sequence[Span]) -> None:
    """Nothing tells any more when something was changed in these ranges; what was holds from their ends on."""
    prefix = session_prefix(record.id)
    for gone in cleared:
        graph = graph_at(txn, record.id, gone.end_ns)
        known = _within(txn, Table.SOUND_GRAPHS, prefix, gone)
        changes = _within(txn, Table.AUTOMATION, prefix, gone)
        for key in changes:
            txn.delete(Table.AUTOMATION, key)
        for key in known:
            # The session's first graph is where it begins: that tells nothing.
            if number_of(key, prefix):
                txn.delete(Table.SOUND_GRAPHS, key)
        if graph is not None and (changes or known) and gone.end_ns < record.media_end_ns():
            put_graph(txn, record.id, gone.end_ns, graph)


def _within(txn: Transaction, table: Table, prefix: bytes, span: Span) -> list[bytes]:
    rows = txn.scan(table, prefix, at(prefix, span.start_ns))
    return [key for key, _ in rows if number_of(key, prefix) < span.end_ns]


def _put(txn: Transaction, session: str, media_ns: int, change: SoundChange) -> None:
    digest = hashlib.sha256(f"{change.node}\0{change.setting}".encode(errors="replace")).digest()[:DIGEST_BYTES]
    key = at(session_prefix(session), media_ns) + digest
    txn.put_record(Table.AUTOMATION, key, AutomationEntry(change.node, change.setting, change.value))


def _check_time(media_ns: int) -> None:
    if not 0 <= media_ns <= TIME_NS_MAX:
        raise RequestRejected(f"impossible time: {media_ns} ns")
