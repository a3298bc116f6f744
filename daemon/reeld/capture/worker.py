"""The capture worker process: orders in, recorders kept, progress out."""

import contextlib
import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from reeld.capture.api import Size
from reeld.capture.cast import Cast
from reeld.capture.convert import picture_for
from reeld.capture.hiding import SourceHidden
from reeld.capture.privacy import PrivacyRules
from reeld.capture.recorder import TrackRecorder
from reeld.capture.scene import Scene
from reeld.capture.snapshotter import Snapshotter
from reeld.capture.sources import Wishes, list_sources, make_source
from reeld.capture.track import TrackWriter
from reeld.capture.veil import Veil
from reeld.media.encoder import VideoEncoder
from reeld.media.hardware import choose
from reeld.media.presets import settings_for
from reeld.media.stills import copy_of, fingerprint
from reeld.runtime.clock import SessionClock, monotonic_ns
from reeld.runtime.logs import get_logger
from reeld.runtime.outbox import Producer
from reeld.runtime.worker import WorkerContext, main
from reeld_proto.errors import ErrorCode, ReeldError, RequestRejected, TransportError
from reeld_proto.records import Quality, SourceKind, VideoCodec
from reeld_proto.units import NS_PER_S
from reeld_proto.workers import (
    AnyOrder,
    AnyReport,
    AnyTelemetry,
    ArrangePicture,
    CutTracks,
    Done,
    HideTracks,
    ListWorkerSources,
    PauseTracks,
    Progress,
    ResumeTracks,
    SourceSpec,
    StartVideo,
    StopTracks,
    TracksStarted,
    Trouble,
    VideoTrackSpec,
)

START_TIMEOUT_S = 5.0
"""Longest wait for the first frames; a desktop that needs longer is not answering."""

STOP_TIMEOUT_S = 5.0
"""Longest wait for a recorder to end after the instant at which it should."""

DRAIN_TIMEOUT_S = 10.0
"""Longest wait for the store to acknowledge everything at the end."""


class CaptureWorker:
    """Implements `reeld.runtime.worker.Worker` for pictures. Main thread of its process."""

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._session = ""
        self._recorders: list[TrackRecorder] = []
        self._casts: dict[str, Cast] = {}
        self._snapshotters: dict[str, Snapshotter] = {}
        self._producer = Producer(
            context.zmq,
            name=f"{context.name}-{os.getpid()}",
            ingest=context.endpoints.ingest,
            commits=context.endpoints.commits,
        )
        _warm_up()

    def handle(self, order: AnyOrder) -> AnyReport:
        """Carry out an order. Raises what the daemon is to be told."""
        match order:
            case ListWorkerSources(files=files):
                return list_sources(files)
            case StartVideo():
                return self._start(order)
            case PauseTracks(at_ns=at_ns):
                for recorder in self._recorders:
                    recorder.pause(at_ns)
            case ResumeTracks(at_ns=at_ns):
                for recorder in self._recorders:
                    recorder.resume(at_ns)
            case StopTracks(at_ns=at_ns):
                self._stop(at_ns)
            case ArrangePicture():
                self._arrange(order)
            case HideTracks(at_ns=at_ns, detail=detail):
                for recorder in self._recorders:
                    recorder.hide(at_ns, detail)
            case CutTracks():
                self._cut(order)
            case _:
                raise RequestRejected(
                    f"the capture worker has no order {type(order).__name__}", code=ErrorCode.UNKNOWN_COMMAND
                )
        return Done()

    def readers(self) -> Mapping[Any, Callable[[], None]]:
        """No sockets beside those of the loop."""
        return {}

    def tick(self) -> list[AnyTelemetry]:
        """Counters while recording."""
        if not self._recorders:
            return []
        tracks = [
            msgspec.structs.replace(recorder.statistics(), sources=self._casts[recorder.track].statistics())
            for recorder in self._recorders
        ]
        beside = [(self._snapshotters.get(track.id), track) for track in tracks]
        tracks += [snapshotter.statistics(track) for snapshotter, track in beside if snapshotter is not None]
        return [
            Progress(
                worker=self._context.name,
                session=self._session,
                tracks=tracks,
                queues=[self._producer.statistics()],
            )
        ]

    def close(self) -> None:
        """End without draining: who wants the rest asks for StopTracks first."""
        self._end_recorders(monotonic_ns())
        self._producer.close()

    def _start(self, order: StartVideo) -> TracksStarted:
        if self._recorders:
            raise RequestRejected("this worker is recording already", code=ErrorCode.WRONG_STATE)
        self._session = order.session
        self._recorders = [self._recorder(order, spec) for spec in order.tracks]
        for recorder in self._recorders:
            recorder.start()
        try:
            first = [recorder.wait_started(START_TIMEOUT_S) for recorder in self._recorders]
        except ReeldError:
            self._end_recorders(order.clock.start_ns)
            raise
        return TracksStarted(first_ns=min(first, default=None))

    def _recorder(self, order: StartVideo, spec: VideoTrackSpec) -> TrackRecorder:
        settings = choose(order.codec, order.quality, order.encoder)
        rules = PrivacyRules(order.privacy)
        wishes = Wishes(fps=order.fps, pointer=order.pointer, privacy=rules)
        cast = Cast(spec.sources, wishes)
        scene = Scene(
            cast.shown,
            spec.arrangement,
            Size(spec.width, spec.height),
            make_picture=partial(picture_for, settings.pixels),
            on_lost=partial(self._tell_of_source, spec.track),
        )
        picture = scene.picture

        def make_writer() -> TrackWriter:
            return TrackWriter(
                session=order.session,
                track=spec.track,
                epoch=order.epoch,
                encoder=VideoEncoder(picture.width, picture.height, order.fps, settings),
                send=self._producer.send,
                start_ns=_start_ns(order),
                watcher=self._snapshotter(order, spec.track),
            )

        self._casts[spec.track] = cast
        return TrackRecorder(
            spec.track,
            scene=scene,
            make_writer=make_writer,
            clock=SessionClock.from_data(order.clock),
            fps=order.fps,
            on_trouble=self._tell,
            veil=Veil(rules, [_screen(source) for source in spec.sources], ordered=order.hidden),
            takes_over=order.epoch > 1,
        )

    def _arrange(self, order: ArrangePicture) -> None:
        recorder = next((each for each in self._recorders if each.track == order.track), None)
        if recorder is None:
            raise RequestRejected(f"no track {order.track} is being recorded", code=ErrorCode.WRONG_STATE)
        cast = self._casts[order.track]
        parts = cast.parts(order.sources)

        def rearrange(scene: Scene) -> None:
            scene.rearrange(order.arrangement, list(parts.values()))
            recorder.veil.look_at([_screen(source) for source in order.sources])

        recorder.change(rearrange, START_TIMEOUT_S)
        cast.keep(parts)

    def _cut(self, order: CutTracks) -> None:
        keyframe_after_s = order.keyframe_after_s
        after_ns = None if keyframe_after_s is None else round(keyframe_after_s * NS_PER_S)
        deadline_ns = monotonic_ns() + round(order.wait_s * NS_PER_S)
        for recorder in self._recorders:
            recorder.cut(after_ns)
        for recorder in self._recorders:
            recorder.wait_cut(max(0, deadline_ns - monotonic_ns()) / NS_PER_S)
        self._producer.wait_drained(max(0, deadline_ns - monotonic_ns()) / NS_PER_S)

    def _stop(self, at_ns: int) -> None:
        self._end_recorders(at_ns)
        if not self._producer.wait_drained(DRAIN_TIMEOUT_S):
            raise TransportError(
                f"the store has not acknowledged everything within {DRAIN_TIMEOUT_S:g} s", code=ErrorCode.TIMEOUT
            )

    def _end_recorders(self, at_ns: int) -> None:
        for recorder in self._recorders:
            recorder.stop(at_ns)
        for recorder in self._recorders:
            if not recorder.join(STOP_TIMEOUT_S + max(0, at_ns - monotonic_ns()) / NS_PER_S):
                get_logger().error("recorder.stuck", track=recorder.track)
        self._recorders = []
        self._casts = {}
        self._snapshotters = {}

    def _snapshotter(self, order: StartVideo, track: str) -> Snapshotter | None:
        """Who takes the snapshots of a track, if anybody. Called in its recorder's thread."""
        spec = next((each for each in order.snapshots if each.of == track), None)
        if spec is None:
            return None
        made = self._snapshotters[track] = Snapshotter(
            spec,
            session=order.session,
            epoch=order.epoch,
            send=self._producer.send,
            start_ns=_start_ns(order),
            on_trouble=self._tell,
        )
        return made

    def _tell_of_source(self, track: str, label: str, error: RequestRejected | None) -> None:
        if error is None:
            get_logger().info("source.reopened", track=track, source=label)
            return
        if isinstance(error, SourceHidden):
            get_logger().info("source.hidden", track=track, source=label, rule=error.rule)
            return
        get_logger().warning("source.lost", track=track, source=label, reason=str(error))
        self._tell(track, RequestRejected(f"{label}: {error}", code=error.code, remedy=error.remedy))

    def _tell(self, track: str, error: ReeldError) -> None:
        self._context.report(
            Trouble(worker=self._context.name, code=error.code, message=str(error), track=track),
        )


def _screen(source: SourceSpec) -> str | None:
    return source.id if source.kind is SourceKind.DISPLAY else None


def _start_ns(order: StartVideo) -> int | None:
    """The session's first worker explains everything from the start; a later one leaves the hole visible."""
    return 0 if order.epoch == 1 else None


def _warm_up() -> None:
    """Do once what a start does, so that libraries are loaded and initialised: 50 ms that the first one would pay.

    No pixel is read. Without a display there is nothing to prepare; the start will say so.
    """
    settings = settings_for(VideoCodec.H264, Quality.LOW)
    picture = picture_for(settings.pixels, 64, 64)
    encoder = VideoEncoder(64, 64, 30, settings)
    packet = encoder.encode(picture.frame, 0, keyframe=True).packet
    encoder.fragment([packet], 1)
    encoder.close()
    with contextlib.suppress(RequestRejected):
        fingerprint(copy_of(picture.frame).luma())
    spec = SourceSpec(kind=SourceKind.REGION, width=64, height=64)
    source = make_source(spec, Wishes(fps=1))
    with contextlib.suppress(RequestRejected):
        source.open()
    source.close()


if __name__ == "__main__":
    main("capture", CaptureWorker)
