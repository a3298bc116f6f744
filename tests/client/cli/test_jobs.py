"""`reelctl jobs`, `job` and `--no-wait`. Harm guarded against: a script that believes in a file that is not there."""

from pathlib import Path

import pytest

from reeld_proto import commands as c
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.jobs import JobInfo, JobState
from tests.client.cli.reelctl import Reelctl
from tests.client.fake_reeld import SESSION, FakeReeld, Server, faulty


@pytest.fixture(autouse=True)
def _daemon(server: Server) -> None:
    """All of these need one."""


@pytest.mark.parametrize(
    "words",
    [
        ("export", SESSION, "-o", "x.mp4"),
        ("verify",),
        ("sync", "s3://b"),
        ("bundle", SESSION, "-o", "x.reel"),
        ("import", "."),
    ],
)
def test_every_long_command_can_be_begun_without_waiting(
    reelctl: Reelctl, fake: FakeReeld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    found = reelctl(*words, "--no-wait", "--timeout", "2.5", "--json")
    assert (found.code, found.json["id"], found.json["state"]) == (0, "j1", "running")
    (begun,) = fake.jobs.values()
    assert found.json["command"] == begun.__struct_config__.tag
    assert list(tmp_path.iterdir()) == []
    assert "j1" in reelctl(*words, "--no-wait").out.splitlines()[0] or len(fake.jobs) == 2


def test_a_job_is_shown_awaited_and_cancelled(reelctl: Reelctl, tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    reelctl("export", SESSION, "-o", str(path), "--no-wait")
    assert "sessions.export" in reelctl("jobs").out
    assert reelctl("jobs", "--json").json[0]["progress"] == 0.25
    assert "25 %" in reelctl("job", "show", "j1").out
    assert reelctl("job", "wait", "j1", "--json").json == {"path": str(path), "duration_s": 7.4, "bytes": 3}
    assert reelctl("job", "cancel", "j1", "--json").json["state"] == "cancelled"


def test_no_jobs_and_no_such_job(reelctl: Reelctl) -> None:
    assert reelctl("jobs").out.strip() == "no jobs"
    for word in ("show", "cancel", "wait"):
        assert reelctl("job", word, "nope").code == 5


def test_the_exit_code_is_that_of_the_command(reelctl: Reelctl, fake: FakeReeld) -> None:
    fake.answers["store_verify"] = faulty()
    reelctl("verify", "--no-wait")
    assert reelctl("job", "wait", "j1").code == 7
    fake.answers["store_verify"] = RequestRejected("job j1 was cancelled", code=ErrorCode.CANCELLED)
    assert reelctl("job", "wait", "j1").code == 4


def test_a_time_limit_must_be_one(reelctl: Reelctl, fake: FakeReeld) -> None:
    for limit in ("0", "-1", "x"):
        assert reelctl("verify", "--timeout", limit).code == 2
    assert not fake.jobs


@pytest.mark.parametrize(
    ("state", "message"), [(JobState.FAILED, "no room left"), (JobState.CANCELLED, "job j1 was cancelled")]
)
def test_how_a_job_ended_is_told_with_the_reason(
    reelctl: Reelctl, fake: FakeReeld, state: JobState, message: str
) -> None:
    info = JobInfo(id="j1", command="sessions.export", state=state, path="/x.mp4", message=message)
    fake.answers.update(jobs_show=c.JobDetail(job=info), jobs_list=c.JobList(jobs=[info]))
    out = reelctl("job", "show", "j1").out
    assert state.value in out
    assert message in out
    assert state.value in reelctl("jobs").out
