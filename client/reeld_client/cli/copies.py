"""Commands that carry recordings out of the store and into it: sync, bundle, import."""

from pathlib import Path
from typing import Annotated, Unpack

import typer

from reeld_client import library_calls
from reeld_client.cli import values
from reeld_client.cli.command import command
from reeld_client.cli.invocation import Answer, Invocation
from reeld_client.cli.jobs import OPTIONS, JobOptions, carried_out
from reeld_proto.errors import ErrorCode, RequestRejected

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


def sync(invocation: Invocation, *, target: _TargetArgument, **job: Unpack[JobOptions]) -> Answer:
    """Copy the store, also while recording; only what is new moves. A folder becomes a store that reeld can open."""
    if not target.strip():
        raise values.invalid(["TARGET is empty"])
    return carried_out(invocation, library_calls.sync(target), f"copying to {target}", **job)


def bundle(
    invocation: Invocation, *, session: values.SessionArgument, output: _BundleOption, **job: Unpack[JobOptions]
) -> Answer:
    """Write a session as one self-contained file that `import` takes in and anybody can verify."""
    path = values.check_output(output)
    return carried_out(invocation, library_calls.bundle(session, path), f"bundling to {path.name}", **job)


def import_(
    invocation: Invocation,
    *,
    paths: _PathsArgument,
    name: values.NameOption = None,
    tag: values.TagOption = None,
    **job: Unpack[JobOptions],
) -> Answer:
    """Take bundles and ordinary media files into the store. Exit code 2 if any of them is refused."""
    if name is not None and not name.strip():
        raise values.invalid(["--name is empty"])
    missing = [str(path) for path in paths if not path.expanduser().exists()]
    if missing:
        raise RequestRejected(f"not found: {', '.join(missing)}", code=ErrorCode.NOT_FOUND)
    return carried_out(invocation, library_calls.import_media(paths, name or "", tag or []), "importing", **job)


import_.__name__ = "import"


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for function in (sync, bundle, import_):
        command(app, OPTIONS)(function)
