"""Who may connect. Harm guarded against: a web page that records its visitor."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.obs.gate import Challenge, refusal

PORT = 4455


@pytest.mark.parametrize("host", ["localhost:4455", "127.0.0.1:4455", "[::1]:4455", "LOCALHOST:4455"])
@pytest.mark.parametrize("origins", [[], ["http://localhost:4455"], ["http://127.0.0.1:4455"]])
def test_programs_of_this_machine_are_let_in(host: str, origins: list[str]) -> None:
    assert refusal([host], origins, PORT) == ""


@pytest.mark.parametrize(
    "host",
    ["evil.example:4455", "localhost.evil.example:4455", "localhost", "localhost:80", "", "[::1", "a@evil:4455"],
)
def test_a_page_whose_own_name_leads_here_is_refused(host: str) -> None:
    assert "Host" in refusal([host], [], PORT)


def test_a_connection_without_host_or_with_two_is_refused() -> None:
    assert refusal([], [], PORT)
    assert refusal(["localhost:4455", "evil.example"], [], PORT)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "",
        "file://",
        "http://localhost:8080",
        "http://localhost",
        "chrome-extension://localhost:4455",
        "http://localhost:4455.evil.example",
        "http://localhost:x",
    ],
)
def test_a_page_is_refused_wherever_it_comes_from(origin: str) -> None:
    """A page of another local server is one, too."""
    assert "pages" in refusal(["localhost:4455"], [origin], PORT)
    assert "pages" in refusal(["localhost:4455"], ["http://localhost:4455", origin], PORT)


def test_the_answer_is_the_one_of_the_protocol() -> None:
    """The example of obs-websocket's own reference."""
    asked = Challenge(
        salt="lM1GncleQOaCu9lT1yeUZhFYnqhsLLP1G5lAGo3ixaI=", challenge="+IxH4CnCiqpX1rM9scsNynZzbOe4KhDeYcTNS3PDaeY="
    )
    assert asked.answer("supersecretpassword") == "1Ct943GAT+6YQUUX47Ia/ncufilbe6+oD6lY+5kaCu4="


def test_each_connection_is_asked_something_else() -> None:
    """Else an answer that was overheard would open the next one."""
    first, second = Challenge(), Challenge()
    assert not second.fits(first.answer("secret"), "secret")


@given(st.none() | st.integers() | st.text(max_size=64))
def test_no_guess_fits(answer: object) -> None:
    assert not Challenge().fits(answer, "secret")
