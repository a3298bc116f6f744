"""Letting a browser look at what was recorded."""

from reeld.access.door import CALLER
from reeld.control.parts import Handler, Parts
from reeld_proto import commands as c
from reeld_proto.commands import Command


def commands(parts: Parts) -> dict[type[Command], Handler]:
    """What each command of this area does."""

    async def open_review(command: c.OpenReview, _arrived_ns: int) -> c.Reply:
        if command.session:
            await parts.library.show(command.session)
        return parts.review.open(command.session, CALLER.get().scopes, command.at_s)

    return {c.OpenReview: open_review}
