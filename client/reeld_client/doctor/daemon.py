"""Whether a daemon runs, answers, and is of our own release."""

from dataclasses import dataclass, field
from pathlib import Path

from reeld_client import calls
from reeld_client.client import Client
from reeld_client.core import Call
from reeld_client.release import installed_release
from reeld_proto.doctor import Finding, fault, fine, warning
from reeld_proto.errors import ErrorCode, ReeldError
from reeld_proto.records import WorkerState

LIMIT_S = 2.0


@dataclass(frozen=True)
class DaemonFacts:
    """release: of the daemon, empty if none runs. silent: why one that runs does not answer. failed: its workers."""

    own: str
    release: str = ""
    pid: int = 0
    silent: str = ""
    failed: list[str] = field(default_factory=list)


def judge(facts: DaemonFacts, runtime: Path) -> list[Finding]:
    """No daemon is no fault: `reelctl record` brings its own."""
    if facts.silent:
        remedy = "End it (its pid stands in reeld.lock there) and start reeld again; see its log."
        return [fault("daemon", f"one runs on {runtime} but does not answer: {facts.silent}", remedy)]
    if not facts.release:
        return [fine("daemon", f"none runs on {runtime}")]
    found = [fine("daemon", f"one runs on {runtime}, pid {facts.pid}")]
    if facts.failed:
        found = [fault("daemon", f"it runs without {', '.join(facts.failed)}", "See its log and `reelctl status`.")]
    if facts.own == facts.release:
        return [*found, fine("release", f"client and daemon are {facts.own}")]
    about = f"the client is {facts.own}, the daemon that runs {facts.release}"
    return [*found, warning("release", about, "Restart the daemon after an upgrade.")]


def gather(runtime: Path) -> DaemonFacts:
    """Ask the daemon once. Blocks for `LIMIT_S` at most."""
    own = installed_release()
    question = calls.status()
    try:
        with Client(runtime) as client:
            found = client.call(Call(question.command, question.read, LIMIT_S))
    except ReeldError as error:
        return DaemonFacts(own) if error.code is ErrorCode.NO_DAEMON else DaemonFacts(own, silent=str(error))
    failed = [worker.name for worker in found.workers if worker.state is WorkerState.FAILED]
    return DaemonFacts(own, found.daemon.version, found.daemon.pid, failed=failed)


def check(runtime: Path) -> list[Finding]:
    """The findings about the daemon of `runtime`."""
    return judge(gather(runtime), runtime)
