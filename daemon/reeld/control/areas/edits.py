"""New sessions out of old ones, forgetting, deleting, collecting garbage."""

from collections.abc import Sequence

from reeld.control.parts import Handler, Parts, as_reply
from reeld.runtime.clock import wall_ns
from reeld.sessions.service import new_session_id
from reeld.store.wording import NAME_CHARS_MAX
from reeld_proto import commands as c
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import MarkerInfo, SessionInfo
from reeld_proto.store_orders import DeriveSession, EditRecord, NewMarker, RemoveSession, SessionPart
from reeld_proto.units import NS_PER_S

STORE_S = 55.0
"""How long a manifest may take to be written, a queue before it included; clients wait a minute."""

_SECONDS_MAX = 1e9
"""Thirty years; beyond, nanoseconds would not fit."""


def commands(parts: Parts) -> dict[type[c.Command], Handler]:
    """What each command of this area does."""
    edits = _Edits(parts)
    return {
        c.ClipSession: edits.clip,
        c.TrimSession: edits.trim,
        c.MergeSessions: edits.merge,
        c.EditSession: edits.edit,
        c.DeleteSession: edits.delete,
        c.CollectGarbage: edits.collect,
    }


class _Edits:
    """Manifests: no media is read or copied."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def clip(self, command: c.ClipSession, _arrived_ns: int) -> c.Reply:
        source = await self._parts.library.show(command.session)
        part = session_part(command.session, command.from_s, command.to_s)
        return await self._derive(command.name or _named(source, "clip"), source.tags, [part])

    async def trim(self, command: c.TrimSession, _arrived_ns: int) -> c.Reply:
        source = await self._parts.library.show(command.session)
        part = session_part(command.session, command.from_s, command.to_s)
        return await self._derive(source.name, source.tags, [part], note=source.note)

    async def merge(self, command: c.MergeSessions, _arrived_ns: int) -> c.Reply:
        sources = await self._all(command.sessions)
        tags = list(dict.fromkeys(tag for source in sources for tag in source.tags))
        name = command.name or _named(sources[0], "merged")
        return await self._derive(name, tags, [SessionPart(session=each.session) for each in sources])

    async def edit(self, command: c.EditSession, _arrived_ns: int) -> c.Reply:
        await self._parts.library.show(command.session)
        order = EditRecord(
            session=command.session,
            name=command.name.strip() if command.name is not None else None,
            note=command.note,
            add_tags=command.add_tags,
            remove_tags=command.remove_tags,
            pinned=command.pinned,
            add_markers=[_new_marker(each) for each in command.add_markers],
        )
        await self._parts.ask_store(order, STORE_S)
        return c.SessionDetail(session=await self._parts.library.show(command.session))

    async def delete(self, command: c.DeleteSession, _arrived_ns: int) -> c.Reply:
        await self._parts.library.show(command.session)
        if self._parts.jobs.is_busy_with(command.session):
            raise RequestRejected(
                f"session {command.session} is being read by an export or a check",
                code=ErrorCode.WRONG_STATE,
                remedy="Wait until it is done.",
            )
        order = RemoveSession(session=command.session, reason=f"session {command.session} was deleted")
        deleted = as_reply(await self._parts.ask_store(order, STORE_S), c.Deleted)
        self._parts.enrich.forget_session(command.session)
        return deleted

    async def collect(self, command: c.CollectGarbage, _arrived_ns: int) -> c.Reply:
        return await self._parts.collector.collect(dry_run=command.dry_run)

    async def _all(self, names: Sequence[str]) -> list[SessionInfo]:
        """Every session named. Raises RequestRejected with every fault."""
        found, faults = [], []
        for name in names:
            try:
                found.append(await self._parts.library.show(name))
            except RequestRejected as error:
                faults.append(error)
        if faults:
            messages = tuple(dict.fromkeys(str(each) for each in faults))
            raise RequestRejected("; ".join(messages), code=faults[0].code, remedy=faults[0].remedy, faults=messages)
        if not found:
            raise RequestRejected("no session was named")
        return found

    async def _derive(
        self, name: str, tags: Sequence[str], session_parts: Sequence[SessionPart], note: str = ""
    ) -> c.Derived:
        session = new_session_id(wall_ns())
        order = DeriveSession(session=session, name=name.strip(), tags=list(tags), parts=list(session_parts), note=note)
        await self._parts.ask_store(order, STORE_S)
        info = await self._parts.library.show(session)
        return derived(info)


def derived(info: SessionInfo, new_bytes: int = 0) -> c.Derived:
    """The answer about a new session. new_bytes: of media that had to be made for it."""
    return c.Derived(
        session=info.session,
        name=info.name,
        duration_s=info.duration_s,
        bytes=info.bytes,
        new_bytes=new_bytes,
        info=info,
    )


def session_part(session: str, from_s: float | None, to_s: float | None) -> SessionPart:
    """A range of a session; None for its ends. Raises RequestRejected, with every fault, for what is no instant."""
    faults = [
        f"{option} is {at_s:g} s, which is no instant of a session"
        for option, at_s in (("the start", from_s), ("the end", to_s))
        # Written so that it holds for what is not a number, too.
        if at_s is not None and not abs(at_s) <= _SECONDS_MAX
    ]
    if faults:
        raise RequestRejected("; ".join(faults), faults=tuple(faults))
    to_ns = None if to_s is None else round(to_s * NS_PER_S)
    return SessionPart(session=session, from_ns=round((from_s or 0) * NS_PER_S), to_ns=to_ns)


def _new_marker(marker: MarkerInfo) -> NewMarker:
    # Written so that it holds for what is not a number, too.
    if not abs(marker.at_s) <= _SECONDS_MAX:
        raise RequestRejected(f"a marker at {marker.at_s} s is at no time of a session")
    return NewMarker(media_ns=round(marker.at_s * NS_PER_S), text=marker.text)


def _named(source: SessionInfo, what: str) -> str:
    """A name that tells where it comes from."""
    suffix = f" ({what})"
    return source.name[: NAME_CHARS_MAX - len(suffix)] + suffix
