"""Fixtures that every box shares: desks with real displays and sound, and the check that nothing is left behind."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.desk import VirtualDesk, desk_environment
from tests.support.wait import until

# An example is slow when the machine is busy; that is no fault of what is tested. Budgets have tests of their own.
# Continuous integration judges a change, so it tries the same examples every time; a person's run tries new ones.
# A quarter as many there, where the same ones tell nothing new the second time.
_CI = bool(os.environ.get("CI"))
settings.register_profile("reeld", deadline=None, derandomize=_CI, max_examples=15 if _CI else 100)
settings.load_profile("reeld")

# A shell that starts the run in the background lets it, and all that it starts, ignore Ctrl-C, which is tested here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest of its stage begins it, so that the others are not waited for alone at its end."""
    items.sort(key=lambda item: item.get_closest_marker("first") is None)


@pytest.fixture(scope="session")
def x_desk() -> Iterator[VirtualDesk]:
    """Two 1920x1080 monitors, no sound server; shared by all tests of a run."""
    with VirtualDesk() as desk:
        yield desk


@pytest.fixture(scope="session")
def sound_desk() -> Iterator[VirtualDesk]:
    """Two monitors and PulseAudio with `speakers` and `virtual_mic`; shared by all tests of a run."""
    with VirtualDesk(sound=True) as desk:
        yield desk


@pytest.fixture
def at_x_desk(x_desk: VirtualDesk) -> Iterator[VirtualDesk]:
    """The test's own process sits at the desk without sound."""
    with desk_environment(x_desk):
        yield x_desk


@pytest.fixture
def at_sound_desk(sound_desk: VirtualDesk) -> Iterator[VirtualDesk]:
    """The test's own process sits at the desk with sound."""
    with desk_environment(sound_desk):
        yield sound_desk


def _open_files() -> set[str]:
    folder = Path("/proc/self/fd")
    if not folder.exists():
        return set()
    found = set()
    for entry in folder.iterdir():
        try:
            found.add(f"{entry.name} -> {entry.readlink()}")
        except OSError:
            continue
    return found


@pytest.fixture
def no_leaks() -> Iterator[None]:
    """Fails a test that leaves a thread or an open file behind."""
    threads = set(threading.enumerate())
    files = len(_open_files())
    yield
    left = [thread for thread in threading.enumerate() if thread not in threads and thread.is_alive()]
    assert not left, f"threads left behind: {left}"
    # ZeroMQ's own threads close what belonged to a socket a moment after it was closed.
    until(lambda: len(_open_files()) <= files, 3, what=f"no file left open but {files}: {sorted(_open_files())}")
