"""Harm guarded against: an export that keeps the old mix although another was asked for, or the other way round."""

from typing import Any

from reeld_client.cli.remix import remix_of
from reeld_proto.sound_graph import SoundChange

NOTHING: dict[str, Any] = {"remix": False, "gain": None, "mute": None, "unmute": None, "balance": None, "set_": None}


def asked(**options: Any) -> tuple[list[SoundChange] | None, list[str]]:
    faults: list[str] = []
    return remix_of(**{**NOTHING, **options}, faults=faults), faults


def test_without_a_word_of_it_the_mix_stays_as_it_is() -> None:
    assert asked() == (None, [])


def test_the_bare_word_repeats_what_was_done() -> None:
    assert asked(remix=True) == ([], [])


def test_each_option_is_a_change_that_holds_throughout() -> None:
    changes, faults = asked(
        gain=["mic=-6"], mute=["system"], unmute=["mic"], balance=30.0, set_=["mix-limiter.ceiling_db=-3"]
    )
    assert faults == []
    assert changes == [
        SoundChange(node="system-volume", setting="muted", value=True),
        SoundChange(node="mic-volume", setting="muted", value=False),
        SoundChange(node="mic-volume", setting="gain_db", value=-6.0),
        SoundChange(node="mix-bus", setting="balance", value=30.0),
        SoundChange(node="mix-limiter", setting="ceiling_db", value=-3.0),
    ]


def test_all_words_that_make_no_sense_are_told() -> None:
    _, faults = asked(gain=["mic"], set_=["ceiling=3", "a.b"])
    assert len(faults) == 3
