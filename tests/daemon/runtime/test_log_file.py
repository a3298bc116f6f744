"""The log as a file. Harm guarded against: a disk that a recorder of many months fills with its log; a log that ends
because it was put aside."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.runtime.log_file import LogFile
from reeld_proto.errors import ErrorCode, RequestRejected

SPEAKER = """
import os, subprocess, sys
from pathlib import Path
from reeld.runtime.log_file import LogFile

log = LogFile(Path(sys.argv[1]), bytes_max=100)
log.take_over()
child = subprocess.Popen([sys.executable, "-c", "import sys\\nfor line in sys.stdin: print(line, end='', flush=True)"],
                         stdin=subprocess.PIPE, text=True)
print("x" * 150, flush=True)
assert log.rotate()
print("mine", flush=True)
child.communicate("the child's\\n")
os.write(2, b"raw\\n")
"""


def test_all_processes_go_on_writing_to_a_log_that_was_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "reeld.log"
    done = subprocess.run([sys.executable, "-c", SPEAKER, str(path)], capture_output=True, check=False, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert path.read_text() == "mine\nthe child's\nraw\n"
    assert path.with_name("reeld.log.1").read_text() == "x" * 150 + "\n"
    for each in path.parent.iterdir():
        assert stat.S_IMODE(each.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@given(sizes=st.lists(st.integers(0, 30), max_size=40))
def test_however_much_is_said_the_files_are_bounded_and_the_newest_is_there(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("log")
    log = LogFile(folder / "l", bytes_max=20, kept=3)
    said = ""
    log.path.touch()
    for number, size in enumerate(sizes):
        text = chr(ord("a") + number % 26) * size
        with log.path.open("a") as file:
            file.write(text)
        said += text
        log.rotate()
    names = {path.name for path in folder.iterdir()}
    assert names <= {"l", "l.1", "l.2", "l.3"}
    assert log.path.stat().st_size < 20
    kept = "".join((folder / name).read_text() for name in ("l.3", "l.2", "l.1", "l") if name in names)
    assert said.endswith(kept)
    assert len(kept) >= min(len(said), 60)


def test_a_log_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.touch()
    (tmp_path / "link").symlink_to(target)
    for path in (tmp_path, tmp_path / "link", target / "x"):
        with pytest.raises(RequestRejected) as caught:
            LogFile(path).take_over()
        assert caught.value.code is ErrorCode.PERMISSION
        assert str(path) in str(caught.value)


def test_a_file_that_is_gone_is_no_reason_to_stop(tmp_path: Path) -> None:
    assert not LogFile(tmp_path / "gone").rotate()
