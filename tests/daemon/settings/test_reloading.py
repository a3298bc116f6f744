"""A file read again. Harm guarded against: a daemon that says a limit holds while it works with the old one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.config import Config, parse_config
from reeld.settings.keys import keys
from reeld.settings.reloading import LIVE, reloaded

TEXTS = [
    "[record]\nfps = 12\n",
    "[snapshots]\nenabled = false\n",
    "[profiles.meeting]\nfps = 5\n",
    "[storage]\nquota = '5GB'\n",
    "[replay]\nminutes = 5\n",
    "[privacy]\npause_on_lock = false\n",
    "[audio]\nnodes = [{name = 'mic', type = 'microphone'}, {name = 't', type = 'track', inputs = ['mic']}]\n",
]


def test_what_only_a_start_looks_at_holds_at_once_and_the_rest_is_told() -> None:
    found = reloaded(Config(), parse_config("".join(TEXTS)))
    assert found.live == ["record.fps", "snapshots.enabled", "profiles.meeting"]
    assert found.restart == ["storage.quota", "replay.minutes", "privacy.pause_on_lock", "audio"]
    assert found.config.record.fps == 12
    assert not found.config.snapshots.enabled
    assert found.config.storage.quota is None
    assert found.config.audio is None


@pytest.mark.parametrize("text", TEXTS)
def test_what_needs_a_restart_is_told_again_until_it_is_done(text: str) -> None:
    read = parse_config(text)
    first = reloaded(Config(), read)
    again = reloaded(first.config, read)
    assert again.live == []
    assert again.restart == first.restart
    assert bool(first.live) != bool(first.restart)


@given(st.sets(st.sampled_from(TEXTS)), st.sets(st.sampled_from(TEXTS)))
def test_live_tables_are_as_read_and_all_others_as_they_ran(before: set[str], after: set[str]) -> None:
    running, read = parse_config("".join(sorted(before))), parse_config("".join(sorted(after)))
    found = reloaded(running, read).config
    for name in Config.__struct_fields__:
        assert getattr(found, name) == getattr(read if name in LIVE else running, name)


def test_live_tables_exist() -> None:
    assert set(LIVE) <= {*(key.table for key in keys()), "profiles"}
