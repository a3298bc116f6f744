"""What is wrong with a request. Harm guarded against: faults that are told one by one, or in words that do not help."""

from reeld.sessions.findings import Findings, device_code, unknown
from reeld_proto.commands import ErrorReply
from reeld_proto.errors import ErrorCode


def test_all_faults_are_one_error_led_by_the_requests_own() -> None:
    findings = Findings()
    findings.fault("the disk is full", ErrorCode.DISK_FULL, "Free some.")
    findings.fault("fps is 61")
    error = findings.error()
    assert error.code == ErrorCode.INVALID_REQUEST
    assert error.faults == ("the disk is full", "fps is 61")
    assert error.remedy == "Free some."


def test_a_single_fault_is_told_as_it_is() -> None:
    findings = Findings()
    findings.fault("there is no display", ErrorCode.NO_DISPLAY)
    assert (str(findings.error()), findings.error().code) == ("there is no display", ErrorCode.NO_DISPLAY)


def test_a_silent_worker_is_a_device_that_fails() -> None:
    for code in (ErrorCode.TIMEOUT, ErrorCode.WORKER_LOST, ErrorCode.INTERNAL, "of-a-later-version"):
        assert device_code(ErrorReply(code=code, message="")) == ErrorCode.DEVICE_FAILED
    assert device_code(ErrorReply(code=ErrorCode.NO_AUDIO, message="")) == ErrorCode.NO_AUDIO


def test_what_exists_is_named() -> None:
    assert unknown("camera", "c", []) == "there is no camera 'c'; there is none"
