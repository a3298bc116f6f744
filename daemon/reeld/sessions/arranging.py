"""Changing layout and sources of the picture while it is recorded. Pure."""

from dataclasses import replace

import msgspec

from reeld.sessions import signals
from reeld.sessions.choices import Choice, find
from reeld.sessions.findings import Findings, unknown
from reeld.sessions.live import Live
from reeld.sessions.pictures import check_columns, check_count
from reeld.sessions.services import ServiceKeeper
from reeld.sessions.signals import Service, Step
from reeld.sessions.states import Trigger, next_state
from reeld_proto.commands import ArrangePictures, ErrorReply, PictureArranged, Sources
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import Arrangement, Layout
from reeld_proto.workers import ArrangePicture, SourceSpec, VideoTrackSpec


class PictureKeeper(ServiceKeeper):
    """Handles what is asked of the picture of the live session, one change at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._arranging: tuple[int, str, VideoTrackSpec] | None = None

    def _arrange(self, event: signals.ArrangeAsked) -> None:
        """Raises RequestRejected: WRONG_STATE, or what is wrong with the request."""
        next_state(self.state, Trigger.ARRANGE)
        live = self._session()
        if len(live.plan.video) != 1:
            what = "each source is a track of its own" if live.plan.video else "no picture is being recorded"
            raise RequestRejected(
                f"the picture cannot be changed: {what}",
                code=ErrorCode.WRONG_STATE,
                remedy="Start the session with a layout such as grid.",
            )
        if self._arranging is not None:
            raise RequestRejected("the picture is being changed already", code=ErrorCode.WRONG_STATE)
        spec = rearranged(live.plan.video[0], event)
        status = live.services[Service.VIDEO]
        if not status.takes_orders:
            # Whoever takes over the pictures is told how they are by then.
            self._arranged(live, event.ask, spec)
            return
        self._arranging = event.ask, live.id, spec
        order = ArrangePicture(track=spec.track, arrangement=spec.arrangement, sources=spec.sources)
        self._do(signals.OrderService(service=Service.VIDEO, epoch=status.epoch, step=Step.ARRANGE, order=order))

    def _arrange_answered(self, event: signals.ServiceAnswered) -> None:
        if self._arranging is None:
            return
        (ask, session, spec), self._arranging = self._arranging, None
        if event.error is not None:
            if event.error.code == ErrorCode.TIMEOUT:
                self._do(signals.Distrust(service=event.service, reason=event.error.message))
            self._answer(ask, event.error)
        elif self.live is None or self.live.id != session:
            self._answer(ask, ErrorReply(code=ErrorCode.WRONG_STATE, message="the session has ended meanwhile"))
        else:
            self._arranged(self.live, ask, spec)

    def _arranged(self, live: Live, ask: int, spec: VideoTrackSpec) -> None:
        live.plan = replace(live.plan, video=[spec])
        sources = [source.id or source.label for source in spec.sources]
        self._answer(
            ask,
            PictureArranged(session=live.id, state=self.state, layout=spec.arrangement.layout, sources=sources),
        )


def rearranged(spec: VideoTrackSpec, event: signals.ArrangeAsked) -> VideoTrackSpec:
    """The track as it shall be. Raises RequestRejected with everything that is wrong."""
    request, findings = event.request, Findings()
    if request.layout is Layout.TRACKS:
        findings.fault("the sources of a picture that is being recorded cannot become tracks of their own")
    sources = _without(spec.sources, request.remove, findings)
    choice = Choice.of_arranging(request)
    if not choice.is_empty:
        listed = Sources() if event.listed is None else event.listed
        sources = list({source.key: source for source in (*sources, *find(choice, listed, findings))}.values())
    if not sources and not findings.faults:
        findings.fault("one source at least must remain; `reelctl stop` ends the recording")
    arrangement = _changed(spec.arrangement, request, len(sources))
    check_columns(arrangement.columns, findings)
    if not findings.faults:
        check_count(arrangement.layout, len(sources), findings)
    if findings.faults:
        raise findings.error()
    return msgspec.structs.replace(spec, sources=sources, arrangement=arrangement)


def _without(sources: list[SourceSpec], names: list[str], findings: Findings) -> list[SourceSpec]:
    left = list(sources)
    for name in names:
        found = next((source for source in left if name in {source.id, source.label}), None)
        if found is None:
            known = [source.id or source.label for source in sources]
            findings.fault(unknown("source in the picture called", name, known), ErrorCode.NOT_FOUND)
        else:
            left.remove(found)
    return left


def _changed(arrangement: Arrangement, request: ArrangePictures, count: int) -> Arrangement:
    layout = request.layout or arrangement.layout
    if request.layout is None and count == 1:
        layout = Layout.PASSTHROUGH
    elif request.layout is None and layout is Layout.PASSTHROUGH:
        layout = Layout.GRID
    return Arrangement(
        layout=layout,
        columns=arrangement.columns if request.columns is None else request.columns,
        corner=request.corner or arrangement.corner,
        inset=request.inset or arrangement.inset,
    )
