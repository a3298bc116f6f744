"""The README is what a new user does first. Harm guarded against: an example that does not work any more."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import Stage
from tests.support.installation import Installation
from tests.support.wait import until

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
CONSOLE = [line[2:] for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]
EVERYWHERE = {"--json", "--runtime", "--store", "--token", "--connection", "--help", "--version"}


def commands() -> list[list[str]]:
    """Every `reelctl` of a console example, as words."""
    found = []
    for line in CONSOLE:
        for part in line.split(" #")[0].replace("|", ";").replace("&&", ";").split(";"):
            words = shlex.split(part)
            found += [words[1:]] if words and Path(words[0]).name == "reelctl" else []
    return found


@pytest.mark.slow
@pytest.mark.paired
@pytest.mark.timeout(120)
def test_the_python_examples_run_one_after_the_other(stage: Stage, tmp_path: Path) -> None:
    assert len(PYTHON) >= 2
    with Installation(stage.desk.env) as installation:
        installation.start_daemon()
        environment = {**os.environ, "REELD_RUNTIME_DIR": str(installation.runtime), "PYTHONPATH": str(ROOT)}
        for text in PYTHON:
            done = subprocess.run(
                [sys.executable, "-W", "error", "-c", text],
                env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
            assert done.returncode == 0, f"{text}\n{done.stderr}"
            assert done.stdout
            until(lambda: installation.ok("status")["session"] is None, 20, what="the example's recording is over")
    assert (tmp_path / "film.mp4").stat().st_size > 1000


def test_there_are_examples_of_the_shell() -> None:
    assert len(commands()) > 30


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_and_option_of_the_examples_exists(words: list[str]) -> None:
    """They are looked up in the help of their command: what they do has tests of its own."""
    from typer.main import get_command  # noqa: PLC0415 - for this test alone

    from reeld_client.cli.main import app  # noqa: PLC0415

    found = get_command(app)
    rest = list(words)
    while rest and hasattr(found, "commands"):
        word = rest.pop(0)
        if word.startswith("--"):
            assert word in EVERYWHERE, word
            rest = rest[1:] if word != "--json" else rest
            continue
        assert word in found.commands, f"there is no command {word!r}"
        found = found.commands[word]
    known = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
    used = {word.split("=")[0] for word in rest if re.match(r"--?[a-z]", word)}
    assert used <= known | EVERYWHERE
