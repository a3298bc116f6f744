"""What a start command asks for, checked against what exists: a plan, or every fault at once. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from reeld.config import Config
from reeld.store.wording import word_faults
from reeld_proto.commands import ErrorReply, Sources, StartSession
from reeld_proto.errors import ErrorCode, ReeldError, error_for
from reeld_proto.records import AudioSource, DisplaySource, Layout, Quality, TrackKind
from reeld_proto.workers import AudioTrackSpec, TrackRecord, VideoTrackSpec

FPS_MIN, FPS_MAX = 1, 60
WIDTH_MIN, HEIGHT_MIN = 640, 480
_DISPLAY_REMEDY = "Start reeld inside a desktop session (DISPLAY set), or record sound alone with --display none."
_SOURCES_REMEDY = "`reelctl sources` lists what can be recorded."

_Source = TypeVar("_Source", DisplaySource, AudioSource)


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What exists at the start. video, audio: what the workers listed, or why they could not."""

    video: Sources | ErrorReply
    audio: Sources | ErrorReply
    free_bytes: int
    default_name: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What will be recorded. *_named: it was asked for by name, so that losing it is an error, not a warning."""

    name: str
    tags: list[str]
    fps: int
    quality: Quality
    video: list[VideoTrackSpec]
    audio: list[AudioTrackSpec]
    video_named: bool
    audio_named: bool
    warnings: list[str]

    def records(self) -> list[TrackRecord]:
        """The tracks as the store hears of them, in the order of playback: pictures, mix, separate sounds."""
        pictures = [
            TrackRecord(id=spec.track, kind=TrackKind.VIDEO, codec="h264", label=spec.label, source=spec.source)
            for spec in self.video
        ]
        sounds = [
            TrackRecord(id=spec.track, kind=TrackKind.AUDIO, codec="aac", label=spec.label, source=spec.source)
            for spec in self.audio
        ]
        return pictures + sounds


@dataclass
class _Findings:
    faults: list[tuple[ErrorCode, str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def fault(self, message: str, code: ErrorCode = ErrorCode.INVALID_REQUEST, remedy: str = "") -> None:
        self.faults.append((code, message, remedy))

    def error(self) -> ReeldError:
        """All faults as one error: of the first fault that is the request's own, else of the first."""
        own = [fault for fault in self.faults if fault[0] == ErrorCode.INVALID_REQUEST]
        code, message, remedy = (own or self.faults)[0]
        messages = tuple(fault[1] for fault in self.faults)
        remedy = remedy or next((fault[2] for fault in self.faults if fault[2]), "")
        return error_for(code, message if len(messages) == 1 else "; ".join(messages), remedy, messages)


def wants_video(request: StartSession) -> bool:
    """Whether the request asks for a picture, by name or by default."""
    return request.displays != ["none"]


def wants_audio(request: StartSession) -> bool:
    """Whether the request asks for sound, by name or by default."""
    return request.microphone != "none" or request.system_audio != "none"


def make_plan(request: StartSession, found: Surroundings, config: Config) -> Plan:
    """What to record. Raises a ReeldError whose `faults` lists everything that is wrong."""
    findings = _Findings()
    name = request.name.strip() or found.default_name
    for message in word_faults(name=name, tags=request.tags):
        findings.fault(message)
    fps = config.record.fps if request.fps is None else request.fps
    if not FPS_MIN <= fps <= FPS_MAX:
        findings.fault(f"fps is {fps}, but must be {FPS_MIN} to {FPS_MAX}")
    _check_unavailable(request, findings)
    if found.free_bytes < config.store.reserve_bytes:
        findings.fault(
            f"{found.free_bytes} bytes are free where the store is, below the reserve of {config.store.reserve_bytes}",
            ErrorCode.DISK_FULL,
            "Free some disk space, or lower store.reserve_bytes.",
        )
    video = _pictures(request, found.video, findings)
    audio = _sounds(request, found.audio, findings)
    if not video and not audio and not findings.faults:
        _nothing_to_record(request, found, findings)
    if findings.faults:
        raise findings.error()
    return Plan(
        name=name,
        tags=list(dict.fromkeys(request.tags)),
        fps=fps,
        quality=config.record.quality if request.quality is None else request.quality,
        video=video,
        audio=audio,
        video_named=bool(request.displays) or request.region is not None,
        audio_named=any(choice not in {"default", "none"} for choice in (request.microphone, request.system_audio)),
        warnings=findings.warnings,
    )


def _check_unavailable(request: StartSession, findings: _Findings) -> None:
    if request.windows:
        findings.fault("windows are not available in this version; record a display or a region")
    if request.cameras:
        findings.fault("cameras are not available in this version; record a display or a region")
    if request.region is not None and request.displays:
        findings.fault("a region and displays cannot be combined")


def _nothing_to_record(request: StartSession, found: Surroundings, findings: _Findings) -> None:
    if wants_video(request) and isinstance(found.video, ErrorReply):
        findings.fault(found.video.message, _device_code(found.video), found.video.remedy)
    elif wants_video(request):
        findings.fault(*_why_no_display(found.video))
    elif wants_audio(request):
        message = "; ".join(findings.warnings) or "there is no sound to record"
        findings.fault(message, ErrorCode.NO_AUDIO)
    else:
        findings.fault("nothing to record: choose a display, a microphone or system audio")


def _device_code(error: ErrorReply) -> ErrorCode:
    try:
        code = ErrorCode(error.code)
    except ValueError:
        return ErrorCode.DEVICE_FAILED
    # A worker that is silent or gone is, to the person who starts, a device that cannot be recorded.
    return ErrorCode.DEVICE_FAILED if code in {ErrorCode.TIMEOUT, ErrorCode.WORKER_LOST, ErrorCode.INTERNAL} else code


# -- pictures -------------------------------------------------------------------------------------------------------


def _pictures(request: StartSession, listed: Sources | ErrorReply, findings: _Findings) -> list[VideoTrackSpec]:
    if not wants_video(request) or request.windows or request.cameras:
        return []
    named = bool(request.displays) or request.region is not None
    if isinstance(listed, ErrorReply) or not listed.displays:
        message, code, remedy = _why_no_display(listed)
        if named:
            findings.fault(message, code, remedy)
        else:
            findings.warnings.append(f"no picture is recorded: {message}")
        return []
    if request.region is not None:
        specs = _region(request.region, listed.displays, findings)
    else:
        displays = _chosen_displays(request.displays, listed.displays, findings)
        specs = [
            VideoTrackSpec(
                track=f"video-{number}",
                label=display.id,
                source=display.id,
                x=display.x,
                y=display.y,
                width=display.width,
                height=display.height,
            )
            for number, display in enumerate(displays, start=1)
        ]
    for spec in specs:
        if spec.width < WIDTH_MIN or spec.height < HEIGHT_MIN:
            findings.fault(
                f"{spec.label} is {spec.width}x{spec.height}, but at least {WIDTH_MIN}x{HEIGHT_MIN} is needed"
            )
    if request.layout not in {None, Layout.PASSTHROUGH} and len(specs) > 1:
        findings.fault(
            f"layout {request.layout} is not available in this version; displays are recorded as separate tracks"
        )
    return specs


def _why_no_display(listed: Sources | ErrorReply) -> tuple[str, ErrorCode, str]:
    if isinstance(listed, ErrorReply):
        return listed.message, _device_code(listed), listed.remedy
    return "; ".join(listed.warnings) or "there is no display", ErrorCode.NO_DISPLAY, _DISPLAY_REMEDY


def _chosen_displays(
    names: Sequence[str], displays: Sequence[DisplaySource], findings: _Findings
) -> Sequence[DisplaySource]:
    if not names or list(names) == ["all"]:
        return displays
    known = {display.id: display for display in displays}
    chosen = []
    for name in dict.fromkeys(names):
        if name in {"all", "none"}:
            findings.fault(f"display {name!r} cannot be combined with others")
        elif name in known:
            chosen.append(known[name])
        else:
            findings.fault(_unknown("display", name, list(known)), ErrorCode.NOT_FOUND, _SOURCES_REMEDY)
    return chosen


def _region(
    region: tuple[int, int, int, int], displays: Sequence[DisplaySource], findings: _Findings
) -> list[VideoTrackSpec]:
    x, y, width, height = region
    left, top = min(d.x for d in displays), min(d.y for d in displays)
    right, bottom = max(d.x + d.width for d in displays), max(d.y + d.height for d in displays)
    text = f"region {x},{y},{width},{height}"
    if not (left <= x < x + width <= right and top <= y < y + height <= bottom):
        findings.fault(f"{text} is not inside the desktop {left},{top},{right - left},{bottom - top}")
        return []
    return [VideoTrackSpec(track="video-1", label=text, source="region", x=x, y=y, width=width, height=height)]


# -- sounds ---------------------------------------------------------------------------------------------------------


def _sounds(request: StartSession, listed: Sources | ErrorReply, findings: _Findings) -> list[AudioTrackSpec]:
    microphones = [] if isinstance(listed, ErrorReply) else listed.microphones
    outputs = [] if isinstance(listed, ErrorReply) else listed.system_audio
    mic = _chosen_sound("microphone", request.microphone, microphones, listed, findings)
    system = _chosen_sound("system audio", request.system_audio, outputs, listed, findings)
    specs = []
    if mic is not None and system is not None:
        specs.append(AudioTrackSpec(track="mix", label="mix", role="mix", source=""))
    if mic is not None:
        specs.append(AudioTrackSpec(track="mic", label=mic.name, role="mic", source=mic.id))
    if system is not None:
        specs.append(AudioTrackSpec(track="system", label=system.name, role="system", source=system.id))
    return specs


def _chosen_sound(
    kind: str, choice: str, sources: Sequence[AudioSource], listed: Sources | ErrorReply, findings: _Findings
) -> AudioSource | None:
    if choice == "none":
        return None
    if choice == "default":
        found = next((source for source in sources if source.default), sources[0] if sources else None)
        if found is None:
            why = listed.message if isinstance(listed, ErrorReply) else "; ".join(listed.warnings) or "there is none"
            findings.warnings.append(f"no {kind} is recorded: {why}")
        return found
    if isinstance(listed, ErrorReply):
        findings.fault(f"{kind} {choice!r}: {listed.message}", _device_code(listed), listed.remedy)
        return None
    for source in sources:
        if source.id == choice:
            return source
    if not listed.microphones and not listed.system_audio:
        why = "; ".join(listed.warnings) or "no sound device can be reached"
        findings.fault(f"{kind} {choice!r}: {why}", ErrorCode.NO_AUDIO, _SOURCES_REMEDY)
    else:
        known = [source.id for source in sources]
        findings.fault(_unknown(kind, choice, known), ErrorCode.NOT_FOUND, _SOURCES_REMEDY)
    return None


def _unknown(kind: str, name: str, known: Sequence[str]) -> str:
    return f"there is no {kind} {name!r}; there is {', '.join(known) or 'none'}"
