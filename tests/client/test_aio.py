"""The asyncio client: the same answers, and what is particular to many questions at once."""

import asyncio
import time
from collections.abc import Coroutine
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import pytest

from reeld_client import AsyncClient, Client
from reeld_client.aio import AsyncEventStream
from reeld_proto.commands import Snapshot
from reeld_proto.errors import ErrorCode, RequestRejected, TransportError
from reeld_proto.events import MarkerAdded
from reeld_proto.records import SessionState
from tests.client.fake_reeld import INFO, SESSION, STATS, FakeReeld, Server, job_progress, progress, serving, silence
from tests.support.wait import until

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(main, 20), debug=True)


def marker(number: int) -> MarkerAdded:
    return MarkerAdded(session=SESSION, at_s=float(number), text="")


def test_it_can_do_what_the_synchronous_client_can() -> None:
    """Else the two drift apart."""

    def public(kind: type) -> set[str]:
        return {name for name in dir(kind) if not name.startswith("_")}

    assert public(Client) - {"close"} == public(AsyncClient) - {"aclose"}


def test_a_whole_session_from_start_to_file(runtime: Path, server: Server, no_leaks: None) -> None:
    async def main() -> None:
        async with AsyncClient(runtime) as client:
            assert (await client.start(name="a")).session == SESSION
            assert (await client.pause()).state is SessionState.PAUSED
            assert (await client.resume()).state is SessionState.ACTIVE
            assert (await client.mark("x")).marker_at_s == 1.5
            assert (await client.set_private(True)).private
            assert (await client.reload_config()).live == ["record.fps"]
            assert (await client.profiles()).profiles[0].settings.fps == 5
            assert (await client.features()).features[0].enabled
            assert (await client.status()).session is not None
            assert (await client.stop()).duration_s == 7.4
            assert await client.sessions() == [INFO]
            assert await client.show(SESSION) == INFO
            assert await client.stats() == STATS
            assert (await client.sources()).displays
            assert (await client.export(SESSION, runtime / "a.mp4")).bytes == 3
            assert (await client.verify()).ok
            assert await client.ping() < 1

    run(main())


def test_questions_overlap(fake: FakeReeld, runtime: Path, server: Server) -> None:
    """A long export must not hold up `pause`."""
    fake.answers["sessions_export"] = silence

    async def main() -> None:
        async with AsyncClient(runtime) as client:
            export = asyncio.create_task(client.export(SESSION, "/x.mp4"))
            await client.start()
            assert (await client.pause()).state is SessionState.PAUSED
            answers = await asyncio.gather(*(client.status() for _ in range(50)))
            assert len(answers) == 50
            assert not export.done()
            export.cancel()
            with pytest.raises(asyncio.CancelledError):
                await export
            await client.ping()

    run(main())


def test_refusals_and_no_daemon_are_the_same_errors(runtime: Path, fake: FakeReeld) -> None:
    async def main() -> None:
        async with AsyncClient(runtime) as client:
            begun = time.monotonic()
            with pytest.raises(TransportError) as caught:
                await client.ping()
            assert caught.value.code is ErrorCode.NO_DAEMON
            assert time.monotonic() - begun < 0.3
            with serving(fake, runtime), pytest.raises(RequestRejected):
                await client.stop()

    run(main())


def test_a_time_out_fails_its_question_alone(fake: FakeReeld, runtime: Path, server: Server) -> None:
    fake.answers["session_pause"] = silence
    clock = [0]

    async def main() -> None:
        async with AsyncClient(runtime, clock=lambda: clock[0]) as client:
            silent = asyncio.create_task(client.pause())
            await client.status()
            clock[0] = 6 * 10**9
            with pytest.raises(TransportError) as caught:
                await silent
            assert caught.value.code is ErrorCode.TIMEOUT
            await client.status()

    run(main())


def test_everything_under_way_fails_when_the_daemon_dies_and_the_next_one_is_found(
    fake: FakeReeld, runtime: Path
) -> None:
    fake.answers.update(session_pause=silence, sessions_export=silence)

    async def main() -> None:
        daemon = ExitStack()
        daemon.enter_context(serving(fake, runtime))
        async with AsyncClient(runtime) as client:
            waiting = [asyncio.create_task(client.pause()), asyncio.create_task(client.export(SESSION, "/x"))]
            await client.ping()
            daemon.close()
            for error in await asyncio.gather(*waiting, return_exceptions=True):
                assert isinstance(error, TransportError)
                assert "went away" in str(error)
            with serving(fake, runtime):
                await client.ping()

    run(main())


def test_closing_cancels_what_is_under_way(fake: FakeReeld, runtime: Path, server: Server, no_leaks: None) -> None:
    fake.answers["session_pause"] = silence

    async def main() -> None:
        client = AsyncClient(runtime)
        waiting = asyncio.create_task(client.pause())
        await client.ping()
        await client.aclose()
        await client.aclose()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    run(main())


def test_no_task_stays_behind_when_nothing_is_asked(runtime: Path, server: Server) -> None:
    """An idle application must not be woken by us."""

    async def main() -> None:
        async with AsyncClient(runtime) as client:
            await client.ping()
            assert client._pump is not None
            await client._pump
            await client.ping()
            await client._pump

    run(main())


def test_progress_is_reported(fake: FakeReeld, runtime: Path, server: Server) -> None:
    path = str(runtime / "x.mp4")
    fake.answers["sessions_export"] = silence
    seen: list[tuple[float, float]] = []

    async def main() -> None:
        async with AsyncClient(runtime) as client:
            two = asyncio.Event()

            def see(done_s: float, total_s: float) -> None:
                seen.append((done_s, total_s))
                if len(seen) == 2:
                    two.set()

            export = asyncio.create_task(client.export(SESSION, path, on_progress=see))
            await asyncio.to_thread(until, lambda: b"job" in server.topics)
            for name, done in (("j9", 0.1), ("j1", 0.2), ("j1", 0.5)):
                server.publish(job_progress(name, done))
            await two.wait()
            export.cancel()
            await asyncio.gather(export, return_exceptions=True)

    run(main())
    assert seen == [(0.2, 1.0), (0.5, 1.0)]


def test_progress_of_what_is_no_job_is_that_of_its_path(fake: FakeReeld, runtime: Path, server: Server) -> None:
    fake.answers["store_repair"] = silence
    seen: list[tuple[float, float]] = []

    async def main() -> None:
        async with AsyncClient(runtime) as client:
            one = asyncio.Event()

            def see(done_s: float, total_s: float) -> None:
                seen.append((done_s, total_s))
                one.set()

            repair = asyncio.create_task(client.repair(on_progress=see))
            await asyncio.to_thread(until, lambda: b"export" in server.topics)
            for path, done_s in (("/other.mp4", 1.0), ("", 2.0)):
                server.publish(progress(path, done_s))
            await one.wait()
            repair.cancel()
            await asyncio.gather(repair, return_exceptions=True)

    run(main())
    assert seen == [(2.0, 4.0)]


def test_events_begin_with_a_snapshot_and_a_loss_brings_another(fake: FakeReeld, runtime: Path, server: Server) -> None:
    async def main() -> None:
        async with AsyncClient(runtime) as client, client.events() as events:
            assert isinstance(events, AsyncEventStream)
            assert isinstance(await anext(events), Snapshot)
            await asyncio.to_thread(until, lambda: b"" in server.topics)
            server.publish(marker(1))
            first = await anext(events)
            assert first == marker(1)
            fake.event(marker(2))  # lost on the way
            server.publish(marker(3))
            assert isinstance(await anext(events), Snapshot)
            assert events.seq == 3
            server.publish(marker(4))
            assert await anext(events) == marker(4)

    run(main())


def test_a_stream_tells_when_the_daemon_goes_away(fake: FakeReeld, runtime: Path) -> None:
    async def main() -> None:
        async with AsyncClient(runtime) as client:
            with serving(fake, runtime):
                events = client.events("session")
                await anext(events)
            with pytest.raises(TransportError):
                await anext(aiter(events))
            events.close()

    run(main())
