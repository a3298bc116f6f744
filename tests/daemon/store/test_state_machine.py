"""The store against a model of plain dictionaries: whatever arrives, in any order, with crashes in between."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from reeld.store import recovery, sessions, verify
from reeld.store.api import Fate, IngestItem
from reeld.store.environment import StoreEnvironment, Transaction
from reeld.store.ingest import Batch
from reeld.store.reader import StoreReader
from reeld_proto.records import GapReason, SessionState
from reeld_proto.workers import ChunkCaptured, RecordPause
from tests.daemon.store.builders import SESSION, chunk, creation, finish, gap, land

STEP = 5_000_000
TRACKS = ("video-1", "mix")
reasons = st.sampled_from([GapReason.HIDDEN, GapReason.DEVICE_LOST])
# Producers cut time into pieces that never overlap: piece n of a track is [n, n + 1) steps.
pieces = st.tuples(st.sampled_from(TRACKS), st.integers(0, 12))


class Crash(Exception):
    pass


class StoreMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="reeld-model-"))
        self.store = StoreEnvironment.open_write(self.folder)
        self.media: dict[tuple[str, int], IngestItem] = {}
        self.told: dict[tuple[str, int], GapReason] = {}
        self.sent: list[IngestItem] = []
        self.end: int | None = None
        self.pauses: dict[int, int] = {}

    @initialize()
    def begin(self) -> None:
        with self.store.write() as txn:
            sessions.create(txn, creation(tracks=TRACKS))

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    def expect(self, item: IngestItem) -> Fate:
        """Apply a message to the model; what the store must say."""
        message = item.message
        at = (message.track, message.start_ns // STEP)
        if self.end is not None and at[1] >= self.end:
            return Fate.REFUSED
        if isinstance(message, ChunkCaptured):
            if at in self.media:
                return Fate.DUPLICATE
            self.media[at] = item
            return Fate.STORED
        if at in self.media or self.reason(at) is message.reason:
            # The store knows it already, or knows better.
            self.told.setdefault(at, message.reason) if at not in self.media else None
            return Fate.DUPLICATE
        self.told[at] = message.reason
        return Fate.STORED

    def track_end(self, track: str) -> int:
        if self.end is not None:
            return self.end
        return max((index + 1 for name, index in (*self.media, *self.told) if name == track), default=0)

    def reason(self, at: tuple[str, int]) -> GapReason | None:
        """Why there is no media; None where the track does not reach or there is."""
        if at in self.media or at[1] >= self.track_end(at[0]):
            return None
        return self.told.get(at, GapReason.DROPPED)

    @rule(batch=st.lists(st.tuples(pieces, st.none() | reasons), min_size=1, max_size=5))
    def arrive(self, batch: list[tuple[tuple[str, int], GapReason | None]]) -> None:
        items = []
        for (track, index), reason in batch:
            start, stop = index * STEP, (index + 1) * STEP
            items.append(chunk(start, stop, track=track) if reason is None else gap(start, stop, reason, track=track))
        self.sent += items
        expected = [self.expect(item) for item in items]
        assert [landing.fate for landing in land(self.store, *items)] == expected

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def resend(self, data: st.DataObject) -> None:
        start = data.draw(st.integers(0, len(self.sent) - 1))
        items = [item for item in self.sent[start:] if isinstance(item.message, ChunkCaptured)]
        expected = [self.expect(item) for item in items]
        assert [landing.fate for landing in land(self.store, *items)] == expected

    @rule(piece=pieces)
    def crash_in_the_middle(self, piece: tuple[str, int]) -> None:
        def cut(txn: Transaction) -> None:
            batch = Batch(txn)
            batch.land(chunk(piece[1] * STEP, (piece[1] + 1) * STEP, track=piece[0]))
            batch.finish()
            raise Crash

        try:
            with self.store.write() as txn:
                cut(txn)
        except Crash:
            self.reopen(live=True)

    @rule(live=st.just(value=True))
    def reopen(self, live: bool) -> None:
        self.store.close()
        self.store = StoreEnvironment.open_write(self.folder)
        recovery.recover(self.store, SESSION if live else "")

    @precondition(lambda self: self.end is None)
    @rule(index=st.integers(0, 5), length=st.integers(1, 3))
    def pause(self, index: int, length: int) -> None:
        start = index * 10 * STEP
        with self.store.write() as txn:
            for end in (None, start + length * STEP):
                sessions.pause(txn, RecordPause(session=SESSION, start_ns=start, end_ns=end))
        self.pauses.setdefault(start, length * STEP)

    @precondition(lambda self: self.end is None)
    @rule(extra=st.integers(0, 3))
    def end_session(self, extra: int) -> None:
        end = max(self.track_end(track) for track in TRACKS) + extra
        with self.store.write() as txn:
            sessions.finish(txn, finish(end * STEP))
        self.end = end

    @precondition(lambda self: self.end is None)
    @rule()
    def daemon_dies(self) -> None:
        end = max(self.track_end(track) for track in TRACKS)
        for track in TRACKS:
            for index in range(self.track_end(track), end):
                self.told[track, index] = GapReason.WORKER_RESTART
        self.reopen(live=False)
        self.end = end
        assert StoreReader(self.store).show(SESSION).state is SessionState.INTERRUPTED

    @invariant()
    def verify_is_clean(self) -> None:
        verified = verify.verify(self.store, None)
        assert verified.ok, verified.faults

    @invariant()
    def reads_what_the_model_holds(self) -> None:
        reader = StoreReader(self.store)
        found = reader.list_sessions()
        if not found:
            return
        for info, track in zip(found[0].tracks, TRACKS, strict=True):
            stored = [(each.start_ns // STEP, reader.chunk(each.chunk)) for each in reader.segments(SESSION, track)]
            expected = sorted((at[1], bytes(item.payload)) for at, item in self.media.items() if at[0] == track)
            assert stored == expected
            assert (info.chunks, info.bytes) == (len(stored), sum(len(data) for _, data in stored))
            reasons_found = {
                index: each.reason
                for each in reader.gaps(SESSION, track)
                for index in range(each.start_ns // STEP, each.end_ns // STEP)
            }
            ends = range(self.track_end(track))
            assert reasons_found == {
                index: self.reason((track, index)) for index in ends if self.reason((track, index))
            }
            paused = [each for each in found[0].gaps if each.track == track and each.reason is GapReason.PAUSED]
            total_s = sum(each.end_s - each.start_s for each in paused)
            assert round(total_s * 1e9) == sum(self.pauses.values())


StoreMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
TestStore = StoreMachine.TestCase
