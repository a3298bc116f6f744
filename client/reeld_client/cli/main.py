"""Entry point of `reelctl`: parses the words, runs the command, and turns every error into an answer.

DESIGN: Typer runs in its non-standalone mode, so that usage errors come here as exceptions and leave by the same door
as all others: one line and a remedy for people, one document with `--json`, never a traceback.
"""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from reeld_client.cli import (
    access,
    audio,
    configuration,
    copies,
    doctor,
    edits,
    enrich,
    forget,
    gc,
    incidents,
    index,
    jobs,
    library,
    live,
    observe,
    picture,
    privacy,
    profiles,
    record,
    replay,
    review,
    search,
    service,
    snapshots,
    storage,
    upkeep,
)
from reeld_client.cli.command import ConnectionOption, JsonOption, RuntimeOption, StoreOption, TokenOption
from reeld_client.cli.invocation import Invocation, abandon_stdout, print_json
from reeld_proto.errors import EXIT_CODES, ErrorCode, ReeldError, RequestRejected

EXIT_INTERRUPTED = 130

# BadParameter derives from click's UsageError and that from ClickException, wherever this Typer keeps its click.
_ClickError: type[Exception] = typer.BadParameter.__mro__[2]

app = typer.Typer(
    name="reelctl",
    help="Start, steer and fetch recordings of the reeld daemon.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
live.register(app)
access.register(app)
library.register(app)
audio.register(app)
snapshots.register(app)
edits.register(app)
enrich.register(app)
search.register(app)
gc.register(app)
forget.register(app)
incidents.register(app)
review.register(app)
index.register(app)
jobs.register(app)
configuration.register(app)
copies.register(app)
doctor.register(app)
observe.register(app)
picture.register(app)
privacy.register(app)
profiles.register(app)
record.register(app)
replay.register(app)
service.register(app)
storage.register(app)
upkeep.register(app)


def _version(context: typer.Context, wanted: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if not wanted:
        return
    from reeld_client.release import installed_release  # noqa: PLC0415 - 30 ms for this option alone

    release = installed_release()
    invocation: Invocation = context.obj
    if invocation.json:
        print_json({"version": release})
    else:
        typer.echo(f"reelctl {release}")
    raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    *,
    json: JsonOption = False,
    runtime: RuntimeOption = None,
    store: StoreOption = None,
    token: TokenOption = None,
    connection: ConnectionOption = None,
    version: Annotated[  # noqa: ARG001 - its callback acts
        bool,
        typer.Option("--version", metavar="", help="Print the version and leave.", is_eager=True, callback=_version),
    ] = False,
) -> None:
    invocation: Invocation = context.obj
    invocation.choose(json=json, runtime=runtime, store=store, token=token, connection=connection)


def main(argv: list[str] | None = None) -> None:
    """Run `reelctl` with these words, by default the process's own. Always raises SystemExit with the exit code."""
    words = sys.argv[1:] if argv is None else argv
    try:
        code = _run(words)
        sys.stdout.flush()
    except BrokenPipeError:
        abandon_stdout()
        code = 0
    raise SystemExit(code)


def _run(words: list[str]) -> int:
    if not words:
        app(["--help"], prog_name="reelctl", standalone_mode=False, obj=Invocation())
        return EXIT_CODES[ErrorCode.INVALID_REQUEST]
    invocation = Invocation(json=_wants_json(words))
    try:
        _check_text(words)
        code = app(words, prog_name="reelctl", standalone_mode=False, obj=invocation)
    except ReeldError as error:
        return invocation.fail(error)
    except _ClickError as error:
        return _usage(invocation, error)
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - the last door: a fault of ours is reported, not dumped
        return _fault(invocation, error)
    if code == EXIT_INTERRUPTED and invocation.json and not invocation.answered:
        return invocation.complain("interrupted", "interrupted", exit_code=EXIT_INTERRUPTED)
    return code if isinstance(code, int) else 0


def _wants_json(words: list[str]) -> bool:
    """Whether the words ask for JSON, known before they are parsed: an error in parsing them is JSON, too."""
    return "--json" in (words[: words.index("--")] if "--" in words else words)


def _check_text(words: list[str]) -> None:
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            shown = os.fsencode(word).decode(errors="replace")
            raise RequestRejected(f"{shown!r} is not text in UTF-8") from None


def _usage(invocation: Invocation, error: Any) -> int:
    path = error.ctx.command_path if getattr(error, "ctx", None) else "reelctl"
    return invocation.complain(
        ErrorCode.INVALID_REQUEST.value,
        error.format_message(),
        remedy=f"See `{path} --help`.",
        exit_code=EXIT_CODES[ErrorCode.INVALID_REQUEST],
    )


def _fault(invocation: Invocation, error: Exception) -> int:
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f" at {Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place is not None else ""
    return invocation.complain(
        ErrorCode.INTERNAL.value,
        f"reelctl failed: {type(error).__name__}: {error}{where}",
        remedy="This is a fault of reelctl; please report it.",
        exit_code=EXIT_CODES[ErrorCode.INTERNAL],
    )


if __name__ == "__main__":
    main()
