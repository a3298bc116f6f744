"""Snapshots: listed, or written as pictures."""

from pathlib import Path

from reeld.control.parts import Handler, Parts, as_reply
from reeld_proto import commands as c
from reeld_proto.errors import RequestRejected
from reeld_proto.workers import RunSnapshots


def commands(parts: Parts) -> dict[type[c.Command], Handler]:
    """What each command of this area does."""

    async def snapshots(command: c.ListSnapshots, _arrived_ns: int) -> c.Reply:
        if command.folder is None:
            return c.SnapshotList(snapshots=await parts.library.snapshots(command.session))
        if not Path(command.folder).is_absolute():
            raise RequestRejected(f"the path must be absolute: {command.folder}")
        await parts.library.show(command.session)
        await parts.replay.until_filled(command.session)
        order = RunSnapshots(store=str(parts.store_dir), session=command.session, folder=command.folder)
        return as_reply(await parts.jobs.run(order), c.SnapshotList)

    return {c.ListSnapshots: snapshots}
