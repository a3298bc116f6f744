"""Folders, environment and waiting for tests that run parts of the daemon in their own event loop."""

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from reeld.supervisor import Premises
from reeld_proto.endpoints import Endpoints

T = TypeVar("T")


@contextmanager
def premises(**environment: str) -> Iterator[Premises]:
    """A runtime and a store folder with short paths; `environment` holds for the processes started meanwhile."""
    with tempfile.TemporaryDirectory(prefix="reeld-", ignore_cleanup_errors=True) as folder:
        runtime, store = Path(folder) / "run", Path(folder) / "store"
        runtime.mkdir(mode=0o700)
        store.mkdir(mode=0o700)
        changed = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **environment}
        before = {name: os.environ.get(name) for name in changed}
        os.environ.update(changed)
        try:
            yield Premises(Endpoints(runtime), store)
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


async def eventually(condition: Callable[[], T], timeout_s: float = 15.0, *, what: str = "") -> T:
    """The first true value that `condition` gives, the loop running meanwhile. Raises AssertionError."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what or condition}")
        await asyncio.sleep(0.005)
