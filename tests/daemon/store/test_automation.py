"""Harm guarded against: a mix that is rendered later is not the one that was heard, because a change of it was lost,
moved, or left behind with what came before a cut."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.sessions.sounds import usual_graph
from reeld.store import automation, derive, manifests, sessions, verify
from reeld.store.api import Circumstances
from reeld.store.environment import StoreEnvironment
from reeld.store.removing import forget
from reeld.store.timeline import Span
from reeld.store.transaction import Table
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.sound_graph import MixerNode, SoundChange, SoundGraph, SoundMoment, ToneNode, TrackNode, VolumeNode
from reeld_proto.store_orders import DeriveSession, ForgetMedia, RemoveSession, SessionPart
from reeld_proto.workers import RecordAutomation, RecordGraph
from tests.daemon.store.builders import NS, SESSION, chunk, creation, finish, land, new_store

GRAPH = SoundGraph(
    nodes=[
        ToneNode(name="t"),
        VolumeNode(name="v", inputs=["t"]),
        MixerNode(name="x", inputs=["v"]),
        TrackNode(name="mix", inputs=["x"]),
    ]
)
OTHER = SoundGraph(nodes=[ToneNode(name="t"), VolumeNode(name="w", inputs=["t"]), TrackNode(name="mix", inputs=["w"])])


@pytest.fixture
def kept(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with new_store(tmp_path_factory.mktemp("automation") / "store", creation(sound=GRAPH)) as store:
        for second in range(10):
            land(store, chunk(second * NS, (second + 1) * NS, b"%d" % second, track="mix", seq=second + 1))
        yield store


def gain(value: Any, setting: str = "gain_db", node: str = "v") -> SoundChange:
    return SoundChange(node=node, setting=setting, value=value)


def change(store: StoreEnvironment, media_ns: int, *changes: SoundChange, session: str = SESSION) -> None:
    with store.write() as txn:
        automation.record_changes(txn, RecordAutomation(session=session, media_ns=media_ns, changes=list(changes)))


def regraph(store: StoreEnvironment, media_ns: int, graph: SoundGraph) -> None:
    with store.write() as txn:
        automation.record_graph(txn, RecordGraph(session=SESSION, media_ns=media_ns, graph=graph))


def end(store: StoreEnvironment) -> None:
    with store.write() as txn:
        sessions.finish(txn, finish(10 * NS))


def moments(store: StoreEnvironment, session: str = SESSION) -> list[tuple[int, str, Any]]:
    with store.read() as txn:
        found = automation.moments_of(txn, session)
    return [(each.at_ns, each.change.setting, each.change.value) for each in found]


def level(store: StoreEnvironment, at_ns: int, session: str = SESSION) -> float:
    """The gain in force at an instant, whichever graph it is of."""
    with store.read() as txn:
        graph = automation.graph_at(txn, session, at_ns)
    assert graph is not None
    (volume,) = (node for node in graph.nodes if isinstance(node, VolumeNode))
    return volume.gain_db


def test_the_graph_is_kept_with_the_session_once(kept: StoreEnvironment) -> None:
    with kept.write() as txn:
        sessions.create(txn, creation(sound=OTHER))
        assert automation.graphs_of(txn, SESSION) == [(0, GRAPH)]
        assert automation.graph_at(txn, SESSION, 5) == GRAPH
        sessions.create(txn, creation(session="silent"))
        assert automation.graph_at(txn, "silent", 5) is None


def test_the_record_of_a_session_does_not_grow_with_its_graph(kept: StoreEnvironment) -> None:
    with kept.write() as txn:
        sessions.create(txn, creation(session="large", sound=usual_graph()))
        assert len(txn.get(Table.SESSIONS, b"large") or b"") < 1_000


def test_a_change_that_is_told_twice_is_there_once_and_the_last_of_an_instant_holds(kept: StoreEnvironment) -> None:
    for _ in range(2):
        change(kept, 5 * NS, gain(-6.0), gain(True, "muted"))
    assert sorted(moments(kept)) == [(5 * NS, "gain_db", -6.0), (5 * NS, "muted", True)]
    change(kept, 5 * NS, gain(-9.0))
    assert sorted(moments(kept)) == [(5 * NS, "gain_db", -9.0), (5 * NS, "muted", True)]


@pytest.mark.parametrize("value", [True, False, -6.5, "average", [0.5, 1.0]])
def test_every_kind_of_value_comes_back_as_it_was(kept: StoreEnvironment, value: Any) -> None:
    change(kept, 1, gain(value, "anything"))
    ((_, _, found),) = moments(kept)
    assert (found, type(found)) == (value, type(value))


def test_the_graph_at_an_instant_has_what_was_changed_by_then_and_no_more(kept: StoreEnvironment) -> None:
    change(kept, 2 * NS, gain(-6.0))
    change(kept, 4 * NS, gain(-12.0))
    regraph(kept, 6 * NS, OTHER)
    change(kept, 8 * NS, gain(-3.0, node="w"))
    found = [level(kept, second * NS) for second in range(10)]
    assert found == [0, 0, -6, -6, -12, -12, 0, 0, -3, -3]


def test_a_change_that_fits_no_node_changes_nothing() -> None:
    odd = [gain(1.0, node="nobody"), gain(99.0), gain("loud"), gain(1.0, "speed"), gain(-6.0)]
    found = automation.with_changes(GRAPH, [SoundMoment(at_ns=1, change=each) for each in odd])
    assert [node.gain_db for node in found.nodes if isinstance(node, VolumeNode)] == [-6.0]


def test_what_belongs_to_no_session_is_refused(kept: StoreEnvironment) -> None:
    with pytest.raises(RequestRejected) as caught:
        change(kept, 1, gain(1.0), session="nobody")
    assert caught.value.code == ErrorCode.NOT_FOUND
    with pytest.raises(RequestRejected, match="impossible time"):
        change(kept, -1, gain(1.0))
    with pytest.raises(RequestRejected, match="impossible time"):
        regraph(kept, 2**63, GRAPH)


def test_a_clip_begins_with_the_sound_as_it_was_there(kept: StoreEnvironment) -> None:
    """Harm: a clip of what was said while the music was turned down renders with the music at full."""
    change(kept, 2 * NS, gain(-6.0))
    change(kept, 6 * NS, gain(-12.0))
    end(kept)
    parts = [
        SessionPart(session=SESSION, from_ns=4 * NS, to_ns=8 * NS),
        SessionPart(session=SESSION, from_ns=0, to_ns=3 * NS),
    ]
    with kept.write() as txn:
        order = DeriveSession(session="clip", name="clip", tags=[], parts=parts)
        derive.derive(txn, order, Circumstances(kept.path, ()))
    assert [level(kept, second * NS, "clip") for second in range(7)] == [-6, -6, -12, -12, 0, 0, -6]
    assert verify.verify(kept, None).ok


def test_a_deleted_session_leaves_nothing_of_it(kept: StoreEnvironment) -> None:
    change(kept, 2 * NS, gain(-6.0))
    end(kept)
    with kept.write() as txn:
        manifests.remove(txn, RemoveSession(session=SESSION, reason="deleted"), Circumstances(kept.path, ()))
        assert (txn.count(Table.AUTOMATION), txn.count(Table.SOUND_GRAPHS)) == (0, 0)


def test_the_order_to_forget_takes_the_times_of_changes_with_it(kept: StoreEnvironment) -> None:
    change(kept, 1 * NS, gain(-6.0))
    change(kept, 3 * NS, gain(True, "muted"))
    end(kept)
    with kept.write() as txn:
        forget(txn, ForgetMedia(session=SESSION, from_ns=2 * NS, to_ns=4 * NS, staged=""), Circumstances(kept.path, ()))
    assert moments(kept) == [(1 * NS, "gain_db", -6.0)]
    with kept.read() as txn:
        (volume,) = (
            node for node in (automation.graph_at(txn, SESSION, 5 * NS) or GRAPH).nodes if isinstance(node, VolumeNode)
        )
    assert (volume.gain_db, volume.muted) == (-6.0, True)


_CHANGES = st.lists(st.tuples(st.integers(0, 99), st.integers(-20, 0)), max_size=8)
_EDITS = st.lists(st.integers(1, 99), max_size=3)


@settings(max_examples=25)
@given(_CHANGES, _EDITS, st.integers(0, 98), st.integers(1, 60))
def test_outside_of_a_forgotten_range_every_instant_sounds_as_before(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], edits: list[int], start: int, length: int
) -> None:
    gone = Span(start, min(100, start + length))
    with new_store(tmp_path_factory.mktemp("automation") / "store", creation(sound=GRAPH)) as store:
        for at_ns in edits:
            regraph(store, at_ns, GRAPH)
        for at_ns, value in changes:
            change(store, at_ns, gain(float(value)))
        with store.write() as txn:
            sessions.finish(txn, finish(100))
        before = [level(store, at_ns) for at_ns in range(100)]
        with store.write() as txn:
            automation.forget(txn, sessions.load(txn, SESSION), [gone])
        after = [level(store, at_ns) for at_ns in range(100)]
        told = [at_ns for at_ns, _, _ in moments(store)]
        with store.read() as txn:
            told += [at_ns for at_ns, _ in automation.graphs_of(txn, SESSION) if at_ns]
    outside = [*range(gone.start_ns), *range(gone.end_ns, 100)]
    assert [after[at_ns] for at_ns in outside] == [before[at_ns] for at_ns in outside]
    assert not [at_ns for at_ns in told if gone.start_ns <= at_ns < gone.end_ns]
