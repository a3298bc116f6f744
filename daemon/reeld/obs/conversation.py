"""What is said on one connection, without a socket: hello, identification, then requests. Pure."""

from dataclasses import dataclass
from typing import Any

from reeld.obs.gate import Challenge
from reeld.obs.wire import (
    OBS_WEBSOCKET_VERSION,
    RPC_VERSION,
    CloseCode,
    Closing,
    Intent,
    Message,
    Op,
)

BATCH_MAX = 64


@dataclass(frozen=True)
class Asked:
    """A request. id: whatever the remote chose; data: its fields."""

    id: Any
    name: str
    data: Message


@dataclass(frozen=True)
class AskedBatch:
    """Requests of one message; a name that is missing is empty. halt: whether the first failure ends it."""

    id: Any
    requests: list[Asked]
    halt: bool
    execution: Any


class Conversation:
    """One connection. `subscriptions`: to what it listens, nothing before it has identified itself."""

    def __init__(self, password: str, challenge: Challenge | None = None) -> None:
        self.is_identified = False
        self.subscriptions = 0
        self._password = password
        self._challenge = challenge or Challenge()

    def hello(self) -> Message:
        """The first message, which is ours."""
        return {
            "op": Op.HELLO,
            "d": {
                "obsWebSocketVersion": OBS_WEBSOCKET_VERSION,
                "rpcVersion": RPC_VERSION,
                "authentication": {"challenge": self._challenge.challenge, "salt": self._challenge.salt},
            },
        }

    def hear(self, op: int, data: Message) -> Message | Asked | AskedBatch:
        """What a message of the remote leads to: an answer at once, or work. Raises Closing."""
        if op == Op.IDENTIFY:
            return self._identify(data)
        if op in {Op.REIDENTIFY, Op.REQUEST, Op.BATCH} and not self.is_identified:
            raise Closing(CloseCode.NOT_IDENTIFIED, "identify yourself first")
        match op:
            case Op.REIDENTIFY:
                return self._identified(data)
            case Op.REQUEST:
                return _asked(data, _needed(data, "requestId"))
            case Op.BATCH:
                return _batch(data)
            case _:
                raise Closing(CloseCode.UNKNOWN_OP, f"no remote sends op {op}")

    def _identify(self, data: Message) -> Message:
        if self.is_identified:
            raise Closing(CloseCode.ALREADY_IDENTIFIED, "you have identified yourself")
        version = _needed(data, "rpcVersion")
        if not isinstance(version, int):
            raise Closing(CloseCode.INVALID_TYPE, "`rpcVersion` is not a number")
        if version < RPC_VERSION:
            raise Closing(CloseCode.UNSUPPORTED_RPC, f"rpcVersion {RPC_VERSION} is spoken here")
        if not self._challenge.fits(data.get("authentication"), self._password):
            raise Closing(CloseCode.AUTHENTICATION_FAILED, "the password is wrong")
        answer = self._identified({"eventSubscriptions": int(Intent.ALL), **data})
        self.is_identified = True
        return answer

    def _identified(self, data: Message) -> Message:
        wanted = data.get("eventSubscriptions", self.subscriptions)
        if not isinstance(wanted, int):
            raise Closing(CloseCode.INVALID_TYPE, "`eventSubscriptions` is not a number")
        self.subscriptions = wanted
        return {"op": Op.IDENTIFIED, "d": {"negotiatedRpcVersion": RPC_VERSION}}


def _needed(data: Message, name: str) -> Any:
    if name not in data:
        raise Closing(CloseCode.MISSING_FIELD, f"`{name}` is missing")
    return data[name]


def _asked(data: Message, id: Any) -> Asked:
    name, fields = _needed(data, "requestType"), data.get("requestData")
    if not isinstance(name, str) or not isinstance(fields, dict | None):
        raise Closing(CloseCode.INVALID_TYPE, "`requestType` is not a text, or `requestData` not an object")
    return Asked(id, name, fields or {})


def _batch(data: Message) -> AskedBatch:
    batch_id, requests = _needed(data, "requestId"), _needed(data, "requests")
    if not isinstance(requests, list) or not all(isinstance(each, dict) for each in requests):
        raise Closing(CloseCode.INVALID_TYPE, "`requests` is not a list of objects")
    if len(requests) > BATCH_MAX:
        raise Closing(CloseCode.INVALID_TYPE, f"a batch of {len(requests)} is over the limit of {BATCH_MAX}")
    asked = [_asked(each, each.get("requestId")) for each in requests]
    return AskedBatch(batch_id, asked, data.get("haltOnFailure") is True, data.get("executionType", 0))
