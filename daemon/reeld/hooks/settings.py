"""`[hooks]` of the config."""

from typing import Annotated

from msgspec import Meta, Struct

Command = Annotated[list[str], Meta(max_length=256)]
"""A program and its arguments, run without a shell; empty for none."""


class HooksConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[hooks]`: programs of your own that are run on what happens, each a list of words; no shell reads them.

    on_start: when a session begins to record. on_stop: when it has ended, well or not. on_pause: when it is paused.
    on_resume: when it goes on. on_trouble: when something is wrong that a person should know. on_marker: for each note
    that is put into a session.
    """

    on_start: Command = []
    on_stop: Command = []
    on_pause: Command = []
    on_resume: Command = []
    on_trouble: Command = []
    on_marker: Command = []

    def __post_init__(self) -> None:
        """Raises ValueError, which is told as a fault of the file."""
        for key in self.__struct_fields__:
            command = getattr(self, key)
            if command and not command[0].strip():
                raise ValueError(f"{key} names no program")
            if any("\0" in word for word in command):
                raise ValueError(f"{key} has a null character, which no program can be given")

    def of(self, happening: str) -> list[str]:
        """The command for `start`, `stop`, ...; empty if there is none."""
        command: list[str] = getattr(self, f"on_{happening}")
        return command
