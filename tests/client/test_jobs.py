"""Long work that is begun now and asked for later, through both clients. Harm guarded against: a job that goes on
although the program that began it was interrupted; one that ends although it should go on."""

import asyncio
import inspect
from pathlib import Path
from typing import Any

import pytest

from reeld_client import AsyncClient, Client, ErrorCode, RequestRejected, TransportError
from reeld_client.aio_jobs import AsyncJob, AsyncJobs
from reeld_client.jobs import Job, Jobs
from reeld_proto import commands as c
from reeld_proto.jobs import JobState
from tests.client.fake_reeld import SESSION, FakeReeld, Server, memory, silence

EXPORTED = c.Exported(path="/x.mp4", duration_s=1.0, bytes=3)


def in_memory(fake: FakeReeld) -> Client:
    transport = memory(fake)
    return Client(transport=transport, clock=transport.clock)


def test_each_kind_of_job_asks_what_it_says(fake: FakeReeld, tmp_path: Path) -> None:
    with in_memory(fake) as client:
        begun = (
            client.jobs.export(SESSION, tmp_path / "x.mp4", from_s=1.0),
            client.jobs.verify(max_duration_s=2.0),
            client.jobs.sync("s3://b"),
            client.jobs.bundle(SESSION, tmp_path / "x.reel"),
            client.jobs.import_media([tmp_path], tags=["t"]),
        )
    assert [job.id for job in begun] == list(fake.jobs)
    assert list(fake.jobs.values()) == [
        c.ExportSession(session=SESSION, path=str(tmp_path / "x.mp4"), from_s=1.0),
        c.VerifyStore(max_duration_s=2.0),
        c.SyncStore(target="s3://b"),
        c.BundleSession(session=SESSION, path=str(tmp_path / "x.reel")),
        c.ImportMedia(paths=[str(tmp_path)], tags=["t"]),
    ]


def test_both_clients_can_do_the_same_in_the_same_words() -> None:
    """Else code could not be moved from one to the other."""
    for one, other in ((Jobs, AsyncJobs), (Job, AsyncJob)):
        mine = {name for name in vars(one) if not name.startswith("_")} - {"progress"}
        assert mine == {name for name in vars(other) if not name.startswith("_")}
        for name in mine - {"id"}:
            ours, theirs = inspect.signature(getattr(one, name)), inspect.signature(getattr(other, name))
            assert list(ours.parameters) == list(theirs.parameters)


def test_a_job_tells_how_far_it_is_and_gives_its_result(fake: FakeReeld, tmp_path: Path) -> None:
    fake.answers["sessions_export"] = EXPORTED
    with in_memory(fake) as client:
        job = client.jobs.export(SESSION, tmp_path / "x.mp4")
        assert job.progress == 0.25
        assert job.wait() == EXPORTED
        assert [each.id for each in client.jobs.list()] == [job.id]


def test_a_job_of_somebody_else_is_found_by_its_id(fake: FakeReeld, tmp_path: Path) -> None:
    fake.answers["sessions_export"] = EXPORTED
    with in_memory(fake) as client:
        begun = client.jobs.export(SESSION, tmp_path / "x.mp4")
        assert client.jobs.get(begun.id).wait() == EXPORTED
        assert client.jobs.get(begun.id).cancel().state is JobState.CANCELLED
        with pytest.raises(RequestRejected, match="there is no job nope"):
            client.jobs.get("nope")


def test_what_ended_a_job_is_raised_where_it_is_awaited(fake: FakeReeld, tmp_path: Path) -> None:
    fake.answers["sessions_export"] = RequestRejected("no room", code=ErrorCode.DISK_FULL)
    with in_memory(fake) as client, client.jobs.export(SESSION, tmp_path / "x.mp4") as job:
        with pytest.raises(RequestRejected, match="no room") as caught:
            job.wait()
        assert caught.value.code is ErrorCode.DISK_FULL
    assert not fake.of(c.CancelJob)


def test_waiting_no_longer_leaves_the_job_alone(fake: FakeReeld, tmp_path: Path) -> None:
    fake.answers["sessions_export"] = silence
    with in_memory(fake) as client:
        with pytest.raises(TransportError) as caught, client.jobs.export(SESSION, tmp_path / "x.mp4") as job:
            job.wait(0.5)
        assert caught.value.code is ErrorCode.TIMEOUT
        assert "sessions.export" in str(caught.value), "the person did not ask for jobs.wait"
    assert not fake.of(c.CancelJob)


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, ZeroDivisionError])
def test_an_interrupted_block_ends_its_job(fake: FakeReeld, tmp_path: Path, interruption: type[BaseException]) -> None:
    with in_memory(fake) as client:
        with pytest.raises(interruption), client.jobs.export(SESSION, tmp_path / "x.mp4") as job:
            raise interruption
        assert job.info.state is JobState.CANCELLED
    assert fake.of(c.CancelJob) == [c.CancelJob(id=job.id)]


def test_ctrl_c_while_a_method_waits_ends_what_it_waits_for(fake: FakeReeld, tmp_path: Path) -> None:
    def interrupt(_command: Any) -> Any:
        raise KeyboardInterrupt

    fake.answers["sessions_export"] = interrupt
    with in_memory(fake) as client, pytest.raises(KeyboardInterrupt):
        client.export(SESSION, tmp_path / "x.mp4")
    assert fake.of(c.CancelJob) == [c.CancelJob(id="j1")]


def test_what_is_no_job_cannot_be_begun(fake: FakeReeld) -> None:
    from reeld_client import calls  # noqa: PLC0415 - not what people import

    with in_memory(fake) as client, pytest.raises(Exception, match="GetStatus is not carried out as a job"):
        client.jobs.begin(calls.status())


def test_a_cancelled_task_ends_its_job_and_another_gets_its_result(
    fake: FakeReeld, runtime: Path, server: Server, tmp_path: Path
) -> None:
    async def main() -> None:
        async with AsyncClient(runtime) as client:
            fake.answers["sessions_export"] = EXPORTED
            job = await client.jobs.export(SESSION, tmp_path / "x.mp4")
            assert (await job.refresh()).progress == 0.25
            assert await job.wait() == EXPORTED
            assert await (await client.jobs.get(job.id)).wait() == EXPORTED
            assert [each.id for each in await client.jobs.list()] == [job.id]
            for begun in (
                client.jobs.verify(),
                client.jobs.sync("s3://b"),
                client.jobs.bundle(SESSION, "/x.reel"),
                client.jobs.import_media(["/a"]),
            ):
                assert (await (await begun).cancel()).state is JobState.CANCELLED
            fake.answers["sessions_export"] = silence
            waiting = asyncio.create_task(client.export(SESSION, tmp_path / "x.mp4"))
            while "j6" not in fake.awaited:
                await client.ping()
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

    asyncio.run(asyncio.wait_for(main(), 20))
    assert fake.of(c.CancelJob)[-1] == c.CancelJob(id="j6")
