"""The audio worker: orders to recordings of sound. Started by the supervisor as `python -m reeld.audio.worker`."""

import os
import sys
from collections.abc import Mapping
from typing import Any

from msgspec import structs

from reeld.audio import devices
from reeld.audio.api import OpenSource
from reeld.audio.hidden import HiddenSound
from reeld.audio.portaudio import PortAudioSource
from reeld.audio.recorder import Recorder
from reeld.audio.telling import LevelBoard
from reeld.audio.watch import watch_devices
from reeld.runtime.clock import SessionClock, monotonic_ns
from reeld.runtime.outbox import Producer
from reeld.runtime.worker import TICK_MS, WorkerContext, main
from reeld_proto.commands import Sources
from reeld_proto.errors import ErrorCode, ReeldError, RequestRejected, TransportError
from reeld_proto.sound_graph import SoundGraph
from reeld_proto.sound_settings import with_changes
from reeld_proto.stats import QueueStats
from reeld_proto.units import NS_PER_MS
from reeld_proto.workers import (
    AdjustTracks,
    AnyOrder,
    AnyReport,
    AnyTelemetry,
    CutTracks,
    DescribeSound,
    Done,
    EditGraph,
    HideTracks,
    LevelsTold,
    ListWorkerSources,
    PauseTracks,
    Progress,
    ResumeTracks,
    SoundDescribed,
    StartAudio,
    StopTracks,
    TracksStarted,
    Trouble,
    WatchLevels,
)

WATCHED_TICK_MS = 100
"""Pace of reports while somebody watches levels."""
PROGRESS_NS = (TICK_MS - 50) * NS_PER_MS
"""Time between two reports of progress, a little less than the usual pace of ticks."""
OPEN_WAIT_S = 0.8
"""Longest that the start of a session waits for devices; one that takes longer is recorded when it opens."""
DRAIN_S_MAX = 6.0
"""Longest wait for the store to acknowledge the last chunk; the daemon gives a stop 10 s in all."""


class AudioWorker:
    """Serves one session after the other. All methods are called in the main thread."""

    def __init__(self, context: WorkerContext, open_source: OpenSource = PortAudioSource) -> None:
        self._context = context
        self._open_source = open_source
        self._recorder: Recorder | None = None
        self._hidden: HiddenSound | None = None
        self._order: StartAudio | None = None
        self._clock = SessionClock(0)
        self._board = LevelBoard()
        self._progress_ns = 0
        self._producer = Producer(
            context.zmq,
            name=f"{context.name}-{os.getpid()}",
            ingest=context.endpoints.ingest,
            commits=context.endpoints.commits,
        )

    def handle(self, order: AnyOrder) -> AnyReport:
        """Carry out an order."""
        report: AnyReport
        match order:
            case ListWorkerSources():
                found = devices.list_devices()
                report = Sources(
                    microphones=found.microphones, system_audio=found.system_audio, warnings=found.warnings
                )
            case StartAudio():
                report = self._start(order)
            case PauseTracks() | ResumeTracks():
                report = self._pause(order)
            case StopTracks(at_ns=at_ns):
                report = self._stop(at_ns)
            case HideTracks(at_ns=at_ns, detail=detail):
                report = self._hide(at_ns, detail)
            case CutTracks(wait_s=wait_s):
                report = self._cut(wait_s)
            case _:
                report = self._steer(order)
        return report

    def _cut(self, wait_s: float) -> AnyReport:
        if self._recorder is not None:
            self._recorder.cut()
            self._producer.wait_drained(wait_s)
        return Done()

    def _steer(self, order: AnyOrder) -> AnyReport:
        """Orders about the graph."""
        match order:
            case AdjustTracks(at_ns=at_ns, changes=changes):
                if self._recorder is not None:
                    self._recorder.adjust(at_ns, changes)
                self._remember(with_changes(self._graph(), changes))
                return Done()
            case EditGraph(at_ns=at_ns, graph=graph, devices=devices_of):
                if self._recorder is not None:
                    self._recorder.edit(at_ns, graph, devices_of)
                self._remember(graph, devices_of)
                return Done()
            case WatchLevels(on=on):
                self._watch(on=on)
                return Done()
            case DescribeSound():
                return self._described()
            case _:
                raise RequestRejected(
                    f"the audio worker does not know {type(order).__name__}", code=ErrorCode.UNKNOWN_COMMAND
                )

    def readers(self) -> Mapping[Any, Any]:
        """Nothing but orders."""
        return {}

    def tick(self) -> list[AnyTelemetry]:
        """Levels while somebody listens, and progress. A broken recording makes none, which tells the supervisor."""
        told: list[AnyTelemetry] = []
        moments = self._board.take()
        if moments and self._recorder is not None:
            told.append(LevelsTold(worker=self._context.name, session=self._recorder.session, moments=moments))
        if monotonic_ns() >= self._progress_ns:
            self._progress_ns = monotonic_ns() + PROGRESS_NS
            told += self._progress()
        return told

    def _progress(self) -> list[AnyTelemetry]:
        recorder, hidden = self._recorder, self._hidden
        if hidden is not None:
            session, tracks, queues = hidden.session, list(hidden.statistics()), list[QueueStats]()
        elif recorder is None or recorder.failed:
            return []
        else:
            session = recorder.session
            tracks, queues = recorder.statistics()
        return [
            Progress(
                worker=self._context.name,
                session=session,
                tracks=tracks,
                queues=[self._producer.statistics(), *queues],
            )
        ]

    def close(self) -> None:
        """Release devices, encoders and sockets."""
        if self._recorder is not None:
            self._recorder.close()
            self._recorder = None
        self._producer.close()

    def _start(self, order: StartAudio) -> AnyReport:
        if self._recorder is not None or self._hidden is not None:
            raise RequestRejected("this worker already records", code=ErrorCode.WRONG_STATE)
        self._order, self._clock = order, SessionClock.from_data(order.clock)
        self._watch(on=order.levels)
        if order.hidden:
            now_ns = max(0, self._clock.media_ns(monotonic_ns()))
            self._hidden = self._hiding(order, order.hidden, 0 if order.epoch <= 1 else now_ns)
            return TracksStarted()
        recorder = self._recorder_of(order)
        failures = recorder.wait_open(OPEN_WAIT_S)
        if failures and order.epoch <= 1:
            recorder.close()
            raise _joined([error for _, error in failures])
        # A restarted worker records what there is: the session already runs and the device may come back.
        self._recorder = recorder
        return TracksStarted(warnings=[str(error) for _, error in failures])

    def _pause(self, order: PauseTracks | ResumeTracks) -> AnyReport:
        """Pause or resume: the clock at least; while the sound is hidden there is nothing else."""
        if self._hidden is None:
            recorder = self._running()
            (recorder.pause if isinstance(order, PauseTracks) else recorder.resume)(order.at_ns)
        (self._clock.pause if isinstance(order, PauseTracks) else self._clock.resume)(order.at_ns)
        return Done()

    def _recorder_of(self, order: StartAudio, *, anew: bool = False) -> Recorder:
        return Recorder(
            order,
            open_source=self._open_source,
            send=self._producer.send,
            complain=self._complain,
            board=self._board,
            make_watch=watch_devices,
            anew=anew,
        )

    def _hiding(self, order: StartAudio, detail: str, since_ns: int) -> HiddenSound:
        return HiddenSound(order, self._clock, since_ns=since_ns, detail=detail, send=self._producer.send)

    def _hide(self, at_ns: int, detail: str) -> AnyReport:
        """Close the devices, or open them again; what they gave after `at_ns` is left out."""
        order, hidden = self._order, self._hidden
        if order is None or detail == ("" if hidden is None else hidden.detail):
            return Done()
        if hidden is None:
            self._end_recorder(at_ns)
        else:
            self._hidden = None
        media_ns = max(0, self._clock.media_ns(at_ns))
        if not detail:
            # Devices take a moment to open; until then there is counted silence, as at the start of a session.
            self._recorder = self._recorder_of(structs.replace(order, clock=self._clock.data()), anew=True)
            media_ns = self._recorder.first_ns
        if hidden is not None:
            hidden.end(media_ns)
        if detail:
            self._hidden = self._hiding(order, detail, media_ns)
        return Done()

    def _end_recorder(self, at_ns: int) -> None:
        recorder = self._running()
        self._recorder = None
        try:
            recorder.stop(at_ns)
        finally:
            recorder.close()

    def _stop(self, at_ns: int) -> AnyReport:
        self._order = None
        if self._hidden is not None:
            hidden, self._hidden = self._hidden, None
            hidden.end(max(0, self._clock.media_ns(at_ns)))
        else:
            self._end_recorder(at_ns)
        if not self._producer.wait_drained(DRAIN_S_MAX):
            raise TransportError("the store has not acknowledged the last sound in time", code=ErrorCode.TIMEOUT)
        return Done()

    def _watch(self, *, on: bool) -> None:
        self._board.wanted = on
        self._context.tick_ms = WATCHED_TICK_MS if on else TICK_MS

    def _graph(self) -> SoundGraph:
        """The graph with all changes asked for, also while the sound is hidden."""
        if self._order is None:
            raise RequestRejected("this worker records nothing", code=ErrorCode.WRONG_STATE)
        return self._order.graph

    def _remember(self, graph: SoundGraph, devices_of: Mapping[str, str] | None = None) -> None:
        """What holds from now on, also for a recorder that is made later."""
        if self._order is not None:
            known = self._order.devices if devices_of is None else dict(devices_of)
            self._order = structs.replace(self._order, graph=graph, devices=known)

    def _described(self) -> AnyReport:
        if self._recorder is None:
            return SoundDescribed(session="" if self._hidden is None else self._hidden.session)
        return self._recorder.describe()

    def _running(self) -> Recorder:
        if self._recorder is None:
            raise RequestRejected("this worker records nothing", code=ErrorCode.WRONG_STATE)
        return self._recorder

    def _complain(self, code: str, message: str, track: str) -> None:
        self._context.report(Trouble(worker=self._context.name, code=code, message=message, track=track))


def _joined(errors: list[ReeldError]) -> ReeldError:
    """One error that names all faults, with the code and the remedy of the first."""
    first = errors[0]
    text = "; ".join(str(error) for error in errors)
    return RequestRejected(text, code=first.code, remedy=first.remedy, faults=tuple(str(error) for error in errors))


def silence_libraries() -> None:
    """Keep ALSA, PulseAudio and PortAudio off our stderr: they write to descriptor 2 whatever they find missing.

    Our own log goes on, through a copy of the descriptor. Called before anything writes.
    """
    sys.stderr.flush()
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)


if __name__ == "__main__":
    silence_libraries()
    main("audio", AudioWorker)
