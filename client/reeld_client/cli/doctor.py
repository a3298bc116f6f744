"""`reelctl doctor`: what works on this machine, what does not, and what can be done."""

from pathlib import Path
from typing import Annotated

import typer

from reeld_client.cli import values
from reeld_client.cli.command import command
from reeld_client.cli.invocation import Answer, Invocation
from reeld_client.cli.progress import working
from reeld_proto.errors import EXIT_CODES, EXIT_OK, ErrorCode, RequestRejected


def doctor(
    invocation: Invocation,
    *,
    bundle: Annotated[
        Path | None,
        typer.Option(
            "--bundle",
            metavar="FILE.zip",
            help="Write findings, versions, settings and logs, without content, to be sent to somebody who helps.",
            show_default=False,
        ),
    ] = None,
) -> Answer:
    """Check whether this machine can record: screens, sound, encoders, disk, service. Exit code 6 for a fault."""
    from reeld_client.doctor.diagnosis import diagnose  # noqa: PLC0415 - other commands do not pay for it

    path = values.check_output(bundle) if bundle is not None else None
    with working("checking"):
        found, config = diagnose(invocation.runtime, invocation.store, with_config=path is not None)
        if path is not None:
            from msgspec.structs import replace  # noqa: PLC0415

            from reeld_client.doctor.bundle import write_bundle  # noqa: PLC0415

            try:
                write_bundle(path, found, config, invocation.store)
            except OSError as error:
                about = f"cannot write {path}: {error.strerror}"
                raise RequestRejected(about, code=ErrorCode.DISK_FAILED, remedy="Choose another place.") from error
            found = replace(found, bundle=str(path))
    return Answer(found, EXIT_OK if found.ok else EXIT_CODES[ErrorCode.DEVICE_FAILED])


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    command(app)(doctor)
