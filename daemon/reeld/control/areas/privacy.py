"""Private mode."""

from reeld.control.parts import Handler, Parts
from reeld_proto import commands as c
from reeld_proto.commands import Command
from reeld_proto.events import PrivateModeChanged
from reeld_proto.privacy import PrivacyChanged


def commands(parts: Parts) -> dict[type[Command], Handler]:
    """What each command of this area does."""

    def set_private(command: c.SetPrivate, arrived_ns: int) -> c.Reply:
        was_private = parts.privacy.private
        parts.privacy.set_private(command.private, arrived_ns)
        if parts.privacy.private is not was_private:
            parts.publish(PrivateModeChanged(private=parts.privacy.private))
        session = parts.sessions.brief()
        return PrivacyChanged(session=None if session is None else session.id, private=parts.privacy.private)

    return {c.SetPrivate: set_private}
