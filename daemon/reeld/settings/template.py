"""The file that `reelctl config init` writes: every setting with its meaning and its default. Pure."""

import textwrap

from reeld.settings.keys import Key, heading, keys, tables
from reeld.settings.toml import literal

_WIDTH = 100
_HEAD = """\
# Settings of reeld. What stands behind a single # is the default: take the # away and change it.
# `reelctl config check` tells what is wrong in here, `reelctl config show` what holds.
# A daemon reads this when it starts; `reelctl config reload` has it read again.
"""
EXAMPLES = {
    "storage.quota": "50GB",
    "storage.keyframes_after_days": 30.0,
    "storage.drop_after_days": 365.0,
    "replay.minutes": 10.0,
    "replay.fps": 15,
    "replay.quality": "medium",
    "upkeep.compress_after_days": 90.0,
    "control.tcp": "127.0.0.1:7711",
    "obs.export_dir": "~/Videos",
    "enrich.cap_session": 0.5,
    "enrich.cap_day": 1.0,
    "enrich.cap_month": 10.0,
}
"""Of settings that have no default there is nothing to show; these are valid together."""
_TABLES = {
    "privacy.rules": """\
# An example; several of them may follow each other:
#[[privacy.rules]]
#name = "passwords"
#app = "keepassxc"
""",
    "enrich.plans": """\
# An example; several of them may follow each other:
#[[enrich.plans]]
#name = "screens"
#stages = ["ocr", "chapters"]
#on_failure = "undo"
""",
}
"""Of settings that are tables of their own."""
_PROFILES = """\
# What `reelctl start --profile meeting` uses when the command does not say. Other choices:
# name, displays, windows, cameras, files, test_patterns, region, regions, layout, columns, corner,
# inset, output, pointer, codec, snapshots; audio_graph, the path of a file with a graph of sounds.
#[profiles.meeting]
#microphone = "default"
#system_audio = "default"
#quality = "high"
#fps = 15
#tags = ["meeting"]
"""
_FEATURES = """\
# Stages of features: off, preview, on, or a part of all installations, such as "25%".
# `reelctl features` lists them, and what holds here.
[features]

# Whether features in preview are on.
#previews = "off"

#compress-av1 = "on"
"""
_SOUND = """\
# The graph of sounds, as tables [[audio.nodes]]; without any it is the usual one.
# `reelctl audio check FILE.toml` checks one, `reelctl audio graph` draws the one that is used.
"""


def template() -> str:
    """The text of the file. It is a valid one, and means nothing but defaults."""
    parts = [_HEAD]
    for table, kind in tables().items():
        lines = [*_comment(heading(kind)), f"[{table}]"]
        # What follows a table of its own would belong to it.
        for key in sorted(keys(), key=lambda key: key.path in _TABLES):
            if key.table == table:
                lines += ["", *_entry(key)]
        parts.append("\n".join(lines) + "\n")
    return "\n".join([*parts, _PROFILES, _FEATURES, _SOUND])


def _entry(key: Key) -> list[str]:
    choices = f" One of: {', '.join(key.choices)}." if key.choices else ""
    lines = _comment(f"{key.about}{choices}")
    if key.path in _TABLES:
        return [*lines, *_TABLES[key.path].splitlines()]
    if key.default is not None:
        return [*lines, f"#{key.name} = {literal(key.default)}"]
    return [*lines, "# Not set; for example:", f"#{key.name} = {literal(EXAMPLES[key.path])}"]


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, _WIDTH - 2)]
