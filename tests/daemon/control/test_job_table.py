"""The table of jobs. Harm guarded against: a job that is lost from the list while it runs, or stays there for ever; one
whose end is told twice, or whose bar runs backwards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.control.job_table import KEPT_MAX, KEPT_NS, TELL_EVERY_NS, Job, JobTable
from reeld_proto import commands as c
from reeld_proto.errors import ErrorCode
from reeld_proto.jobs import JobState
from reeld_proto.units import NS_PER_MS

EXPORT = c.ExportSession(session="s", path="/x.mp4")
EXPORTED = c.Exported(path="/x.mp4", duration_s=1.0, bytes=3)


def table() -> JobTable:
    return JobTable("a-", lambda: "2026-11-26T17:00:00.000+00:00")


@pytest.mark.parametrize(
    ("command", "session", "path"),
    [
        (EXPORT, "s", "/x.mp4"),
        (c.VerifyStore(), "", ""),
        (c.SyncStore(target="s3://b"), "", "s3://b"),
        (c.ListSnapshots(session="s", folder="/f"), "s", "/f"),
        (c.ImportMedia(paths=["/a"]), "", ""),
    ],
)
def test_a_job_says_what_it_is_about(command: c.LongCommand, session: str, path: str) -> None:
    job = table().add(command, "owner")
    assert (job.info.session, job.info.path, job.info.who) == (session, path, "owner")
    assert job.info.command == command.__struct_config__.tag
    assert (job.info.state, job.info.progress) == (JobState.QUEUED, None)


def test_its_turn_is_news_once() -> None:
    jobs = table()
    job = jobs.add(EXPORT, "owner")
    assert jobs.begin(job)
    assert not jobs.begin(job)
    assert job.info.state is JobState.RUNNING


@pytest.mark.parametrize(
    ("reply", "state", "progress"),
    [
        (EXPORTED, JobState.COMPLETED, 1.0),
        (c.ErrorReply(code=ErrorCode.CANCELLED, message="m"), JobState.CANCELLED, 0.5),
        (c.ErrorReply(code=ErrorCode.DISK_FULL, message="m"), JobState.FAILED, 0.5),
    ],
)
def test_it_ends_in_the_state_that_its_reply_means(reply: c.Reply, state: JobState, progress: float) -> None:
    jobs = table()
    job = jobs.add(EXPORT, "owner")
    jobs.advance(job, 1, 2, 0)
    jobs.end(job, reply, 1)
    assert (job.info.state, job.info.progress, job.reply) == (state, progress, reply)
    assert job.info.ended_at
    assert job.info.code == getattr(reply, "code", "")
    assert not jobs.advance(job, 2, 2, 10**12), "it went on after its end"


def test_progress_is_told_four_times_a_second_at_most() -> None:
    jobs = table()
    job = jobs.add(EXPORT, "owner")
    told = [at for at in range(1000) if jobs.advance(job, at, 1000, TELL_EVERY_NS + at * NS_PER_MS)]
    assert told == [0, 250, 500, 750]


@given(told=st.lists(st.tuples(st.floats(-10, 10), st.floats(-1, 10)), max_size=20))
def test_progress_never_falls_and_never_leaves_its_range(told: list[tuple[float, float]]) -> None:
    jobs = table()
    job = jobs.add(EXPORT, "owner")
    seen = []
    for at, (done, total) in enumerate(told):
        jobs.advance(job, done, total, at * TELL_EVERY_NS)
        seen.append(job.info.progress or 0.0)
    assert seen == sorted(seen)
    assert all(0 <= each <= 1 for each in seen)


@given(
    steps=st.lists(st.tuples(st.sampled_from(["add", "begin", "advance", "end"]), st.integers(0, 5)), max_size=80),
    hops=st.integers(0, KEPT_NS // 10),
)
def test_whatever_is_under_way_is_listed_and_what_ended_only_for_a_while(
    steps: list[tuple[str, int]], hops: int
) -> None:
    jobs, known, now = table(), list[Job](), 0
    for word, pick in steps:
        now += hops
        if word == "add":
            known.append(jobs.add(EXPORT, "owner"))
            continue
        open_ones = [job for job in known if job.reply is None]
        if not open_ones:
            continue
        job = open_ones[pick % len(open_ones)]
        if word == "begin":
            jobs.begin(job)
        elif word == "advance":
            jobs.advance(job, pick, 5, now)
        else:
            jobs.end(job, EXPORTED, now)
    listed = [info.id for info in jobs.all(now)]
    fresh = [job for job in known if job.reply is None or now - job.ended_ns <= KEPT_NS]
    assert listed == [job.info.id for job in fresh]
    assert [info.id for info in jobs.under_way()] == [job.info.id for job in known if job.reply is None]
    for job in known:
        assert jobs.find(job.info.id) is (job if job in fresh else None)


def test_of_very_many_that_ended_the_newest_are_kept() -> None:
    jobs = table()
    running = jobs.add(EXPORT, "owner")
    for at in range(KEPT_MAX + 5):
        jobs.end(jobs.add(EXPORT, "owner"), EXPORTED, at)
    listed = [info.id for info in jobs.all(KEPT_MAX)]
    assert len(listed) == KEPT_MAX + 1
    assert listed[0] == running.info.id
    assert listed[1] == "a-7"
