"""The verdict on macOS's permissions. Its questions can be asked on a Mac alone; elsewhere they must fail softly."""

import subprocess
import sys

import msgspec
import pytest

from reeld.doctor import mac
from reeld.doctor.mac import MacFacts, judge
from tests.daemon.doctor.verdicts import FAULT, OK, WARNING, statuses


@pytest.mark.parametrize(("screen", "status"), [(True, OK), (False, FAULT), (None, WARNING)])
def test_a_screen_that_may_not_be_recorded_is_a_fault(screen: bool | None, status: object) -> None:
    assert statuses(judge(MacFacts(screen=screen, microphone=3)))["screen-permission"] is status


@pytest.mark.parametrize(("microphone", "status"), [(3, OK), (0, WARNING), (1, WARNING), (2, WARNING), (None, WARNING)])
def test_a_microphone_that_may_not_be_recorded_is_a_warning(microphone: int | None, status: object) -> None:
    assert statuses(judge(MacFacts(screen=True, microphone=microphone)))["microphone-permission"] is status


@pytest.mark.skipif(sys.platform == "darwin", reason="there it can be asked for")
def test_elsewhere_nothing_is_said_and_asking_does_no_harm() -> None:
    assert mac.check() == []
    done = subprocess.run([sys.executable, "-m", "reeld.doctor.mac"], capture_output=True, check=True, timeout=30)
    assert msgspec.json.decode(done.stdout, type=MacFacts) == MacFacts()


def test_a_crash_of_what_asks_is_an_answer_that_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert mac.gather() == MacFacts()
