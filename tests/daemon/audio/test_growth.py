"""Harm guarded against: a recorder that takes a little more memory every minute, and all of it after a week."""

import os
from collections.abc import Callable

import numpy as np
import psutil
import pytest
from msgspec import structs

from reeld.audio.graph.building import Workshop
from reeld.audio.samples import RATE, Samples
from reeld.audio.studio import Ahead, Studio
from reeld.audio.telling import LevelBoard
from reeld.runtime.clock import SessionClock
from reeld.sessions.sounds import usual_graph
from reeld_proto.sound_graph import SourceNode
from tests.daemon.audio.harness import ALL_TRACKS, start_order

MINUTES = int(os.environ.get("REELD_SOUND_MINUTES", "2"))
PULL_FRAMES = 7200
GROWTH_BYTES_MAX = 3_000_000
"""The allocator's own noise; a leak of one block a pull would be 11 MB a minute."""


class Endless(Studio):
    """The ends of a session whose devices never stop."""

    def source(self, node: SourceNode) -> Callable[[int], Samples]:
        rng = np.random.default_rng(len(node.name))
        sound = (0.1 * rng.standard_normal((10 * RATE, 2))).astype(np.float32)
        position = 0

        def read(frames: int) -> Samples:
            nonlocal position
            begin = position % (len(sound) - PULL_FRAMES)
            position += frames
            return sound[begin : begin + frames]

        return read


@pytest.mark.long
def test_the_usual_graph_with_its_encoders_and_meters_takes_no_more_memory_as_it_goes_on() -> None:
    board = LevelBoard()
    board.wanted = True
    graph = usual_graph()
    order = structs.replace(start_order(ALL_TRACKS, start_ns=0), graph=graph)
    studio = Endless(order, SessionClock(0), lambda *_: True, board, Ahead())
    work = Workshop(studio).build(graph)
    process = psutil.Process()
    until = 0

    def run(minutes: float) -> int:
        nonlocal until
        for _ in range(round(minutes * 60 * RATE / PULL_FRAMES)):
            until += PULL_FRAMES
            work.pull(until)
            board.take()
        return int(process.memory_info().rss)

    before = run(1.0)
    after = run(MINUTES - 1.0)
    studio.close()
    assert after - before < GROWTH_BYTES_MAX, f"{after - before} bytes in {MINUTES - 1} minutes"
