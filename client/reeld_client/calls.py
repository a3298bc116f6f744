"""What can be asked of the daemon: one function a question, used by the synchronous and the asyncio client alike."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from reeld_client.core import Call, expect
from reeld_proto.commands import (
    AddMarker,
    AdjustSound,
    ArrangePictures,
    EditSound,
    Exported,
    ExportSession,
    GetSnapshot,
    GetSoundGraph,
    GetStats,
    GetStatus,
    ListSessions,
    ListSources,
    PauseSession,
    PictureArranged,
    Ping,
    Pong,
    PrivacyChanged,
    ResumeSession,
    SessionChanged,
    SessionDetail,
    SessionList,
    SessionStarted,
    SessionStopped,
    SetPaused,
    SetPrivate,
    ShowSession,
    Snapshot,
    SoundAdjusted,
    SoundGraphReply,
    Sources,
    StartSession,
    StatsReply,
    Status,
    StopSession,
    Verified,
    VerifyStore,
)
from reeld_proto.records import Corner, InsetSize, Layout, Quality, SessionInfo, SessionState, VideoCodec
from reeld_proto.reloading import ConfigReloaded, ReloadConfig
from reeld_proto.sound_graph import SampleFormat, SoundChange, SoundGraph
from reeld_proto.stats import Stats

QUICK_S = 5.0
LIST_S = 30.0
"""The first list after a start of the daemon describes every session anew: 0.1 ms each."""
START_S = 15.0
"""Devices may take 5 s each to open."""
STOP_S = 30.0
"""Encoders drain and the store commits all that is left."""


class StartOptions(TypedDict, total=False):
    """What `start` takes; the fields of `StartSession`, with its defaults for what is left out."""

    name: str
    displays: list[str]
    windows: list[str]
    cameras: list[str]
    files: list[str]
    test_patterns: list[str]
    region: tuple[int, int, int, int] | None
    regions: list[tuple[int, int, int, int]]
    layout: Layout | None
    columns: int | None
    corner: Corner | None
    inset: InsetSize | None
    output: tuple[int, int] | None
    pointer: bool | None
    microphone: str | None
    system_audio: str | None
    audio: SoundGraph | None
    fps: int
    quality: Quality
    codec: VideoCodec
    snapshots: bool
    tags: list[str]
    profile: str


class ArrangeOptions(TypedDict, total=False):
    """What `arrange` takes; the fields of `ArrangePictures`."""

    layout: Layout | None
    columns: int | None
    corner: Corner | None
    inset: InsetSize | None
    add_displays: list[str]
    add_windows: list[str]
    add_cameras: list[str]
    add_files: list[str]
    add_regions: list[tuple[int, int, int, int]]
    add_test_patterns: list[str]
    remove: list[str]


def ping() -> Call[Pong]:
    """Ask whether the daemon is alive."""
    return Call(Ping(), expect(Pong), QUICK_S)


def status() -> Call[Status]:
    """Daemon, workers and the current session."""
    return Call(GetStatus(), expect(Status), QUICK_S)


def sources() -> Call[Sources]:
    """What can be recorded now."""
    # Device lists come from fresh processes and sound servers: several seconds on a cold machine.
    return Call(ListSources(), expect(Sources), START_S)


def start(options: StartOptions) -> Call[SessionStarted]:
    """Start recording."""
    return Call(StartSession(**options), expect(SessionStarted), START_S)


def pause() -> Call[SessionChanged]:
    """Pause the current session."""
    return Call(PauseSession(), expect(SessionChanged), QUICK_S)


def resume() -> Call[SessionChanged]:
    """Resume the paused session."""
    return Call(ResumeSession(), expect(SessionChanged), QUICK_S)


def arrange(options: ArrangeOptions) -> Call[PictureArranged]:
    """Change layout or sources of the picture that is being recorded."""
    return Call(ArrangePictures(**options), expect(PictureArranged), START_S)


def sound() -> Call[SoundGraphReply]:
    """The graph of sounds of the session, or of the next one."""
    return Call(GetSoundGraph(), expect(SoundGraphReply), QUICK_S)


def adjust_sound(changes: Sequence[SoundChange]) -> Call[SoundAdjusted]:
    """Change settings in the graph of sounds."""
    return Call(AdjustSound(changes=list(changes)), expect(SoundAdjusted), START_S)


def edit_sound(graph: SoundGraph) -> Call[SoundAdjusted]:
    """Record the sound through another graph."""
    return Call(EditSound(graph=graph), expect(SoundAdjusted), START_S)


def stop() -> Call[SessionStopped]:
    """End the current session."""
    return Call(StopSession(), expect(SessionStopped), STOP_S)


def mark(text: str) -> Call[SessionChanged]:
    """Put a note at this instant."""
    return Call(AddMarker(text=text), expect(SessionChanged), QUICK_S)


def set_paused(paused: bool) -> Call[SessionChanged]:  # noqa: FBT001 - it is what the command says
    """Pause or resume, whichever is not so yet."""
    return Call(SetPaused(paused=paused), expect(SessionChanged), QUICK_S)


def set_private(private: bool) -> Call[PrivacyChanged]:  # noqa: FBT001 - it is what the command says
    """Private mode on or off."""
    return Call(SetPrivate(private=private), expect(PrivacyChanged), QUICK_S)


def reload_config() -> Call[ConfigReloaded]:
    """Have the config file read again."""
    return Call(ReloadConfig(), expect(ConfigReloaded), QUICK_S)


class SessionFilters(TypedDict, total=False):
    """What `sessions` takes; the fields of `ListSessions`."""

    status: SessionState | None
    tag: str | None
    text: str | None
    since: str | None
    until: str | None
    any_of: bool
    limit: int | None


def sessions(filters: SessionFilters, after: str = "") -> Call[SessionList]:
    """The sessions that pass, as many as one message holds; if there are more, go on `after` the last of them."""
    return Call(ListSessions(**filters, after=after), expect(SessionList), LIST_S)


def show(session: str) -> Call[SessionInfo]:
    """One session."""
    read = expect(SessionDetail)
    return Call(ShowSession(session=session), lambda reply: read(reply).session, QUICK_S)


def export(
    session: str,
    path: str | os.PathLike[str],
    from_s: float | None = None,
    to_s: float | None = None,
    tracks: list[str] | None = None,
    samples: SampleFormat | None = None,
    remix: list[SoundChange] | None = None,
) -> Call[Exported]:
    """Write a session, or a range of it, as an MP4 file, or a sound of it as a sound file; another mix if asked."""
    # The daemon has a working directory of its own.
    absolute = str(Path(path).expanduser().absolute())
    command = ExportSession(
        session=session, path=absolute, from_s=from_s, to_s=to_s, tracks=tracks or [], samples=samples, remix=remix
    )
    return Call(command, expect(Exported), None, progress_path=absolute)


def verify(session: str | None, max_duration_s: float | None = None) -> Call[Verified]:
    """Check every chunk of the store or of one session, or as many as a time allows."""
    return Call(VerifyStore(session=session, max_duration_s=max_duration_s), expect(Verified), None, progress_path="")


def stats() -> Call[Stats]:
    """One snapshot of all counters."""
    read = expect(StatsReply)
    return Call(GetStats(), lambda reply: read(reply).stats, QUICK_S)


def snapshot() -> Call[Snapshot]:
    """The state from which events continue."""
    return Call(GetSnapshot(), expect(Snapshot), QUICK_S)
