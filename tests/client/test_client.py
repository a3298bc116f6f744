"""The synchronous client: against a fake in memory for what takes time, behind sockets for what breaks."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from reeld_client import Client
from reeld_client.calls import QUICK_S, START_S, STOP_S
from reeld_client.client import EventStream
from reeld_proto import codec, commands
from reeld_proto.commands import ExportSession, Ping, Snapshot, StartSession
from reeld_proto.errors import ErrorCode, InternalError, RequestRejected, TransportError
from reeld_proto.events import MarkerAdded, WorkerStateChanged
from reeld_proto.records import Layout, Quality, SessionState, WorkerState
from tests.client.fake_reeld import (
    INFO,
    SESSION,
    STATS,
    FakeReeld,
    Server,
    faulty,
    job_progress,
    memory,
    progress,
    serving,
    silence,
)
from tests.client.library_cases import blank
from tests.support.wait import until


def in_memory(fake: FakeReeld) -> Client:
    transport = memory(fake)
    return Client(transport=transport, clock=transport.clock)


def ignore(_done: float, _total: float) -> None:
    pass


def marker(number: int) -> MarkerAdded:
    return MarkerAdded(session=SESSION, at_s=float(number), text="")


def test_a_whole_session_from_start_to_file(fake: FakeReeld, runtime: Path, server: Server, no_leaks: None) -> None:
    with Client(runtime) as client:
        started = client.start(name="stand-up", displays=["all"], fps=30, quality=Quality.HIGH, layout=Layout.GRID)
        assert (started.session, started.state, started.first_frame_ms) == (SESSION, SessionState.ACTIVE, 84.2)
        assert client.pause().state is SessionState.PAUSED
        assert client.resume().state is SessionState.ACTIVE
        assert client.mark("decided").marker_at_s == 1.5
        assert client.set_private(True).private
        assert client.reload_config().live == ["record.fps"]
        assert client.profiles().profiles[0].settings.fps == 5
        assert client.features().features[0].enabled
        assert client.status().private
        assert client.stop().duration_s == 7.4
        assert client.export(SESSION, runtime / "a.mp4").bytes == 3
        assert client.verify().ok
        assert 0 < client.ping() < 1
    (start,) = fake.of(StartSession)
    assert start == StartSession(name="stand-up", displays=["all"], fps=30, quality=Quality.HIGH, layout=Layout.GRID)


def test_everything_that_can_be_looked_at(fake: FakeReeld) -> None:
    with in_memory(fake) as client:
        assert client.status().daemon.pid == 7
        assert client.sources().displays[0].id == "LEFT"
        assert client.sessions(status=SessionState.COMPLETED, tag="work", text="x") == [INFO]
        assert client.show(SESSION) == INFO
        assert client.stats() == STATS
        assert client.snapshot().event_seq == 0
    (listing,) = fake.of(commands.ListSessions)
    assert (listing.status, listing.tag, listing.text) == (SessionState.COMPLETED, "work", "x")


def test_options_left_out_are_left_to_the_daemon(fake: FakeReeld) -> None:
    """Else a client of another release would impose its defaults."""
    with in_memory(fake) as client:
        client.start()
    assert fake.of(StartSession) == [StartSession()]


def test_a_refusal_is_raised_with_everything_the_daemon_says(fake: FakeReeld) -> None:
    fake.answers["session_start"] = RequestRejected("no", remedy="so", faults=("a", "b"))
    with in_memory(fake) as client, pytest.raises(RequestRejected, match="no") as caught:
        client.start()
    assert (caught.value.remedy, caught.value.faults) == ("so", ("a", "b"))
    with in_memory(fake) as client, pytest.raises(RequestRejected) as caught:
        client.stop()
    assert caught.value.code is ErrorCode.WRONG_STATE


@pytest.mark.parametrize(
    ("name", "method", "patience_s"),
    [("status", "status", QUICK_S), ("session_start", "start", START_S), ("session_stop", "stop", STOP_S)],
)
def test_a_daemon_that_never_answers_is_given_up_in_time(
    fake: FakeReeld, name: str, method: str, patience_s: float
) -> None:
    fake.answers[name] = silence
    transport = memory(fake)
    with Client(transport=transport, clock=transport.clock) as client, pytest.raises(TransportError) as caught:
        getattr(client, method)()
    assert caught.value.code is ErrorCode.TIMEOUT
    assert transport.clock() == patience_s * 10**9


def test_an_export_may_take_as_long_as_it_does(fake: FakeReeld, tmp_path: Path) -> None:
    asked: list[str] = []

    def pong(command: Any) -> Any:
        if len(fake.of(Ping)) == 1000:
            reply = commands.Exported(path="/p", duration_s=1.0, bytes=1)
            late.append(codec.pack(reply, id=asked[1]))
        return commands.Pong()

    late: list[bytes] = []
    fake.answers.update(sessions_export=silence, ping=pong)

    def handler(data: bytes) -> list[bytes]:
        if len(asked) < 2:  # the job is begun, then waited for
            asked.append(codec.request_id_of(data))
        answers = fake(data) + late
        late.clear()
        return answers

    transport = memory(fake)
    transport._handler = handler
    with Client(transport=transport, clock=transport.clock) as client:
        assert client.export(SESSION, tmp_path / "x.mp4").bytes == 1
    assert transport.clock() >= 1999 * 10**9


def test_an_export_on_a_hung_daemon_ends(fake: FakeReeld, tmp_path: Path) -> None:
    """Else `reelctl export` would hang for ever beside it."""
    fake.answers.update(sessions_export=silence, ping=silence)
    transport = memory(fake)
    client = Client(transport=transport, clock=transport.clock)
    with client, pytest.raises(TransportError, match="stopped answering"):
        client.export(SESSION, tmp_path / "x.mp4")
    assert transport.clock() <= 8 * 10**9


def test_the_path_of_an_export_is_the_callers_not_the_daemons(
    fake: FakeReeld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with in_memory(fake) as client:
        client.export(SESSION, "x.mp4", from_s=1.0, to_s=2.0, tracks=["mix"])
    (command,) = fake.of(ExportSession)
    assert command == ExportSession(session=SESSION, path=str(tmp_path / "x.mp4"), from_s=1.0, to_s=2.0, tracks=["mix"])


def test_progress_is_reported_of_this_job_alone(fake: FakeReeld, tmp_path: Path) -> None:
    transport = memory(fake)
    mine = str(tmp_path / "mine.mp4")

    def export(command: ExportSession) -> Any:
        for name, done in (("j9", 0.1), ("j1", None), ("j1", 0.2), ("j1", 0.5)):
            topic, data = fake.event(job_progress(name, done))
            transport.publish(topic.decode(), data)
        transport.publish("job", b"\xc1")
        return commands.Exported(path=command.path, duration_s=4.0, bytes=1)

    fake.answers["sessions_export"] = export
    seen: list[tuple[float, float]] = []
    with Client(transport=transport, clock=transport.clock) as client:
        client.export(SESSION, mine, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(0.2, 1.0), (0.5, 1.0)]


def test_progress_of_what_is_no_job_is_that_of_its_path(fake: FakeReeld) -> None:
    transport = memory(fake)

    def repair(_command: Any) -> Any:
        for path, done_s in (("/other.mp4", 1.0), ("", 2.0)):
            topic, data = fake.event(progress(path, done_s))
            transport.publish(topic.decode(), data)
        transport.publish("export", b"\xc1")
        return blank(commands.Repaired)

    fake.answers["store_repair"] = repair
    seen: list[tuple[float, float]] = []
    with Client(transport=transport, clock=transport.clock) as client:
        client.repair(on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(2.0, 4.0)]


def test_progress_of_a_daemon_that_dies_is_an_error_not_a_hang(fake: FakeReeld, tmp_path: Path) -> None:
    transport = memory(fake)

    def die(command: Any) -> None:
        transport.die()

    fake.answers["sessions_export"] = die
    client = Client(transport=transport, clock=transport.clock)
    with client, pytest.raises(TransportError, match=r"before it answered sessions\.export"):
        client.export(SESSION, tmp_path / "x.mp4", on_progress=ignore)


def test_faults_found_by_verify_are_a_result(fake: FakeReeld) -> None:
    fake.answers["store_verify"] = faulty()
    with in_memory(fake) as client:
        found = client.verify(SESSION, on_progress=ignore)
    assert not found.ok
    assert found.faults[0].kind == "digest"


def test_no_daemon_is_told_within_the_blink_of_an_eye(runtime: Path) -> None:
    begun = time.monotonic()
    with Client(runtime) as client, pytest.raises(TransportError) as caught:
        client.status()
    assert time.monotonic() - begun < 0.3
    assert caught.value.code is ErrorCode.NO_DAEMON
    assert str(runtime) in str(caught.value)


def test_a_runtime_directory_too_long_is_refused(tmp_path: Path) -> None:
    with Client(tmp_path / ("x" * 120)) as client, pytest.raises(RequestRejected, match="too long"):
        client.ping()


def test_the_next_question_reaches_a_restarted_daemon(fake: FakeReeld, runtime: Path) -> None:
    with Client(runtime) as client:
        with serving(fake, runtime):
            client.ping()
        with pytest.raises(TransportError):
            client.ping()
        with serving(fake, runtime):
            client.ping()
            client.status()


def test_a_question_under_way_when_the_daemon_dies_fails_and_says_which(fake: FakeReeld, runtime: Path) -> None:
    daemon = ExitStack()
    daemon.enter_context(serving(fake, runtime))
    with Client(runtime) as client:
        client.ping()
        # Not from the daemon's own thread: closing waits for that.
        end = threading.Thread(target=daemon.close)
        fake.answers["session_stop"] = lambda _command: end.start()
        began = time.monotonic()
        with pytest.raises(TransportError, match=r"went away before it answered session\.stop"):
            client.stop()
        end.join()
        assert time.monotonic() - began < 5, "it waited for the time-out"


def test_an_answer_of_the_wrong_type_is_not_passed_on(fake: FakeReeld) -> None:
    fake.answers["status"] = commands.Pong()
    with in_memory(fake) as client, pytest.raises(InternalError, match="pong"):
        client.status()


def test_a_client_can_be_closed_twice_and_used_again(runtime: Path, server: Server, no_leaks: None) -> None:
    client = Client(runtime)
    client.close()
    client.ping()
    client.close()
    client.close()
    client.ping()
    client.close()


def test_events_begin_with_the_state_they_continue(fake: FakeReeld) -> None:
    transport = memory(fake)
    with Client(transport=transport, clock=transport.clock) as client, client.events() as events:
        assert isinstance(next(events), Snapshot)
        assert events.seq == 0
        for number in (1, 2):
            topic, data = fake.event(marker(number))
            transport.publish(topic.decode(), data)
        assert [next(events), next(events)] == [marker(1), marker(2)]
        assert events.seq == 2
        assert events.receive(0.0) is None


def publish(fake: FakeReeld, transport: Any, number: int) -> None:
    topic, data = fake.event(marker(number))
    transport.publish(topic.decode(), data)


def test_a_loss_brings_a_new_snapshot_and_no_event_twice(fake: FakeReeld) -> None:
    """A view built from the stream would otherwise show a state that never was."""
    transport = memory(fake)
    with Client(transport=transport, clock=transport.clock) as client, client.events() as events:
        next(events)
        publish(fake, transport, 1)
        fake.event(marker(2))  # lost on the way
        publish(fake, transport, 3)
        assert next(events) == marker(1)
        again = next(events)
        assert isinstance(again, Snapshot)
        assert again.event_seq == 3
        publish(fake, transport, 4)
        assert next(events) == marker(4)


def test_a_snapshot_older_than_the_event_does_not_go_in_circles(fake: FakeReeld) -> None:
    transport = memory(fake)
    with Client(transport=transport, clock=transport.clock) as client, client.events() as events:
        next(events)
        fake.event_seq = 6
        publish(fake, transport, 7)
        fake.event_seq = 3
        assert isinstance(next(events), Snapshot)
        assert next(events) == marker(7)


def test_chosen_topics_over_real_sockets(fake: FakeReeld, runtime: Path, server: Server) -> None:
    with Client(runtime) as client, client.events("worker") as events:
        assert isinstance(events.receive(5.0), Snapshot)
        until(lambda: b"worker" in server.topics)
        assert b"" not in server.topics
        server.publish(marker(1))
        ready = WorkerStateChanged(name="a", pid=1, state=WorkerState.READY)
        server.publish(ready)
        assert events.receive(5.0) == ready
    until(lambda: not server.topics, what="the subscription to end with the stream")


def test_a_stream_tells_when_the_daemon_goes_away(fake: FakeReeld, runtime: Path) -> None:
    with Client(runtime) as client:
        with serving(fake, runtime):
            events = client.events()
            next(events)
        with pytest.raises(TransportError, match="went away"):
            next(events)
        events.close()


def test_streams_left_open_end_with_their_client(runtime: Path, server: Server, no_leaks: None) -> None:
    with Client(runtime) as client:
        stream = client.events()
        assert isinstance(stream, EventStream)
        assert stream.seq is None


def test_an_interrupt_while_waiting_leaves_a_usable_client(fake: FakeReeld, runtime: Path) -> None:
    """Ctrl-C in an interactive session must not poison the next question."""
    script = textwrap.dedent(
        """
        import sys
        from reeld_client import Client
        client = Client(sys.argv[1])
        print("ready", flush=True)
        try:
            client.pause()
        except KeyboardInterrupt:
            print(client.status().daemon.pid, flush=True)
        client.close()
        """
    )
    fake.answers["session_pause"] = silence
    with serving(fake, runtime):
        command = [sys.executable, "-c", script, str(runtime)]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            until(lambda: fake.of(commands.PauseSession))
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=10)
    assert output.split() == ["ready", "7"]
    assert process.returncode == 0
