"""`reelctl` without the half second in which Python loads it: a process that has loaded it forks for every command.

Each command is a process of its own with its own words, environment and streams, as a person's; only its imports are
shared. Started by `Reelctl`, one to an installation; ends when its standard input does.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from select import select
from typing import NoReturn, TextIO

from reeld_client.cli.main import main


class Reelctl:
    """Context manager. `run` from one thread at a time. inside: words before the command, such as `nsenter`."""

    def __init__(self, *inside: str) -> None:
        self._inside = inside

    def __enter__(self) -> "Reelctl":
        self._folder = tempfile.TemporaryDirectory(prefix="reelctl-")
        self._server = subprocess.Popen(
            [*self._inside, sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        return self

    def __exit__(self, *exc: object) -> None:
        with self._server as server:
            assert server.stdin is not None
            server.stdin.close()
            server.wait(10)
        self._folder.cleanup()

    def run(self, words: list[str], env: Mapping[str, str], timeout_s: float) -> tuple[int, str, str]:
        """Exit code, standard output and standard error. Raises AssertionError after `timeout_s`."""
        out, err = (Path(self._folder.name) / name for name in ("out", "err"))
        request = json.dumps([words, dict(env), str(out), str(err)])
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(request.encode() + b"\n")
        self._server.stdin.flush()
        if not select([self._server.stdout], [], [], timeout_s)[0]:
            os.killpg(self._server.pid, 9)
            raise AssertionError(f"reelctl {words} took longer than {timeout_s} s: {out.read_text()}{err.read_text()}")
        return int(self._server.stdout.readline()), out.read_text(), err.read_text()


def serve(requests: TextIO) -> None:
    """Run one command after the other; its exit code on standard output."""
    for line in requests:
        words, env, out, err = json.loads(line)
        child = os.fork()
        if not child:
            _become(words, env, out, err)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become(words: list[str], env: dict[str, str], out: str, err: str) -> NoReturn:
    os.environ.clear()
    os.environ.update(env)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for name, descriptor in ((out, 1), (err, 2)):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), descriptor)
    main(words)
    raise AssertionError("main always leaves by SystemExit")


if __name__ == "__main__":
    serve(sys.stdin)
