"""Every type of request, answered; what reeld refuses in the words of obs-websocket."""

import asyncio
import platform
import sys

from reeld import __version__
from reeld.obs.conversation import Asked, AskedBatch
from reeld.obs.desk import Desk
from reeld.obs.fields import Handler, number
from reeld.obs.recording import Recording
from reeld.obs.replaying import Replaying
from reeld.obs.scenes import Scenes
from reeld.obs.sounds import Sounds
from reeld.obs.wire import OBS_VERSION, OBS_WEBSOCKET_VERSION, RPC_VERSION, Message, Op, Refused, Status, result
from reeld_proto.errors import ErrorCode, ReeldError

_PARALLEL = 2
_SLEEP_MS_MAX = 50_000
_MB = 1e6

_STATUS = {
    ErrorCode.INVALID_REQUEST: Status.INVALID_FIELD,
    ErrorCode.NOT_FOUND: Status.NOT_FOUND,
    ErrorCode.WRONG_STATE: Status.INVALID_STATE,
    ErrorCode.NO_DAEMON: Status.NOT_READY,
    ErrorCode.TIMEOUT: Status.NOT_READY,
}


class Requests:
    """One for all remotes: what one of them chooses, all see."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        scenes = Scenes(desk)
        self.recording = Recording(desk, scenes.layout)
        self.sounds = Sounds(desk)
        self._handlers: dict[str, Handler] = {
            "GetVersion": self._version,
            "GetStats": self._stats,
            **self.recording.handlers(),
            **Replaying(desk).handlers(),
            **scenes.handlers(),
            **self.sounds.handlers(),
            "GetStudioModeEnabled": _studio_mode,
            "GetStreamStatus": _stream,
        }

    async def answer(self, asked: Asked) -> Message:
        """The response to a request."""
        return {"op": Op.RESPONSE, "d": {"requestId": asked.id, **await self._result(asked)}}

    async def answer_batch(self, batch: AskedBatch) -> Message:
        """The responses to a batch, one after the other; the first failure ends it if that was asked for."""
        results: list[Message] = []
        for asked in batch.requests:
            if batch.execution == _PARALLEL and asked.name == "Sleep":
                found = result(asked.name, Status.UNSUPPORTED_EXECUTION, "nothing waits in a parallel batch")
            else:
                found = await (self._sleep(asked) if asked.name == "Sleep" else self._result(asked))
            results.append(found if asked.id is None else {"requestId": asked.id, **found})
            if batch.halt and not found["requestStatus"]["result"]:
                break
        return {"op": Op.BATCH_RESPONSE, "d": {"requestId": batch.id, "results": results}}

    async def _result(self, asked: Asked) -> Message:
        handler = self._handlers.get(asked.name)
        if handler is None:
            return result(asked.name, Status.UNKNOWN_TYPE, "reeld has no such request")
        try:
            return result(asked.name, Status.SUCCESS, data=await handler(asked.data))
        except Refused as refused:
            return result(asked.name, refused.status, str(refused))
        except ReeldError as error:
            return result(asked.name, _STATUS.get(error.code, Status.FAILED), " ".join(str(error).split()))

    async def _sleep(self, asked: Asked) -> Message:
        try:
            await asyncio.sleep(number(asked.data, "sleepMillis", 0, _SLEEP_MS_MAX) / 1000)
        except Refused as refused:
            return result(asked.name, refused.status, str(refused))
        return result(asked.name, Status.SUCCESS)

    async def _version(self, _data: Message) -> Message:
        return {
            "obsVersion": OBS_VERSION,
            "obsWebSocketVersion": OBS_WEBSOCKET_VERSION,
            "rpcVersion": RPC_VERSION,
            "availableRequests": [*self._handlers, "Sleep"],
            "supportedImageFormats": [],
            "platform": "macos" if sys.platform == "darwin" else sys.platform,
            "platformDescription": f"reeld {__version__} on {platform.system()} {platform.release()}",
        }

    async def _stats(self, _data: Message) -> Message:
        stats = await self._desk.client.stats()
        video = [track for track in stats.tracks if track.id.startswith("video")]
        frames, dropped = (sum(getattr(track, name) for track in video) for name in ("frames", "dropped"))
        media_s = max((track.media_s for track in video), default=0.0)
        return {
            "cpuUsage": 100 * sum(worker.cpu for worker in stats.workers),
            "memoryUsage": sum(worker.rss_bytes for worker in stats.workers) / _MB,
            "availableDiskSpace": stats.disk_free_bytes / _MB,
            "activeFps": frames / media_s if media_s else 0.0,
            "averageFrameRenderTime": 0.0,
            "renderSkippedFrames": 0,
            "renderTotalFrames": frames,
            "outputSkippedFrames": dropped,
            "outputTotalFrames": frames,
            "webSocketSessionIncomingMessages": self._desk.heard,
            "webSocketSessionOutgoingMessages": self._desk.said,
        }


async def _studio_mode(_data: Message) -> Message:
    return {"studioModeEnabled": False}


async def _stream(_data: Message) -> Message:
    return {
        "outputActive": False,
        "outputReconnecting": False,
        "outputTimecode": "00:00:00.000",
        "outputDuration": 0,
        "outputCongestion": 0.0,
        "outputBytes": 0,
        "outputSkippedFrames": 0,
        "outputTotalFrames": 0,
    }
