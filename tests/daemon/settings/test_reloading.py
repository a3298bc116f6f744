"""A file read again. Harm guarded against: a daemon that says a limit holds while it works with the old one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.config import Config, parse_config
from reeld.settings.keys import keys
from reeld.settings.reloading import NEEDS_RESTART, reloaded

TEXTS = [
    "[record]\nfps = 12\n",
    "[snapshots]\nenabled = false\n",
    "[profiles.meeting]\nfps = 5\n",
    "[storage]\nquota = '5GB'\n",
    "[replay]\nminutes = 5\n",
    "[privacy]\npause_on_lock = false\n",
    "[[privacy.rules]]\nname = 'bank'\napp = 'bank'\n",
    "[upkeep]\ncompact = false\n",
    "[obs]\nport = 4466\n",
    "[hooks]\non_stop = ['/bin/true']\n",
    "[features]\ncompress-av1 = 'off'\n",
    "[audio]\nnodes = [{name = 'mic', type = 'microphone'}, {name = 't', type = 'track', inputs = ['mic']}]\n",
]


def test_what_only_a_start_looks_at_holds_at_once_and_the_rest_is_told() -> None:
    found = reloaded(Config(), parse_config("".join(TEXTS)))
    assert found.live == [
        "record.fps",
        "snapshots.enabled",
        "upkeep.compact",
        "storage.quota",
        "privacy.rules",
        "hooks.on_stop",
        "profiles.meeting",
        "features.compress-av1",
        "audio",
    ]
    assert found.restart == ["replay.minutes", "privacy.pause_on_lock", "obs.port"]
    assert (found.config.record.fps, found.config.storage.quota) == (12, "5GB")
    assert (found.config.replay.minutes, found.config.privacy.pause_on_lock) == (None, True)
    assert [rule.name for rule in found.config.privacy.rules] == ["bank"]


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
        kept = running if name in NEEDS_RESTART else read
        if name != "privacy":
            assert getattr(found, name) == getattr(kept, name)
    assert found.privacy.rules == read.privacy.rules
    assert found.privacy.pause_on_lock == running.privacy.pause_on_lock


def test_what_needs_a_restart_exists() -> None:
    assert set(NEEDS_RESTART) <= {name for key in keys() for name in (key.table, key.path)}


def test_a_recording_that_runs_keeps_its_rules_and_the_person_is_told() -> None:
    """Harm: somebody believes that a window is masked from now on."""
    found = reloaded(Config(), parse_config("[[privacy.rules]]\nname = 'bank'\napp = 'bank'\n"))
    assert "privacy rules" in found.warnings(recording=True)[0]
    assert found.warnings(recording=False) == []
    assert reloaded(Config(), parse_config("[record]\nfps = 12\n")).warnings(recording=True) == []
