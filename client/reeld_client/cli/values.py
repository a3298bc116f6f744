"""Options that several commands share, and what must hold of their values before the daemon is asked."""

import math
import os
import re
import sys
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from reeld_client.calls import StartOptions
from reeld_client.cli.completion import session_ids
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import Corner, InsetSize, Layout, Quality, VideoCodec
from reeld_proto.sound_graph import SoundGraph

NameOption = Annotated[str | None, typer.Option("--name", metavar="N", help="Name of the session.", show_default=False)]
DisplayOption = Annotated[
    list[str] | None, typer.Option("--display", metavar="ID|all", help="Display to record; repeatable. Default: all.")
]
WindowOption = Annotated[list[str] | None, typer.Option("--window", metavar="ID", help="Window to record; repeatable.")]
CameraOption = Annotated[list[str] | None, typer.Option("--camera", metavar="ID", help="Camera to record; repeatable.")]
RegionOption = Annotated[
    list[str] | None, typer.Option("--region", metavar="X,Y,W,H", help="Part of the desktop to record, in pixels.")
]
LayoutOption = Annotated[
    Layout | None, typer.Option("--layout", help="How several pictures become one.", show_default=False)
]
ColumnsOption = Annotated[
    int | None,
    typer.Option(
        "--columns",
        metavar="N",
        help="Columns of a grid, 1 to 4; 0 for as many as fit. Default: 0.",
        show_default=False,
    ),
]
CornerOption = Annotated[
    Corner | None,
    typer.Option(
        "--corner", help="Where the first small picture of pip lies. Default: bottom-right.", show_default=False
    ),
]
InsetOption = Annotated[
    InsetSize | None,
    typer.Option("--inset", help="How large the small pictures of pip are. Default: medium.", show_default=False),
]
OutputSizeOption = Annotated[
    str | None,
    typer.Option(
        "--output-size",
        metavar="WxH",
        help="Size of a picture of several sources. Default: as large as they need.",
        show_default=False,
    ),
]
FileOption = Annotated[
    list[str] | None, typer.Option("--file", metavar="PATH", help="Recording to play as a source; repeatable.")
]
TestPatternOption = Annotated[
    list[str] | None, typer.Option("--test-pattern", metavar="WxH", help="Test pattern as a source; repeatable.")
]
PointerOption = Annotated[
    bool | None,
    typer.Option("--pointer/--no-pointer", help="Draw the mouse pointer. Default: drawn.", show_default=False),
]
MicOption = Annotated[
    str | None,
    typer.Option(
        "--mic", metavar="ID|default|none", help="Microphone to record. Default: default.", show_default=False
    ),
]
SystemAudioOption = Annotated[
    str | None,
    typer.Option(
        "--system-audio",
        metavar="ID|default|none",
        help="Computer sound to record. Default: default.",
        show_default=False,
    ),
]
ProfileOption = Annotated[
    str | None,
    typer.Option(
        "--profile",
        metavar="P",
        help="Profile of the config that says what is not said here; see `reelctl profiles`.",
        show_default=False,
    ),
]
AudioGraphOption = Annotated[
    Path | None,
    typer.Option(
        "--audio-graph",
        metavar="FILE.toml",
        help="Graph of sounds, instead of the configured one; - for stdin.",
        show_default=False,
    ),
]
FpsOption = Annotated[
    int | None,
    typer.Option("--fps", metavar="N", help="Most frames a second, 1 to 60. Default: 30.", show_default=False),
]
QualityOption = Annotated[
    Quality | None,
    typer.Option("--quality", help="Size against fidelity of the picture. Default: medium.", show_default=False),
]
CodecOption = Annotated[
    VideoCodec | None,
    typer.Option("--codec", help="Format of the picture. Default: h264.", show_default=False),
]
SnapshotsOption = Annotated[
    bool | None,
    typer.Option(
        "--snapshots/--no-snapshots", help="Stills when the picture changed. Default: yes.", show_default=False
    ),
]
TagOption = Annotated[list[str] | None, typer.Option("--tag", metavar="T", help="Tag of the session; repeatable.")]
SessionArgument = Annotated[
    str, typer.Argument(metavar="ID", help="Id of the session.", autocompletion=session_ids, show_default=False)
]
OutputOption = Annotated[
    Path,
    typer.Option("--output", "-o", metavar="FILE", help="File to write: .mp4, or a sound file.", show_default=False),
]

START_OPTIONS: dict[str, tuple[Any, Any]] = {
    "name": (NameOption, None),
    "display": (DisplayOption, None),
    "window": (WindowOption, None),
    "camera": (CameraOption, None),
    "region": (RegionOption, None),
    "file": (FileOption, None),
    "test_pattern": (TestPatternOption, None),
    "layout": (LayoutOption, None),
    "columns": (ColumnsOption, None),
    "corner": (CornerOption, None),
    "inset": (InsetOption, None),
    "output_size": (OutputSizeOption, None),
    "pointer": (PointerOption, None),
    "mic": (MicOption, None),
    "system_audio": (SystemAudioOption, None),
    "audio_graph": (AudioGraphOption, None),
    "fps": (FpsOption, None),
    "quality": (QualityOption, None),
    "codec": (CodecOption, None),
    "snapshots": (SnapshotsOption, None),
    "tag": (TagOption, None),
    "profile": (ProfileOption, None),
}
"""What `start` and `record` take: parameter of `start_options`, its annotation and default."""


def start_options(  # noqa: PLR0913 - one parameter an option
    *,
    name: str | None,
    display: list[str] | None,
    window: list[str] | None,
    camera: list[str] | None,
    region: list[str] | None,
    file: list[str] | None,
    test_pattern: list[str] | None,
    layout: Layout | None,
    columns: int | None,
    corner: Corner | None,
    inset: InsetSize | None,
    output_size: str | None,
    pointer: bool | None,
    mic: str | None,
    system_audio: str | None,
    audio_graph: Path | None,
    fps: int | None,
    quality: Quality | None,
    codec: VideoCodec | None,
    snapshots: bool | None,
    tag: list[str] | None,
    profile: str | None,
) -> StartOptions:
    """The options of `start` as the client takes them. Raises RequestRejected with every fault found."""
    faults: list[str] = []
    # Lengths, rates and what exists are the daemon's business, which tells all of those faults at once.
    faults += [
        f"{option} is empty"
        for option, value in (("--name", name), ("--profile", profile))
        if value is not None and not value.strip()
    ]
    lists = {"--display": display, "--window": window, "--camera": camera, "--file": file, "--tag": tag}
    for option, values in lists.items():
        if any(not value.strip() for value in values or ()):
            faults.append(f"{option} is empty")
    for option, value in (("--mic", mic), ("--system-audio", system_audio)):
        if value is not None and not value.strip():
            faults.append(f"{option} is empty")
    areas = regions(region, faults)
    output = None if output_size is None else _size(output_size, faults)
    sound = None if audio_graph is None else _graph_or_faults(audio_graph, faults)
    if faults:
        raise invalid(faults)
    options = StartOptions(
        name=name or "",
        displays=display or [],
        windows=window or [],
        cameras=camera or [],
        files=paths(file),
        test_patterns=test_pattern or [],
        regions=areas,
        layout=layout,
        columns=columns,
        corner=corner,
        inset=inset,
        output=output,
        pointer=pointer,
        microphone=mic,
        system_audio=system_audio,
        tags=tag or [],
    )
    # What was not said is left to the daemon's defaults.
    if sound is not None:
        options["audio"] = sound
    if fps is not None:
        options["fps"] = fps
    if quality is not None:
        options["quality"] = quality
    if codec is not None:
        options["codec"] = codec
    if snapshots is not None:
        options["snapshots"] = snapshots
    if profile is not None:
        options["profile"] = profile
    return options


def regions(texts: list[str] | None, faults: list[str]) -> list[tuple[int, int, int, int]]:
    """Regions as the daemon takes them; what is wrong is added to `faults`."""
    return [area for text in texts or () if (area := _region(text, faults)) is not None]


def paths(texts: list[str] | None) -> list[str]:
    """Absolute paths: the daemon has a working directory of its own."""
    return [str(Path(text).expanduser().absolute()) for text in texts or ()]


def sound_graph(file: Path, stdin: IO[str]) -> SoundGraph:
    """The graph of sounds in a file, in `stdin` if it is called `-`. Raises RequestRejected with every fault."""
    from reeld_proto.sound_reading import graph_in  # noqa: PLC0415 - TOML, for who has a file of it

    try:
        text = stdin.read() if file == Path("-") else file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise RequestRejected(f"there is no file {file}", code=ErrorCode.NOT_FOUND) from error
    except (OSError, UnicodeDecodeError) as error:
        raise RequestRejected(f"cannot read {file}: {error}", code=ErrorCode.PERMISSION) from error
    return graph_in(text, str(file))


def _graph_or_faults(file: Path, faults: list[str]) -> SoundGraph | None:
    try:
        return sound_graph(file, sys.stdin)
    except RequestRejected as error:
        if error.code is not ErrorCode.INVALID_REQUEST:
            raise
        faults.extend(error.faults or (str(error),))
        return None


def _size(text: str, faults: list[str]) -> tuple[int, int] | None:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        faults.append(f"--output-size {text!r} is not a size such as 1920x1080")
        return None
    return int(width), int(height)


def _region(text: str, faults: list[str]) -> tuple[int, int, int, int] | None:
    try:
        x, y, width, height = (int(part) for part in text.split(","))
    except ValueError:
        faults.append(f"--region {text!r} is not X,Y,W,H in whole pixels")
        return None
    if width <= 0 or height <= 0:
        faults.append(f"--region {text!r} has no area")
        return None
    return x, y, width, height


def invalid(faults: list[str]) -> RequestRejected:
    """The error for a command line that can be read but makes no sense."""
    return RequestRejected(
        "; ".join(faults), code=ErrorCode.INVALID_REQUEST, remedy="See --help of the command.", faults=tuple(faults)
    )


def check_seconds(option: str, value: float, *, positive: bool) -> None:
    """Raises RequestRejected unless `value` is a number of seconds that can be meant."""
    if not math.isfinite(value) or value < 0 or (positive and value == 0):
        raise invalid([f"{option} must be a number of seconds {'above' if positive else 'from'} 0, not {value:g}"])


def check_range(from_s: float | None, to_s: float | None) -> None:
    """Raises RequestRejected unless the range of an export has a length."""
    if from_s is not None:
        check_seconds("--from", from_s, positive=False)
    if to_s is not None:
        check_seconds("--to", to_s, positive=True)
    if from_s is not None and to_s is not None and to_s <= from_s:
        raise invalid([f"--to {to_s:g} is not after --from {from_s:g}"])


_DURATION = re.compile(
    r"(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m(?!s))?(?:(?P<s>\d+(?:\.\d*)?|\.\d+)s)?(?:(?P<ms>\d+)ms)?", re.ASCII
)
_CLOCK = re.compile(r"(?:(?P<h>\d+):)?(?P<m>\d+):(?P<s>\d\d?(?:\.\d*)?)", re.ASCII)
_PLAIN = re.compile(r"\d+(?:\.\d*)?|\.\d+", re.ASCII)


def parse_seconds(option: str, text: str) -> float:
    """Seconds out of `90`, `1.5`, `7m20s`, `1h`, `250ms`, `2:05.3` or `1:02:03`. Raises RequestRejected for others."""
    text = text.strip()
    if _PLAIN.fullmatch(text):
        return float(text)
    clock = _CLOCK.fullmatch(text)
    if clock and float(clock["s"]) < 60 and (not clock["h"] or int(clock["m"]) < 60):
        return int(clock["h"] or 0) * 3600 + int(clock["m"]) * 60 + float(clock["s"])
    parts = _DURATION.fullmatch(text)
    if not text or parts is None:
        raise invalid([f"{option} {text!r} is no time: write seconds (90), 7m20s or 1:02:03"])
    whole_s = int(parts["h"] or 0) * 3600 + int(parts["m"] or 0) * 60
    return whole_s + float(parts["s"] or 0) + int(parts["ms"] or 0) / 1000


def parse_range(from_text: str | None, to_text: str | None) -> tuple[float | None, float | None]:
    """Both ends of a range in seconds, None where nothing was said. Raises RequestRejected with every fault."""
    faults: list[str] = []
    ends: list[float | None] = []
    for option, text in (("--from", from_text), ("--to", to_text)):
        try:
            ends.append(None if text is None else parse_seconds(option, text))
        except RequestRejected as error:
            faults += error.faults
    if faults:
        raise invalid(faults)
    check_range(*ends)
    return ends[0], ends[1]


def check_output(path: Path) -> Path:
    """The absolute path of a file that can be written. Raises RequestRejected, before anything is recorded for it."""
    path = path.expanduser().absolute()
    if path.is_dir():
        raise invalid([f"{path} is a folder; name a file in it"])
    if not path.parent.is_dir():
        raise RequestRejected(
            f"there is no folder {path.parent}", code=ErrorCode.NOT_FOUND, remedy="Create it or choose another."
        )
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise RequestRejected(
            f"{path} may not be written", code=ErrorCode.PERMISSION, remedy="Choose another place with -o."
        )
    return path
