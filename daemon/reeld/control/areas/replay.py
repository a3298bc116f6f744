"""Keeping what has just passed."""

import math

from reeld.control.parts import Handler, Parts, as_reply
from reeld.runtime.clock import monotonic_ns, wall_ns
from reeld.sessions.service import default_name, new_session_id
from reeld_proto import commands as c
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import SessionState
from reeld_proto.replay_orders import KeepLast, LastKept
from reeld_proto.units import NS_PER_MS, NS_PER_S, seconds

STORE_S = 55.0
"""How long the manifest of a whole day may take, a queue before it included; clients wait a minute."""

WORK_MS = 20.0
"""Minutes of five tracks are filled in within it; of what is longer the answer is a promise, for any length."""

LAST_S_MAX = 366 * 86_400.0
MISSING_NS_TOLD = NS_PER_S
"""Less than this of the time asked for may be missing without a word: the last chunk of a sound, say."""

_NO_BUFFER = RequestRejected(
    "no rolling buffer is kept, and nothing was recorded in that time",
    code=ErrorCode.WRONG_STATE,
    remedy="Allow one in the config file and start reeld again:\n[replay]\nminutes = 10",
)


def commands(parts: Parts) -> dict[type[c.Command], Handler]:
    """What each command of this area does."""
    return {c.SaveReplay: _Replay(parts).save}


class _Replay:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def save(self, command: c.SaveReplay, arrived_ns: int) -> c.Reply:
        """Make a session of the last seconds of the clock."""
        if not (math.isfinite(command.last_s) and 0 < command.last_s <= LAST_S_MAX):
            raise RequestRejected(
                f"the last {command.last_s:g} s cannot be kept: it must be above 0, and a year at most"
            )
        replay = self._parts.replay
        now = replay.moment()
        await replay.cut()
        wall = wall_ns()
        order = KeepLast(
            session=new_session_id(wall),
            name=command.name.strip() or f"Replay of {default_name(wall).removeprefix('Session ')}",
            last_ns=round(command.last_s * NS_PER_S),
            now=now,
            work_ms=WORK_MS,
        )
        try:
            kept = as_reply(await self._parts.ask_store(order, STORE_S), LastKept)
        except RequestRejected as error:
            if error.code is ErrorCode.WRONG_STATE and not replay.is_allowed:
                raise _NO_BUFFER from error
            raise
        if not kept.complete:
            replay.fill(order.session)
        warnings = []
        if kept.missing_ns > MISSING_NS_TOLD:
            warnings.append(
                f"only {seconds(kept.duration_ns):.1f} s of the last {command.last_s:g} s were recorded and are kept"
            )
        return c.ReplaySaved(
            session=order.session,
            name=order.name,
            state=SessionState.COMPLETED if kept.complete else SessionState.PERSISTING,
            duration_s=seconds(kept.duration_ns),
            bytes=kept.bytes,
            took_ms=round((monotonic_ns() - arrived_ns) / NS_PER_MS, 1),
            warnings=warnings,
        )
