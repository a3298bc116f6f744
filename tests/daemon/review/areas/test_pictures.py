"""Harm guarded against: a thumbnail of another moment, a snapshot that another session's address gives out, and a page
that waits for the list of a long session."""

import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from reeld.review.areas import pictures
from reeld.store import chunks, sessions
from reeld.store.chunks import digest_of
from reeld.store.transaction import Table
from tests.daemon.media.test_fragments import encode
from tests.daemon.store.builders import NS, SESSION, chunk, creation, finish, land, new_store, still
from tests.support.review_app import ReviewApp

OTHER, STILLS, SOUND = "20261122-180000-othr", "20261122-190000-stil", "20261122-200000-soun"
THUMBNAILS = f"/api/sessions/{SESSION}/thumbnails"


def png(level: int) -> bytes:
    """A grey picture of 640 x 480."""
    return bytes(cv2.imencode(".png", np.full((480, 640, 3), level, np.uint8))[1])


@pytest.fixture(scope="module")
def store_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two key frames and a chunk that needs the one before; a session of snapshots alone, and others."""
    path = tmp_path_factory.mktemp("house") / "store"
    init, data, *_ = encode([3000] * 3, {"preset": "ultrafast", "tune": "zerolatency"})
    with new_store(
        path,
        creation(),
        creation(OTHER, tracks=("video-1", "snapshots-1")),
        creation(STILLS, tracks=("snapshots-1",)),
        creation(SOUND, tracks=("mix",)),
    ) as store:
        for at, keyframe in ((1, True), (2, False), (3, True)):
            payload = data + bytes([0, 0, 0, 12]) + b"free" + at.to_bytes(4)
            land(store, chunk(at * NS, (at + 1) * NS, payload, init=init, keyframe=keyframe))
        land(store, still(0, 5 * NS, png(200), session=STILLS), still(5 * NS, 9 * NS, png(50), session=STILLS))
        land(store, still(0, 5 * NS, b"no picture", session=OTHER), chunk(0, NS, session=OTHER))
        with store.write() as txn:
            for session in (SESSION, OTHER, STILLS):
                sessions.finish(txn, finish(9 * NS, session))
    return path


@pytest.fixture
def app(store_dir: Path) -> Iterator[ReviewApp]:
    with ReviewApp(store_dir) as made:
        yield made


@pytest.mark.parametrize(("at_ms", "at_s"), [(0, 1), (999, 1), (1000, 1), (2500, 1), (3000, 3), (10**9, 3)])
def test_the_nearest_key_frame_at_or_before_is_meant_or_else_the_first(app: ReviewApp, at_ms: int, at_s: int) -> None:
    status, body, headers = app.ask(f"{THUMBNAILS}/{at_ms}.jpg?width=32")
    assert (status, body[:2], float(headers["x-reeld-at"])) == (200, b"\xff\xd8", at_s)
    assert headers["cache-control"].startswith("private, max-age=")


def test_a_picture_is_made_once_for_all_who_ask(app: ReviewApp, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    inner = pictures._first_picture

    def counted(init: bytes, data: bytes, width: int) -> bytes:
        made.append(width)
        return inner(init, data, width)

    monkeypatch.setattr(pictures, "_first_picture", counted)
    answers = app.ask_all([f"{THUMBNAILS}/{at}.jpg" for at in (1000, 1500, 2000, 2999)])
    assert len({body for _, body, _ in answers}) == 1
    assert len(made) == 1


def test_no_picture_is_made_for_whoever_has_left(app: ReviewApp) -> None:
    assert app.ask(f"{THUMBNAILS}/1000.jpg", gone=True)[0] == 499


def test_where_there_is_no_video_a_snapshot_is_shown(app: ReviewApp) -> None:
    for at_ms, level in ((4999, 200), (5000, 50)):
        _, body, _ = app.ask(f"/api/sessions/{STILLS}/thumbnails/{at_ms}.jpg?width=64")
        picture = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert picture.shape == (48, 64, 3)
        assert np.abs(picture.astype(int) - level).max() <= 3


def test_what_has_no_picture_and_what_is_none_are_told(app: ReviewApp) -> None:
    assert app.ask(f"/api/sessions/{SOUND}/thumbnails/0.jpg")[0] == 404
    assert app.ask(f"{THUMBNAILS}/0.jpg?track=mix")[0] == 404
    assert app.ask(f"/api/sessions/{OTHER}/thumbnails/0.jpg")[0] == 410
    assert app.ask(f"/api/sessions/{OTHER}/thumbnails/0.jpg?track=snapshots-1")[0] == 410


def test_a_snapshot_is_shown_by_its_own_session_alone(app: ReviewApp) -> None:
    listed = app.json(f"/api/sessions/{STILLS}/snapshots")["snapshots"]
    digests = [digest_of(png(level)).hex() for level in (200, 50)]
    assert listed == [
        {
            "at_s": at_s,
            "track": "snapshots-1",
            "width": 640,
            "height": 480,
            "bytes": len(png(level)),
            "digest": digest,
            "type": "image/png",
        }
        for at_s, level, digest in ((0, 200, digests[0]), (5, 50, digests[1]))
    ]
    status, body, headers = app.ask(f"/api/sessions/{STILLS}/snapshots/{digests[1]}")
    assert (status, body, headers["content-type"]) == (200, png(50), "image/png")
    assert app.ask(f"/api/sessions/{STILLS}/snapshots/{digests[1]}", if_none_match=headers["etag"])[0] == 304
    assert app.ask(f"/api/sessions/{OTHER}/snapshots/{digests[1]}")[0] == 404


def test_a_chunk_is_given_out_while_something_refers_to_it_and_is_intact(tmp_path: Path) -> None:
    names = {name: digest_of(name.encode()).hex() for name in ("kept", "released", "damaged", "missing")}
    with new_store(tmp_path / "store", creation()) as store:
        for at, name in enumerate(["kept", "damaged", "missing"]):
            land(store, chunk(at * NS, (at + 1) * NS, name.encode()))
        with store.write() as txn:
            txn.put(Table.CHUNKS, bytes.fromhex(names["damaged"]), b"other")
            txn.delete(Table.CHUNKS, bytes.fromhex(names["missing"]))
            chunks.release(txn, chunks.add(txn, b"released"), reason="forgotten", now_wall_ns=0)
    with ReviewApp(tmp_path / "store") as app:
        found = {name: app.ask(f"/chunks/{digest}")[0] for name, digest in names.items()}
        assert app.ask("/chunks/" + "0" * 64)[0] == 404
    assert found == {"kept": 200, "released": 404, "damaged": 410, "missing": 410}


def test_five_thousand_snapshots_are_listed_while_a_person_waits(tmp_path: Path) -> None:
    with new_store(tmp_path / "store", creation(STILLS, tracks=("snapshots-1",))) as store:
        land(store, *(still(at * NS, (at + 1) * NS, b"%d" % at, session=STILLS) for at in range(5000)))
        with store.write() as txn:
            sessions.finish(txn, finish(5000 * NS, STILLS))
    with ReviewApp(tmp_path / "store") as app:
        began = time.monotonic()
        assert len(app.json(f"/api/sessions/{STILLS}/snapshots")["snapshots"]) == 5000
        took = time.monotonic() - began
    assert took < 2, "a tenth of it on a machine that does nothing else"
