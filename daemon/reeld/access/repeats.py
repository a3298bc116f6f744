"""Commands that came before: the answers of the last minute, by connection and request id. Pure; the time is told."""

from collections import OrderedDict
from dataclasses import dataclass

from reeld_proto.commands import Command, Reply
from reeld_proto.limits import REPEATS_S
from reeld_proto.units import NS_PER_S

CLIENTS_MAX = 256
PER_CLIENT_MAX = 64
"""Answers kept; a client that sends more within a minute loses its own oldest ones, never another client's."""


@dataclass(slots=True)
class Done:
    """A command that came. reply: None while it is being carried out; again: repetitions that wait for it."""

    command: Command
    at_ns: int
    reply: Reply | None = None
    again: int = 0


class Repeats:
    """What came lately, by client and request id."""

    def __init__(self) -> None:
        self._clients: OrderedDict[bytes, OrderedDict[str, Done]] = OrderedDict()

    def find(self, client: bytes, request_id: str, command: Command, now_ns: int) -> Done | None:
        """What this very command came to, if it came lately on this connection under this id."""
        mine = self._clients.get(client)
        done = None if mine is None else mine.get(request_id)
        if done is None or done.command != command:
            return None
        if done.reply is not None and now_ns - done.at_ns > REPEATS_S * NS_PER_S:
            return None
        return done

    def begin(self, client: bytes, request_id: str, command: Command, now_ns: int) -> Done:
        """Remember a command that is carried out now; put its answer into what this returns."""
        mine = self._clients.setdefault(client, OrderedDict())
        self._clients.move_to_end(client)
        done = mine[request_id] = Done(command, now_ns)
        mine.move_to_end(request_id)
        if len(mine) > PER_CLIENT_MAX:
            mine.popitem(last=False)
        if len(self._clients) > CLIENTS_MAX:
            self._clients.popitem(last=False)
        return done
