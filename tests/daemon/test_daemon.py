"""The daemon with fake workers, driven as a client drives it. Harm guarded against: a recording that stops, or says
it goes on, because one of its processes died."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

from reeld_proto import codec
from reeld_proto.access import Scope
from reeld_proto.commands import (
    AddMarker,
    AnyReply,
    Audit,
    CreateToken,
    Exported,
    ExportSession,
    GetAudit,
    GetSnapshot,
    GetStats,
    ListSources,
    ListTokens,
    PauseSession,
    ResumeSession,
    SessionChanged,
    SessionDetail,
    SessionStarted,
    SessionStopped,
    ShowSession,
    Snapshot,
    Sources,
    StartSession,
    StatsReply,
    StopSession,
    TokenCreated,
    TokenList,
    Verified,
    VerifyStore,
)
from reeld_proto.events import (
    ExportProgress,
    MarkerAdded,
    SessionStateChanged,
    StatsPublished,
    TroubleReported,
    WorkerStateChanged,
)
from reeld_proto.records import SessionState, WorkerState
from tests.support.fake_house import FakeHouse, next_event
from tests.support.wait import until


@pytest.fixture
def build() -> Iterator[Callable[..., FakeHouse]]:
    """Warm daemons with the environment given."""
    houses: list[FakeHouse] = []

    def builder(**environment: str) -> FakeHouse:
        house = FakeHouse(**{"REAL_WORKERS": "store", **environment})
        houses.append(house.__enter__())
        house.start(warm=False)
        return house

    yield builder
    for house in houses:
        house.__exit__()


@pytest.fixture(scope="module")
def shared() -> Iterator[FakeHouse]:
    with FakeHouse(REAL_WORKERS="store") as house:
        house.start()
        yield house


@pytest.fixture
def house(shared: FakeHouse) -> FakeHouse:
    """A warm daemon without a session, shared by all tests that need no bad habits."""
    assert shared.status().session is None
    settled(shared)
    return shared


def settled(house: FakeHouse) -> None:
    """Wait until every worker stands by or serves, and no used one is about to leave."""
    until(
        lambda: (
            {worker.name.rstrip("0123456789"): worker.state for worker in house.status().workers}
            == {"store-": "running", "capture-standby-": "ready", "audio-standby-": "ready"}
        ),
        10,
        what="a warm daemon",
    )


def names(house: FakeHouse, prefix: str) -> list[str]:
    """Public names of the live workers that begin so."""
    return [name for name in house.worker_pids() if name.startswith(prefix)]


def active(house: FakeHouse, role: str) -> str:
    """Public name of the worker that serves the role."""
    (name,) = [name for name in names(house, role) if "standby" not in name]
    return name


def session_state(house: FakeHouse) -> SessionState | None:
    session = house.status().session
    return session.state if session else None


def track_frames(house: FakeHouse) -> dict[str, int]:
    return {track.id: track.frames for track in house.must(GetStats(), StatsReply).stats.tracks}


# -- a session ------------------------------------------------------------------------------------------------------


def test_a_session_from_start_to_stop(house: FakeHouse) -> None:
    sources = house.must(ListSources(), Sources)
    assert [display.id for display in sources.displays] == ["LEFT", "RIGHT"]
    assert [source.id for source in sources.microphones] == ["virtual_mic"]
    started = house.must(StartSession(name="Monday", displays=["all"], tags=["work"], fps=10), SessionStarted)
    assert started.state == SessionState.ACTIVE
    assert started.first_frame_ms is not None
    assert started.first_frame_ms < 150
    assert active(house, "capture")
    assert active(house, "audio")
    assert house.refused(StartSession()).code == "wrong-state"
    paused = house.must(PauseSession(), SessionChanged)
    assert paused.state == SessionState.PAUSED
    assert "paused" in house.refused(PauseSession()).message
    marked = house.must(AddMarker(text="here"), SessionChanged)
    assert marked.marker_at_s == pytest.approx(paused.elapsed_s, abs=0.05)
    resumed = house.must(ResumeSession(), SessionChanged)
    assert resumed.elapsed_s == pytest.approx(paused.elapsed_s, abs=1e-6)
    stopped = house.must(StopSession(), SessionStopped)
    assert stopped.state == SessionState.COMPLETED
    assert [track.id for track in stopped.tracks] == ["video-1", "mix", "mic", "system"]
    assert house.refused(StopSession()).code == "wrong-state"
    shown = house.must(ShowSession(session=started.session), SessionDetail).session
    assert (shown.name, shown.tags, shown.state) == ("Monday", ["work"], SessionState.COMPLETED)
    assert [marker.text for marker in shown.markers] == ["here"]
    assert shown.duration_s == pytest.approx(stopped.duration_s)
    assert house.status().session is None


def test_sessions_follow_each_other_on_fresh_workers(house: FakeHouse) -> None:
    pids = []
    for _ in range(3):
        house.must(StartSession(), SessionStarted)
        pids += [house.worker_pids()[active(house, role)] for role in ("capture", "audio")]
        house.must(StopSession(), SessionStopped)
        settled(house)
    assert len(set(pids)) == 6


def test_events_tell_the_whole_story_with_consecutive_numbers(house: FakeHouse) -> None:
    with house.subscribe() as events:
        number, first = next_event(events)
        while not isinstance(first, StatsPublished):
            number, first = next_event(events)
        snapshot = house.must(GetSnapshot(), Snapshot)
        assert snapshot.event_seq >= number
        started = house.must(StartSession(name="n"), SessionStarted)
        house.must(AddMarker(text="x"), SessionChanged)
        house.must(StopSession(), SessionStopped)
        seen: list[Any] = []
        while not any(isinstance(e, SessionStateChanged) and e.state == SessionState.COMPLETED for e in seen):
            following, event = next_event(events)
            assert following == number + 1
            number = following
            seen.append(event)
    states = [event.state for event in seen if isinstance(event, SessionStateChanged)]
    assert states == ["starting", "active", "ending", "persisting", "completed"]
    assert all(event.session == started.session for event in seen if isinstance(event, SessionStateChanged))
    assert any(isinstance(event, MarkerAdded) for event in seen)
    assert any(isinstance(event, WorkerStateChanged) for event in seen)


def test_stats_are_published_only_while_somebody_listens(house: FakeHouse) -> None:
    with house.subscribe(b"stats") as events:
        first, second = next_event(events), next_event(events)
        assert 0.3 < (second[1].stats.at_mono_ns - first[1].stats.at_mono_ns) / 1e9 < 1.5
        assert {worker.name for worker in second[1].stats.workers} == {"reeld", *house.worker_pids()}
        assert all(worker.rss_bytes > 10**6 for worker in second[1].stats.workers)
    before = house.must(GetSnapshot(), Snapshot).event_seq
    until(lambda: house.must(GetSnapshot(), Snapshot).event_seq == before, 5)
    # A published stats event would raise the number twice a second.
    began = time.monotonic()
    until(lambda: time.monotonic() - began > 1.2, every_s=0.3)
    assert house.must(GetSnapshot(), Snapshot).event_seq == before


# -- what is missing ------------------------------------------------------------------------------------------------


def test_without_a_display_sound_is_recorded_and_a_picture_asked_for_is_an_error(
    build: Callable[..., FakeHouse],
) -> None:
    house = build(FAKE_CAPTURE="absent")
    refused = house.refused(StartSession(displays=["all"]))
    assert (refused.code, refused.remedy) == ("no-display", "Set DISPLAY.")
    started = house.must(StartSession(), SessionStarted)
    assert started.first_frame_ms is None
    assert started.warnings == ["no picture is recorded: no capture here"]
    stopped = house.must(StopSession(), SessionStopped)
    assert [track.id for track in stopped.tracks] == ["mix", "mic", "system"]
    assert started.warnings[0] in stopped.warnings


def test_without_sound_the_picture_is_recorded_and_a_microphone_asked_for_is_an_error(
    build: Callable[..., FakeHouse],
) -> None:
    house = build(FAKE_AUDIO="absent")
    assert house.refused(StartSession(microphone="virtual_mic")).code == "no-audio"
    started = house.must(StartSession(), SessionStarted)
    assert len(started.warnings) == 2
    assert started.state == SessionState.ACTIVE
    house.must(StopSession(), SessionStopped)


def test_a_picture_that_cannot_be_started_is_a_warning_or_an_error(build: Callable[..., FakeHouse]) -> None:
    house = build(FAKE_CAPTURE="broken")
    refused = house.refused(StartSession(displays=["LEFT"]))
    assert (refused.code, refused.remedy) == ("device-failed", "Glue it.")
    assert session_state(house) is None
    started = house.must(StartSession(), SessionStarted)
    assert started.state == SessionState.PARTIAL
    house.must(StopSession(), SessionStopped)


def test_an_audio_worker_that_cannot_even_load_leaves_the_picture(build: Callable[..., FakeHouse]) -> None:
    house = build(FAKE_AUDIO="exit")
    started = house.must(StartSession(), SessionStarted)
    assert started.state == SessionState.ACTIVE
    assert started.first_frame_ms is not None
    assert any("audio worker" in warning for warning in started.warnings)
    house.must(StopSession(), SessionStopped)


def test_nobody_waits_long_for_a_sound_server_that_does_not_answer(build: Callable[..., FakeHouse]) -> None:
    house = build(FAKE_AUDIO="mute")
    began = time.monotonic()
    started = house.must(StartSession(), SessionStarted)
    assert time.monotonic() - began < 4
    assert started.first_frame_ms is not None
    assert started.warnings
    house.must(StopSession(), SessionStopped)


def test_a_token_does_what_it_may_and_the_audit_outlives_the_daemon(build: Callable[..., FakeHouse]) -> None:
    house = build()
    made = house.must(CreateToken(name="tray", scopes=[Scope.OBSERVE]), TokenCreated)
    with house.connect() as socket:
        for command in (GetStats(), StartSession()):
            socket.send(codec.pack(command, token=made.token))
        replies = [codec.unpack(socket.recv(), AnyReply).body for _ in range(2)]
    assert isinstance(replies[0], StatsReply)
    assert replies[1].code == "denied"
    assert house.status().session is None
    house.stop()
    house.start(warm=False)
    assert [each.name for each in house.must(ListTokens(), TokenList).tokens] == ["tray"]
    lines = house.must(GetAudit(), Audit).lines
    assert [(line.who, line.what, line.result, line.pid) for line in lines] == [
        ("owner", "tokens.create", "done", os.getpid()),
        ("token:tray", "session.start", "denied", os.getpid()),
    ]
    assert [path.stat().st_mode & 0o077 for path in house.store.iterdir()] == [0] * len(list(house.store.iterdir()))


def test_all_faults_of_a_request_come_at_once_and_change_nothing(house: FakeHouse) -> None:
    before = house.worker_pids()
    refused = house.refused(StartSession(fps=99, displays=["MIDDLE"], microphone="banana"))
    assert len(refused.faults) == 3
    assert session_state(house) is None
    assert house.worker_pids() == before


# -- what dies ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["capture", "audio"])
def test_a_killed_worker_is_replaced_and_the_session_stays_active(house: FakeHouse, role: str) -> None:
    house.must(StartSession(), SessionStarted)
    first = active(house, role)
    until(lambda: names(house, f"{role}-standby"), 10)
    until(lambda: all(w.state in ("ready", "running") for w in house.status().workers), 10)
    track = {"capture": "video-1", "audio": "mic"}[role]
    with house.subscribe(b"worker") as events:
        until(lambda: track_frames(house).get(track, 0) > 0, 5)
        killed = time.monotonic()
        house.kill(first)
        until(lambda: first not in house.worker_pids() and active(house, role), 5, what="the standby taking over")
        until(lambda: track_frames(house).get(track, 0) > 0, 5, what="recording going on")
        assert time.monotonic() - killed < 3
        seen: list[Any] = []
        while not any(isinstance(event, TroubleReported) for event in seen):
            seen.append(next_event(events)[1])
    assert session_state(house) == SessionState.ACTIVE
    house.must(StopSession(), SessionStopped)


def test_a_killed_store_takes_nothing_with_it(house: FakeHouse) -> None:
    started = house.must(StartSession(), SessionStarted)
    killed = []
    for _ in range(3):
        name = until(lambda: names(house, "store"), 10)[0]
        killed.append(name)
        house.kill(name)
        house.must(AddMarker(text=name), SessionChanged)
    assert session_state(house) == SessionState.ACTIVE
    stopped = house.must(StopSession(), SessionStopped)
    assert stopped.state == SessionState.COMPLETED
    shown = house.must(ShowSession(session=started.session), SessionDetail).session
    assert {marker.text for marker in shown.markers} == set(killed)


def test_a_store_killed_during_the_stop_still_gets_the_end(house: FakeHouse) -> None:
    house.must(StartSession(), SessionStarted)
    pid = house.worker_pids()[active(house, "store")]
    os.kill(pid, signal.SIGSTOP)
    with house.connect() as socket:
        socket.send(codec.pack(StopSession(), id="q"))
        until(lambda: session_state(house) == SessionState.PERSISTING, 10)
        os.kill(pid, signal.SIGKILL)
        assert socket.poll(15_000)
        reply = codec.unpack(socket.recv(), AnyReply).body
    assert isinstance(reply, SessionStopped)
    assert reply.state == SessionState.COMPLETED


def test_a_worker_without_progress_is_replaced_within_ten_seconds(build: Callable[..., FakeHouse]) -> None:
    house = build(FAKE_AUDIO="stall:1")
    house.must(StartSession(), SessionStarted)
    until(lambda: "audio-2" in house.worker_pids(), 10, what="the stalled worker replaced")
    until(lambda: track_frames(house).get("mic", 0) > 0, 5)
    assert "capture-1" in house.worker_pids(), "the others go on"
    house.must(StopSession(), SessionStopped)


def test_a_worker_that_does_not_leave_does_not_hold_the_next_session_up(build: Callable[..., FakeHouse]) -> None:
    house = build(FAKE_CAPTURE="ignore-sigterm:1")
    for _ in range(2):
        house.must(StartSession(), SessionStarted)
        house.must(StopSession(), SessionStopped)
    until(lambda: len(house.worker_pids()) == 3, 10)


def test_a_service_that_keeps_dying_makes_the_session_partial_and_the_rest_goes_on(
    build: Callable[..., FakeHouse],
) -> None:
    house = build()
    started = house.must(StartSession(), SessionStarted)

    def kill_audio_until_given_up() -> bool:
        for name, pid in house.worker_pids().items():
            if name.startswith("audio"):
                psutil.Process(pid).kill()
        return session_state(house) == SessionState.PARTIAL

    until(kill_audio_until_given_up, 40, what="a partial session", every_s=0.05)
    failed = [worker for worker in house.status().workers if worker.state == WorkerState.FAILED]
    assert [worker.name for worker in failed] == ["audio"]
    before = track_frames(house)["video-1"]
    until(lambda: track_frames(house)["video-1"] > before, 5, what="the picture going on")
    stopped = house.must(StopSession(), SessionStopped)
    assert any("audio keeps failing" in warning for warning in stopped.warnings)
    assert house.must(ShowSession(session=started.session), SessionDetail).session.state == "completed"
    # The next session tries again.
    assert house.must(StartSession(), SessionStarted).state == SessionState.ACTIVE
    house.must(StopSession(), SessionStopped)


# -- jobs -----------------------------------------------------------------------------------------------------------


def test_export_and_verification_run_in_a_process_that_leaves(house: FakeHouse) -> None:
    started = house.must(StartSession(), SessionStarted)
    house.must(StopSession(), SessionStopped)
    with house.subscribe(b"export") as events:
        # A subscriber gets stats and export events only after its subscription has arrived.
        exported = None
        while exported is None or not events.poll(200):
            exported = house.must(ExportSession(session=started.session, path="/x/out.mp4"), Exported)
        _, progress = next_event(events)
    assert progress == ExportProgress(session=started.session, path="/x/out.mp4", done_s=1, total_s=2)
    assert exported.path == "/x/out.mp4"
    assert house.must(VerifyStore(), Verified).ok
    assert house.must(VerifyStore(session=started.session), Verified).ok
    assert not names(house, "export")


def test_jobs_on_what_does_not_exist_start_nothing(house: FakeHouse) -> None:
    assert house.refused(ExportSession(session="nothing", path="/x.mp4")).code == "not-found"
    assert house.refused(VerifyStore(session="nothing")).code == "not-found"
    assert house.refused(ExportSession(session="nothing", path="relative.mp4")).code == "invalid-request"
    assert house.refused(ShowSession(session="nothing")).code == "not-found"


def test_orders_to_the_store_come_in_the_order_of_the_session(build: Callable[..., FakeHouse]) -> None:
    house = build(REAL_WORKERS="")
    house.must(StartSession(), SessionStarted)
    house.must(PauseSession(), SessionChanged)
    house.must(ResumeSession(), SessionChanged)
    house.ask(StopSession())
    orders = [json.loads(line)["type"] for line in (house.store / "orders.jsonl").read_text().splitlines()]
    assert [order for order in orders if order.startswith("order.session.")] == [
        "order.session.create",
        "order.session.pause",
        "order.session.state",
        "order.session.pause",
        "order.session.state",
        "order.session.finish",
    ]
