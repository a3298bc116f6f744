"""When a whole picture is hidden. Harm guarded against: a private hour or screen that is recorded, or a clock that is
asked a thousand times a second."""

import time

from reeld.capture.privacy import PrivacyRules
from reeld.capture.veil import Veil
from reeld_proto.privacy import PrivacyRule
from reeld_proto.units import NS_PER_S

NIGHT = PrivacyRule(name="night", hours="22:00-06:00")
LEFT = PrivacyRule(name="left", screen="LEFT")


def at(hour: int, minute: int, second: int = 0) -> time.struct_time:
    return time.struct_time((2026, 1, 1, hour, minute, second, 3, 1, 0))


class Clock:
    def __init__(self) -> None:
        self.now = at(12, 0)
        self.asked = 0

    def __call__(self) -> time.struct_time:
        self.asked += 1
        return self.now


def test_without_rules_the_clock_is_asked_once_and_nobody_is_woken() -> None:
    clock = Clock()
    veil = Veil(PrivacyRules(), [None], civil=clock)
    assert [veil.hidden_by(second * NS_PER_S) for second in range(600)] == [""] * 600
    assert clock.asked == 1
    assert veil.due_ns is None


def test_hours_begin_with_their_minute_and_somebody_is_woken_for_it() -> None:
    clock = Clock()
    clock.now = at(21, 59, 30)
    veil = Veil(PrivacyRules([NIGHT]), [None], civil=clock)
    assert veil.hidden_by(0) == ""
    assert veil.due_ns == 30 * NS_PER_S
    clock.now = at(22, 0)
    assert veil.hidden_by(30 * NS_PER_S - 1) == ""
    assert veil.hidden_by(30 * NS_PER_S) == "night"
    assert clock.asked == 2


def test_a_track_is_hidden_only_when_all_of_its_sources_are() -> None:
    """What is hidden of a part is masked in its pixels."""
    rules = PrivacyRules([LEFT])
    assert Veil(rules, ["LEFT"]).hidden_by(0) == "left"
    assert Veil(rules, ["LEFT", "RIGHT"]).hidden_by(0) == ""
    assert Veil(rules, [None]).hidden_by(0) == ""
    assert Veil(rules, []).hidden_by(0) == ""


def test_other_sources_are_looked_at_at_once() -> None:
    veil = Veil(PrivacyRules([LEFT]), ["RIGHT"])
    assert veil.hidden_by(0) == ""
    veil.look_at(["LEFT"])
    assert veil.hidden_by(1) == "left"


def test_an_order_goes_before_rules() -> None:
    veil = Veil(PrivacyRules([LEFT]), ["LEFT"], ordered="private")
    assert veil.hidden_by(0) == "private"
    veil.ordered = ""
    assert veil.hidden_by(1) == "left"
