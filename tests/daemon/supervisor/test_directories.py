"""The daemon's folders and their locks. Harm guarded against: two daemons on one store, sockets that other users can
reach, and a crash that needs a repair by hand."""

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from reeld.supervisor.directories import LOCK_NAME, DirectoryLock, prepare_private_dir, remove_stale_sockets
from reeld_proto.errors import ErrorCode, RequestRejected

HOLDER = """
import sys
from pathlib import Path
from reeld.supervisor.directories import DirectoryLock
lock = DirectoryLock(Path(sys.argv[1]))
lock.acquire("runtime A, store B")
child = None
if len(sys.argv) > 2:
    import subprocess
    child = subprocess.Popen(["sleep", sys.argv[2]], pass_fds=[lock.fd], stdout=subprocess.DEVNULL)
    print(child.pid, flush=True)
print("held", flush=True)
sys.stdin.read()
"""


def holder(directory: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(directory), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def finish(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


def test_a_new_folder_is_private_and_so_are_its_parents_contents(tmp_path: Path) -> None:
    prepare_private_dir(tmp_path / "a" / "b")
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700


def test_a_folder_open_to_others_is_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    prepare_private_dir(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    with pytest.raises(RequestRejected, match=f"belongs to user {owner}") as caught:
        prepare_private_dir(tmp_path)
    assert caught.value.code == ErrorCode.PERMISSION


def test_a_folder_that_cannot_be_closed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o755)
    monkeypatch.setattr(Path, "chmod", lambda *_: None)
    with pytest.raises(RequestRejected, match="other users"):
        prepare_private_dir(tmp_path)


def test_a_link_planted_in_a_shared_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RequestRejected, match="not a folder"):
        prepare_private_dir(tmp_path / "run")


def test_a_file_in_the_way_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(RequestRejected) as caught:
        prepare_private_dir(tmp_path / "run")
    assert caught.value.code == ErrorCode.PERMISSION


@pytest.mark.usefixtures("no_leaks")
def test_a_second_holder_is_refused_and_told_who_holds(tmp_path: Path) -> None:
    process = holder(tmp_path)
    assert process.stdout is not None
    process.stdout.readline()
    with pytest.raises(RequestRejected) as caught:
        DirectoryLock(tmp_path).acquire("x")
    assert caught.value.code == ErrorCode.ALREADY_RUNNING
    assert caught.value.exit_code == 4
    for word in (str(process.pid), "runtime A, store B", str(tmp_path)):
        assert word in str(caught.value)
    finish(process)


@pytest.mark.usefixtures("no_leaks")
def test_a_lock_ends_with_a_killed_holder(tmp_path: Path) -> None:
    process = holder(tmp_path)
    assert process.stdout is not None
    process.stdout.readline()
    finish(process)
    lock = DirectoryLock(tmp_path)
    lock.acquire("mine")
    assert (tmp_path / LOCK_NAME).read_text() == f"{os.getpid()}\nmine\n"
    lock.release()
    lock.release()


def test_the_workers_of_a_dead_holder_are_waited_for(tmp_path: Path) -> None:
    """Harm: two stores that write at a time, the old one about to remove the sockets of the new."""
    process = holder(tmp_path, "0.5")
    assert process.stdout is not None
    orphan = int(process.stdout.readline())
    process.stdout.readline()
    finish(process)
    lock = DirectoryLock(tmp_path)
    lock.acquire("mine")
    status = Path(f"/proc/{orphan}/stat")
    assert not status.exists() or " Z " in status.read_text()
    lock.release()


def test_workers_that_never_leave_are_not_waited_for_for_ever(tmp_path: Path) -> None:
    process = holder(tmp_path, "3")
    assert process.stdout is not None
    orphan = int(process.stdout.readline())
    process.stdout.readline()
    finish(process)
    with pytest.raises(RequestRejected) as caught:
        DirectoryLock(tmp_path).acquire("mine", orphans_leave_s=0.1)
    assert caught.value.code == ErrorCode.ALREADY_RUNNING
    os.kill(orphan, 9)


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(RequestRejected) as caught:
        DirectoryLock(tmp_path / "missing").acquire("x")
    assert caught.value.code == ErrorCode.PERMISSION


def test_only_sockets_are_cleaned(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(tmp_path / "control.sock"))
    (tmp_path / "notes.sock").write_text("not a socket")
    (tmp_path / LOCK_NAME).write_text("")
    assert remove_stale_sockets(tmp_path) == ["control.sock"]
    assert {path.name for path in tmp_path.iterdir()} == {"notes.sock", LOCK_NAME}
