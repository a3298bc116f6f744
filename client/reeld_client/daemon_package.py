"""Questions to the daemon's package, in a fresh process: the client itself never imports it, it may not be there."""

import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TypeVar

import msgspec

from reeld_proto.errors import ErrorCode, InternalError, ReeldError, TransportError, error_for

T = TypeVar("T")

NEEDED = ("reeld", "av", "lmdb", "numpy", "structlog")
"""A module of each part that only the extra `[daemon]` brings."""
INSTALL = "Install it with `pip install 'reeld[daemon]'`."


class Complaint(msgspec.Struct, frozen=True, kw_only=True):
    """How such a process tells a ReeldError: as `{"error": ...}`, the form that `--json` has."""

    code: str
    message: str
    remedy: str = ""
    faults: list[str] = []


class _Said(msgspec.Struct, frozen=True):
    error: Complaint | None = None


def missing_modules() -> list[str]:
    """Which of `NEEDED` are not installed."""
    return [name for name in NEEDED if find_spec(name) is None]


def ask(module: str, words: Sequence[str], kind: type[T], limit_s: float) -> T:
    """What `python -m MODULE WORDS...` writes to its standard output as JSON, read as `kind`.

    Raises TransportError if the package is not installed or there is no answer within `limit_s` seconds, what the
    process itself complained of, or InternalError if it broke.
    """
    missing = missing_modules()
    if missing:
        faults = tuple(f"missing module: {name}" for name in missing)
        raise TransportError("the daemon's package is not installed here", remedy=INSTALL, faults=faults)
    command = [sys.executable, "-m", module, *words]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired as error:
        about = f"{module} did not answer within {limit_s:g} s"
        raise TransportError(about, code=ErrorCode.TIMEOUT) from error
    return _read(module, done, kind)


def _read(module: str, done: "subprocess.CompletedProcess[bytes]", kind: type[T]) -> T:
    try:
        if done.returncode:
            raise _complaint(msgspec.json.decode(done.stdout, type=_Said).error, done)
        return msgspec.json.decode(done.stdout, type=kind)
    except msgspec.DecodeError as error:
        last = (done.stderr.decode(errors="replace").strip().splitlines() or [""])[-1]
        about = f"{module} ended with status {done.returncode}: {last}"
        raise InternalError(about, remedy="This is a fault of reeld; please report it.") from error


def _complaint(said: Complaint | None, done: "subprocess.CompletedProcess[bytes]") -> ReeldError:
    if said is None:
        return InternalError(f"{done.args[2]} ended with status {done.returncode}")
    return error_for(said.code, said.message, said.remedy, tuple(said.faults))
