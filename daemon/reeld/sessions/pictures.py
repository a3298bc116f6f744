"""How the chosen sources become video tracks. Pure."""

from collections.abc import Sequence

from reeld.capture.geometry import Size
from reeld.capture.layouts import COLUMNS_MAX, OUTPUT_MIN, OUTPUT_SIDE_MAX, SOURCES_MAX, SOURCES_MIN, natural_size
from reeld.sessions.choices import Choice, find, why_no_display
from reeld.sessions.findings import Findings
from reeld_proto.commands import ErrorReply, Sources, StartSession
from reeld_proto.records import Arrangement, Corner, InsetSize, Layout
from reeld_proto.workers import SourceSpec, VideoTrackSpec


def wants_video(request: StartSession) -> bool:
    """Whether the request asks for a picture, by name or by default."""
    return not Choice.of_start(request).is_empty


def names_video(request: StartSession) -> bool:
    """Whether the request asks for a picture by name, so that its loss is an error."""
    choice = Choice.of_start(request)
    return not choice.is_empty and (bool(request.displays) or choice != Choice(displays=["all"]))


def plan_pictures(request: StartSession, listed: Sources | ErrorReply, findings: Findings) -> list[VideoTrackSpec]:
    """The tracks of a start. What is wrong goes to the findings' faults, a default that is missing to the warnings."""
    choice = Choice.of_start(request)
    if choice.is_empty:
        return []
    nothing_there = isinstance(listed, ErrorReply) or not listed.displays
    if nothing_there and not names_video(request):
        findings.warnings.append(f"no picture is recorded: {why_no_display(listed)[0]}")
        return []
    sources = find(choice, listed, findings)
    if not sources:
        return []
    layout = request.layout or (Layout.PASSTHROUGH if len(sources) == 1 else Layout.GRID)
    if layout is Layout.TRACKS:
        check_count(layout, len(sources), findings)
        return [_track(number, [source], Arrangement(), None) for number, source in enumerate(sources, start=1)]
    if len(sources) == 1:
        layout = Layout.PASSTHROUGH
    columns = request.columns or 0
    check_columns(columns, findings)
    if not check_count(layout, len(sources), findings) or findings.faults:
        return []
    arrangement = Arrangement(
        layout=layout,
        columns=columns,
        corner=request.corner or Corner.BOTTOM_RIGHT,
        inset=request.inset or InsetSize.MEDIUM,
    )
    return [_track(1, sources, arrangement, _output(request.output, findings))]


def check_columns(columns: int, findings: Findings) -> None:
    """A number of columns that no grid has is a fault."""
    if not 0 <= columns <= COLUMNS_MAX:
        findings.fault(f"columns is {columns}, but must be 1 to {COLUMNS_MAX}, or 0 for as many as fit")


def check_count(layout: Layout, count: int, findings: Findings) -> bool:
    """Whether so many sources can be shown in this layout; if not, that is a fault."""
    least, most = SOURCES_MIN.get(layout, 1), SOURCES_MAX[layout]
    if least <= count <= most:
        return True
    takes = f"{least} to {most} sources" if most > 1 else "one source"
    remedy = "Choose grid, or `tracks` for a track of each." if layout is Layout.PASSTHROUGH else ""
    findings.fault(f"layout {layout} shows {takes}, not {count}", remedy=remedy)
    return False


def _output(asked: tuple[int, int] | None, findings: Findings) -> Size | None:
    if asked is None:
        return None
    size = Size(*asked)
    if not (OUTPUT_MIN.width <= size.width <= OUTPUT_SIDE_MAX and OUTPUT_MIN.height <= size.height <= OUTPUT_SIDE_MAX):
        findings.fault(
            f"an output of {size.width}x{size.height} is not between {OUTPUT_MIN.width}x{OUTPUT_MIN.height}"
            f" and {OUTPUT_SIDE_MAX}x{OUTPUT_SIDE_MAX}"
        )
    return Size(size.width + size.width % 2, size.height + size.height % 2)


def _track(number: int, sources: Sequence[SourceSpec], arrangement: Arrangement, output: Size | None) -> VideoTrackSpec:
    size = output or natural_size(arrangement, [Size(source.width, source.height) for source in sources])
    return VideoTrackSpec(
        track=f"video-{number}",
        label=" + ".join(source.label for source in sources),
        sources=list(sources),
        arrangement=arrangement,
        width=size.width,
        height=size.height,
    )
