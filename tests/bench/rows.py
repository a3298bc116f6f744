"""A line of the report of `make bench`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the report. `bar` is the most that `value` may be."""

    work: str
    ours: str
    peer: str
    value: float
    bar: float
    unit: str = "x"

    @property
    def met(self) -> bool:
        """Whether the bar holds."""
        return self.value <= self.bar
