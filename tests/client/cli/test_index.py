"""The text index: what is asked, the exit code that scripts rely on, and how it looks."""

import pytest

from reeld_proto import commands
from reeld_proto.commands import IndexChecked
from tests.client.cli.reelctl import Reelctl
from tests.client.fake_reeld import FakeReeld, Server

FAULTS = [f"session s{number}: the index lacks name" for number in range(25)]


@pytest.fixture(autouse=True)
def _daemon(server: Server) -> None:
    """All of these need one."""


@pytest.mark.parametrize(
    ("words", "faults", "code", "shown"),
    [
        ((), [], 0, "all is well"),
        (("--rebuild",), [], 0, "made anew"),
        ((), FAULTS, 7, "25 faults"),
        (("--rebuild",), FAULTS, 0, "had 25 faults"),
    ],
)
def test_faults_are_an_exit_code_unless_they_were_mended(
    reelctl: Reelctl, fake: FakeReeld, words: tuple[str, ...], faults: list[str], code: int, shown: str
) -> None:
    """Else a script would search an index that lacks sessions."""

    def answer(command: commands.CheckIndex) -> IndexChecked:
        return IndexChecked(ok=not faults, sessions=3, faults=faults, rebuilt=command.rebuild)

    fake.answers["index_check"] = answer
    ran = reelctl("index", *words)
    assert ran.code == code
    assert shown in ran.out
    asked = reelctl("index", *words, "--json")
    assert (asked.code, asked.json["faults"], asked.json["rebuilt"]) == (code, faults, bool(words))


def test_what_differs_is_named_and_a_remedy_told(reelctl: Reelctl, fake: FakeReeld) -> None:
    fake.answers["index_check"] = IndexChecked(ok=False, sessions=30, faults=FAULTS, rebuilt=False)
    out = reelctl("index").out
    assert "session s0: the index lacks name" in out
    assert "5 more" in out
    assert "--rebuild" in out
