"""A store and its model side by side: how both are changed, and how they are compared."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
)

from reeld.store import derive, recovery, sessions, verify
from reeld.store.api import Circumstances, Fate, IngestItem
from reeld.store.chunks import digest_of
from reeld.store.environment import StoreEnvironment
from reeld.store.keys import at, number_of, session_prefix, track_prefix
from reeld.store.reader import StoreReader
from reeld.store.records import ChunkEntry, GarbageEntry, MarkerEntry, NoteEntry, PrerollEntry, SessionRecord
from reeld.store.staging import StagedChunk, StagingWriter, remove_leftovers
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto.records import GapReason
from reeld_proto.store_orders import (
    DeriveSession,
    LeftOut,
    SessionPart,
)
from reeld_proto.workers import ClockFitted, SpansHeard
from tests.daemon.store.builders import chunk, creation, gap
from tests.daemon.store.model import (
    CHUNK_STEPS,
    GOP_CHUNKS,
    TRACKS,
    Lane,
    Model,
    Range,
    Session,
    Shown,
    init_of,
    media_of,
    payload_of,
)

STEP = 5_000_000


class Crash(Exception):
    pass


class Machine(RuleBasedStateMachine):
    """Without rules: those are in `test_state_machine.py`."""

    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="reeld-model-"))
        self.store = StoreEnvironment.open_write(self.folder)
        self.model = Model()
        self.live = ""
        self.names = 0
        self.sent: list[IngestItem] = []
        self.receipts: list[object] = []

    def teardown(self) -> None:
        verified = verify.verify(self.store, None)
        assert verified.ok, verified.faults
        self.store.close()
        shutil.rmtree(self.folder)

    def new_name(self) -> str:
        self.names += 1
        return f"20261122-{self.names:06}-test"

    def write(self, *work: Callable[[Transaction], object], crash: bool = False) -> list[object]:
        """One transaction; with `crash` the process dies at its end, and the store is opened anew."""
        try:
            with self.store.write() as txn:
                done = [each(txn) for each in work]
                if crash:
                    raise Crash  # noqa: TRY301 - where a process would die
        except Crash:
            self.open_again(self.live)
            return []
        return done

    def open_again(self, live: str) -> None:
        self.store.close()
        self.store = StoreEnvironment.open_write(self.folder)
        recovery.recover(self.store, live)

    def around(self) -> Circumstances:
        return Circumstances(self.folder, ())

    def some(self, data: st.DataObject, *, finished: bool = False) -> str:
        names = [name for name, each in self.model.sessions.items() if each.end is not None or not finished]
        return data.draw(st.sampled_from(sorted(names)))

    def draw_range(self, data: st.DataObject) -> Range | None:
        name = self.some(data)
        reach = self.model.sessions[name].reach
        if not reach:
            return None
        start = data.draw(st.integers(0, reach - 1))
        return Range(name, start, data.draw(st.integers(start + 1, reach)))

    def begin(self) -> None:
        name = self.new_name()
        self.write(lambda txn: sessions.create(txn, creation(name, name)))
        self.model.sessions[name] = Session(name)
        self.live, self.sent = name, []

    def message(self, track: str, number: int, reason: GapReason | None) -> IngestItem:
        start, stop = number * CHUNK_STEPS * STEP, (number + 1) * CHUNK_STEPS * STEP
        if reason is not None:
            return gap(start, stop, reason, track=track, session=self.live)
        return chunk(
            start,
            stop,
            payload_of(track, number),
            track=track,
            session=self.live,
            keyframe=number % GOP_CHUNKS == 0,
            init=init_of(track),
        )

    def expect(self, item: IngestItem) -> Fate:
        """Apply a message to the model; what the store must say."""
        message = item.message
        assert not isinstance(message, SpansHeard | ClockFitted)
        session = self.model.sessions[message.session]
        lane = session.lanes[message.track]
        start, stop = message.start_ns // STEP, message.end_ns // STEP
        if session.end is not None:
            if start >= session.end:
                return Fate.REFUSED
            stop = min(stop, session.end)
        if not item.payload:
            told = lane.tell(start, stop, message.reason)  # type: ignore[union-attr]
            return Fate.STORED if told else Fate.DUPLICATE
        if lane.at(start) is not None:
            return Fate.DUPLICATE
        entry = Shown(start, stop, bytes(item.payload), 0, message.keyframe)  # type: ignore[union-attr]
        self.model.land(message.session, message.track, entry)
        return Fate.STORED

    def close(self, end: int, reason: GapReason) -> None:
        session = self.model.sessions[self.live]
        for lane in session.lanes.values():
            lane.close(end, reason)
        session.end, self.live = end, ""

    def derive(self, parts: list[Range], staged: bool = False, crash: bool = False) -> None:
        name = self.new_name()
        asked = [
            SessionPart(
                session=part.session,
                from_ns=part.start * STEP,
                to_ns=part.stop * STEP,
                left_out=[
                    LeftOut(track=track, from_ns=part.hidden.start * STEP, to_ns=part.hidden.stop * STEP)
                    for track in TRACKS
                    if part.hidden
                ],
            )
            for part in parts
        ]
        made = self.model.derive(name, parts)
        order = DeriveSession(session=name, name=name, tags=[], parts=asked)
        if staged:
            order = DeriveSession(session=name, name=name, tags=[], parts=asked, staged=self.stage(name, made))
        if crash:
            self.write(lambda txn: derive.derive(txn, order, self.around()), crash=True)
        self.write(lambda txn: derive.derive(txn, order, self.around()))
        self.write(lambda txn: derive.derive(txn, order, self.around()))  # asked twice, after a restart
        remove_leftovers(self.folder)
        self.model.sessions[name] = made
        self.model.stored |= set(made.needed())

    def stage(self, name: str, made: Session) -> str:
        """Media for every step that was left out, made anew."""
        with StagingWriter(self.folder) as writer:
            for track, lane in made.lanes.items():
                for step in [step for step, why in lane.holes.items() if why is GapReason.FORGOTTEN]:
                    payload = media_of(f"{track} made for {name}", step, step + 1)
                    entry = Shown(step, step + 1, payload, 0, key=True)
                    lane.put(entry)
                    writer.add(staged_chunk(name, track, entry))
        return str(writer.path)

    def read_lane(self, name: str, track: str, known: dict[bytes, bytes]) -> Lane:
        lane = Lane(holes=gaps_by_step(self.store, name, track), end=self.model.sessions[name].reach)
        prefix = track_prefix(name, track)
        with self.store.read() as txn:
            for key, value in txn.scan(Table.TIMELINE, prefix):
                entry = decode(value, ChunkEntry)
                row = txn.record(Table.PREROLL, key, PrerollEntry)
                needs = None if row is None else tuple(known[chunk] for chunk, _ in row.chunks)
                start, end, shift = (time // STEP for time in (number_of(key, prefix), entry.end_ns, entry.shift_ns))
                lane.shown[start] = Shown(start, end, known[entry.chunk], shift, entry.keyframe, needs)
        return lane

    @invariant()
    def verify_is_clean(self) -> None:
        Machine.steps += 1
        verified = verify.verify(self.store, None)
        assert verified.ok, verified.faults

    @invariant()
    def bytes_are_those_of_the_model(self) -> None:
        with self.store.read() as txn:
            stored = dict(txn.scan(Table.CHUNKS))
            garbage = {key: decode(value, GarbageEntry).size for key, value in txn.scan(Table.GARBAGE)}
        assert stored == {digest_of(each): each for each in self.model.stored}
        assert garbage == {digest_of(each): len(each) for each in self.model.garbage()}

    @invariant()
    def sessions_are_those_of_the_model(self) -> None:
        with self.store.read() as txn:
            records = {key.decode(): decode(value, SessionRecord) for key, value in txn.scan(Table.SESSIONS)}
            assert set(records) == set(self.model.sessions)
            unfinished = [key.decode() for key, _ in txn.scan(Table.UNFINISHED)]
            for name, session in self.model.sessions.items():
                self.compare(txn, records[name], session)
        assert unfinished == ([self.live] if self.live else [])

    def compare(self, txn: Transaction, record: SessionRecord, session: Session) -> None:
        end = None if record.end_ns is None else record.end_ns / STEP
        told = (record.name, record.tags, record.pinned, set(record.origins), end)
        assert told == (session.name, session.tags, session.pinned, session.origins, session.end)
        note = txn.record(Table.NOTES, record.id.encode(), NoteEntry)
        assert (note.text if note else "") == session.note
        prefix = session_prefix(record.id)
        markers = [
            (number_of(key, prefix) // STEP, decode(value, MarkerEntry).text)
            for key, value in txn.scan(Table.MARKERS, prefix)
        ]
        assert sorted(markers) == sorted(session.markers)
        for track in record.tracks:
            lane = session.lanes[track.id]
            entries = entries_of(txn, record.id, track.id)
            prefix = track_prefix(record.id, track.id)
            assert [key for key, _ in txn.scan(Table.TIMELINE, prefix)] == [
                at(prefix, s * STEP) for s in sorted(lane.shown)
            ]
            wanted = [lane.shown[start] for start in sorted(lane.shown)]
            assert [(e.end_ns, e.chunk, e.shift_ns, e.keyframe, needs) for e, needs in entries] == [
                (w.end * STEP, digest_of(w.payload), w.shift * STEP, w.key, tuple(map(digest_of, w.needs or ())))
                for w in wanted
            ]
            rows = [key for key, _ in txn.scan(Table.PREROLL, prefix)]
            assert rows == [at(prefix, each.start * STEP) for each in wanted if each.needs is not None]
            assert (track.chunks, track.bytes) == (len(wanted), sum(len(each.payload) for each in wanted))
            assert gaps_by_step(self.store, record.id, track.id) == lane.holes


def entries_of(txn: Transaction, session: str, track: str) -> list[tuple[ChunkEntry, tuple[bytes, ...]]]:
    """Entries in order, each with the digests of the chunks that it needs for decoding."""
    prefix = track_prefix(session, track)
    found = []
    for key, value in txn.scan(Table.TIMELINE, prefix):
        needs = txn.record(Table.PREROLL, key, PrerollEntry)
        found.append((decode(value, ChunkEntry), tuple(chunk for chunk, _ in needs.chunks) if needs else ()))
    return found


def gaps_by_step(store: StoreEnvironment, session: str, track: str) -> dict[int, GapReason]:
    return {
        step: each.reason
        for each in StoreReader(store).gaps(session, track)
        for step in range(each.start_ns // STEP, each.end_ns // STEP)
        if each.reason is not None
    }


def staged_chunk(session: str, track: str, entry: Shown) -> StagedChunk:
    return StagedChunk(
        session=session,
        track=track,
        start_ns=entry.start * STEP,
        end_ns=entry.end * STEP,
        shift_ns=entry.shift * STEP,
        frames=1,
        keyframe=entry.key,
        codec="",
        dropped=0,
        unchanged=0,
        silence_ns=0,
        payload=entry.payload,
        init=init_of(track),
    )
