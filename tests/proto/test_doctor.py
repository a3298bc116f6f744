"""Checks made at once. Harm guarded against: one that breaks or hangs hides what the others found."""

import threading
import time

from reeld_proto.doctor import CheckStatus, Finding, fault, fine, run_checks, warning


def test_findings_come_in_the_order_of_the_checks_not_of_their_answers() -> None:
    first_may_end = threading.Event()

    def slow() -> list[Finding]:
        first_may_end.wait(5)
        return [fine("a", "one"), warning("b", "two", "mend")]

    def quick() -> list[Finding]:
        first_may_end.set()
        return [fault("c", "three", "mend")]

    found = run_checks({"slow": slow, "quick": quick}, 5.0)
    assert [finding.check for finding in found] == ["a", "b", "c"]
    assert [finding.status for finding in found] == [CheckStatus.OK, CheckStatus.WARNING, CheckStatus.FAULT]


def test_a_check_that_breaks_is_a_fault_and_the_others_are_told() -> None:
    def broken() -> list[Finding]:
        raise ZeroDivisionError("no divisor")

    found = run_checks({"broken": broken, "well": lambda: [fine("well", "yes")]}, 5.0)
    assert found[0].status is CheckStatus.FAULT
    assert found[0].check == "broken"
    assert "ZeroDivisionError: no divisor" in found[0].detail
    assert found[0].remedy
    assert found[1] == fine("well", "yes")


def test_a_check_that_hangs_is_a_fault_after_the_limit_and_no_later() -> None:
    end = threading.Event()
    begun = time.monotonic()
    found = run_checks({"hung": lambda: [fine("x", str(end.wait(30)))], "well": list}, 0.2)
    assert time.monotonic() - begun < 5
    end.set()
    assert [(finding.check, finding.status) for finding in found] == [("hung", CheckStatus.FAULT)]
    assert "0.2 s" in found[0].detail


def test_a_check_with_nothing_to_say_says_nothing() -> None:
    """Else every machine that is no Mac would have a fault."""
    assert run_checks({"mac": list}, 1.0) == []
