"""Findings on a terminal: names of devices are words of others, and the remedy must not get lost."""

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from reeld_client.cli.render_doctor import print_diagnosis
from reeld_client.doctor.diagnosis import Diagnosis
from reeld_proto.doctor import Finding, fault, fine, warning


def shown(*findings: Finding, width: int = 100, bundle: str | None = None) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    print_diagnosis(console, Diagnosis(ok=True, findings=list(findings), bundle=bundle))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@given(st.text())
def test_a_name_of_a_device_cannot_steer_the_terminal(name: str) -> None:
    out = shown(fine("microphone", name))
    assert all(character.isprintable() or character == "\n" for character in out)


def test_markup_in_a_name_is_shown_as_it_is() -> None:
    assert "[bold]Mic[/bold]" in shown(fine("microphone", "[bold]Mic[/bold]"))


def test_a_remedy_stands_below_what_it_is_for() -> None:
    lines = shown(warning("output", "it is muted", "Unmute it."), fine("reeld", "0.1.0")).splitlines()
    assert "output" in lines[0]
    assert "→ Unmute it." in lines[1]
    assert "reeld" in lines[2]


def test_on_a_narrow_terminal_every_word_is_still_there() -> None:
    detail = "the server does not tell what changed and every frame is fetched"
    out = shown(fault("damage", detail, "Use another server."), width=40)
    assert set(detail.split()) <= set(out.split())
    assert max(map(len, out.splitlines())) <= 40


def test_a_long_path_stays_whole_to_be_copied() -> None:
    path = f"/home/somebody/{'deep/' * 30}bundle.zip"
    assert path in shown(fine("display", "X11"), width=40, bundle=path)
