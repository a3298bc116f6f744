"""Whether a daemon runs: none is no fault, one that does not answer is."""

from dataclasses import replace
from pathlib import Path

import pytest

from reeld_client.doctor import daemon
from reeld_client.doctor.daemon import DaemonFacts, judge
from reeld_client.release import installed_release
from reeld_proto import commands
from reeld_proto.doctor import CheckStatus
from reeld_proto.records import DaemonInfo, WorkerInfo, WorkerState
from tests.client.fake_reeld import FakeReeld, Server, silence

GOOD = DaemonFacts("0.1.0", release="0.1.0", pid=7)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (DaemonFacts("0.1.0"), {"daemon": CheckStatus.OK}),
        (GOOD, {"daemon": CheckStatus.OK, "release": CheckStatus.OK}),
        (replace(GOOD, release="0.0.9"), {"daemon": CheckStatus.OK, "release": CheckStatus.WARNING}),
        (replace(GOOD, failed=["audio-1"]), {"daemon": CheckStatus.FAULT, "release": CheckStatus.OK}),
        (DaemonFacts("0.1.0", silent="no answer"), {"daemon": CheckStatus.FAULT}),
    ],
)
def test_the_verdict(facts: DaemonFacts, expected: dict[str, CheckStatus]) -> None:
    found = judge(facts, Path("/run/reeld"))
    assert {finding.check: finding.status for finding in found} == expected
    assert all(bool(finding.remedy) == (finding.status is not CheckStatus.OK) for finding in found)


def test_a_daemon_that_runs_is_seen(server: Server, runtime: Path) -> None:
    facts = daemon.gather(runtime)
    assert (facts.release, facts.pid, facts.silent) == ("0.1.0", 7, "")


def test_no_daemon_is_seen_at_once(runtime: Path, no_leaks: None) -> None:
    assert daemon.gather(runtime) == DaemonFacts(installed_release())


def test_a_daemon_that_does_not_answer_is_told(
    monkeypatch: pytest.MonkeyPatch, fake: FakeReeld, server: Server, runtime: Path
) -> None:
    monkeypatch.setattr(daemon, "LIMIT_S", 0.3)
    fake.answers["status"] = silence
    assert daemon.gather(runtime).silent


def test_a_worker_that_failed_is_named(fake: FakeReeld, server: Server, runtime: Path) -> None:
    fake.answers["status"] = commands.Status(
        daemon=DaemonInfo(pid=7, version="0.1.0", uptime_s=1.0),
        workers=[WorkerInfo(name=state.value, pid=1, state=state) for state in WorkerState],
        session=None,
    )
    assert daemon.gather(runtime).failed == ["failed"]
