"""Requests about recording; and what its states are told as."""

from collections.abc import Callable

from reeld.obs.desk import Desk
from reeld.obs.fields import Handler, timecode
from reeld.obs.news import RecordNews, is_over, is_running, record_event
from reeld.obs.wire import Message, Refused, Status
from reeld_proto.events import SessionStateChanged
from reeld_proto.records import Layout, SessionBrief, SessionState


class Recording:
    """layout: what a recording that a remote starts is arranged as; None leaves it to the daemon."""

    def __init__(self, desk: Desk, layout: Callable[[], Layout | None]) -> None:
        self._desk = desk
        self._layout = layout
        self._news = RecordNews()
        self._exported: set[str] = set()

    def handlers(self) -> dict[str, Handler]:
        """By type of request."""
        return {
            "GetRecordStatus": self._status,
            "StartRecord": self._start,
            "StopRecord": self._stop,
            "ToggleRecord": self._toggle,
            "PauseRecord": self._pause,
            "ResumeRecord": self._resume,
            "ToggleRecordPause": self._toggle_pause,
            "GetRecordDirectory": self._directory,
        }

    def begin(self, session: SessionBrief | None) -> None:
        """What there is when the bridge begins."""
        self._news.begin(session.state if session is not None else SessionState.IDLE)

    def told(self, changed: SessionStateChanged) -> None:
        """Tell the remotes of a state. The end of what is still to be exported is told when its file is whole."""
        word = self._news.tell(changed.state)
        if not word or (is_over(changed.state) and changed.session in self._exported):
            return
        self._desk.publish(record_event(word, changed.session if word == "STOPPED" else None))

    async def _session(self) -> SessionBrief | None:
        session = (await self._desk.client.status()).session
        return session if session is not None and is_running(session.state) else None

    async def _running(self) -> SessionBrief:
        session = await self._session()
        if session is None:
            raise Refused(Status.OUTPUT_NOT_RUNNING, "nothing is being recorded")
        return session

    async def _status(self, _data: Message) -> Message:
        session = await self._session()
        tracks = (await self._desk.client.stats()).tracks if session is not None else []
        elapsed_s = session.elapsed_s if session is not None else 0.0
        return {
            "outputActive": session is not None,
            "outputPaused": session is not None and session.state is SessionState.PAUSED,
            "outputTimecode": timecode(elapsed_s),
            "outputDuration": int(elapsed_s * 1000),
            "outputBytes": sum(track.bytes for track in tracks),
        }

    async def _start(self, _data: Message) -> None:
        if await self._session() is not None:
            raise Refused(Status.OUTPUT_RUNNING, "a recording runs already")
        config = self._desk.config
        await self._desk.client.start(
            displays=config.displays,
            test_patterns=config.test_patterns,
            microphone=config.microphone,
            system_audio=config.system_audio,
            layout=self._layout(),
        )

    async def _stop(self, _data: Message) -> Message:
        session = (await self._running()).id
        path = self._desk.path_of(session)
        if path is not None:
            self._exported.add(session)
        try:
            await self._desk.client.stop()
        except BaseException:
            self._exported.discard(session)
            raise
        if path is not None:
            self._desk.begin(self._export(session))
        return {"outputPath": str(path) if path is not None else session}

    async def _export(self, session: str) -> None:
        path = await self._desk.export(session)
        self._desk.publish(record_event("STOPPED", path))

    async def _toggle(self, data: Message) -> Message:
        running = await self._session() is not None
        await (self._stop(data) if running else self._start(data))
        return {"outputActive": not running}

    async def _pause(self, _data: Message) -> None:
        if (await self._running()).state is SessionState.PAUSED:
            raise Refused(Status.OUTPUT_PAUSED, "the recording is paused")
        await self._desk.client.pause()

    async def _resume(self, _data: Message) -> None:
        if (await self._running()).state is not SessionState.PAUSED:
            raise Refused(Status.OUTPUT_NOT_PAUSED, "the recording is not paused")
        await self._desk.client.resume()

    async def _toggle_pause(self, data: Message) -> Message:
        paused = (await self._running()).state is SessionState.PAUSED
        await (self._resume(data) if paused else self._pause(data))
        return {"outputPaused": not paused}

    async def _directory(self, _data: Message) -> Message:
        return {"recordDirectory": self._desk.config.export_dir or ""}
