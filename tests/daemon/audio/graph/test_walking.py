"""Harm guarded against: a track whose sources are not known, so that its silence or its new mix is another's."""

from reeld.audio.graph.walking import sources_of, upstream
from reeld.sessions.sounds import usual_graph
from tests.daemon.audio.graph.samples import graph_of


def names(nodes: list[object]) -> list[str]:
    return [getattr(node, "name", "") for node in nodes]


def test_what_leads_to_a_node_comes_in_the_order_of_the_graph_and_once() -> None:
    graph = graph_of("a tone\nb silence\nv volume < a\nm mixer < v a b\nt track < m\nu track < b")
    assert names([*upstream("t", graph)]) == ["a", "b", "v", "m", "t"]
    assert names([*sources_of("t", graph)]) == ["a", "b"]
    assert names([*upstream("u", graph)]) == ["b", "u"]
    assert upstream("none", graph) == []


def test_each_track_of_the_usual_graph_hears_its_own() -> None:
    assert names([*sources_of("mix", usual_graph())]) == ["mic-in", "system-in"]
    assert names([*sources_of("mic", usual_graph())]) == ["mic-in"]


def test_neither_a_circle_nor_a_loose_end_is_walked_for_ever() -> None:
    graph = graph_of("a volume < b\nb volume < a\nc volume < nothing")
    assert names([*upstream("a", graph)]) == ["a", "b"]
    assert names([*upstream("c", graph)]) == ["c"]
