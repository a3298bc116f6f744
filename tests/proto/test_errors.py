"""Codes, classes and exit codes belong together."""

import pytest

from reeld_proto.errors import (
    EXIT_CODES,
    ErrorCode,
    InternalError,
    ReeldError,
    RequestRejected,
    StoreCorrupt,
    TransportError,
    error_for,
)

_CONTRACT = {0, 2, 3, 4, 5, 6, 7, 8, 70}


@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_has_an_exit_code_of_the_contract(code: ErrorCode) -> None:
    assert EXIT_CODES[code] in _CONTRACT - {0}


@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_crosses_the_wire_and_becomes_the_class_it_was(code: ErrorCode) -> None:
    error = error_for(code.value, "it failed", "do this", ("one", "two"))
    assert error.code is code
    assert (str(error), error.remedy, error.faults) == ("it failed", "do this", ("one", "two"))
    assert error.exit_code == EXIT_CODES[code]


@pytest.mark.parametrize(
    ("kind", "exit_codes"),
    [(TransportError, {3}), (RequestRejected, {2, 4, 5, 6, 8}), (StoreCorrupt, {7}), (InternalError, {70})],
)
def test_the_class_says_what_the_caller_does_next(kind: type[ReeldError], exit_codes: set[int]) -> None:
    """A caller that retries on TransportError must never retry a refusal."""
    found = {error_for(code.value, "").exit_code for code in ErrorCode if type(error_for(code.value, "")) is kind}
    assert found == exit_codes


@pytest.mark.parametrize("kind", [TransportError, RequestRejected, StoreCorrupt, InternalError])
def test_the_default_code_of_a_class_becomes_that_class_again(kind: type[ReeldError]) -> None:
    assert type(error_for(kind("x").code.value, "x")) is kind


def test_a_code_of_a_newer_daemon_is_a_refusal_that_names_it() -> None:
    error = error_for("moon-phase", "not tonight")
    assert isinstance(error, RequestRejected)
    assert "moon-phase" in str(error)
    assert "not tonight" in str(error)


def test_codes_are_fit_for_shell_scripts() -> None:
    for code in ErrorCode:
        assert code.value == code.name.lower().replace("_", "-")
