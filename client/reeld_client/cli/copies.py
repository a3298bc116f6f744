"""Commands that carry recordings out of the store and into it: sync, bundle, import."""

from pathlib import Path
from typing import Annotated

import typer

from reeld_client.cli import values
from reeld_client.cli.command import command
from reeld_client.cli.invocation import Answer, Invocation
from reeld_client.cli.progress import working
from reeld_proto.errors import EXIT_CODES, EXIT_OK, ErrorCode, RequestRejected

_TargetArgument = Annotated[
    str,
    typer.Argument(
        metavar="TARGET", help="A folder, or s3://, gs://, az:// or file:// with a prefix.", show_default=False
    ),
]
_BundleOption = Annotated[
    Path, typer.Option("--output", "-o", metavar="FILE", help="Bundle to write.", show_default=False)
]
_PathsArgument = Annotated[
    list[Path], typer.Argument(metavar="FILE|FOLDER...", help="Bundles, MP4, MOV, MKV, WAV files, or folders.")
]


def sync(invocation: Invocation, *, target: _TargetArgument) -> Answer:
    """Copy the store, also while recording; only what is new moves. A folder becomes a store that reeld can open."""
    if not target.strip():
        raise values.invalid(["TARGET is empty"])
    with invocation.client() as client, working(f"copying to {target}") as on_progress:
        done = client.sync(target, on_progress=on_progress)
    return Answer(done)


def bundle(invocation: Invocation, *, session: values.SessionArgument, output: _BundleOption) -> Answer:
    """Write a session as one self-contained file that `import` takes in and anybody can verify."""
    path = values.check_output(output)
    with invocation.client() as client, working(f"bundling to {path.name}") as on_progress:
        done = client.bundle(session, path, on_progress=on_progress)
    return Answer(done)


def import_(
    invocation: Invocation,
    *,
    paths: _PathsArgument,
    name: values.NameOption = None,
    tag: values.TagOption = None,
) -> Answer:
    """Take bundles and ordinary media files into the store. Exit code 2 if any of them is refused."""
    if name is not None and not name.strip():
        raise values.invalid(["--name is empty"])
    missing = [str(path) for path in paths if not path.expanduser().exists()]
    if missing:
        raise RequestRejected(f"not found: {', '.join(missing)}", code=ErrorCode.NOT_FOUND)
    with invocation.client() as client, working("importing") as on_progress:
        done = client.import_media(paths, name=name or "", tags=tag or [], on_progress=on_progress)
    return Answer(done, EXIT_CODES[ErrorCode.INVALID_REQUEST] if done.refused else EXIT_OK)


import_.__name__ = "import"


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for function in (sync, bundle, import_):
        command(app)(function)
