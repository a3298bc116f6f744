"""The client without I/O, as a conversation: this is asked, that arrives, so much time passes."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld_client.core import PING_EVERY_S, SILENCE_MAX_S, EventTracker, Requests, expect, tag
from reeld_proto.codec import MESSAGE_BYTES_MAX, Envelope, encode, pack, unpack
from reeld_proto.commands import (
    AddMarker,
    AnyCommand,
    ErrorReply,
    ExportSession,
    GetStatus,
    Ping,
    Pong,
    SessionList,
    Snapshot,
    Status,
)
from reeld_proto.errors import ErrorCode, InternalError, ReeldError, RequestRejected, StoreCorrupt, TransportError
from reeld_proto.events import LevelsMeasured, MarkerAdded
from reeld_proto.records import DaemonInfo, SessionInfo
from reeld_proto.version import PROTOCOL_VERSION

S = 1_000_000_000
_DAEMON = DaemonInfo(pid=1, version="0", uptime_s=0.0)


@pytest.fixture
def requests() -> Requests:
    return Requests("me")


def ask(requests: Requests, now_ns: int = 0, timeout_s: float | None = 5.0) -> str:
    key, data = requests.begin(Ping(), now_ns, timeout_s)
    assert unpack(data, AnyCommand).id == key
    return key


def test_an_answer_reaches_its_question_and_no_other(requests: Requests) -> None:
    first, second = ask(requests), ask(requests)
    assert first != second
    requests.receive(pack(Pong(), id=second), 1)
    assert requests.outcome(first) is None
    assert requests.outcome(second) == Pong()
    assert requests.outcome(second) is None


def test_questions_of_two_clients_have_different_ids() -> None:
    assert ask(Requests("a")) != ask(Requests("b"))


def test_numbers_of_questions_rise(requests: Requests) -> None:
    numbers = [unpack(requests.begin(Ping(), 0, 1.0)[1], AnyCommand).seq for _ in range(3)]
    assert numbers == [1, 2, 3]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("not-found", RequestRejected),
        ("corrupt", StoreCorrupt),
        ("internal", InternalError),
        ("timeout", TransportError),
    ],
)
def test_an_error_reply_is_raised_as_its_class_with_all_it_says(
    requests: Requests, code: str, kind: type[ReeldError]
) -> None:
    key = ask(requests)
    requests.receive(pack(ErrorReply(code=code, message="no", remedy="so", faults=["a"]), id=key), 1)
    with pytest.raises(kind, match="no") as caught:
        requests.outcome(key)
    assert (caught.value.code.value, caught.value.remedy, caught.value.faults) == (code, "so", ("a",))


def test_a_late_answer_is_ignored(requests: Requests) -> None:
    """Else it would be kept for ever, or taken for the answer to something else."""
    key = ask(requests)
    requests.forget(key)
    requests.receive(pack(Pong(), id=key), 1)
    assert requests.outcome(key) is None
    assert requests.settled() == []


def test_the_deadline_fails_the_question_by_name(requests: Requests) -> None:
    key = ask(requests, now_ns=100, timeout_s=5.0)
    assert requests.wake_ns() == 100 + 5 * S
    requests.expire(99 + 5 * S)
    assert requests.outcome(key) is None
    requests.expire(100 + 5 * S)
    with pytest.raises(TransportError, match=r"did not answer ping within 5\.0 s") as caught:
        requests.outcome(key)
    assert caught.value.code is ErrorCode.TIMEOUT
    assert requests.wake_ns() is None


def test_a_lost_connection_fails_everything_under_way(requests: Requests) -> None:
    """A caller left waiting would wait for a daemon that no longer knows the question."""
    first, second = ask(requests), ask(requests, timeout_s=None)
    requests.lost()
    for key in (first, second):
        with pytest.raises(TransportError, match="went away") as caught:
            requests.outcome(key)
        assert caught.value.code is ErrorCode.NO_DAEMON


def test_long_work_is_watched_with_pings(requests: Requests) -> None:
    requests.begin(ExportSession(session="s", path="/p"), 0, None)
    assert requests.wake_ns() == int(PING_EVERY_S * S)
    assert requests.expire(int(PING_EVERY_S * S) - 1) == []
    (ping,) = requests.expire(int(PING_EVERY_S * S))
    assert unpack(ping, AnyCommand).body == Ping()
    assert requests.expire(int(PING_EVERY_S * S)) == []
    assert len(requests.expire(2 * int(PING_EVERY_S * S))) == 1


def test_work_of_an_hour_goes_on_while_pongs_come(requests: Requests) -> None:
    """Else a long export would fail though all is well."""
    key, _ = requests.begin(ExportSession(session="s", path="/p"), 0, None)
    for second in range(3600):
        for ping in requests.expire(second * S):
            requests.receive(pack(Pong(), id=unpack(ping, AnyCommand).id), second * S)
    assert requests.outcome(key) is None


def test_a_hung_daemon_is_noticed_within_seconds(requests: Requests) -> None:
    key, _ = requests.begin(ExportSession(session="s", path="/p"), 0, None)
    requests.receive(pack(Pong(), id="other"), 10 * S)
    limit = int((10 + SILENCE_MAX_S) * S)
    requests.expire(limit - 1)
    assert requests.outcome(key) is None
    requests.expire(limit)
    with pytest.raises(TransportError, match=r"stopped answering while it worked on sessions\.export"):
        requests.outcome(key)


def test_a_question_of_its_own_deadline_is_not_pinged(requests: Requests) -> None:
    ask(requests, timeout_s=30.0)
    assert requests.expire(20 * S) == []


def test_unreadable_answers_fail_the_question_at_once(requests: Requests) -> None:
    key = ask(requests)
    requests.receive(encode(Envelope(v=PROTOCOL_VERSION + 1, seq=1, id=key, body=Pong())), 1)
    with pytest.raises(InternalError, match="protocol version") as caught:
        requests.outcome(key)
    assert "same release" in caught.value.remedy


def test_answers_larger_than_any_command_are_read(requests: Requests) -> None:
    """A list of many sessions is larger than what the daemon accepts."""
    info = SessionInfo(session="s" * 400, name="n", state="active", started_at="", duration_s=0, bytes=0)  # type: ignore[arg-type]
    key = ask(requests)
    requests.receive(pack(SessionList(sessions=[info] * 2000), id=key), 1)
    reply = requests.outcome(key)
    assert isinstance(reply, SessionList)
    assert len(reply.sessions) == 2000


@given(junk=st.binary(max_size=100))
def test_junk_from_a_daemon_breaks_nothing(junk: bytes) -> None:
    requests = Requests("me")
    key = ask(requests)
    requests.receive(junk, 1)
    requests.receive(pack(Pong(), id=key), 2)
    assert requests.outcome(key) == Pong()


@given(st.lists(st.sampled_from(["ask", "watch", "answer", "forget", "wait", "lose"]), max_size=30))
def test_whatever_happens_no_question_is_lost_or_answered_twice(steps: list[str]) -> None:
    requests, now, open_keys, closed = Requests("me"), 0, [], set()
    for step in steps:
        if step in {"ask", "watch"}:
            open_keys.append(ask(requests, now, 3.0 if step == "ask" else None))
        elif step == "answer" and open_keys:
            requests.receive(pack(Pong(), id=open_keys[0]), now)
        elif step == "forget" and open_keys:
            requests.forget(open_keys.pop())
        elif step == "wait":
            now += 2 * S
            requests.expire(now)
        elif step == "lose":
            requests.lost()
            assert requests.wake_ns() is None
        for key in requests.settled():
            assert key in open_keys
            assert key not in closed
            closed.add(key)
            open_keys.remove(key)
            with suppress(TransportError):
                assert requests.outcome(key) == Pong()
        assert (requests.wake_ns() is None) == (not open_keys)


def test_a_reply_of_another_type_is_our_fault() -> None:
    assert expect(Pong)(Pong()) == Pong()
    with pytest.raises(InternalError, match=r"'pong' where Status"):
        expect(Status)(Pong())
    assert tag(GetStatus()) == "status"


def event(seq: int) -> bytes:
    return pack(MarkerAdded(session="s", at_s=float(seq), text=""), seq=seq)


def snapshot(seq: int) -> Snapshot:
    return Snapshot(event_seq=seq, status=Status(daemon=_DAEMON, workers=[], session=None), stats=None)


def applied(number: int) -> MarkerAdded:
    return MarkerAdded(session="s", at_s=float(number), text="")


def test_nothing_is_applied_before_a_snapshot() -> None:
    tracker = EventTracker()
    assert tracker.needs_snapshot
    assert tracker.receive(event(1)) is None
    assert tracker.seq is None


def test_events_the_snapshot_knows_already_are_left_out() -> None:
    """A marker would appear twice."""
    tracker = EventTracker()
    tracker.start(snapshot(5))
    assert tracker.receive(event(5)) is None
    assert tracker.receive(event(6)) == applied(6)
    assert tracker.receive(event(6)) is None
    assert not tracker.needs_snapshot


def test_a_loss_asks_for_a_snapshot_and_holds_the_event_that_showed_it() -> None:
    tracker = EventTracker()
    tracker.start(snapshot(5))
    assert tracker.receive(event(8)) is None
    assert tracker.needs_snapshot
    tracker.start(snapshot(7))
    assert (tracker.release(), tracker.release()) == (applied(8), None)
    assert not tracker.needs_snapshot


def test_an_event_held_that_the_snapshot_knows_is_dropped() -> None:
    tracker = EventTracker()
    tracker.start(snapshot(5))
    tracker.receive(event(8))
    tracker.start(snapshot(9))
    assert tracker.release() is None
    assert tracker.receive(event(10)) == applied(10)


def test_chosen_topics_have_numbers_in_between_that_are_no_loss() -> None:
    tracker = EventTracker(sees_all=False)
    assert tracker.receive(event(1)) is None
    tracker.start(snapshot(5))
    assert tracker.release() is None
    assert tracker.receive(event(9)) == applied(9)


def test_events_of_a_newer_daemon_are_skipped_but_counted() -> None:
    """Else the next known event would look like a loss, for ever."""
    tracker = EventTracker()
    tracker.start(snapshot(0))
    assert tracker.receive(encode(Envelope(v=PROTOCOL_VERSION, seq=1, body={"type": "weather"}))) is None
    assert tracker.receive(event(2)) == applied(2)
    assert tracker.receive(b"\xc1") is None


@given(st.lists(st.integers(1, 12), max_size=20), st.integers(0, 3))
def test_numbers_applied_only_rise(numbers: list[int], behind: int) -> None:
    tracker = EventTracker()
    tracker.start(snapshot(0))
    seen = []
    for number in numbers:
        found = [tracker.receive(event(number))]
        if tracker.needs_snapshot:
            tracker.start(snapshot(max(tracker.seq or 0, number - behind)))
            found.append(tracker.release())
        seen += [one.at_s for one in found if isinstance(one, MarkerAdded)]
    assert seen == sorted(set(seen))


def test_text_too_long_is_still_sent_for_the_daemon_to_refuse() -> None:
    _, data = Requests("me").begin(AddMarker(text="x" * 5000), 0, 1.0)
    assert len(data) < MESSAGE_BYTES_MAX


def test_levels_reach_who_named_them_and_make_no_hole_for_the_others() -> None:
    """Harm: whoever listens to everything is woken ten times a second, or fetches snapshots for nothing."""
    level = pack(LevelsMeasured(session="s", at_s=1.0, levels=[]), seq=0)
    named, everything = EventTracker(sees_all=False), EventTracker()
    for tracker in (named, everything):
        tracker.start(snapshot(3))
    assert named.receive(level) == LevelsMeasured(session="s", at_s=1.0, levels=[])
    assert everything.receive(level) is None
    for tracker in (named, everything):
        assert (tracker.seq, tracker.needs_snapshot) == (3, False)
        assert tracker.receive(pack(MarkerAdded(session="s", at_s=1.0, text="x"), seq=4)) is not None
