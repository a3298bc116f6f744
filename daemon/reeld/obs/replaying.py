"""Requests about the rolling buffer, which OBS calls the replay buffer."""

from reeld.obs.desk import Desk
from reeld.obs.fields import Handler
from reeld.obs.wire import Intent, Message, Refused, Status, event
from reeld.runtime.logs import get_logger
from reeld_proto.errors import ReeldError


class Replaying:
    """The buffer runs whenever the config file allows one: a remote neither starts nor stops it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._last = ""

    def handlers(self) -> dict[str, Handler]:
        """By type of request."""
        return {
            "GetReplayBufferStatus": self._status,
            "SaveReplayBuffer": self._save,
            "GetLastReplayBufferReplay": self._get_last,
        }

    async def _status(self, _data: Message) -> Message:
        return {"outputActive": (await self._desk.client.status()).buffer is not None}

    async def _save(self, _data: Message) -> None:
        """As OBS does it: answered at once, told by an event when it is done."""
        buffer = (await self._desk.client.status()).buffer
        if buffer is None:
            raise Refused(Status.OUTPUT_NOT_RUNNING, "no rolling buffer is kept; `[replay] minutes` allows one")
        self._desk.begin(self._saved(buffer.minutes * 60))

    async def _saved(self, last_s: float) -> None:
        try:
            saved = await self._desk.client.save_replay(last_s)
        except ReeldError as error:
            get_logger().error("obs.replay_failed", reason=str(error))
            return
        self._last = await self._desk.export(saved.session)
        self._desk.publish(event("ReplayBufferSaved", Intent.OUTPUTS, {"savedReplayPath": self._last}))

    async def _get_last(self, _data: Message) -> Message:
        if not self._last:
            raise Refused(Status.NOT_FOUND, "no replay has been saved through a remote yet")
        return {"savedReplayPath": self._last}
