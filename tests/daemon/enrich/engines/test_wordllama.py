"""The small model of meanings. Harms guarded against: vectors that are not those of the model, a threshold that finds
nothing or everything, and a model that is fetched from a network."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from reeld.enrich.engines import wordllama
from reeld.enrich.engines.api import Embedder
from reeld.enrich.engines.missing import EngineMissing
from reeld.enrich.engines.wordllama import DIMENSIONS, WordLlamaEmbedder
from reeld.enrich.meaning import ALIKE_MIN

ALIKE = [
    ("the payment is overdue", "the customer has not paid the invoice yet"),
    ("book a flight to Lisbon", "we travel by plane to Portugal next week"),
    ("the server crashed", "production went down with an out of memory error"),
    ("hire a new developer", "the job interview with the engineer went well"),
    ("reduce our spending", "the budget was cut by ten percent"),
    ("vacation plans", "where shall we go on holiday in summer"),
    ("car repair", "the mechanic fixed the brakes of my vehicle"),
    ("dinner recipe", "boil the pasta and add tomato sauce"),
    ("security hole", "the vulnerability lets attackers read passwords"),
    ("doctor appointment", "I have to see the physician on Monday"),
]


@pytest.fixture(scope="module")
def engine() -> WordLlamaEmbedder:
    return WordLlamaEmbedder()


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return (one.astype(np.float32) @ other.astype(np.float32).T) / 127**2


def test_it_is_an_embedder_and_loads_nothing_that_talks_to_networks(engine: WordLlamaEmbedder) -> None:
    assert isinstance(engine, Embedder)
    assert engine.version.endswith("/256")
    assert "wordllama" not in sys.modules


def test_what_says_the_same_in_other_words_is_alike_and_nothing_else(engine: WordLlamaEmbedder) -> None:
    found = cosines(*(engine.embed([pair[side] for pair in ALIKE]) for side in (0, 1)))
    same = np.eye(len(ALIKE), dtype=bool)
    assert (found[same] >= ALIKE_MIN).all()
    assert (found[~same] >= ALIKE_MIN).mean() <= 0.02


def test_vectors_are_those_of_the_packages_own_inference(engine: WordLlamaEmbedder) -> None:
    spec = importlib.util.find_spec("wordllama")
    assert spec is not None
    assert spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0])
    (weights,) = load_file(folder / wordllama._WEIGHTS).values()
    tokens = Tokenizer.from_file(str(folder / wordllama._TOKENIZER)).encode(ALIKE[0][1], add_special_tokens=False).ids
    mean = weights.astype(np.float32)[tokens].mean(axis=0)
    (ours,) = engine.embed([ALIKE[0][1]])
    assert np.abs(ours - mean / np.linalg.norm(mean) * 127).max() <= 0.51


@given(st.lists(st.text(max_size=60), max_size=6))
def test_any_text_has_a_vector_of_full_length_or_none(texts: list[str]) -> None:
    engine = _shared()
    found = engine.embed(texts)
    assert found.shape == (len(texts), DIMENSIONS)
    lengths = np.linalg.norm(found.astype(np.float32), axis=1)
    assert all(length == 0 or abs(length - 127) < 5 for length in lengths)
    assert (engine.embed(texts[::-1])[::-1] == found).all()


_ENGINES: list[WordLlamaEmbedder] = []


def _shared() -> WordLlamaEmbedder:
    if not _ENGINES:
        _ENGINES.append(WordLlamaEmbedder())
    return _ENGINES[0]


def test_without_the_package_or_its_model_that_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(wordllama, "find_spec", lambda _name: None)
    with pytest.raises(EngineMissing, match="without its model"):
        WordLlamaEmbedder()
    monkeypatch.setattr(wordllama, "NAME", "no-such-package")
    with pytest.raises(EngineMissing, match="not installed"):
        WordLlamaEmbedder()
