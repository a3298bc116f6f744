"""What the commands about settings say to a person."""

import json
from typing import Any

from rich.console import Console

from reeld_client.cli.human import plural
from reeld_client.cli.render_live import table, words
from reeld_proto.configuration import CheckedConfig, ConfigSet, MadeConfig, SettingSource, ShownConfig
from reeld_proto.reloading import ConfigReloaded

_GRAPH, _PROFILES, _FEATURES = "audio", "profiles", "features"


def print_made_config(console: Console, done: MadeConfig) -> None:
    """`reelctl config init`."""
    console.print(words(f"✓ {'replaced' if done.replaced else 'made'} {done.path}", "green"), soft_wrap=True)


def print_config(console: Console, found: ShownConfig) -> None:
    """`reelctl config show`."""
    about = "" if found.exists else " is not there: all settings are defaults"
    console.print(words(f"{found.path}{about}", "bold"), soft_wrap=True)
    rows = table("setting", "value", "from")
    for setting in found.settings:
        quiet = "dim" if setting.source is SettingSource.DEFAULT else ""
        rows.add_row(words(setting.key, quiet), words(_shown(setting.key, setting.value), quiet), setting.source.value)
    console.print(rows)


def print_checked_config(console: Console, found: CheckedConfig) -> None:
    """`reelctl config check`."""
    console.print(words(f"✓ {found.path}: {plural(found.given, 'setting')}, no faults", "green"), soft_wrap=True)


def print_set(console: Console, done: ConfigSet) -> None:
    """`reelctl config set`."""
    was, now = (_shown(done.key, value) for value in (done.was, done.value))
    console.print(words(f"✓ {done.key} = {now} (was {was})", "green"))
    if done.live:
        console.print(words("The daemon has taken it over; a recording that runs goes on as it began."))
    if done.restart:
        console.print(words("The daemon read the file when it started: restart it for this to hold.", "yellow"))


def print_reloaded(console: Console, done: ConfigReloaded) -> None:
    """`reelctl config reload`."""
    if not done.live and not done.restart:
        console.print(words(f"{done.path}: nothing has changed"), soft_wrap=True)
    for name in done.live:
        console.print(words(f"✓ {name} holds from now on", "green"))
    for name in done.restart:
        console.print(words(f"! {name} holds when the daemon is started again", "yellow"))


def _shown(key: str, value: Any) -> str:
    if key == _PROFILES:
        return ", ".join(value) or "none"
    if key == _FEATURES:
        return ", ".join(f"{name} {stage}" for name, stage in value.items()) or "as built in"
    if value is None:
        return "the usual graph" if key == _GRAPH else "not set"
    if key == _GRAPH:
        return f"a graph of {plural(len(value['nodes']), 'node')}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
