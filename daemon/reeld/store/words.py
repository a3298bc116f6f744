"""Numbers and instants in what the daemon writes for people."""

from datetime import UTC, datetime

from reeld_proto.units import NS_PER_S

_UNITS = ("B", "kB", "MB", "GB", "TB")


def size_text(size: float) -> str:
    """Bytes in decimal units with three significant digits: `412 MB`, `1.24 GB`."""
    value = float(size)
    for unit in _UNITS:
        if value < 999.5 or unit == _UNITS[-1]:
            break
        value /= 1000
    if unit == "B" or value >= 99.95:
        return f"{value:.0f} {unit}"
    return f"{value:.1f} {unit}" if value >= 9.995 else f"{value:.2f} {unit}"


def age_text(days: float) -> str:
    """An age in the unit that suits it: `41 days`, `3 hours`, `12 s`."""
    for unit, length in (("day", 1.0), ("hour", 1 / 24), ("minute", 1 / 1440)):
        if days >= length:
            count = days / length
            shown = f"{count:.0f}" if count >= 10 else f"{count:.1f}".removesuffix(".0")
            return f"{shown} {unit}{'' if shown == '1' else 's'}"
    return f"{max(0.0, days) * 86_400:.0f} s"


def instant_text(wall_ns: int) -> str:
    """An instant of the civil clock as ISO 8601 with this machine's offset."""
    return datetime.fromtimestamp(wall_ns / NS_PER_S, UTC).astimezone().isoformat(timespec="milliseconds")
