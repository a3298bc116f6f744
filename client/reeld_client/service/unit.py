"""The systemd user unit, from its template. Pure."""

from collections.abc import Sequence

_SHELF = "[Unit]\n"
_FIRST = """\
# Written by `reelctl service install` of reeld {release}, which replaces it; `reelctl service uninstall` removes it.
# Settings of your own belong beside it: `systemctl --user edit reeld`.

"""
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,:/@")


def rendered_unit(template: str, command: Sequence[str], release: str, *, own_runtime: bool) -> str:
    """The unit that runs `command`.

    own_runtime: the sockets are in the folder that `RuntimeDirectory=` makes; else the unit makes none, and the command
    says where they are. release: stands in the file, so that an upgrade of reeld is a changed unit and a restart.
    """
    lines = (_SHELF + template.partition(_SHELF)[2]).splitlines()
    gone = {"ExecSearchPath"} if own_runtime else {"ExecSearchPath", "RuntimeDirectory"}
    kept: list[str] = []
    index = 0
    while index < len(lines):
        key = lines[index].partition("=")[0]
        if key in gone:
            while kept and kept[-1].startswith("#"):
                kept.pop()
            while lines[index].startswith(key):
                index += 1
            continue
        kept.append(f"ExecStart={_command_line(command)}" if key == "ExecStart" else lines[index])
        index += 1
    return _FIRST.format(release=release) + "\n".join(kept) + "\n"


def _command_line(command: Sequence[str]) -> str:
    # Variables have no effect in the program's own path, so there the sign is one.
    return " ".join([quoted(command[0]).replace("$$", "$"), *map(quoted, command[1:])])


def quoted(word: str) -> str:
    """One word of a command line as systemd.service(5) reads it: no specifier, variable or blank takes effect."""
    text = word.replace("%", "%%").replace("$", "$$")
    if word and set(text) <= _PLAIN | {"%", "$"}:
        return text
    inner = "".join(_ESCAPES.get(character, character) for character in text)
    return f'"{inner}"'


_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
