"""The config file read again."""

from reeld.control.parts import Handler, Parts
from reeld_proto import commands as c
from reeld_proto.commands import Command


def commands(parts: Parts) -> dict[type[Command], Handler]:
    """What each command of this area does."""

    async def reload(_command: c.ReloadConfig, _arrived_ns: int) -> c.Reply:
        return await parts.reload()

    return {c.ReloadConfig: reload}
