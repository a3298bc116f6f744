"""A function becomes a command with the options that all share."""

import inspect
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from reeld_client.cli.command import command
from reeld_client.cli.invocation import Answer, Invocation
from reeld_proto.records import MarkerInfo


def app_with(function: Any, **options: Any) -> typer.Typer:
    app = typer.Typer()
    command(app, **options)(function)
    # A second command, so that Typer expects the first one's name.
    app.command(name="other")(lambda: None)
    return app


def greet(invocation: Invocation, *, word: str) -> Answer:
    """Greet."""
    return Answer(MarkerInfo(at_s=0.0, text=f"{word} {invocation.runtime}"), 7)


def test_shared_options_reach_the_invocation_and_own_words_the_function() -> None:
    words = ["greet", "hello", "--runtime", "/run/x", "--json"]
    ran = CliRunner().invoke(app_with(greet), words, obj=Invocation())
    assert ran.exit_code == 7
    assert ran.stdout == '{"at_s":0.0,"text":"hello /run/x"}\n'


def test_further_options_reach_the_function_as_keywords() -> None:
    seen: dict[str, Any] = {}

    def take(invocation: Invocation, **words: Any) -> None:
        """Take."""
        seen.update(words)

    app = app_with(take, more={"size": (int, 3), "name": (str, "x")})
    assert CliRunner().invoke(app, ["take", "--size", "5"], obj=Invocation()).exit_code == 0
    assert seen == {"size": 5, "name": "x"}


def test_the_function_itself_stays_as_it_was() -> None:
    app = typer.Typer()
    assert command(app)(greet) is greet
    assert list(inspect.signature(greet).parameters) == ["invocation", "word"]


@pytest.mark.parametrize("option", ["--json", "--runtime", "--store"])
def test_shared_options_are_in_the_help_of_every_command(option: str) -> None:
    ran = CliRunner().invoke(app_with(greet), ["greet", "--help"], obj=Invocation(), env={"COLUMNS": "120"})
    assert option in ran.stdout
