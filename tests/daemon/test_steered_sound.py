"""The daemon with fake audio workers and a real store. Harm guarded against: a mute that reaches nobody, or of which
the next worker does not know; levels that cost something while nobody looks, or that reach who did not ask for them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from reeld_client import Client
from reeld_proto.commands import SessionTimeline, Snapshot, SoundAdjusted, SoundGraphReply
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.events import LevelsMeasured, SessionStateChanged
from reeld_proto.sound_graph import SoundChange
from tests.support.fake_house import FakeHouse
from tests.support.wait import until

MUTE = [SoundChange(node="mic-volume", setting="muted", value=True)]


@pytest.fixture(scope="module")
def house() -> Iterator[FakeHouse]:
    with FakeHouse(REAL_WORKERS="store") as made:
        made.start(warm=False)
        yield made


@pytest.fixture
def client(house: FakeHouse) -> Iterator[Client]:
    with Client(house.runtime) as made:
        yield made
        if made.status().session is not None:
            made.stop()


def told(house: FakeHouse) -> list[dict[str, Any]]:
    """What audio workers were told about the sound, oldest first."""
    path = house.store / "sound.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def muted(order: dict[str, Any]) -> bool:
    nodes = order["graph"]["nodes"]
    return bool(next(node for node in nodes if node["name"] == "mic-volume").get("muted", False))


def test_a_mute_reaches_the_worker_the_store_and_the_next_worker(house: FakeHouse, client: Client) -> None:
    session = client.start(snapshots=False).session
    adjusted = client.adjust_sound(MUTE)
    assert isinstance(adjusted, SoundAdjusted)
    order = told(house)[-1]
    assert (order["type"], order["changes"][0]["setting"]) == ("order.audio.adjust", "muted")
    running = client.sound()
    assert running.session == session
    assert [each.name for each in running.nodes] == ["mic-in"]
    assert running.levels[0].peak_db == [-6.0, -6.5]
    assert [node.muted for node in running.graph.nodes if node.name == "mic-volume"] == [True]  # type: ignore[union-attr]
    audio = next(worker.name for worker in client.status().workers if worker.name.startswith("audio") and worker.pid)
    before = len(told(house))
    house.kill(audio)
    until(lambda: len(told(house)) > before, 15, what="a worker that takes over")
    assert muted(told(house)[-1])
    client.stop()
    timeline: SessionTimeline = client.timeline(session)
    assert [(point.at_s, point.node, point.setting, point.value) for point in timeline.automation] == [
        (adjusted.at_s, "mic-volume", "muted", True)
    ]
    assert client.show(session).tracks


def test_levels_come_to_who_names_them_and_to_nobody_else(house: FakeHouse, client: Client) -> None:
    session = client.start(snapshots=False).session
    with Client(house.runtime) as other, client.events("levels") as levels, other.events() as everything:
        assert isinstance(everything.receive(10), Snapshot)
        heard = levels.receive(15)
        while not isinstance(heard, LevelsMeasured):
            assert heard is not None, "no levels"
            heard = levels.receive(15)
        assert (heard.session, heard.levels[0].node) == (session, "mic-meter")
        client.pause()
        seen: list[Any] = []
        while not any(isinstance(item, SessionStateChanged) and item.state == "paused" for item in seen):
            item = everything.receive(10)
            assert item is not None
            seen.append(item)
        assert not [item for item in seen if isinstance(item, LevelsMeasured)]


def test_without_a_session_there_is_the_graph_of_the_next_one_and_nothing_to_change(client: Client) -> None:
    found: SoundGraphReply = client.sound()
    assert found.session is None
    assert {"mic-in", "mix-bus", "mix"} <= {node.name for node in found.graph.nodes}
    with pytest.raises(RequestRejected) as caught:
        client.adjust_sound(MUTE)
    assert caught.value.code is ErrorCode.WRONG_STATE
    with pytest.raises(RequestRejected) as caught:
        client.timeline("nobody")
    assert caught.value.code is ErrorCode.NOT_FOUND
