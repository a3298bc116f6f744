"""The few kinds of values that settings have, written as TOML. Pure."""

import json
from enum import Enum
from typing import Any


def literal(value: Any) -> str:
    """A value as TOML writes it. Raises TypeError for a kind that no setting has (tables, dates)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return literal(value.value)
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        # JSON's escapes are TOML's, too, but for DEL, which TOML wants escaped.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list):
        return f"[{', '.join(literal(each) for each in value)}]"
    raise TypeError(f"{type(value).__name__} is no value of a setting")
