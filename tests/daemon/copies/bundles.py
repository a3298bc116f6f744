"""Bundles in memory."""

import io
from pathlib import Path

from reeld.copies.bundle import Content, read_bundle, write_bundle
from reeld.sessions.sounds import usual_graph
from reeld.store import automation, heard, sessions
from reeld.store.environment import StoreEnvironment
from reeld.store.timeline import Span
from reeld_proto.sound import SpanKind
from reeld_proto.sound_graph import SoundChange
from reeld_proto.workers import RecordAutomation, RecordMarker, RecordPause
from tests.daemon.copies.builders import going_on
from tests.daemon.store.builders import NS, SESSION, chunk, finish, fitted, gap, land


def record(store: StoreEnvironment, session: str = SESSION) -> None:
    """A session with everything that a session may have; it exists already."""
    land(
        store,
        chunk(0, NS, session=session),
        chunk(NS, 2 * NS, session=session, seq=2, keyframe=False),
        gap(2 * NS, 3 * NS, session=session, seq=3),
        chunk(0, 3 * NS, track="mix", session=session, seq=4, init=b"sound", silence_ns=5),
        fitted(2 * NS, session=session, seq=5),
    )
    with store.write() as txn:
        sessions.mark(txn, RecordMarker(session=session, media_ns=NS, text="here"))
        sessions.pause(txn, RecordPause(session=session, start_ns=NS, end_ns=2 * NS))
        automation.put_graph(txn, session, 0, usual_graph())
        changes = [SoundChange(node="mic-volume", setting="gain_db", value=-6.0)]
        automation.record_changes(txn, RecordAutomation(session=session, media_ns=NS, changes=changes))
        heard.put(txn, session, "mix", SpanKind.VOICE, [Span(NS, 2 * NS)])
        sessions.finish(txn, finish(3 * NS, session))


def bundle_of(store: StoreEnvironment, path: Path, session: str = SESSION) -> bytes:
    write_bundle(store, session, path, going_on)
    return path.read_bytes()


def read(data: bytes) -> tuple[Content, dict[bytes, bytes]]:
    found: dict[bytes, bytes] = {}
    content = read_bundle(io.BytesIO(data), found.__setitem__)
    return content, found
