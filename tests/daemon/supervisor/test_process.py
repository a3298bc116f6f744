"""Worker processes. Harm guarded against: a worker that outlives its daemon, a zombie, a leaked descriptor, and a
standby that stays slow because it once gave way."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from reeld.supervisor import Premises
from reeld.supervisor.process import WorkerProcess, spawn, wake_up
from tests.support.premises import eventually, premises
from tests.support.wait import until

pytestmark = pytest.mark.usefixtures("no_leaks")
FAKE = "tests.support.fake_worker"


def start(place: Premises, exits: list[int], module: str = FAKE, **options: object) -> WorkerProcess:
    return spawn(
        module,
        name="capture-standby-1",
        runtime_dir=place.endpoints.runtime_dir,
        store_dir=place.store_dir,
        on_exit=exits.append,
        **options,  # type: ignore[arg-type]
    )


def test_a_killed_worker_is_noticed_and_reaped() -> None:
    async def live(place: Premises) -> None:
        exits: list[int] = []
        process = start(place, exits)
        assert psutil.Process(process.pid).is_running()
        process.kill()
        await eventually(lambda: exits)
        assert exits == [-signal.SIGKILL]
        assert not psutil.pid_exists(process.pid), "a zombie"
        process.kill()
        process.terminate()

    with premises() as place:
        asyncio.run(live(place))


def test_an_exit_status_is_told() -> None:
    async def live(place: Premises) -> None:
        exits: list[int] = []
        start(place, exits)
        await eventually(lambda: exits)
        assert exits == [9]

    with premises(FAKE_CAPTURE="exit") as place:
        asyncio.run(live(place))


def test_a_module_that_does_not_exist_is_an_exit_and_no_exception() -> None:
    async def live(place: Premises) -> None:
        exits: list[int] = []
        start(place, exits, module="reeld.nothing_here")
        await eventually(lambda: exits)
        assert exits == [1]

    with premises() as place:
        asyncio.run(live(place))


def test_a_worker_that_lets_go_of_its_lifeline_but_lives_on_is_killed(tmp_path: Path) -> None:
    """Harm: a process nobody watches any more."""
    (tmp_path / "runaway.py").write_text(
        "import os, sys\n"
        "os.set_inheritable(int(sys.argv[sys.argv.index('--parent-fd') + 1]), False)\n"
        "os.execv(sys.executable, [sys.executable, '-c', 'import signal; signal.pause()'])\n"
    )

    async def live(place: Premises) -> None:
        exits: list[int] = []
        start(place, exits, module="runaway", environment={"PYTHONPATH": str(tmp_path)})
        await eventually(lambda: exits)
        assert exits == [-signal.SIGKILL]

    with premises() as place:
        asyncio.run(live(place))


def test_variables_and_descriptors_reach_the_worker(tmp_path: Path) -> None:
    (tmp_path / "look.py").write_text(
        "import os, sys\n"
        "os.fstat(int(os.environ['LOOK_FD']))\n"
        "assert os.getpgid(0) == os.getpid()\n"
        "assert os.getcwd() not in sys.path\n"
        "sys.exit(int(os.environ['LOOK_STATUS']))\n"
    )

    async def live(place: Premises) -> None:
        exits: list[int] = []
        with (tmp_path / "held").open("w") as held:
            environment = {"PYTHONPATH": str(tmp_path), "LOOK_FD": str(held.fileno()), "LOOK_STATUS": "42"}
            start(place, exits, module="look", environment=environment, inherited_fds=[held.fileno()])
            await eventually(lambda: exits)
        assert exits == [42]

    with premises() as place:
        asyncio.run(live(place))


@pytest.mark.skipif(sys.platform != "linux", reason="scheduling classes are Linux's")
def test_a_worker_that_started_gently_is_as_fast_as_any_other_afterwards() -> None:
    def policies(pid: int) -> set[int]:
        return {os.sched_getscheduler(int(task.name)) for task in Path(f"/proc/{pid}/task").iterdir()}

    async def live(place: Premises) -> None:
        exits: list[int] = []
        process = start(place, exits, gently=True)
        assert policies(process.pid) == {os.SCHED_BATCH}
        # The loop's telemetry socket connects in threads that inherit the class.
        await eventually(lambda: len(list(Path(f"/proc/{process.pid}/task").iterdir())) > 2)
        wake_up(process.pid)
        assert policies(process.pid) == {os.SCHED_OTHER}
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == os.getpriority(os.PRIO_PROCESS, 0)
        process.kill()
        await eventually(lambda: exits)
        wake_up(process.pid)

    with premises() as place:
        asyncio.run(live(place))


PARENT = """
import asyncio, sys
from pathlib import Path
from reeld.supervisor.process import spawn

async def live():
    process = spawn(
        "tests.support.fake_worker", name="capture-standby-1", runtime_dir=Path(sys.argv[1]),
        store_dir=Path(sys.argv[1]), on_exit=print,
    )
    print(process.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(live())
"""


def test_a_worker_leaves_when_its_daemon_is_killed() -> None:
    with premises() as place:
        parent = subprocess.Popen(
            [sys.executable, "-c", PARENT, str(place.endpoints.runtime_dir)], stdout=subprocess.PIPE, text=True
        )
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
        parent.communicate()
        until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie", 5, what="orphan gone")
