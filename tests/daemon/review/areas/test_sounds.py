"""Harm guarded against: a wave of another track, one that shows a gap as silence, and a long one that blocks others."""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reeld.audio.encoder import encoder_for
from reeld.review.areas import sounds
from reeld.review.cache import Cache
from reeld.review.placing import placed
from reeld.store import sessions
from reeld.store.api import Segment
from reeld.store.reader import StoreReader
from reeld.store.transaction import Table
from reeld_proto.sound_graph import SoundCodec
from tests.daemon.store.builders import NS, SESSION, chunk, creation, finish, land, new_store
from tests.support.review_app import ReviewApp

RATE = 48_000
CHUNKS = 60
PEAKS = f"/api/sessions/{SESSION}/tracks/mix/peaks"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A tone in chunks of about 0.7 s, of which the fourth is missing and the sixth damaged; the length of one."""
    encoder = encoder_for(SoundCodec.AAC)
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(4 * RATE) / RATE)
    made = encoder.write(np.stack([tone, tone], axis=1).astype(np.float32))[2]
    frames, lasts_ns = made.end_frame - made.start_frame, made.end_ns - made.start_ns
    path = tmp_path_factory.mktemp("house") / "store"
    with new_store(path, creation()) as store:
        for at in range(CHUNKS):
            if at == 3:
                continue
            # Each is another chunk: something that no reader looks at comes last.
            data = placed(made.data, at * frames - made.start_frame) + struct.pack(">I4sQ", 16, b"free", at)
            land(store, chunk(at * lasts_ns, (at + 1) * lasts_ns, data, track="mix", init=encoder.init))
        with store.write() as txn:
            sessions.finish(txn, finish(CHUNKS * lasts_ns))
        damaged = list(StoreReader(store).segments(SESSION, "mix"))[4].chunk
        with store.write() as txn:
            txn.put(Table.CHUNKS, damaged, b"damaged")
    return path, lasts_ns


@pytest.fixture
def app(house: tuple[Path, int]) -> Iterator[ReviewApp]:
    with ReviewApp(house[0]) as made:
        yield made


def wave(app: ReviewApp, from_s: float, to_s: float, count: int) -> list[int]:
    found: dict[str, Any] = app.json(f"{PEAKS}?from_s={from_s}&to_s={to_s}&count={count}")
    assert (found["from_s"], found["to_s"], found["count"]) == (from_s, to_s, count)
    peaks: list[int] = found["peaks"]
    assert len(peaks) == count
    return peaks


def test_each_chunk_is_a_column_and_what_is_missing_or_damaged_is_none(app: ReviewApp, house: tuple[Path, int]) -> None:
    lasts_s = house[1] / NS
    peaks = wave(app, 0, 8 * lasts_s, 8)
    assert [peak == -1 for peak in peaks] == [False, False, False, True, False, True, False, False]
    assert all(115 <= peak <= 140 for peak in peaks if peak != -1)
    assert wave(app, 0, 8 * lasts_s, 8) == peaks, "and the same from memory"


def test_wide_columns_are_glanced_at(app: ReviewApp, house: tuple[Path, int], monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[int] = []
    inner = sounds._loaded

    def counted(reader: StoreReader, segments: Sequence[Segment]) -> list[sounds.Loaded | None]:
        measured.append(len(segments))
        return inner(reader, segments)

    monkeypatch.setattr(sounds, "_loaded", counted)
    lasts_s = house[1] / NS
    peaks = wave(app, 0, 1.5 * CHUNKS * lasts_s, 10)
    assert all(115 <= peak <= 140 for peak in peaks[:6])
    assert peaks[7:] == [-1, -1, -1]
    assert len(measured) == 1, "one portion"
    wave(app, 0, 1.5 * CHUNKS * lasts_s, 10)
    assert len(measured) == 1, "nothing is read again"


def test_within_a_chunk_there_is_more_than_one_column(app: ReviewApp) -> None:
    assert all(peak > 60 for peak in wave(app, 0.1, 0.3, 40))


def test_whoever_has_left_is_not_worked_for(app: ReviewApp, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_words: object, **_about: object) -> None:
        raise AssertionError("it was read")

    monkeypatch.setattr(sounds, "_loaded", never)
    assert app.ask(f"{PEAKS}?from_s=0&to_s=9&count=9", gone=True)[0] == 499


def test_several_at_once_are_all_answered(app: ReviewApp) -> None:
    addresses = [f"{PEAKS}?from_s={at}&to_s={at + 20}&count=30" for at in range(4)]
    assert {status for status, _, _ in app.ask_all(addresses)} == {200}


@pytest.mark.parametrize(
    ("address", "status"),
    [
        (f"{PEAKS}?from_s=0&to_s=9&count=0", 400),
        (f"{PEAKS}?from_s=0&to_s=9&count=2001", 400),
        (f"{PEAKS}?from_s=9&to_s=9&count=5", 400),
        (f"{PEAKS}?from_s=nan&to_s=9&count=5", 400),
        (f"{PEAKS}?to_s=9&count=5", 400),
        (f"{PEAKS.replace('mix', 'video-1')}?from_s=0&to_s=9&count=5", 404),
        (f"{PEAKS.replace('mix', 'nothing')}?from_s=0&to_s=9&count=5", 404),
    ],
)
def test_what_cannot_be_answered_is_told(app: ReviewApp, address: str, status: int) -> None:
    assert app.ask(address)[0] == status


def test_memory_is_bounded(house: tuple[Path, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sounds, "CACHE_BYTES", 2000)
    kept: list[int] = []
    put = Cache.put

    def watched(cache: Any, *words: Any) -> None:
        put(cache, *words)
        kept.append(cache.bytes)

    monkeypatch.setattr(Cache, "put", watched)
    with ReviewApp(house[0]) as app:
        wave(app, 0, 20, 30)
    assert 0 < max(kept) <= 2000
