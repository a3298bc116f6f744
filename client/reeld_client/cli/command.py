"""Turning a function into a command: the options that all share, and printing what it returns."""

import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from reeld_client.cli.invocation import Answer, Invocation, abandon_stdout

_PANEL = "Common options"

JsonOption = Annotated[
    bool,
    typer.Option(
        "--json", metavar="", help="Print one JSON document, and nothing else, on stdout.", rich_help_panel=_PANEL
    ),
]
RuntimeOption = Annotated[
    Path | None,
    typer.Option(
        "--runtime",
        metavar="DIR",
        help="Runtime directory of the daemon (REELD_RUNTIME_DIR).",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token",
        metavar="TOKEN",
        help="Do only what this token allows (REELD_TOKEN, which `ps` does not show).",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
ConnectionOption = Annotated[
    Path | None,
    typer.Option(
        "--connection",
        metavar="FILE",
        help="Reach the daemon over TCP, as this file says (REELD_CONNECTION).",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
StoreOption = Annotated[
    Path | None,
    typer.Option(
        "--store",
        metavar="DIR",
        help="Where recordings are kept (REELD_STORE), for a daemon that `record` starts.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]

_SHARED: dict[str, tuple[Any, Any]] = {
    "json": (JsonOption, False),
    "runtime": (RuntimeOption, None),
    "store": (StoreOption, None),
    "token": (TokenOption, None),
    "connection": (ConnectionOption, None),
}


def command(
    app: typer.Typer,
    more: Mapping[str, tuple[Any, Any]] | None = None,
    *,
    name: str | None = None,
    context_settings: dict[str, Any] | None = None,
) -> Callable[[Callable[..., Answer | None]], Callable[..., Answer | None]]:
    """Register a function as the command of its name.

    Its first parameter is the Invocation, the others are the command's own words. To them are added the options of
    `more` (name: annotation and default), which the function receives as keywords, and those that all commands share,
    so that these may stand before or after. name: where Python has another use for it. context_settings: see Typer. The
    Answer it returns is printed; None means that it printed itself.
    """

    def register(function: Callable[..., Answer | None]) -> Callable[..., Answer | None]:
        @functools.wraps(function)
        def run(
            context: typer.Context,
            *,
            json: bool,
            runtime: Path | None,
            store: Path | None,
            token: str | None,
            connection: Path | None,
            **words: Any,
        ) -> None:
            invocation: Invocation = context.obj
            invocation.choose(json=json, runtime=runtime, store=store, token=token, connection=connection)
            try:
                answer = function(invocation, **words)
                if answer is not None:
                    invocation.print(answer)
            except BrokenPipeError:
                abandon_stdout()
                raise typer.Exit from None
            if answer is not None and answer.exit_code:
                raise typer.Exit(answer.exit_code)

        # Typer reads the signature to find options.
        run.__signature__ = _signature(inspect.signature(function), more or {})  # type: ignore[attr-defined]
        app.command(name=name or function.__name__, context_settings=context_settings)(run)
        return function

    return register


def _signature(written: inspect.Signature, more: Mapping[str, tuple[Any, Any]]) -> inspect.Signature:
    context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    words = [one for one in list(written.parameters.values())[1:] if one.kind is not inspect.Parameter.VAR_KEYWORD]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in {**more, **_SHARED}.items()
    ]
    return inspect.Signature([context, *words, *added])
