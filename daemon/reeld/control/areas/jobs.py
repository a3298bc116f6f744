"""Jobs: begun, listed, awaited, cancelled."""

from collections.abc import Coroutine
from typing import Any, TypeGuard

from reeld.control.parts import Handler, Parts
from reeld_proto import commands as c


def is_long(command: c.Command) -> TypeGuard[c.LongCommand]:
    """Whether a command is carried out as a job; a list of snapshots alone is none."""
    return isinstance(command, c.LongCommand) and not (isinstance(command, c.ListSnapshots) and command.folder is None)


def commands(parts: Parts) -> dict[type[c.Command], Handler]:
    """What each command of this area does, but `StartJob`, which needs to know what all others do."""

    def listed(_command: c.ListJobs, _arrived_ns: int) -> c.Reply:
        return parts.desk.all()

    def show(command: c.ShowJob, _arrived_ns: int) -> c.Reply:
        return parts.desk.show(command.id)

    def cancel(command: c.CancelJob, _arrived_ns: int) -> Coroutine[Any, Any, c.Reply]:
        return parts.desk.cancel(command.id)

    def wait(command: c.WaitJob, _arrived_ns: int) -> Coroutine[Any, Any, c.Reply]:
        return parts.desk.wait(command.id)

    return {c.ListJobs: listed, c.ShowJob: show, c.CancelJob: cancel, c.WaitJob: wait}
