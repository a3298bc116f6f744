"""What each command does: one method a command, no sockets. Belongs to the event loop's thread."""

import asyncio
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from reeld import __version__
from reeld.control.areas import (
    access,
    configuration,
    copies,
    edits,
    enriching,
    incidents,
    jobs,
    privacy,
    ranges,
    replay,
    review,
    settings,
    snapshots,
    sound,
    storage,
    upkeep,
)
from reeld.control.areas.jobs import is_long
from reeld.control.parts import Handler, Parts, as_reply
from reeld.privacy.keeper import LOCKED, PRIVATE
from reeld.runtime.clock import monotonic_ns, wall_ns
from reeld.sessions.signals import Service
from reeld.store.selection import selection_of
from reeld_proto import commands as c
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import DaemonInfo, SessionState
from reeld_proto.units import seconds
from reeld_proto.workers import RecordCheck, RunExport, RunVerify

STORE_S = 15.0
"""How long a small order to the store may take, a queue before it included."""

_WHY = {PRIVATE: "private mode is on; `reelctl private off` ends it", LOCKED: "the session is locked"}
"""Words for what hides everything; else it is the name of a rule."""

LIST_SOURCES_S = 5.0
"""How long `sources` waits for a sound server; somebody who asks for a list would rather wait than get none."""


class Handlers:
    """Carries out commands. What is known in memory is replied at once, the rest awaited."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._started_ns = monotonic_ns()
        self._table: dict[type[c.Command], Handler] = {
            c.Ping: self._ping,
            c.GetStatus: self._status,
            c.ListSources: self._sources,
            c.StartSession: self._start,
            c.PauseSession: self._pause,
            c.ResumeSession: self._resume,
            c.SetPaused: self._set_paused,
            c.StopSession: self._stop,
            c.AddMarker: self._mark,
            c.ArrangePictures: self._arrange,
            c.ListSessions: self._sessions,
            c.ShowSession: self._show,
            c.ExportSession: self._export,
            c.VerifyStore: self._verify,
            c.GetStats: self._stats,
            c.GetSnapshot: self._snapshot,
            c.StartJob: self._start_job,
        }
        recorded = (edits, ranges, storage, replay, copies, upkeep, privacy, snapshots, sound)
        for area in (access, configuration, enriching, incidents, jobs, review, settings, *recorded):
            self._table.update(area.commands(parts))

    def handle(self, command: c.Command, arrived_ns: int) -> c.Reply | Coroutine[Any, Any, c.Reply]:
        """The reply to `command`, which arrived at monotonic `arrived_ns`, or the work that gives it.

        Both raise ReeldError.
        """
        method = self._table.get(type(command))
        if method is None:
            raise RequestRejected(f"{type(command).__name__} is not a command", code=ErrorCode.UNKNOWN_COMMAND)
        result = method(command, arrived_ns)
        if is_long(command) and not isinstance(result, c.Reply):
            return self._parts.desk.carry_out(command, result)
        return result

    def status(self) -> c.Status:
        """Daemon, workers and session now."""
        uptime_s = seconds(monotonic_ns() - self._started_ns)
        daemon = DaemonInfo(pid=os.getpid(), version=__version__, uptime_s=uptime_s)
        return c.Status(
            daemon=daemon,
            workers=self._parts.workers(),
            session=self._parts.sessions.brief(),
            buffer=self._parts.replay.brief(),
            private=self._parts.privacy.private,
        )

    def _ping(self, _command: c.Ping, _arrived_ns: int) -> c.Reply:
        return c.Pong()

    def _status(self, _command: c.GetStatus, _arrived_ns: int) -> c.Reply:
        return self.status()

    async def _sources(self, _command: c.ListSources, _arrived_ns: int) -> c.Reply:
        found = await asyncio.gather(*(self._parts.sessions.sources_of(service, LIST_SOURCES_S) for service in Service))
        warnings = []
        lists = c.Sources()
        for part in found:
            if isinstance(part, c.ErrorReply):
                warnings.append(f"{part.message} {part.remedy}".strip())
                continue
            warnings += part.warnings
            lists = c.Sources(
                displays=lists.displays + part.displays,
                windows=lists.windows + part.windows,
                cameras=lists.cameras + part.cameras,
                microphones=lists.microphones + part.microphones,
                system_audio=lists.system_audio + part.system_audio,
                warnings=warnings,
            )
        return c.Sources(
            displays=lists.displays,
            windows=lists.windows,
            cameras=lists.cameras,
            microphones=lists.microphones,
            system_audio=lists.system_audio,
            warnings=warnings,
        )

    def _start_job(self, command: c.StartJob, arrived_ns: int) -> c.Reply:
        work = self._table[type(command.command)](command.command, arrived_ns)
        return work if isinstance(work, c.Reply) else self._parts.desk.start(command.command, work, command.timeout_s)

    async def _start(self, command: c.StartSession, arrived_ns: int) -> c.Reply:
        reply = await self._parts.sessions.start(command, arrived_ns)
        hidden = self._parts.privacy.hidden
        if isinstance(reply, c.SessionStarted) and hidden:
            return replace(reply, warnings=[*reply.warnings, f"nothing is recorded now: {_WHY.get(hidden, hidden)}"])
        return reply

    async def _pause(self, _command: c.PauseSession, _arrived_ns: int) -> c.Reply:
        return await self._parts.sessions.pause()

    async def _resume(self, _command: c.ResumeSession, _arrived_ns: int) -> c.Reply:
        return await self._parts.sessions.resume()

    async def _set_paused(self, command: c.SetPaused, _arrived_ns: int) -> c.Reply:
        brief = self._parts.sessions.brief()
        if brief is not None and brief.state is (SessionState.PAUSED if command.paused else SessionState.ACTIVE):
            return c.SessionChanged(session=brief.id, state=brief.state, elapsed_s=brief.elapsed_s)
        return await (self._parts.sessions.pause() if command.paused else self._parts.sessions.resume())

    async def _stop(self, _command: c.StopSession, _arrived_ns: int) -> c.Reply:
        return await self._parts.sessions.stop()

    async def _mark(self, command: c.AddMarker, _arrived_ns: int) -> c.Reply:
        return await self._parts.sessions.mark(command.text)

    async def _arrange(self, command: c.ArrangePictures, _arrived_ns: int) -> c.Reply:
        return await self._parts.sessions.arrange(command)

    async def _sessions(self, command: c.ListSessions, _arrived_ns: int) -> c.Reply:
        return await self._parts.library.find(selection_of(command), command.after)

    async def _show(self, command: c.ShowSession, _arrived_ns: int) -> c.Reply:
        return c.SessionDetail(session=await self._parts.library.show(command.session))

    async def _export(self, command: c.ExportSession, _arrived_ns: int) -> c.Reply:
        if not Path(command.path).is_absolute():
            raise RequestRejected(f"the path must be absolute: {command.path}")
        # Before a process is started for it: most mistakes are a wrong id.
        await self._parts.library.show(command.session)
        await self._parts.replay.until_filled(command.session)
        order = RunExport(
            store=str(self._parts.store_dir),
            session=command.session,
            path=command.path,
            from_s=command.from_s,
            to_s=command.to_s,
            tracks=command.tracks,
            samples=command.samples,
            remix=command.remix,
        )
        return as_reply(await self._parts.jobs.run(order), c.Exported)

    async def _verify(self, command: c.VerifyStore, _arrived_ns: int) -> c.Reply:
        if command.session is not None:
            await self._parts.library.show(command.session)
        order = RunVerify(
            store=str(self._parts.store_dir), session=command.session, max_duration_s=command.max_duration_s
        )
        verified = await self._parts.jobs.run(order)
        if isinstance(verified, c.Verified) and command.session is None and command.max_duration_s is not None:
            place = RecordCheck(cursor=verified.next_chunk, at_wall_ns=wall_ns())
            await self._parts.ask_store(place, STORE_S)
        return as_reply(verified, c.Verified)

    def _stats(self, _command: c.GetStats, _arrived_ns: int) -> c.Reply:
        return c.StatsReply(stats=self._parts.stats.sample())

    def _snapshot(self, _command: c.GetSnapshot, _arrived_ns: int) -> c.Reply:
        return c.Snapshot(
            event_seq=self._parts.event_seq(),
            status=self.status(),
            stats=self._parts.stats.sample(),
            jobs=self._parts.desk.under_way(),
        )
