"""The store against a model of plain dictionaries: whatever arrives, whatever is made of it, with crashes in between.

`REELD_MODEL_STEPS=10000` takes as many steps; without it a few hundred.
"""

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from reeld.store import gc, manifests, removing, sessions
from reeld.store.api import Fate
from reeld.store.chunks import digest_of
from reeld.store.ingest import Batch
from reeld.store.reader import StoreReader
from reeld.store.transaction import Transaction
from reeld_proto.records import GapReason, SessionState
from reeld_proto.store_orders import (
    CollectChunks,
    EditRecord,
    ForgetMedia,
    RemoveSession,
)
from reeld_proto.workers import RecordMarker, RecordPause
from tests.daemon.store.builders import finish, land
from tests.daemon.store.machine import STEP, Machine, entries_of
from tests.daemon.store.model import (
    TRACKS,
    VIDEO,
    Lane,
    Range,
    Session,
    Shown,
)

STEPS_WANTED = int(os.environ.get("REELD_MODEL_STEPS", "0"))
RUN_STEPS = 50
SESSIONS_MAX = 12
"""With more the comparison of all after each step takes most of the time."""

reasons = st.sampled_from([GapReason.HIDDEN, GapReason.DEVICE_LOST, GapReason.DROPPED])
numbers = st.integers(0, 7)
tracks = st.sampled_from(TRACKS)
pieces = st.tuples(tracks, numbers)


class StoreMachine(Machine):
    @initialize(missing=st.sets(pieces, max_size=4), ended=st.booleans())
    def record(self, missing: set[tuple[str, int]], ended: bool) -> None:
        self.begin()
        items = [
            self.message(track, number, None)
            for number in range(8)
            for track in TRACKS
            if (track, number) not in missing
        ]
        self.sent += items
        assert [landing.fate for landing in land(self.store, *items)] == [self.expect(item) for item in items]
        if ended:
            self.end(0)

    @precondition(lambda self: not self.live and len(self.model.sessions) < SESSIONS_MAX)
    @rule(missing=st.sets(pieces, max_size=8), ended=st.booleans())
    def record_another(self, missing: set[tuple[str, int]], ended: bool) -> None:
        self.record(missing, ended)

    @rule(batch=st.lists(st.tuples(pieces, st.none() | reasons), min_size=1, max_size=6), crash=st.booleans())
    def arrive(self, batch: list[tuple[tuple[str, int], GapReason | None]], crash: bool) -> None:
        if not self.live:
            self.begin()
        items = [self.message(track, number, reason) for (track, number), reason in batch]

        def landed(txn: Transaction) -> list[Fate]:
            taking = Batch(txn)
            fates = [taking.land(item).fate for item in items]
            taking.finish()
            return fates

        if crash:
            self.write(landed, crash=True)  # the producers send it again
        self.sent += items
        assert self.write(landed) == [[self.expect(item) for item in items]]

    @precondition(lambda self: self.sent and self.sent[0].message.session in self.model.sessions)
    @rule(data=st.data())
    def arrive_again(self, data: st.DataObject) -> None:
        start = data.draw(st.integers(0, len(self.sent) - 1))
        items = [item for item in self.sent[start:] if item.payload]
        expected = [self.expect(item) for item in items]
        assert [landing.fate for landing in land(self.store, *items)] == expected

    @precondition(lambda self: self.live)
    @rule(step=st.integers(0, 16), text=st.sampled_from("ab"))
    def mark(self, step: int, text: str) -> None:
        order = RecordMarker(session=self.live, media_ns=step * STEP, text=text)
        self.write(lambda txn: sessions.mark(txn, order))
        self.model.sessions[self.live].markers.add((step, text))

    @precondition(lambda self: self.live)
    @rule(start=st.integers(0, 16), length=st.integers(1, 3))
    def pause(self, start: int, length: int) -> None:
        order = RecordPause(session=self.live, start_ns=start * 10 * STEP, end_ns=(start * 10 + length) * STEP)
        self.write(lambda txn: sessions.pause(txn, order))

    @precondition(lambda self: self.live)
    @rule(extra=st.integers(-1, 3))
    def end(self, extra: int) -> None:
        session = self.model.sessions[self.live]
        end = max(0, session.reach + extra)
        lanes = session.lanes.values()
        end = max([end, *(lane.end for lane in lanes if max(lane.shown, default=-1) >= end)])
        order = finish(max(0, session.reach + extra) * STEP, self.live)
        self.write(lambda txn: sessions.finish(txn, order))
        self.close(end, GapReason.DROPPED)

    # -- crashes -----------------------------------------------------------------------------------------------------

    @rule()
    def open_store_again(self) -> None:
        self.open_again(self.live)

    @precondition(lambda self: self.live)
    @rule()
    def daemon_dies(self) -> None:
        name = self.live
        self.open_again("")
        self.close(self.model.sessions[name].reach, GapReason.WORKER_RESTART)
        assert StoreReader(self.store).show(name).state is SessionState.INTERRUPTED

    # -- sessions of sessions ----------------------------------------------------------------------------------------

    @precondition(lambda self: 0 < len(self.model.sessions) < SESSIONS_MAX)
    @rule(data=st.data(), crash=st.booleans())
    def clip(self, data: st.DataObject, crash: bool) -> None:
        part = self.draw_range(data)
        if part is not None:
            self.derive([part], crash=crash)

    @precondition(lambda self: 0 < len(self.model.sessions) < SESSIONS_MAX)
    @rule(data=st.data(), to_the_end=st.booleans())
    def trim(self, data: st.DataObject, to_the_end: bool) -> None:
        part = self.draw_range(data)
        if part is not None:
            reach = self.model.sessions[part.session].reach
            self.derive([Range(part.session, part.start, reach) if to_the_end else Range(part.session, 0, part.stop)])

    @precondition(lambda self: 0 < len(self.model.sessions) < SESSIONS_MAX)
    @rule(data=st.data(), count=st.integers(2, 3))
    def merge(self, data: st.DataObject, count: int) -> None:
        parts = [part for part in (self.draw_range(data) for _ in range(count)) if part is not None]
        # A model that doubles with every step would soon be all that is tested.
        if parts and sum(part.stop - part.start for part in parts) <= 40:
            self.derive(parts)

    @precondition(lambda self: 0 < len(self.model.sessions) < SESSIONS_MAX)
    @rule(data=st.data(), staged=st.booleans())
    def redact(self, data: st.DataObject, staged: bool) -> None:
        part = self.draw_range(data)
        if part is None:
            return
        reach, hidden = self.model.sessions[part.session].reach, range(part.start, part.stop)
        around = [Range(part.session, 0, part.start, hidden), Range(part.session, part.stop, reach, hidden)]
        parts = [each for each in around if each.start < each.stop]
        if not parts:
            return
        before = set(self.model.sessions)
        self.derive(parts, staged=staged)
        (name,) = set(self.model.sessions) - before
        self.nothing_survives(part, name)

    def nothing_survives(self, part: Range, name: str) -> None:
        """Not one chunk that shows something of the range is shown, or decoded, by the new session."""
        source = self.model.sessions[part.session]
        for track in TRACKS:
            shown = [
                each for each in source.lanes[track].shown.values() if each.end > part.start and each.start < part.stop
            ]
            with self.store.read() as txn:
                kept = {digest for entry, needs in entries_of(txn, name, track) for digest in (entry.chunk, *needs)}
            assert not kept & {digest_of(each.payload) for each in shown} - self.shown_elsewhere(source, track, shown)

    def shown_elsewhere(self, source: Session, track: str, shown: list[Shown]) -> set[bytes]:
        """A merged session may hold the same chunk twice: only its entry in the range goes."""
        others = [each for each in source.lanes[track].shown.values() if each not in shown]
        return {digest_of(payload) for each in others for payload in (each.payload, *(each.needs or ()))}

    # -- forgetting --------------------------------------------------------------------------------------------------

    @precondition(lambda self: not self.live and self.model.sessions)
    @rule(data=st.data(), crash=st.booleans())
    def forget(self, data: st.DataObject, crash: bool) -> None:
        part = self.draw_range(data)
        if part is None:
            return
        order = ForgetMedia(session=part.session, from_ns=part.start * STEP, to_ns=part.stop * STEP)
        if crash:
            self.write(lambda txn: removing.forget(txn, order, self.around()), crash=True)
        (receipt,) = self.write(lambda txn: removing.forget(txn, order, self.around()))
        assert self.write(lambda txn: removing.forget(txn, order, self.around())) == [receipt]
        doomed: set[tuple[str, int]] = set()
        for step in range(part.start, part.stop):
            doomed |= self.model.roots(part.session, step, range(step, step + 1))
        own = self.model.sessions[part.session].origins or {part.session}
        # Of the same recordings, by time or by digest.
        relatives = [name for name, each in self.model.sessions.items() if (each.origins or {name}) & own]
        known = {digest_of(each): each for each in self.model.stored}
        after = {(name, track): self.read_lane(name, track, known) for name in relatives for track in TRACKS}
        gone = self.bytes_gone(after)
        for (name, track), lane in after.items():
            self.check_forgotten(name, track, lane, doomed, gone)
        for (name, track), lane in after.items():
            self.model.sessions[name].lanes[track] = lane
        for name in relatives:
            session = self.model.sessions[name]
            session.markers = {
                (at_, text)
                for at_, text in session.markers
                if not self.model.roots(name, at_, range(at_, at_ + 1)) & doomed
            }
        if receipt not in self.receipts:  # else it tells what went before
            self.receipts.append(receipt)
            garbage = {digest_of(each).hex() for each in self.model.garbage()}
            assert {each.chunk for each in receipt.gone} <= garbage  # type: ignore[attr-defined]

    def bytes_gone(self, after: dict[tuple[str, str], Lane]) -> set[bytes]:
        """Media that some session no longer shows."""
        return {
            entry.payload
            for (name, track), lane in after.items()
            for start, entry in self.model.sessions[name].lanes[track].shown.items()
            if start not in lane.shown
        }

    def check_forgotten(
        self, name: str, track: str, lane: Lane, doomed: set[tuple[str, int]], gone: set[bytes]
    ) -> None:
        """Nothing of it survives, and nothing else went than what shares a chunk with it or builds on one."""
        before = self.model.sessions[name].lanes[track]
        assert lane.shown.items() <= before.shown.items()
        lost: set[int] = set()
        broken = False
        for start, entry in sorted(before.shown.items()):
            holds = self.model.held(name, track, entry)
            if start in lane.shown:
                assert not holds & doomed
                broken = False
                continue
            builds_on_it = track == VIDEO and not entry.key and broken
            assert holds & doomed or builds_on_it or {entry.payload, *(entry.needs or ())} & gone
            lost |= set(range(start, entry.end))
            broken = True
        for step in range(before.end):
            if step in lost or self.model.roots(name, step, range(step, step + 1)) & doomed:
                assert lane.holes[step] is GapReason.FORGOTTEN
            else:
                assert lane.holes.get(step) is before.holes.get(step)

    # -- upkeep ------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.model.sessions)
    @rule(data=st.data(), name=st.sampled_from("xyz"), tag=st.sampled_from("tu"), note=st.sampled_from(["", "n"]))
    def edit(self, data: st.DataObject, name: str, tag: str, note: str) -> None:
        wanted = self.some(data)
        session = self.model.sessions[wanted]
        has = tag in session.tags
        order = EditRecord(
            session=wanted,
            name=name,
            note=note,
            add_tags=[] if has else [tag],
            remove_tags=[tag] if has else [],
            pinned=not session.pinned,
        )
        self.write(lambda txn: manifests.edit(txn, order))
        session.name, session.note, session.pinned = name, note, not session.pinned
        session.tags = [each for each in session.tags if each != tag] if has else [*session.tags, tag]

    @precondition(lambda self: sum(each.end is not None for each in self.model.sessions.values()) > 1)
    @rule(data=st.data(), crash=st.booleans())
    def delete(self, data: st.DataObject, crash: bool) -> None:
        name = self.some(data, finished=True)
        order = RemoveSession(session=name, reason="deleted")
        if crash:
            self.write(lambda txn: manifests.remove(txn, order, self.around()), crash=True)
        (done,) = self.write(lambda txn: manifests.remove(txn, order, self.around()))
        held = set(self.model.sessions.pop(name).needed())
        garbage = self.model.garbage()
        assert done.freed_bytes == sum(map(len, held & garbage))  # type: ignore[attr-defined]
        assert done.shared_bytes == sum(map(len, held - garbage))  # type: ignore[attr-defined]

    @rule(count=st.integers(1, 6), dry_run=st.booleans(), crash=st.booleans())
    def collect_garbage(self, count: int, dry_run: bool, crash: bool) -> None:
        order = CollectChunks(dry_run=dry_run, chunks_max=count)
        if crash:
            self.write(lambda txn: gc.collect(txn, order), crash=True)
        (done,) = self.write(lambda txn: gc.collect(txn, order))
        first = sorted(digest_of(each).hex() for each in self.model.garbage())[:count]
        assert [item.chunk for item in done.items] == first  # type: ignore[attr-defined]
        if not dry_run:
            self.model.stored = {each for each in self.model.stored if digest_of(each).hex() not in first}


def test_the_store_holds_what_the_model_holds() -> None:
    """Small here; as many steps as REELD_MODEL_STEPS says where it is set."""
    Machine.steps = 0
    chosen = settings(
        max_examples=max(STEPS_WANTED // RUN_STEPS, 10),
        stateful_step_count=RUN_STEPS if STEPS_WANTED else RUN_STEPS // 2,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    run_state_machine_as_test(StoreMachine, settings=chosen)
    while Machine.steps < STEPS_WANTED:  # runs may end early
        run_state_machine_as_test(StoreMachine, settings=chosen)
