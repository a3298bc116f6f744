"""Settings on a terminal."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from reeld_client.cli import render_config
from reeld_proto.configuration import CheckedConfig, ConfigSet, MadeConfig, Setting, SettingSource, ShownConfig

PATH = f"/home/somebody/{'deep/' * 30}config.toml"


def shown(print_it: Callable[[Console, Any], None], found: Any, width: int = 60) -> str:
    console = Console(file=io.StringIO(), width=width)
    print_it(console, found)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("print_it", "found"),
    [
        (render_config.print_made_config, MadeConfig(path=PATH, replaced=True)),
        (render_config.print_config, ShownConfig(path=PATH, exists=False, settings=[])),
        (render_config.print_checked_config, CheckedConfig(path=PATH, given=1)),
    ],
)
def test_a_long_path_stays_whole_to_be_copied(print_it: Callable[[Console, Any], None], found: Any) -> None:
    assert PATH in shown(print_it, found)


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("record.fps", 30, "30"),
        ("record.pointer", False, "false"),
        ("record.quality", "high", "high"),
        ("replay.displays", ["LEFT", "ÜBER"], '["LEFT", "ÜBER"]'),
        ("storage.quota", None, "not set"),
        ("audio", None, "the usual graph"),
        ("audio", {"nodes": [{}, {}]}, "a graph of 2 nodes"),
    ],
)
def test_values_are_shown_as_they_are_written(key: str, value: Any, text: str) -> None:
    setting = Setting(key=key, value=value, source=SettingSource.FILE)
    line = shown(render_config.print_config, ShownConfig(path="/x", exists=True, settings=[setting])).splitlines()[-1]
    assert line.split(maxsplit=1)[0] == key
    assert text in line
    assert line.rstrip().endswith("file")


def test_a_change_that_no_daemon_needs_to_hear_of_says_nothing_of_one() -> None:
    done = ConfigSet(path="/x", key="record.fps", was=30, value=12)
    assert shown(render_config.print_set, done).splitlines() == ["✓ record.fps = 12 (was 30)"]
