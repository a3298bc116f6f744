"""Which implementation serves this platform, and what it can record. Those of other platforms are not imported."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reeld.capture.api import FrameSource, Rect, Size
from reeld.capture.privacy import PrivacyRules
from reeld_proto.commands import Sources
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import FileSource, SourceKind
from reeld_proto.workers import SourceSpec

XWAYLAND_WARNING = (
    "This X server is Xwayland: only windows of X programs are seen. Log in to an X11 (Xorg) session to record all."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How sources are to be shown. fps: the highest rate of the track; pointer: whether the mouse pointer is drawn.

    privacy: what must not be seen in them.
    """

    fps: int
    pointer: bool = True
    privacy: PrivacyRules = field(default_factory=PrivacyRules)


def refuse_rules_of_windows(rules: PrivacyRules) -> None:
    """Where nothing tells which windows are where, none can be masked: record nothing rather than a private one."""
    if rules.hide_windows:
        raise RequestRejected(
            "windows cannot be masked on this system yet, and there are privacy rules that name some",
            code=ErrorCode.DENIED,
            remedy="Record sound alone, or take the rules with `app` or `title` out of the config file.",
        )


if sys.platform == "darwin":
    from reeld.capture import mss_source

    def _of_desktop(spec: SourceSpec, wishes: Wishes) -> FrameSource:
        refuse_rules_of_windows(wishes.privacy)
        return mss_source.MssSource(_rect(spec))

    def _of_window(_spec: SourceSpec, _wishes: Wishes) -> FrameSource:
        raise RequestRejected(
            "windows cannot be recorded on this system yet",
            code=ErrorCode.DEVICE_FAILED,
            remedy="Record the display or a region.",
        )

    def _list() -> Sources:
        return Sources(displays=mss_source.list_displays())

else:
    from reeld.capture import (
        x11,
        x11_displays,
        x11_place,
        x11_pointer,
        x11_privacy,
        x11_wanted,
        x11_window,
        x11_window_privacy,
        x11_wire,
    )
    from reeld.capture.x11_overlay import Overlay

    def _of_desktop(spec: SourceSpec, wishes: Wishes) -> FrameSource:
        overlays: list[Overlay] = []
        if wishes.privacy.mask_pixels:
            overlays.append(x11_privacy.PrivacyMask(wishes.privacy))
        if wishes.pointer:
            overlays.append(x11_pointer.PointerOverlay())
        if spec.kind is SourceKind.DISPLAY:
            return x11.X11Source(x11_place.MonitorPlace(spec.id), overlays=overlays)
        return x11.X11Source(x11_place.FixedPlace(_rect(spec)), overlays=overlays)

    def _of_window(spec: SourceSpec, wishes: Wishes) -> FrameSource:
        wanted = x11_wanted.WantedWindow(spec.id, app=spec.app or None, title=spec.label)
        overlays: list[Overlay] = []
        if wishes.privacy.mask_pixels:
            overlays.append(x11_window_privacy.WindowVeil(wishes.privacy, wanted))
        if wishes.pointer:
            overlays.append(x11_pointer.PointerOverlay(wanted.is_at))
        return x11_window.X11WindowSource(wanted, overlays=overlays)

    def _list() -> Sources:
        connection = x11_wire.XConnection()
        try:
            with x11_wire.translated("listing monitors and windows"):
                return Sources(
                    displays=x11_displays.list_displays(connection),
                    windows=x11_displays.list_windows(connection),
                    warnings=[XWAYLAND_WARNING] if connection.has_extension("XWAYLAND") else [],
                )
        finally:
            connection.close()


def make_source(spec: SourceSpec, wishes: Wishes) -> FrameSource:
    """An unopened source of what `spec` names. Raises RequestRejected if there is no such kind here."""
    if spec.kind in {SourceKind.DISPLAY, SourceKind.REGION}:
        return _of_desktop(spec, wishes)
    if spec.kind is SourceKind.WINDOW:
        return _of_window(spec, wishes)
    return _moving(spec, wishes)


def _moving(spec: SourceSpec, wishes: Wishes) -> FrameSource:
    # Few sessions have one of these: a start without does not load them.
    from reeld.capture import camera, file_source, pattern_source  # noqa: PLC0415

    size = Size(spec.width, spec.height)
    match spec.kind:
        case SourceKind.CAMERA:
            return camera.CameraFeed(spec.id, size, wishes.fps)
        case SourceKind.FILE:
            return file_source.FileFeed(Path(spec.id))
        case _:
            return pattern_source.PatternSource(size, wishes.fps)


def list_sources(files: Sequence[str] = ()) -> Sources:
    """Displays, windows and cameras, and those of `files` that can be played.

    Without a desktop its lists are empty, and a warning names the remedy.
    """
    from reeld.capture import camera, file_source  # noqa: PLC0415 - needed to list, not to start

    warnings: list[str] = []
    desktop = Sources()
    try:
        desktop = _list()
        warnings += desktop.warnings
    except RequestRejected as error:
        warnings.append(f"{error}. {error.remedy}".strip())
    playable = []
    for path in files:
        try:
            width, height = file_source.video_size(Path(path))
        except RequestRejected as error:
            warnings.append(str(error))
        else:
            playable.append(FileSource(id=path, width=width, height=height))
    return Sources(
        displays=desktop.displays,
        windows=desktop.windows,
        cameras=camera.list_cameras(),
        files=playable,
        warnings=warnings,
    )


def _rect(spec: SourceSpec) -> Rect:
    return Rect(spec.x, spec.y, spec.width, spec.height)
