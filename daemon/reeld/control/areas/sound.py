"""The graph of sounds while it is recorded, and what was heard."""

from reeld.control.parts import Handler, Parts
from reeld.sessions.sounds import usual_graph
from reeld_proto import commands as c
from reeld_proto.commands import Command


def commands(parts: Parts) -> dict[type[Command], Handler]:
    """What each command of this area does."""

    async def adjust(command: c.AdjustSound, arrived_ns: int) -> c.Reply:
        return await parts.sessions.adjust_sound(command.changes, arrived_ns)

    async def edit(command: c.EditSound, _arrived_ns: int) -> c.Reply:
        return await parts.sessions.edit_sound(command.graph)

    async def graph(_command: c.GetSoundGraph, _arrived_ns: int) -> c.Reply:
        running = parts.sessions.sound_graph()
        session = parts.sessions.brief()
        if running is None or session is None:
            return c.SoundGraphReply(session=None, graph=parts.config.audio or usual_graph())
        found = await parts.sound.describe()
        if found is None:
            return c.SoundGraphReply(session=session.id, graph=running)
        return c.SoundGraphReply(
            session=session.id,
            graph=running,
            nodes=found.nodes,
            edges=found.edges,
            levels=found.levels,
            latency=found.latency,
        )

    async def timeline(command: c.GetTimeline, _arrived_ns: int) -> c.Reply:
        return await parts.library.timeline(command.session)

    return {c.AdjustSound: adjust, c.EditSound: edit, c.GetSoundGraph: graph, c.GetTimeline: timeline}
