"""Searching without an index. That it finds what the index finds is tested beside that (`test_textindex.py`)."""

from reeld.store.index.documents import Document
from reeld.store.index.query import parse
from reeld.store.index.scan import search

TEXTS = [
    ("s1", [Document("name", 0, "weekly meeting"), Document("marker", 3, "budget decided")]),
    ("s2", [Document("name", 0, "budget"), Document("tag", 0, "weekly")]),
    ("s3", []),
]


def test_the_place_of_a_hit_decides_its_rank() -> None:
    """Else the session that is called so comes after one in which it was said once."""
    scores = search(parse("budget"), TEXTS)
    assert scores["s2"] > scores["s1"]
    assert "s3" not in scores


def test_words_may_stand_in_different_places_but_phrases_may_not() -> None:
    assert set(search(parse("weekly budget"), TEXTS)) == {"s1", "s2"}
    assert set(search(parse('"weekly budget"'), TEXTS)) == set()
    assert set(search(parse("meet* OR nothing"), TEXTS)) == {"s1"}
    assert search(parse("?"), TEXTS) == {}
