"""One setting of a config file changed, everything else left as a person wrote it. Pure.

DESIGN: a line is found and replaced, which cannot understand all of TOML. So the result is read again: unless it means
what the file meant with that one setting changed, the change is refused and the file stays.
"""

import re
import tomllib
from typing import Any

import msgspec

from reeld.settings.keys import Key, keys
from reeld.settings.toml import literal
from reeld_proto.errors import ErrorCode, RequestRejected

_TABLE = re.compile(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?")


def find_key(path: str) -> Key:
    """The setting with this name. Raises RequestRejected (NOT_FOUND) naming the nearest known one."""
    import difflib  # noqa: PLC0415 - for the message alone

    known = {key.path: key for key in keys()}
    if path in known:
        return known[path]
    nearest = difflib.get_close_matches(path, known, n=1, cutoff=0.0)[0]
    raise RequestRejected(
        f"there is no setting {path}; the nearest known one is {nearest}",
        code=ErrorCode.NOT_FOUND,
        remedy="See `reelctl config show` for all of them.",
    )


def read_value(key: Key, text: str) -> Any:
    """What a person typed as a value of `key`: a TOML value, or a bare word where texts are allowed.

    Raises RequestRejected if it is none.
    """
    readings: list[Any] = []
    try:
        table = tomllib.loads(f"value = {text}")
        readings += [table["value"]] if table.keys() == {"value"} else []
    except tomllib.TOMLDecodeError:
        pass
    readings += [text]
    fault = ""
    for reading in readings:
        try:
            msgspec.convert(reading, key.kind)
        except msgspec.ValidationError as error:
            fault = fault or str(error)
        else:
            return reading
    choices = f"one of {', '.join(key.choices)}" if key.choices else fault
    raise RequestRejected(f"{text!r} is no value of {key.path}: {choices}")


def with_setting(text: str, key: Key, value: Any) -> str:
    """The file `text` with `key` set to `value`. Raises RequestRejected where that cannot be done safely."""
    wanted = tomllib.loads(text)
    table = wanted.setdefault(key.table, {})
    if isinstance(table, dict):
        table[key.name] = value
        changed = _edited(text, key, literal(value))
        try:
            if tomllib.loads(changed) == wanted:
                return changed
        except tomllib.TOMLDecodeError:
            pass
    raise RequestRejected(
        f"{key.path} cannot be changed in this file by a program; it stays as it is",
        remedy=f"Edit it by hand: [{key.table}] {key.name} = {literal(value)}",
    )


def _edited(text: str, key: Key, written: str) -> str:
    line_end = "\r\n" if "\r\n" in text else "\n"
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n") if text else []
    first, end = _extent(lines, key.table)
    if first is None:
        gap = [""] if lines and lines[-1].strip() else []
        lines += [*gap, f"[{key.table}]", f"{key.name} = {written}"]
    elif (number := _line_of(lines, first, end, rf"\s*{re.escape(key.name)}\s*=")) is not None:
        length = _length(lines, number, end)
        tail = _comment_of(lines[number]) if length == 1 else ""
        lines[number : number + length] = [f"{key.name} = {written}{tail}"]
    else:
        # Below the default that `config init` wrote, which stays to be seen.
        number = _line_of(lines, first, end, rf"#{re.escape(key.name)}\s*=")
        lines.insert(first if number is None else number + 1, f"{key.name} = {written}")
    return line_end.join([*lines, ""])


def _line_of(lines: list[str], first: int, end: int, beginning: str) -> int | None:
    return next((number for number in range(first, end) if re.match(beginning, lines[number])), None)


def _extent(lines: list[str], table: str) -> tuple[int | None, int]:
    """Where the lines of a table begin, and the line after them."""
    first = None
    for number, line in enumerate(lines):
        if (found := _TABLE.fullmatch(line)) is None:
            continue
        if first is not None:
            return first, number
        if found[1] == table:
            first = number + 1
    return first, len(lines)


def _length(lines: list[str], number: int, end: int) -> int:
    """How many lines a value takes."""
    for length in range(1, end - number + 1):
        try:
            tomllib.loads("\n".join(lines[number : number + length]))
        except tomllib.TOMLDecodeError:
            continue
        return length
    return 1


def _comment_of(line: str) -> str:
    """The comment at the end of a line with a whole setting; it is none if the line means something else without it."""
    for found in re.finditer(r"\s*#", line):
        try:
            if tomllib.loads(line[: found.start()]) == tomllib.loads(line):
                return line[found.start() :]
        except tomllib.TOMLDecodeError:
            continue
    return ""
