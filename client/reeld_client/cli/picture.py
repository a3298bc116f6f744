"""Commands that change the picture while it is recorded: layout, and sources that come and go."""

from typing import Annotated

import typer

from reeld_client.calls import ArrangeOptions
from reeld_client.cli import values
from reeld_client.cli.command import command
from reeld_client.cli.invocation import Answer, Invocation
from reeld_client.cli.progress import working
from reeld_proto.records import Corner, InsetSize, Layout

LayoutArgument = Annotated[
    Layout | None,
    typer.Argument(help="passthrough, grid, side-by-side or pip; as it is if left out.", show_default=False),
]
ColumnsOption = Annotated[
    int | None, typer.Option("--columns", metavar="N", help="Columns of a grid, 0 for as many as fit.")
]
CornerOption = Annotated[Corner | None, typer.Option("--corner", help="Where the first small picture of pip lies.")]
InsetOption = Annotated[InsetSize | None, typer.Option("--inset", help="How large the small pictures of pip are.")]
_ID = "Source to add; repeatable."
DisplayOption = Annotated[list[str] | None, typer.Option("--add-display", metavar="ID|all", help=_ID)]
WindowOption = Annotated[list[str] | None, typer.Option("--add-window", metavar="ID", help=_ID)]
CameraOption = Annotated[list[str] | None, typer.Option("--add-camera", metavar="ID", help=_ID)]
RegionOption = Annotated[list[str] | None, typer.Option("--add-region", metavar="X,Y,W,H", help=_ID)]
FileOption = Annotated[list[str] | None, typer.Option("--add-file", metavar="PATH", help=_ID)]
TestPatternOption = Annotated[list[str] | None, typer.Option("--add-test-pattern", metavar="WxH", help=_ID)]
RemoveOption = Annotated[
    list[str] | None, typer.Option("--remove", metavar="ID", help="Source to take out; repeatable.")
]


def layout(  # noqa: PLR0913 - one parameter an option
    invocation: Invocation,
    *,
    arrangement: LayoutArgument = None,
    columns: ColumnsOption = None,
    corner: CornerOption = None,
    inset: InsetOption = None,
    add_display: DisplayOption = None,
    add_window: WindowOption = None,
    add_camera: CameraOption = None,
    add_region: RegionOption = None,
    add_file: FileOption = None,
    add_test_pattern: TestPatternOption = None,
    remove: RemoveOption = None,
) -> Answer:
    """Show the picture that is being recorded in another way, or other sources in it."""
    faults: list[str] = []
    options = ArrangeOptions(
        layout=arrangement,
        columns=columns,
        corner=corner,
        inset=inset,
        add_displays=add_display or [],
        add_windows=add_window or [],
        add_cameras=add_camera or [],
        add_regions=values.regions(add_region, faults),
        add_files=values.paths(add_file),
        add_test_patterns=add_test_pattern or [],
        remove=remove or [],
    )
    if not faults and not any(value is not None and value != [] for value in options.values()):
        faults.append("nothing to change: name a layout, or sources to add or remove")
    if faults:
        raise values.invalid(faults)
    with invocation.client() as client, working("arranging"):
        arranged = client.arrange(**options)
    return Answer(arranged)


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    command(app)(layout)
