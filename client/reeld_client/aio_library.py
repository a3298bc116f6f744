"""Questions about recordings that are stored, as methods of the asyncio client."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TypeVar, Unpack

from reeld_client import library_calls as calls
from reeld_client.core import Call
from reeld_client.library_calls import EditOptions, OnProgress, StrPath
from reeld_proto import commands as c
from reeld_proto.records import SessionInfo
from reeld_proto.snapshots import SnapshotInfo

R = TypeVar("R")


class AsyncLibraryMethods(ABC):
    """Mixed into the client, which brings `call`. Errors are those of the client."""

    @abstractmethod
    async def call(self, call: Call[R]) -> R:
        """Ask one question and wait for its answer."""

    @abstractmethod
    async def _call_with_progress(self, call: Call[R], on_progress: OnProgress | None) -> R: ...

    async def clip(self, session: str, *, from_s: float, to_s: float, name: str = "") -> c.Derived:
        """A new session of the range [from_s, to_s) of another, in playback seconds; no media is copied."""
        return await self.call(calls.clip(session, from_s, to_s, name))

    async def trim(self, session: str, *, from_s: float | None = None, to_s: float | None = None) -> c.Derived:
        """A new session without what lies before `from_s` and after `to_s`; the old one stays."""
        return await self.call(calls.trim(session, from_s, to_s))

    async def merge(self, sessions: Sequence[str], *, name: str = "") -> c.Derived:
        """A new session of several, one after the other."""
        return await self.call(calls.merge(sessions, name))

    async def redact(self, session: str, *, from_s: float, to_s: float, name: str = "") -> c.Derived:
        """A new session without the range [from_s, to_s); the old one stays."""
        return await self.call(calls.redact(session, from_s, to_s, name))

    async def timeline(self, session: str) -> c.SessionTimeline:
        """What happened when in a session: gaps, markers, voices, silences, changes of the sound."""
        return await self.call(calls.timeline(session))

    async def forget(self, session: str, *, from_s: float, to_s: float) -> c.Forgotten:
        """Remove the range [from_s, to_s) of a session everywhere it is held; the receipt."""
        return await self.call(calls.forget(session, from_s, to_s))

    async def edit(self, session: str, **options: Unpack[EditOptions]) -> SessionInfo:
        """Change name, note, tags or pin of a session; the session afterwards."""
        return await self.call(calls.edit(session, options))

    async def delete(self, session: str) -> c.Deleted:
        """Delete a session; its bytes go when garbage is collected."""
        return await self.call(calls.delete(session))

    async def gc(self, *, dry_run: bool = False) -> c.Collected:
        """Remove chunks that nothing refers to, or only say which."""
        return await self.call(calls.gc(dry_run=dry_run))

    async def storage(self) -> c.StorageReport:
        """What takes how much room, and for how long it will suffice."""
        return await self.call(calls.storage())

    async def apply_budget(self, *, dry_run: bool = False) -> c.BudgetApplied:
        """Apply quota and retention now, or only say what would happen."""
        return await self.call(calls.apply_budget(dry_run=dry_run))

    async def save_replay(self, last_s: float, *, name: str = "") -> c.ReplaySaved:
        """Keep the last `last_s` seconds as a session, recording or not."""
        return await self.call(calls.save_replay(last_s, name))

    async def sync(self, target: str, *, on_progress: OnProgress | None = None) -> c.Synced:
        """Copy the store to a folder or object store; only what is new moves."""
        return await self._call_with_progress(calls.sync(target), on_progress)

    async def bundle(self, session: str, path: StrPath, *, on_progress: OnProgress | None = None) -> c.Bundled:
        """Write one session as a self-contained file; returns once it is synced."""
        return await self._call_with_progress(calls.bundle(session, path), on_progress)

    async def import_media(
        self,
        paths: Sequence[StrPath],
        *,
        name: str = "",
        tags: Sequence[str] = (),
        on_progress: OnProgress | None = None,
    ) -> c.Imported:
        """Take in bundles, MP4, MKV and WAV files, or folders of them."""
        return await self._call_with_progress(calls.import_media(paths, name, tags), on_progress)

    async def repair(self, source: StrPath | None = None, *, on_progress: OnProgress | None = None) -> c.Repaired:
        """Set aside what is damaged, and heal from a second copy if one is named."""
        return await self._call_with_progress(calls.repair(source), on_progress)

    async def snapshots(
        self, session: str, folder: StrPath | None = None, *, on_progress: OnProgress | None = None
    ) -> list[SnapshotInfo]:
        """The snapshots of a session, in order of time; with `folder`, their pictures are written into it."""
        return await self._call_with_progress(calls.snapshots(session, folder), on_progress)

    async def upkeep(self) -> c.UpkeepStatus:
        """What the background workers do."""
        return await self.call(calls.upkeep())

    async def steer_upkeep(self, action: str, kind: str | None = None) -> c.UpkeepStatus:
        """`pause`, `resume` or `run` one kind of background work, or all."""
        return await self.call(calls.steer_upkeep(action, kind))

    async def check_index(self, *, rebuild: bool = False) -> c.IndexChecked:
        """Compare the text index with the store, and make it anew if asked."""
        return await self.call(calls.check_index(rebuild=rebuild))
