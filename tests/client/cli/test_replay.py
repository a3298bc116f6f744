"""`replay save`: what it asks of the daemon, and what it says. Harm guarded against: minutes taken for seconds."""

import pytest

from reeld_proto import commands
from reeld_proto.commands import ReplaySaved
from reeld_proto.records import SessionState
from tests.client.cli.reelctl import Reelctl
from tests.client.fake_reeld import SESSION, FakeReeld, Server

SAVED = ReplaySaved(
    session=SESSION,
    name="standup",
    state=SessionState.COMPLETED,
    duration_s=440.0,
    bytes=5_000_000,
    took_ms=31.5,
    warnings=["only 440.0 s of the last 600 s were recorded and are kept"],
)


@pytest.fixture(autouse=True)
def _daemon(server: Server, fake: FakeReeld) -> None:
    """All of these need one."""
    fake.answers["replay_save"] = SAVED


@pytest.mark.parametrize(("words", "last_s"), [("7m20s", 440.0), ("90", 90.0), ("1:30", 90.0), ("1.5s", 1.5)])
def test_a_time_is_read_as_it_is_meant(reelctl: Reelctl, fake: FakeReeld, words: str, last_s: float) -> None:
    found = reelctl("replay", "save", "--last", words, "--name", "standup", "--json").json
    assert (found["session"], found["took_ms"], found["state"]) == (SESSION, 31.5, "completed")
    assert fake.of(commands.SaveReplay) == [commands.SaveReplay(last_s=last_s, name="standup")]


@pytest.mark.parametrize("words", [("--last", "0"), ("--last", "soon"), (), ("--last", "5", "--name", " ")])
def test_what_makes_no_sense_is_not_asked(reelctl: Reelctl, fake: FakeReeld, words: tuple[str, ...]) -> None:
    assert reelctl("replay", "save", *words).code == 2
    assert fake.of(commands.SaveReplay) == []


def test_a_person_reads_name_length_size_and_what_is_missing(reelctl: Reelctl) -> None:
    out = reelctl("replay", "save", "--last", "10m").out
    for part in ("standup", SESSION, "7:20", "5.00 MB", "only 440.0 s"):
        assert part in out


def test_the_group_alone_shows_its_commands(reelctl: Reelctl) -> None:
    assert "save" in reelctl("replay", "--help").out
