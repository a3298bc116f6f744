"""What a start command asks for, checked against what exists: a plan, or every fault at once. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from reeld.config import Config
from reeld.sessions.choices import why_no_display
from reeld.sessions.findings import Findings, device_code
from reeld.sessions.pictures import names_video, plan_pictures, wants_video
from reeld.sessions.sounds import SoundPlan, names_audio, plan_sounds, wants_audio
from reeld.store.wording import word_faults
from reeld_proto.commands import ErrorReply, Sources, StartSession
from reeld_proto.errors import ErrorCode
from reeld_proto.records import EncoderChoice, Quality, TrackKind, VideoCodec
from reeld_proto.workers import AudioTrackSpec, SnapshotSpec, TrackRecord, VideoTrackSpec

FPS_MIN, FPS_MAX = 1, 60


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
    codec: VideoCodec = VideoCodec.H264
    encoder: EncoderChoice = EncoderChoice.SOFTWARE
    video: list[VideoTrackSpec]
    sound: SoundPlan
    pointer: bool
    video_named: bool
    audio_named: bool
    warnings: list[str]
    snapshots: list[SnapshotSpec] = field(default_factory=list)

    @property
    def audio(self) -> list[AudioTrackSpec]:
        """The tracks of sound."""
        return self.sound.tracks

    def records(self) -> list[TrackRecord]:
        """The tracks as the store hears of them, in the order of playback: pictures, mix, separate sounds, snapshots.

        The source of a track of snapshots is the video track whose picture it shows.
        """
        labels = {spec.track: spec.label for spec in self.video}
        pictures = [
            TrackRecord(id=spec.track, kind=TrackKind.VIDEO, codec=self.codec, label=spec.label, source=spec.source)
            for spec in self.video
        ]
        sounds = [
            TrackRecord(id=spec.track, kind=TrackKind.AUDIO, codec=spec.codec, label=spec.label, source=spec.source)
            for spec in self.audio
        ]
        stills = [
            TrackRecord(id=spec.track, kind=TrackKind.SNAPSHOT, codec="png", label=labels[spec.of], source=spec.of)
            for spec in self.snapshots
        ]
        return pictures + sounds + stills


def make_plan(request: StartSession, found: Surroundings, config: Config) -> Plan:
    """What to record. Raises a ReeldError whose `faults` lists everything that is wrong."""
    findings = Findings()
    name = request.name.strip() or found.default_name
    for message in word_faults(name=name, tags=request.tags):
        findings.fault(message)
    fps = config.record.fps if request.fps is None else request.fps
    if not FPS_MIN <= fps <= FPS_MAX:
        findings.fault(f"fps is {fps}, but must be {FPS_MIN} to {FPS_MAX}")
    quality = config.record.quality if request.quality is None else request.quality
    codec = config.record.codec if request.codec is None else request.codec
    if wants_video(request) and (quality, codec) == (Quality.LOSSLESS, VideoCodec.AV1):
        findings.fault("AV1 cannot be lossless", remedy="Choose --codec h264 or hevc, or --quality high.")
    if found.free_bytes < config.store.reserve_bytes:
        findings.fault(
            f"{found.free_bytes} bytes are free where the store is, below the reserve of {config.store.reserve_bytes}",
            ErrorCode.DISK_FULL,
            "Free some disk space, or lower store.reserve_bytes.",
        )
    video = plan_pictures(request, found.video, findings)
    sound = plan_sounds(request, found.audio, config.audio, findings)
    if not video and not sound.tracks and not findings.faults:
        _nothing_to_record(request, found, config, findings)
    if findings.faults:
        raise findings.error()
    return Plan(
        name=name,
        tags=list(dict.fromkeys(request.tags)),
        fps=fps,
        quality=quality,
        codec=codec,
        encoder=config.record.encoder,
        video=video,
        sound=sound,
        snapshots=_snapshots(request, video, config),
        pointer=config.record.pointer if request.pointer is None else request.pointer,
        video_named=names_video(request),
        audio_named=names_audio(request, config.audio),
        warnings=findings.warnings,
    )


def _nothing_to_record(request: StartSession, found: Surroundings, config: Config, findings: Findings) -> None:
    if wants_video(request) and isinstance(found.video, ErrorReply):
        findings.fault(found.video.message, device_code(found.video), found.video.remedy)
    elif wants_video(request):
        findings.fault(*why_no_display(found.video))
    elif wants_audio(request, config.audio):
        message = "; ".join(findings.warnings) or "there is no sound to record"
        findings.fault(message, ErrorCode.NO_AUDIO)
    else:
        findings.fault("nothing to record: choose a display, a microphone or system audio")


def _snapshots(request: StartSession, video: Sequence[VideoTrackSpec], config: Config) -> list[SnapshotSpec]:
    """A track of snapshots for each picture, unless none are wanted."""
    wanted = config.snapshots.enabled if request.snapshots is None else request.snapshots
    return [
        SnapshotSpec(
            track=f"snapshots-{number}", of=spec.track, min_s=config.snapshots.min_s, max_s=config.snapshots.max_s
        )
        for number, spec in enumerate(video if wanted else (), start=1)
    ]
