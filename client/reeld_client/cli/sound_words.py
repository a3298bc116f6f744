"""Words of the command line for nodes of the sound, their settings and values."""

from reeld_proto.sound_graph import SoundChange

MIX_BUS = "mix-bus"
"""Where the usual graph mixes."""
_TARGETS = ("mic", "system")


def volume_of(target: str) -> str:
    """The volume node of a source of the usual graph; any other name is a node's own."""
    return f"{target}-volume" if target in _TARGETS else target


def change_of(node: str, text: str, faults: list[str]) -> list[SoundChange]:
    """The change in `SETTING=VALUE`; none, and a fault, for anything else."""
    setting, equals, value = text.partition("=")
    if not equals or not setting.strip() or not value.strip():
        faults.append(f"{text!r} is no SETTING=VALUE, such as gain_db=-6")
        return []
    return [SoundChange(node=node, setting=setting.strip(), value=_value(value.strip()))]


def _value(text: str) -> bool | float | str | list[float]:
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        return text
    return numbers if len(numbers) > 1 else numbers[0]
