"""Numbers as people read them."""

_ABSURD_S = 1e10
"""Three hundred years; also what is not a number or infinite fails the comparison."""
_BYTE_UNITS = ("B", "kB", "MB", "GB", "TB")


def size(count: float) -> str:
    """Bytes in decimal units with three significant digits: `412 MB`, `1.24 GB`."""
    value = float(count)
    for unit in _BYTE_UNITS:
        if value < 999.5 or unit == _BYTE_UNITS[-1]:
            break
        value /= 1000
    if unit == "B" or value >= 99.95:
        return f"{value:.0f} {unit}"
    return f"{value:.1f} {unit}" if value >= 9.995 else f"{value:.2f} {unit}"


def clock(duration_s: float) -> str:
    """A duration as `H:MM:SS`; below an hour `M:SS`."""
    if not abs(duration_s) < _ABSURD_S:
        return "?"
    whole = max(0, int(duration_s))
    hours, rest = divmod(whole, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def seconds(duration_s: float) -> str:
    """A duration with tenths: `7.4 s`, `2:05.3`."""
    if not abs(duration_s) < _ABSURD_S:
        return "?"
    if duration_s < 60:
        return f"{duration_s:.1f} s"
    tenths = round(duration_s * 10)
    return f"{clock(tenths // 10)}.{tenths % 10}"


def milliseconds(value: float) -> str:
    """A latency: `84 ms`, `1.2 s`."""
    return f"{value:.0f} ms" if value < 999.5 else f"{value / 1000:.1f} s"


def count(number: int) -> str:
    """A count with thin grouping: `12 345`."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def plural(number: int, word: str) -> str:
    """`1 chunk`, `3 chunks`."""
    return f"{count(number)} {word}{'' if number == 1 else 's'}"


def printable(text: str) -> str:
    """Text of others (names, window titles) on one line, without what could steer the terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
