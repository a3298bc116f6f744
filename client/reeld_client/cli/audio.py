"""Commands about sound while it is recorded: the graph, gain, mute, balance, and other graphs."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from reeld_client.cli import values
from reeld_client.cli.audio_view import CheckedGraph, follow, with_levels
from reeld_client.cli.command import command
from reeld_client.cli.invocation import Answer, Invocation
from reeld_client.cli.sound_words import MIX_BUS, change_of, volume_of
from reeld_proto.errors import RequestRejected
from reeld_proto.sound_graph import SoundChange, SoundGraph, TrackNode

_NEGATIVE_NUMBERS = {"ignore_unknown_options": True}
"""Else -6 would be an option."""

TargetArgument = Annotated[
    str, typer.Argument(metavar="TARGET", help="mic, system, or the name of a volume node.", show_default=False)
]
FileArgument = Annotated[Path, typer.Argument(metavar="FILE.toml", help="A graph in TOML.", show_default=False)]


def graph(
    invocation: Invocation,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Go on with live levels until Ctrl-C.")] = False,
    count: Annotated[
        int | None, typer.Option("--count", min=1, metavar="N", help="With --watch: leave after N.", show_default=False)
    ] = None,
) -> Answer | None:
    """Draw the graph of the sound that is being recorded, or of the next recording, with its levels."""
    with invocation.client() as client:
        found = client.sound()
        if not watch:
            return Answer(with_levels(client, found))
        follow(invocation, client, found, count)
    return None


def set_(
    invocation: Invocation,
    *,
    node: Annotated[str, typer.Argument(metavar="NODE", help="Name of a node.", show_default=False)],
    settings: Annotated[list[str], typer.Argument(metavar="SETTING=VALUE...", show_default=False)],
) -> Answer:
    """Change settings of a node of the sound that is being recorded, without a click."""
    faults: list[str] = []
    changes = [change for text in settings for change in change_of(node, text, faults)]
    if faults:
        raise values.invalid(faults)
    return _adjust(invocation, changes)


def gain(
    invocation: Invocation,
    *,
    target: TargetArgument,
    db: Annotated[float, typer.Argument(metavar="DB", help="0 is as it came, -6 half.", show_default=False)],
) -> Answer:
    """Change how loud a source is in the mix."""
    return _adjust(invocation, [SoundChange(node=volume_of(target), setting="gain_db", value=db)])


def mute(invocation: Invocation, *, target: TargetArgument) -> Answer:
    """Silence a source in the mix; a track of its own still has it. `reelctl private on` records nothing at all."""
    return _adjust(invocation, [SoundChange(node=volume_of(target), setting="muted", value=True)])


def unmute(invocation: Invocation, *, target: TargetArgument) -> Answer:
    """Let a source be heard in the mix again."""
    return _adjust(invocation, [SoundChange(node=volume_of(target), setting="muted", value=False)])


def balance(
    invocation: Invocation,
    *,
    percent: Annotated[
        float,
        typer.Argument(metavar="0-100", help="0: microphone alone, 50: both in full, 100: computer sound alone."),
    ],
) -> Answer:
    """Change the balance between microphone and computer sound in the mix."""
    return _adjust(invocation, [SoundChange(node=MIX_BUS, setting="balance", value=percent)])


def edit(invocation: Invocation, *, file: FileArgument) -> Answer:
    """Record the sound through another graph from now on; its tracks must be the same ones."""
    wanted = read_graph(file)
    with invocation.client() as client:
        return Answer(client.edit_sound(wanted))


def check(_invocation: Invocation, *, file: FileArgument) -> Answer:
    """Check a graph without using it: every fault at once, exit code 2 if there is one."""
    found = read_graph(file)
    whole = find_spec("reeld") is not None
    if whole:
        from reeld.audio.recordable import recording_faults  # noqa: PLC0415 - part of the extra `[daemon]`

        faults = tuple(recording_faults(found))
        if faults:
            raise RequestRejected(f"{file}: {'; '.join(faults)}", faults=faults)
    tracks = [node.name for node in found.nodes if isinstance(node, TrackNode)]
    return Answer(CheckedGraph(path=str(file), nodes=len(found.nodes), tracks=tracks, whole=whole))


def read_graph(file: Path) -> SoundGraph:
    """The graph in a file, `-` for stdin. Raises RequestRejected with every fault of it."""
    return values.sound_graph(file, sys.stdin)


def _adjust(invocation: Invocation, changes: list[SoundChange]) -> Answer:
    with invocation.client() as client:
        return Answer(client.adjust_sound(changes))


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    group = typer.Typer(help="Sound while it is recorded: levels, gain, mute, balance, the graph.")
    for function in (graph, mute, unmute, edit, check):
        command(group)(function)
    command(group, name="set")(set_)
    command(group, context_settings=_NEGATIVE_NUMBERS)(gain)
    command(group)(balance)
    app.add_typer(group, name="audio")
