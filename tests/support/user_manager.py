"""A real systemd user manager of a test's own, in a mount name space: nothing of the machine's own systemd is touched.

It needs root, since a control group and two mounts are made. It ends with the test, however that ends: the script reads
from a pipe that the test holds open.
"""

import contextlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.installation import Result
from tests.support.reelctl_server import Reelctl
from tests.support.wait import until

SYSTEMD = Path("/lib/systemd/systemd")
JOURNAL = Path("/lib/systemd/systemd-journald")
SCRIPT = """
set -eu
mount --make-rprivate /
mount -t cgroup2 none /sys/fs/cgroup
# The journal tells a user's service by the names of its groups.
slice=/sys/fs/cgroup/$1.slice
mkdir -p "$slice/user@$(id -u).service"
echo $$ >"$slice/user@$(id -u).service/cgroup.procs"
mount -t tmpfs none /run/systemd
mkdir -p /run/systemd/system /run/systemd/journald.conf.d /run/log
mount -t tmpfs none /run/log
# The kernel's messages and its audit are the machine's.
settings='[Journal]\\nStorage=volatile\\nReadKMsg=no\\nAudit=no\\nForwardToWall=no\\n'
printf "$settings" >/run/systemd/journald.conf.d/test.conf
"$3" & journal=$!
until [ -S /run/systemd/journal/stdout ]; do sleep 0.02; done
"$2" --user & manager=$!
while read -r _; do :; done
kill -TERM $manager
for _ in $(seq 150); do kill -0 $manager 2>/dev/null || break; sleep 0.1; done
echo $$ >/sys/fs/cgroup/cgroup.procs
kill -TERM $journal
for _ in $(seq 20); do kill -0 $journal 2>/dev/null || break; sleep 0.1; done
echo 1 >"$slice/cgroup.kill" || kill -KILL $manager $journal
wait || true
for _ in $(seq 50); do find "$slice" -depth -type d -exec rmdir {} + 2>/dev/null && break; sleep 0.1; done
"""


def may_mount() -> bool:
    """Whether this process has CAP_SYS_ADMIN; root in a container may lack it."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/self/status").read_text().splitlines()
        rights = next(int(line.split()[1], 16) for line in lines if line.startswith("CapEff:"))
        return bool(rights >> 21 & 1)
    return False


@dataclass
class UserManager:
    """Context manager. env: what the desktop knows, DISPLAY included; the manager itself is not told of the display."""

    env: Mapping[str, str]
    home: Path = field(init=False)
    runtime: Path = field(init=False)
    _process: "subprocess.Popen[bytes]" = field(init=False)
    _reelctl: Reelctl = field(init=False)

    def __enter__(self) -> "UserManager":
        base = Path(tempfile.mkdtemp(prefix="login-"))
        self.home = base / "home"
        self.home.mkdir()
        # In memory as everywhere: systemd removes runtime directories on no other kind of disk. The path is short on
        # purpose, since those of Unix sockets are limited to about 100 bytes.
        self.runtime = Path(tempfile.mkdtemp(prefix="login-", dir="/dev/shm"))
        own = {"HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.runtime), "COLUMNS": "200"}
        left_out = ("REELD_", "XDG_", "DBUS_")
        self.env = {key: value for key, value in self.env.items() if not key.startswith(left_out)} | own
        unseen = {key: value for key, value in self.env.items() if key not in ("DISPLAY", "XAUTHORITY")}
        self._process = subprocess.Popen(
            ["unshare", "--mount", "bash", "-c", SCRIPT, "manager", f"reeld-{base.name}", str(SYSTEMD), str(JOURNAL)],
            env={**unseen, "SYSTEMD_LOG_TARGET": "journal"},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until(self._is_up, 10, what="a user manager")
            self._reelctl = Reelctl(*self._inside).__enter__()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._reelctl.__exit__()
        self._end()

    def _end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(40)
        for folder in (self.home.parent, self.runtime):
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def _inside(self) -> list[str]:
        return ["nsenter", f"--target={self._process.pid}", "--mount", f"--wd={Path.cwd()}", "--"]

    def _is_up(self) -> bool:
        assert self._process.poll() is None, f"no user manager: exit {self._process.returncode}"
        return (self.runtime / "systemd" / "private").exists()

    def run(self, *words: str, timeout_s: float = 60.0) -> Result:
        """A program inside the login, as from a terminal of its desktop."""
        command = [*self._inside, *words]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=timeout_s, check=False)
        return Result(done.returncode, done.stdout, done.stderr)

    def ctl(self, *words: str) -> Result:
        """`reelctl WORDS`."""
        return Result(*self._reelctl.run(list(words), self.env, 60))

    def ok(self, *words: str) -> Any:
        """The JSON result of a `reelctl` command that must succeed."""
        result = self.ctl(*words, "--json")
        assert result.code == 0, f"{words}: exit {result.code}\n{result.out}\n{result.err}\n{self.log[-3000:]}"
        return json.loads(result.out)

    @property
    def log(self) -> str:
        """What the manager and its services have said."""
        return self.run("journalctl", "--quiet", "--no-pager", "--output=cat").out
