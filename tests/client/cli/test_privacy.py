"""`reelctl private`. Harm guarded against: a person believes that nothing is recorded."""

import pytest

from reeld_proto import commands
from tests.client.cli.reelctl import Reelctl
from tests.client.fake_reeld import SESSION, FakeReeld, Server


@pytest.fixture(autouse=True)
def _daemon(server: Server) -> None:
    """All of these need one."""


def test_private_mode_is_switched_on_and_off_and_shown(reelctl: Reelctl, fake: FakeReeld) -> None:
    assert reelctl("private", "on", "--json").json == {"session": None, "private": True}
    assert reelctl("status", "--json").json["private"] is True
    assert "nothing is recorded" in reelctl("status").out
    reelctl("start")
    assert reelctl("private", "off", "--json").json == {"session": SESSION, "private": False}
    assert "private" not in reelctl("status").out
    assert [each.private for each in fake.of(commands.SetPrivate)] == [True, False]
    assert "nothing is recorded until" in reelctl("private", "on").out
    assert "off" in reelctl("private", "off").out


@pytest.mark.parametrize("words", [(), ("maybe",)])
def test_a_word_that_is_neither_is_refused_and_changes_nothing(
    reelctl: Reelctl, fake: FakeReeld, words: tuple[str, ...]
) -> None:
    """Harm: a slip switches private mode off."""
    assert reelctl("private", *words).code == 2
    assert fake.heard == []
