"""Recordings out of the store and into it."""

from pathlib import Path

from reeld.control.parts import Handler, Parts, as_reply
from reeld.copies.targets import is_object_target
from reeld.sessions.service import new_session_id
from reeld.store.staging import remove_staged
from reeld_proto import commands as c
from reeld_proto.commands import Command
from reeld_proto.copies import ImportedSession, RefusedFile
from reeld_proto.errors import InternalError, RequestRejected
from reeld_proto.store_orders import (
    ImportSession,
    ImportStaged,
    LandBytes,
    RunBundle,
    RunImport,
    RunSync,
    StagedImport,
)
from reeld_proto.units import seconds

LAND_S = 120.0
"""How long a slice or the rows of an import may take to land, with a queue before them and a restart of the store."""
_NAME_CHARS_MAX = 255


class _Copies:
    """Commands of this area. Belongs to the event loop's thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def sync(self, command: c.SyncStore, _arrived_ns: int) -> c.Reply:
        """Copy the store."""
        if not is_object_target(command.target) and not Path(command.target).is_absolute():
            raise RequestRejected(f"the path must be absolute: {command.target}")
        order = RunSync(store=str(self._parts.store_dir), target=command.target)
        return as_reply(await self._parts.jobs.run(order), c.Synced)

    async def bundle(self, command: c.BundleSession, _arrived_ns: int) -> c.Reply:
        """Write one session as a file."""
        if not Path(command.path).is_absolute():
            raise RequestRejected(f"the path must be absolute: {command.path}")
        await self._parts.library.show(command.session)
        await self._parts.replay.until_filled(command.session)
        order = RunBundle(store=str(self._parts.store_dir), session=command.session, path=command.path)
        return as_reply(await self._parts.jobs.run(order), c.Bundled)

    async def import_media(self, command: c.ImportMedia, _arrived_ns: int) -> c.Reply:
        """Take files in, one after the other; each is there whole or not at all."""
        _check_import(command)
        # Bytes land before the session that needs them; they must not be collected in between.
        with self._parts.jobs.keeping():
            return await self._import(command)

    async def _import(self, command: c.ImportMedia) -> c.Imported:
        found: list[ImportedSession] = []
        refused: list[RefusedFile] = []
        skip: int | None = 0
        while skip is not None:
            order = RunImport(
                store=str(self._parts.store_dir), paths=command.paths, name=command.name, tags=command.tags, skip=skip
            )
            staged = await self._parts.jobs.run(order)
            if not isinstance(staged, ImportStaged):
                raise InternalError(f"{type(staged).__name__} is no ImportStaged")
            refused += [RefusedFile(path=each.path, reason=each.reason) for each in staged.refused]
            found += await self._land_all(staged.imports)
            skip = staged.next
        if refused and not found:
            raise RequestRejected(
                "; ".join(f"{each.path}: {each.reason}" for each in refused[:_TOLD_MAX]),
                faults=tuple(f"{each.path}: {each.reason}" for each in refused),
            )
        return c.Imported(sessions=found, refused=refused)

    async def _land_all(self, imports: list[StagedImport]) -> list[ImportedSession]:
        waiting = list(imports)
        found = []
        try:
            while waiting:
                found.append(await self._land(waiting[0]))
                del waiting[0]
        finally:
            # Of what did not come to land nothing stays; bytes that did are garbage, which nobody sees.
            for each in waiting:
                for path in [*each.slices, each.rows]:
                    remove_staged(self._parts.store_dir, path)
        return found

    async def _land(self, staged: StagedImport) -> ImportedSession:
        session = staged.session or new_session_id(staged.started_wall_ns)
        if not staged.known:
            for path in staged.slices:
                await self._parts.ask_store(LandBytes(staged=path), LAND_S)
                remove_staged(self._parts.store_dir, path)
            await self._parts.ask_store(ImportSession(session=session, staged=staged.rows), LAND_S)
            remove_staged(self._parts.store_dir, staged.rows)
        return ImportedSession(
            path=staged.path,
            session=session,
            name=staged.name,
            duration_s=seconds(staged.end_ns),
            bytes=staged.bytes,
            new=not staged.known,
        )


_TOLD_MAX = 5


def _check_import(command: c.ImportMedia) -> None:
    faults = [f"the path must be absolute: {path}" for path in command.paths if not Path(path).is_absolute()]
    if not command.paths:
        faults.append("no file is named")
    if len(command.name) > _NAME_CHARS_MAX:
        faults.append(f"a name has at most {_NAME_CHARS_MAX} characters")
    if faults:
        raise RequestRejected("; ".join(faults), faults=tuple(faults))


def commands(parts: Parts) -> dict[type[Command], Handler]:
    """What each command of this area does."""
    copies = _Copies(parts)
    return {
        c.SyncStore: copies.sync,
        c.BundleSession: copies.bundle,
        c.ImportMedia: copies.import_media,
    }
