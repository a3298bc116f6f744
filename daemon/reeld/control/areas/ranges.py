"""Taking a range out: of one session, into a new one; or out of everything that holds it."""

from collections.abc import Iterator
from contextlib import contextmanager

from reeld.control.areas.edits import derived, session_part
from reeld.control.parts import Handler, Parts, as_reply
from reeld.runtime.clock import wall_ns
from reeld.sessions.service import new_session_id
from reeld.store.staging import remove_staged
from reeld.store.wording import NAME_CHARS_MAX
from reeld_proto import commands as c
from reeld_proto.errors import RequestRejected
from reeld_proto.store_orders import DeriveSession, ForgetMedia, Recut, RunRecut, SessionPart

STORE_S = 120.0
"""How long the order may take in which a range of a day's recordings is taken out, a queue before it included."""


def commands(parts: Parts) -> dict[type[c.Command], Handler]:
    """What each command of this area does."""
    ranges = _Ranges(parts)
    return {c.RedactSession: ranges.redact, c.ForgetRange: ranges.forget}


class _Ranges:
    """What has to be encoded again is made by a job first; the store then takes it in together with the change."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def redact(self, command: c.RedactSession, _arrived_ns: int) -> c.Reply:
        source = await self._parts.library.show(command.session)
        from_ns, to_ns = _range(command.session, command.from_s, command.to_s)
        session = new_session_id(wall_ns())
        made = await self._recut(command.session, from_ns, to_ns, new_session=session)
        around = [
            SessionPart(session=command.session, from_ns=start_ns, to_ns=end_ns, left_out=made.left_out)
            for start_ns, end_ns in ((0, from_ns), (to_ns, None))
            if end_ns != 0 and start_ns < made.end_ns
        ]
        name = command.name.strip() or source.name[: NAME_CHARS_MAX - 11] + " (redacted)"
        order = DeriveSession(session=session, name=name, tags=source.tags, parts=around, staged=made.staged)
        with self._removing(made):
            await self._parts.ask_store(order, STORE_S)
        return derived(await self._parts.library.show(session), made.new_bytes)

    async def forget(self, command: c.ForgetRange, _arrived_ns: int) -> c.Reply:
        await self._parts.library.show(command.session)
        from_ns, to_ns = _range(command.session, command.from_s, command.to_s)
        made = await self._recut(command.session, from_ns, to_ns)
        order = ForgetMedia(session=command.session, from_ns=from_ns, to_ns=to_ns, staged=made.staged)
        with self._removing(made):
            return as_reply(await self._parts.ask_store(order, STORE_S), c.Forgotten)

    async def _recut(self, session: str, from_ns: int, to_ns: int, new_session: str = "") -> Recut:
        order = RunRecut(
            store=str(self._parts.store_dir),
            session=session,
            from_ns=from_ns,
            to_ns=to_ns,
            forget=not new_session,
            new_session=new_session,
        )
        return as_reply(await self._parts.jobs.run(order), Recut)

    @contextmanager
    def _removing(self, made: Recut) -> Iterator[None]:
        """What was staged has landed afterwards, or is of no use."""
        try:
            yield
        finally:
            remove_staged(self._parts.store_dir, made.staged)


def _range(session: str, from_s: float, to_s: float) -> tuple[int, int]:
    """The range in nanoseconds. Raises RequestRejected for what is no range; where the session ends the job knows."""
    part = session_part(session, from_s, to_s)
    if part.to_ns is None or part.to_ns <= part.from_ns:
        raise RequestRejected(f"the range ends at {to_s:g} s, not after its start at {from_s:g} s")
    return part.from_ns, part.to_ns
