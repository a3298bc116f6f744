"""One run of `reelctl`: what was chosen on its command line, and how an answer or an error leaves it.

stdout carries the answer: exactly one JSON document with `--json`, else text for people. All else goes to stderr.
"""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import typer

from reeld_client.cli.human import printable
from reeld_client.client import Client
from reeld_proto.codec import to_plain
from reeld_proto.endpoints import chosen_connection, default_runtime_dir, default_store_dir
from reeld_proto.errors import ReeldError


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command found out: a record, or a list of them; its fields are those of `--json`."""

    found: Any
    exit_code: int = 0


@dataclass(slots=True)
class Invocation:
    """The choices that every command shares. Later ones win: a command's own over those before it."""

    json: bool = False
    runtime: Path = field(default_factory=default_runtime_dir)
    store: Path = field(default_factory=default_store_dir)
    token: str | None = None
    connection: Path | str | None = field(default_factory=chosen_connection)
    answered: bool = False

    def choose(
        self,
        *,
        json: bool,
        runtime: Path | None,
        store: Path | None,
        token: str | None = None,
        connection: Path | None = None,
    ) -> None:
        """Take over what was given on the command line. A runtime directory named there is that of a daemon here."""
        if runtime is not None:
            self.connection = None
        self.connection = self.connection if connection is None else connection
        self.json = self.json or json
        self.runtime = self.runtime if runtime is None else runtime.absolute()
        self.store = self.store if store is None else store.absolute()
        self.token = self.token if token is None else token

    def client(self) -> Client:
        """A client of the chosen daemon; use it in a `with`."""
        return Client(self.runtime, token=self.token, connection=self.connection)

    def print(self, answer: Answer) -> None:
        """Print an answer as the person asked for it."""
        self.answered = True
        if self.json:
            # Records in a list have no tag to leave out; thousands are encoded as they are.
            print_json(answer.found if isinstance(answer.found, list) else to_plain(answer.found))
            return
        from reeld_client.cli.render import show  # noqa: PLC0415 - scripts do not pay for rich (40 ms)

        show(answer.found)

    def fail(self, error: ReeldError) -> int:
        """Print what went wrong and what can be done; returns the exit code."""
        return self.complain(
            error.code.value, str(error), remedy=error.remedy, faults=error.faults, exit_code=error.exit_code
        )

    def complain(
        self, code: str, message: str, *, exit_code: int, remedy: str = "", faults: tuple[str, ...] = ()
    ) -> int:
        """As `fail`, for what is not a ReeldError."""
        if self.json:
            print_json({"error": {"code": code, "message": message, "remedy": remedy, "faults": list(faults)}})
            return exit_code
        typer.secho(f"error: {_one_line(message)}", fg="red", err=True)
        for fault in faults:
            if fault not in message:
                typer.secho(f"  - {_one_line(fault)}", fg="red", err=True)
        if remedy:
            typer.echo(_one_line(remedy), err=True)
        return exit_code

    def warn(self, warnings: list[str], *, always: bool = False) -> None:
        """Tell a person what is missing, on stderr; in JSON it stands in the answer, unless `always` says otherwise."""
        if always or not self.json:
            for warning in warnings:
                typer.secho(f"warning: {_one_line(warning)}", fg="yellow", err=True)


def print_json(plain: Any) -> None:
    """One JSON document and a line end on stdout; indented on a terminal. Infinities, which JSON lacks, become null."""
    data = msgspec.json.encode(plain)
    if sys.stdout.isatty():
        data = msgspec.json.format(data, indent=2)
    sys.stdout.write(data.decode() + "\n")
    sys.stdout.flush()


def abandon_stdout() -> None:
    """The reader (`| head`) left with what it wanted: without this, Python would complain when it flushes at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))
