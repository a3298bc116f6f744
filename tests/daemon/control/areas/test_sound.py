"""Commands about sound. Harm guarded against: an answer about another session, or none because a worker is busy."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from reeld.config import Config
from reeld.control.areas.sound import commands
from reeld.sessions.sounds import usual_graph
from reeld_proto import commands as c
from reeld_proto.sound import NodeLevels, NodeStats
from reeld_proto.sound_graph import SoundChange, SoundGraph, ToneNode, TrackNode
from reeld_proto.workers import SoundDescribed

OWN = SoundGraph(nodes=[ToneNode(name="t"), TrackNode(name="a", inputs=["t"])])
CHANGES = [SoundChange(node="v", setting="gain_db", value=1.0)]
DESCRIBED = SoundDescribed(
    session="s",
    nodes=[NodeStats(name="t", type="tone")],
    levels=[NodeLevels(node="m", peak_db=[-3.0], rms_db=[-9.0])],
)


class Sessions:
    def __init__(self, graph: SoundGraph | None) -> None:
        self._graph = graph
        self.asked: list[Any] = []

    def brief(self) -> Any:
        return None if self._graph is None else SimpleNamespace(id="s")

    def sound_graph(self) -> SoundGraph | None:
        return self._graph

    async def adjust_sound(self, changes: list[SoundChange], arrived_ns: int) -> c.Reply:
        self.asked.append((changes, arrived_ns))
        return c.Pong()

    async def edit_sound(self, graph: SoundGraph) -> c.Reply:
        self.asked.append(graph)
        return c.Pong()


def ask(
    command: c.Command,
    sessions: Sessions,
    described: SoundDescribed | None = None,
    configured: SoundGraph | None = None,
) -> Any:
    async def describe() -> SoundDescribed | None:
        return described

    async def timeline(session: str) -> str:
        return session

    parts = SimpleNamespace(
        sessions=sessions,
        config=Config(audio=configured),
        sound=SimpleNamespace(describe=describe),
        library=SimpleNamespace(timeline=timeline),
    )
    work: Any = commands(cast("Any", parts))[type(command)](command, 7)
    return asyncio.run(work)


def test_a_change_holds_from_the_arrival_of_its_command() -> None:
    sessions = Sessions(OWN)
    ask(c.AdjustSound(changes=CHANGES), sessions)
    ask(c.EditSound(graph=OWN), sessions)
    assert sessions.asked == [(CHANGES, 7), OWN]


def test_the_graph_of_the_session_comes_with_how_it_does() -> None:
    assert ask(c.GetSoundGraph(), Sessions(OWN), DESCRIBED) == c.SoundGraphReply(
        session="s", graph=OWN, nodes=DESCRIBED.nodes, levels=DESCRIBED.levels
    )


def test_a_worker_that_cannot_tell_does_not_keep_the_graph_from_anybody() -> None:
    assert ask(c.GetSoundGraph(), Sessions(OWN)) == c.SoundGraphReply(session="s", graph=OWN)


def test_without_a_session_it_is_the_graph_of_the_next_one() -> None:
    assert ask(c.GetSoundGraph(), Sessions(None)) == c.SoundGraphReply(session=None, graph=usual_graph())
    found = ask(c.GetSoundGraph(), Sessions(None), DESCRIBED, OWN)
    assert found == c.SoundGraphReply(session=None, graph=OWN)


def test_a_timeline_is_read_from_the_library() -> None:
    assert ask(c.GetTimeline(session="x"), Sessions(None)) == "x"
