"""Running managers' programs. Harm guarded against: a hang, or a traceback, where a machine has no such program."""

import pytest

from reeld_client.service.programs import Ran, failed, run
from reeld_proto.errors import ErrorCode, RequestRejected
from tests.client.conftest import Program


def test_what_it_says_and_how_it_ends_is_given_back(program: Program) -> None:
    program("systemctl", "import sys; print(sys.argv[1:]); print('why', file=sys.stderr); sys.exit(4)")
    assert run("systemctl", "--user", "show") == Ran(4, "['--user', 'show']\n", "why\n")


@pytest.mark.usefixtures("home")
def test_a_machine_without_it_has_a_remedy_and_code_6() -> None:
    with pytest.raises(RequestRejected, match="systemctl cannot be run: No such file") as caught:
        run("systemctl", "--user", "show")
    assert (caught.value.code, caught.value.exit_code) == (ErrorCode.SERVICE_FAILED, 6)
    assert "run `reeld`" in caught.value.remedy


def test_one_that_hangs_is_left(program: Program) -> None:
    program("systemctl", "import time; time.sleep(60)")
    with pytest.raises(RequestRejected, match=r"`systemctl x` did not come back within 0.2 s"):
        run("systemctl", "x", timeout_s=0.2)


@pytest.mark.parametrize(
    ("ran", "why"),
    [
        (Ran(1, "", "first\nlast\n\n"), "last"),
        (Ran(1, "said on the wrong stream\n", ""), "said on the wrong stream"),
        (Ran(3, "", ""), "exit code 3"),
    ],
)
def test_the_last_complaint_is_the_reason(ran: Ran, why: str) -> None:
    error = failed("cannot", ran)
    assert str(error) == f"cannot: {why}"
    assert "service logs" in error.remedy
