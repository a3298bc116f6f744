"""Running a service manager's own program."""

import subprocess
from dataclasses import dataclass

from reeld_proto.errors import ErrorCode, RequestRejected


@dataclass(frozen=True, slots=True)
class Ran:
    """What it left. `why`: its last line of complaint."""

    code: int
    out: str
    err: str

    @property
    def why(self) -> str:
        """One line, for an error message."""
        lines = [line.strip() for line in (self.err or self.out).splitlines() if line.strip()]
        return lines[-1] if lines else f"exit code {self.code}"


def run(*words: str, timeout_s: float = 10.0) -> Ran:
    """Run it to its end. Raises RequestRejected (SERVICE_FAILED) if it is not there or does not come back."""
    try:
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except OSError as error:
        raise no_manager(f"{words[0]} cannot be run: {error.strerror}") from error
    except subprocess.TimeoutExpired:
        raise no_manager(f"`{' '.join(words)}` did not come back within {timeout_s:g} s") from None
    return Ran(done.returncode, done.stdout, done.stderr)


def no_manager(why: str) -> RequestRejected:
    """The error where nothing could start reeld at login."""
    return RequestRejected(
        f"no service manager of this user answers: {why}",
        code=ErrorCode.SERVICE_FAILED,
        remedy="Run this inside your graphical login, as yourself, without su or sudo; where there is no systemd, "
        "let your desktop's own start-up run `reeld`.",
    )


def failed(what: str, ran: Ran) -> RequestRejected:
    """The error for a step that a manager refused."""
    return RequestRejected(
        f"{what}: {ran.why}",
        code=ErrorCode.SERVICE_FAILED,
        remedy="See `reelctl service status` and `reelctl service logs`.",
    )
