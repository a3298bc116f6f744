"""A graph of sounds as it is shown: its nodes with settings and counters, and their levels as they come."""

import sys
import time
from typing import Any

import msgspec
from msgspec import Struct, field

from reeld_client.cli.invocation import Invocation, print_json
from reeld_client.client import Client
from reeld_proto.codec import to_plain
from reeld_proto.commands import SoundGraphReply
from reeld_proto.events import LevelsMeasured, SessionStateChanged
from reeld_proto.records import SessionState
from reeld_proto.sound import NodeLevels
from reeld_proto.sound_graph import LevelFeedNode

LEVELS_S = 1.5
"""Longest wait for levels: they are measured from the first request on, and sound is told of half a second late."""
_ENDED = frozenset({SessionState.COMPLETED, SessionState.ERROR, SessionState.IDLE})
_SHOWN_APART = frozenset({"type", "name", "inputs"})


class CheckedGraph(Struct, frozen=True, kw_only=True):
    """A graph without faults. whole: whether everything was checked that a daemon would."""

    path: str
    nodes: int
    tracks: list[str]
    whole: bool


class SoundView(Struct, kw_only=True):
    """What is shown. nodes: each with name, type, inputs, settings and, while it works, what `NodeStats` has."""

    session: str | None
    nodes: list[dict[str, Any]] = field(default_factory=list)
    levels: list[NodeLevels] = field(default_factory=list)

    @classmethod
    def of(cls, found: SoundGraphReply) -> "SoundView":
        """The view of an answer."""
        stats = {each.name: msgspec.to_builtins(each) for each in found.nodes}
        nodes = []
        for node in found.graph.nodes:
            plain = msgspec.to_builtins(node)
            settings = {key: value for key, value in plain.items() if key not in _SHOWN_APART}
            about = {"name": node.name, "type": plain["type"], "inputs": node.inputs, "settings": settings}
            nodes.append({**stats.get(node.name, {}), **about})
        return cls(session=found.session, nodes=nodes, levels=list(found.levels))


def with_levels(client: Client, found: SoundGraphReply) -> SoundView:
    """The view with a level of every meter that tells any; without them if none come within `LEVELS_S`."""
    shown = SoundView.of(found)
    told = {
        reference.partition(".")[0]
        for node in found.graph.nodes
        if isinstance(node, LevelFeedNode)
        for reference in node.inputs
    }
    if found.session is None or not told:
        return shown
    levels: dict[str, NodeLevels] = {}
    deadline = time.monotonic() + LEVELS_S
    with client.events("levels") as events:
        while told - levels.keys() and (left_s := deadline - time.monotonic()) > 0:
            event = events.receive(left_s)
            if isinstance(event, LevelsMeasured):
                levels.update((each.node, each) for each in event.levels)
    shown.levels = list(levels.values()) or shown.levels
    return shown


def follow(invocation: Invocation, client: Client, found: SoundGraphReply, count: int | None) -> None:
    """Show levels as they come, until the session ends or `count` of them were shown; as JSON a document each."""
    shown = SoundView.of(found)
    if invocation.json or not sys.stdout.isatty():
        _lines(invocation, client, shown, count)
    else:
        _live(client, shown, count)


def _lines(invocation: Invocation, client: Client, shown: SoundView, count: int | None) -> None:
    from reeld_client.cli.render import show  # noqa: PLC0415 - scripts do not pay for rich (40 ms)

    for event in _levels(client, count):
        invocation.answered = True
        if invocation.json:
            print_json(to_plain(event))
        else:
            shown.levels = event.levels
            show(shown)


def _live(client: Client, shown: SoundView, count: int | None) -> None:
    from rich.console import Console  # noqa: PLC0415 - only on a terminal
    from rich.live import Live  # noqa: PLC0415

    from reeld_client.cli.render_audio import sound_tree  # noqa: PLC0415

    console = Console(highlight=False)
    with Live(sound_tree(shown), console=console, auto_refresh=False) as screen:
        for event in _levels(client, count):
            shown.levels = event.levels
            screen.update(sound_tree(shown), refresh=True)


def _levels(client: Client, count: int | None) -> Any:
    """The next `count` measurements, or all up to the end of the session."""
    with client.events("levels", "session") as events:
        for item in events:
            if isinstance(item, SessionStateChanged) and item.state in _ENDED:
                return
            if isinstance(item, LevelsMeasured):
                yield item
                count = None if count is None else count - 1
                if count == 0:
                    return
