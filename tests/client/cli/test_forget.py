"""Taking a range out. Harm guarded against: something forgotten that nobody meant, and a receipt nobody can read."""

from pathlib import Path

import pytest

from reeld_proto import commands
from reeld_proto.edits import GoneChunk, HeldChunk
from tests.client.cli.reelctl import Reelctl, on_terminal
from tests.client.fake_reeld import INFO, SESSION, FakeReeld, Server

OTHER = "20261122-171000-abcd"
DERIVED = commands.Derived(session=OTHER, name="clean", duration_s=2.5, bytes=1000, new_bytes=300, info=INFO)
RECEIPT = commands.Forgotten(
    session=SESSION,
    from_s=2.4,
    to_s=2.8,
    at="2026-11-22T17:05:09.123+00:00",
    sessions=[SESSION, OTHER],
    gone=[GoneChunk(chunk="ab" * 32, bytes=4_000_000)] * 20,
    kept=[HeldChunk(chunk="cd" * 32, bytes=5, held_by=["20261122-180000-else"])],
    gone_bytes=80_000_000,
    markers=2,
    new_bytes=3_000,
)


@pytest.fixture(autouse=True)
def _daemon(server: Server, fake: FakeReeld) -> None:
    """All of these need one."""
    fake.answers["sessions_redact"] = DERIVED
    fake.answers["sessions_forget"] = RECEIPT


def test_redact(reelctl: Reelctl, fake: FakeReeld) -> None:
    found = reelctl("redact", SESSION, "--from", "1m2.5s", "--to", "1:02:03", "--name", "clean", "--json").json
    assert (found["session"], found["new_bytes"]) == (OTHER, 300)
    assert fake.of(commands.RedactSession) == [
        commands.RedactSession(session=SESSION, from_s=62.5, to_s=3723.0, name="clean")
    ]
    assert "made anew" in reelctl("redact", SESSION, "--from", "0", "--to", "1").out


def test_forget_prints_what_went_what_stayed_and_who_holds_it(reelctl: Reelctl, fake: FakeReeld) -> None:
    shown = reelctl("forget", SESSION, "--from", "2.4", "--to", "2.8", "--yes").out
    expected = ("forgotten", SESSION, OTHER, "20 chunks gone", "80", "abababab", "1 chunk kept", "20261122-180000-else")
    for each in (*expected, "2 markers", "and 8 more", "reelctl gc"):
        assert each in shown
    assert fake.of(commands.ForgetRange) == [commands.ForgetRange(session=SESSION, from_s=2.4, to_s=2.8)]
    assert reelctl("forget", SESSION, "--from", "2.4", "--to", "2.8", "--yes", "--json").json["markers"] == 2


@pytest.mark.parametrize(("answer", "code", "asked"), [(b"y\n", 0, 1), (b"n\n", 1, 0), (b"\x04", 1, 0)])
def test_at_a_terminal_a_person_is_asked(fake: FakeReeld, runtime: Path, answer: bytes, code: int, asked: int) -> None:
    with on_terminal(runtime, "forget", SESSION, "--from", "1", "--to", "2") as terminal:
        assert "1.0 s to 2.0 s" in terminal.read_until("for good?")
        terminal.type(answer)
        assert terminal.finish() == code
        assert ("nothing was forgotten" in terminal.screen) == (asked == 0)
    assert len(fake.of(commands.ForgetRange)) == asked


@pytest.mark.parametrize("words", [("--from", "2"), ("--from", "3", "--to", "2"), ("--from", "x", "--to", "2")])
def test_a_range_that_makes_no_sense_is_not_sent(reelctl: Reelctl, fake: FakeReeld, words: tuple[str, ...]) -> None:
    for command in ("redact", "forget"):
        assert reelctl(command, SESSION, *words).code == 2
    assert fake.of(commands.ForgetRange) == []
