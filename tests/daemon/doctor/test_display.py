"""The verdict on an X server, and a look at a real one."""

from dataclasses import replace

import pytest

from reeld.doctor import display
from reeld.doctor.display import WANTED, DisplayFacts, judge
from tests.daemon.doctor.verdicts import FAULT, OK, WARNING, statuses
from tests.support.desk import VirtualDesk, desk_environment

GOOD = DisplayFacts(name=":0", extensions=frozenset(WANTED), shares=True, monitors=("HDMI-1 1920x1080",))


def test_a_server_with_everything_is_in_order() -> None:
    assert set(statuses(judge(GOOD)).values()) == {OK}


@pytest.mark.parametrize(
    ("facts", "check"),
    [
        (replace(GOOD, extensions=frozenset(WANTED) - {"DAMAGE"}), "damage"),
        (replace(GOOD, extensions=frozenset(WANTED) - {"XFIXES"}), "damage"),
        (replace(GOOD, shares=False), "shared-memory"),
        (replace(GOOD, extensions=frozenset(WANTED) - {"RANDR"}), "monitors"),
        (replace(GOOD, monitors=()), "monitors"),
        (replace(GOOD, wayland="wayland-0"), "display"),
    ],
)
def test_what_makes_recording_dearer_or_partial_is_a_warning_of_its_own(facts: DisplayFacts, check: str) -> None:
    found = statuses(judge(facts))
    assert found.pop(check) is WARNING
    assert set(found.values()) == {OK}


@pytest.mark.parametrize(
    ("name", "wayland", "word"), [("", "", "DISPLAY"), ("", "wayland-0", "Wayland"), (":4711", "", ":4711")]
)
def test_without_a_server_the_reason_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, wayland: str, word: str
) -> None:
    monkeypatch.setenv("DISPLAY", name)
    monkeypatch.setenv("WAYLAND_DISPLAY", wayland)
    found = display.check()
    assert statuses(found) == {"display": FAULT}
    assert word in found[0].detail


def test_a_real_server_is_seen_with_its_monitors(no_leaks: None) -> None:
    with VirtualDesk() as desk, desk_environment(desk):
        facts = display.gather()
    assert facts.name == desk.display
    assert facts.extensions == frozenset(WANTED)
    assert facts.shares
    assert facts.monitors == ("LEFT 1920x1080", "RIGHT 1920x1080")
