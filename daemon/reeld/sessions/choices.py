"""Which sources of pictures somebody asked for, found among those that exist. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from reeld.capture.layouts import OUTPUT_MIN
from reeld.sessions.findings import SOURCES_REMEDY, Findings, device_code, unknown
from reeld_proto.commands import ArrangePictures, ErrorReply, Sources, StartSession
from reeld_proto.errors import ErrorCode
from reeld_proto.records import DisplaySource, SourceKind
from reeld_proto.workers import SourceSpec

_DISPLAY_REMEDY = "Start reeld inside a desktop session (DISPLAY set), or record sound alone with --display none."
_TEST_SIZE = re.compile(r"(\d{2,4})x(\d{2,4})", re.ASCII)

Region = tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Sources by name. displays: `["all"]` are all of them."""

    displays: Sequence[str] = ()
    windows: Sequence[str] = ()
    cameras: Sequence[str] = ()
    files: Sequence[str] = ()
    regions: Sequence[Region] = ()
    test_patterns: Sequence[str] = field(default=())

    @classmethod
    def of_start(cls, request: StartSession) -> "Choice":
        """What a start names: all displays if it names nothing."""
        regions = [*([] if request.region is None else [request.region]), *request.regions]
        displays = [] if request.displays == ["none"] else request.displays
        named = cls(
            displays=displays,
            windows=request.windows,
            cameras=request.cameras,
            files=request.files,
            regions=regions,
            test_patterns=request.test_patterns,
        )
        return named if request.displays or not named.is_empty else cls(displays=["all"])

    @classmethod
    def of_arranging(cls, request: ArrangePictures) -> "Choice":
        """What is to be added."""
        return cls(
            displays=request.add_displays,
            windows=request.add_windows,
            cameras=request.add_cameras,
            files=request.add_files,
            regions=request.add_regions,
            test_patterns=request.add_test_patterns,
        )

    @property
    def is_empty(self) -> bool:
        """Whether nothing is named."""
        named = (self.displays, self.windows, self.cameras, self.files, self.regions, self.test_patterns)
        return not any(named)

    @property
    def needs_desktop(self) -> bool:
        """Whether anything named lies on a desktop."""
        return bool(self.displays or self.windows or self.regions)


def find(choice: Choice, listed: Sources | ErrorReply, findings: Findings) -> list[SourceSpec]:
    """The sources: displays, regions, windows, cameras, files, test patterns. What is missing is a fault."""
    if choice.needs_desktop and (isinstance(listed, ErrorReply) or not listed.displays):
        findings.fault(*why_no_display(listed))
        return []
    known = Sources() if isinstance(listed, ErrorReply) else listed
    specs = [_of_display(display) for display in _displays(choice.displays, known.displays, findings)]
    specs += [spec for region in choice.regions if (spec := _region(region, known.displays, findings))]
    for spec in specs:
        if spec.width < OUTPUT_MIN.width or spec.height < OUTPUT_MIN.height:
            size = f"{spec.width}x{spec.height}"
            findings.fault(f"{spec.label} is {size}, but at least {OUTPUT_MIN.width}x{OUTPUT_MIN.height} is needed")
    specs += _windows(choice.windows, known, findings)
    specs += _cameras(choice.cameras, listed, findings)
    specs += _files(choice.files, listed, findings)
    specs += _test_patterns(choice.test_patterns, findings)
    return list({spec.key: spec for spec in specs}.values())


def why_no_display(listed: Sources | ErrorReply) -> tuple[str, ErrorCode, str]:
    """What to tell somebody who wants a display where there is none: message, code, remedy."""
    if isinstance(listed, ErrorReply):
        return listed.message, device_code(listed), listed.remedy
    return "; ".join(listed.warnings) or "there is no display", ErrorCode.NO_DISPLAY, _DISPLAY_REMEDY


def _displays(names: Sequence[str], displays: Sequence[DisplaySource], findings: Findings) -> Sequence[DisplaySource]:
    if list(names) == ["all"]:
        return displays
    known = {display.id: display for display in displays}
    chosen = []
    for name in dict.fromkeys(names):
        if name in {"all", "none"}:
            findings.fault(f"display {name!r} cannot be combined with others")
        elif name in known:
            chosen.append(known[name])
        else:
            findings.fault(unknown("display", name, list(known)), ErrorCode.NOT_FOUND, SOURCES_REMEDY)
    return chosen


def _of_display(display: DisplaySource) -> SourceSpec:
    return SourceSpec(
        kind=SourceKind.DISPLAY,
        id=display.id,
        label=display.id,
        x=display.x,
        y=display.y,
        width=display.width,
        height=display.height,
    )


def _region(region: Region, displays: Sequence[DisplaySource], findings: Findings) -> SourceSpec | None:
    x, y, width, height = region
    left, top = min(d.x for d in displays), min(d.y for d in displays)
    right, bottom = max(d.x + d.width for d in displays), max(d.y + d.height for d in displays)
    text = f"region {x},{y},{width},{height}"
    if not (left <= x < x + width <= right and top <= y < y + height <= bottom):
        findings.fault(f"{text} is not inside the desktop {left},{top},{right - left},{bottom - top}")
        return None
    return SourceSpec(kind=SourceKind.REGION, label=text, x=x, y=y, width=width, height=height)


def _windows(names: Sequence[str], known: Sources, findings: Findings) -> list[SourceSpec]:
    by_id = {window.id: window for window in known.windows}
    specs = []
    for name in names:
        window = by_id.get(name.lower())
        if window is None:
            findings.fault(unknown("window", name, list(by_id)), ErrorCode.NOT_FOUND, SOURCES_REMEDY)
            continue
        specs.append(
            SourceSpec(
                kind=SourceKind.WINDOW,
                id=window.id,
                label=window.title or window.app or window.id,
                app=window.app,
                x=window.x,
                y=window.y,
                width=window.width,
                height=window.height,
            )
        )
    return specs


def _cameras(names: Sequence[str], listed: Sources | ErrorReply, findings: Findings) -> list[SourceSpec]:
    if names and isinstance(listed, ErrorReply):
        findings.fault(listed.message, device_code(listed), listed.remedy)
        return []
    by_id = {camera.id: camera for camera in listed.cameras} if isinstance(listed, Sources) else {}
    specs = []
    for name in names:
        camera = by_id.get(name)
        if camera is None:
            findings.fault(unknown("camera", name, list(by_id)), ErrorCode.NOT_FOUND, SOURCES_REMEDY)
            continue
        width, height = camera.size
        specs.append(SourceSpec(kind=SourceKind.CAMERA, id=name, label=camera.name, width=width, height=height))
    return specs


def _files(paths: Sequence[str], listed: Sources | ErrorReply, findings: Findings) -> list[SourceSpec]:
    if paths and isinstance(listed, ErrorReply):
        findings.fault(listed.message, device_code(listed), listed.remedy)
        return []
    by_path = {file.id: file for file in listed.files} if isinstance(listed, Sources) else {}
    specs = []
    for path in paths:
        file = by_path.get(path)
        if file is None:
            findings.fault(f"{path} is no file with a picture that can be played", ErrorCode.NOT_FOUND)
            continue
        name = path.rpartition("/")[2]
        specs.append(SourceSpec(kind=SourceKind.FILE, id=path, label=name, width=file.width, height=file.height))
    return specs


def _test_patterns(texts: Sequence[str], findings: Findings) -> list[SourceSpec]:
    specs = []
    for number, text in enumerate(texts, start=1):
        size = _TEST_SIZE.fullmatch(text)
        if size is None:
            findings.fault(f"{text!r} is no size of a test pattern, such as 1280x720")
            continue
        name = f"test-{number}"
        width, height = int(size[1]), int(size[2])
        specs.append(SourceSpec(kind=SourceKind.TEST, id=name, label=name, width=width, height=height))
    return specs
