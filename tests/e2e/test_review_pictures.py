"""What a browser sees of a recording beside the player, and what a player sees of a clip. Harm guarded against: a clip
that begins with pictures from before it, and a picture, a peak or a chunk that is another's or was forgotten."""

import hashlib
import io
import os
from collections.abc import Iterator
from typing import Any

import av
import psutil
import pytest

from reeld.capture.pattern_source import read_counter
from reeld.store.reader import StoreReader
from tests.e2e.test_review import House, play, play_url
from tests.support.installation import Installation
from tests.support.wait import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

RECORDED_S = 5.0
CUT_S, CUT_END_S = 1.37, 3.61
"""Within chunks, and no whole number of pictures."""
HIDDEN_S = 0.01
"""What nobody sees."""
SKEW_S = 0.0015
"""By which a picture may come sooner or later."""
BARS = [[1, 1, 1], [1, 1, 0], [0, 1, 1], [0, 1, 0], [1, 0, 1], [1, 0, 0], [0, 0, 1], [0, 0, 0]]
"""The pattern's colours from left to right: whether there is red, green and blue in them."""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with Installation({**os.environ}) as installation:
        installation.start_daemon()
        pattern = ("--test-pattern", "640x480", "--mic", "none", "--system-audio", "none")
        session = installation.ok("start", *pattern)["session"]
        until(lambda: installation.elapsed_s() >= RECORDED_S, 30, what="some seconds of it")
        installation.ok("stop")
        clip = installation.ok("clip", session, "--from", str(CUT_S), "--to", str(CUT_END_S))["session"]
        yield House(installation, session, clip)


def counters(url: str) -> list[tuple[float, int]]:
    """When a player shows which number of the pattern."""
    times, pictures = play(url)
    numbers = [read_counter(picture[:, :, None]) for picture in pictures]
    return [(at_s, number) for at_s, number in zip(times, numbers, strict=True) if number is not None]


def test_a_clip_begins_with_the_picture_on_view_there_and_shows_each_at_its_time(house: House) -> None:
    visitor, _ = house.visitor()
    whole, clip = (counters(play_url(visitor, session)) for session in (house.session, house.clip))
    assert len([at_s for at_s, _ in clip if at_s < HIDDEN_S]) > 1, "it begins within a chunk"
    assert clip[-1][0] < CUT_END_S - CUT_S
    for at_ms in range(round(1000 * HIDDEN_S) + 1, round(1000 * (CUT_END_S - CUT_S)), 3):
        at_s = at_ms / 1000
        assert on_view(clip, at_s) in {on_view(whole, CUT_S + at_s + skew_s) for skew_s in (-SKEW_S, SKEW_S)}


def on_view(shown: list[tuple[float, int]], at_s: float) -> int:
    """The number that is seen at that time."""
    return [number for begins_s, number in shown if begins_s <= at_s][-1]


def test_a_thumbnail_is_the_key_frame_before_as_jpeg(house: House) -> None:
    visitor, _ = house.visitor()
    path = f"/api/sessions/{house.session}/thumbnails/2500.jpg?width=320"
    status, body, headers = visitor.ask(path)
    assert (status, headers["content-type"]) == (200, "image/jpeg")
    assert headers["cache-control"].startswith("private, max-age=")
    assert 0 <= float(headers["x-reeld-at"]) <= 2.5
    picture = decoded(body)
    assert picture.shape == (240, 320, 3)
    number = dict(counters(play_url(visitor, house.session)))
    nearest = min(number, key=lambda at_s: abs(at_s - float(headers["x-reeld-at"])))
    assert read_counter(picture) == number[nearest]
    bars = picture[120, 20::40]
    assert [[int(value > 127) for value in bar] for bar in bars] == BARS
    assert visitor.ask(path)[1] == body


def test_a_clip_has_thumbnails_though_it_begins_without_a_key_frame(house: House) -> None:
    visitor, _ = house.visitor()
    for at_ms in (0, 100, 2000, 10**6):
        status, body, _ = visitor.ask(f"/api/sessions/{house.clip}/thumbnails/{at_ms}.jpg")
        assert status == 200
        assert decoded(body).shape == (120, 160, 3)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("{session}/thumbnails/0.jpg?width=15", 400),
        ("{session}/thumbnails/0.jpg?width=641", 400),
        ("{session}/thumbnails/x.jpg", 400),
        ("{session}/thumbnails/0.jpg?track=nothing", 404),
        ("20200101-000000-aaaa/thumbnails/0.jpg", 404),
        ("20200101-000000-aaaa/snapshots", 404),
        ("{session}/snapshots/" + "0" * 64, 404),
    ],
)
def test_what_is_not_there_is_told_as_json(house: House, path: str, status: int) -> None:
    visitor, _ = house.visitor()
    found, body, headers = visitor.ask("/api/sessions/" + path.format(session=house.session))
    assert (found, headers["content-type"]) == (status, "application/json")
    assert b'"error"' in body


def test_snapshots_are_listed_and_shown_to_whoever_looks_at_their_session(house: House) -> None:
    visitor, _ = house.visitor()
    listed = visitor.json(f"/api/sessions/{house.session}/snapshots")["snapshots"]
    assert listed
    for each in listed:
        status, body, headers = visitor.ask(f"/api/sessions/{house.session}/snapshots/{each['digest']}")
        assert (status, headers["content-type"]) == (200, each["type"])
        assert (len(body), hashlib.sha256(body).hexdigest()) == (each["bytes"], each["digest"])
        assert "immutable" in headers["cache-control"]
        assert (each["width"], each["height"]) == (640, 480)
    chunk = next(iter(chunks(house, house.session) - {each["digest"] for each in listed}))
    assert visitor.ask(f"/api/sessions/{house.session}/snapshots/{chunk}")[0] == 404, "that is no snapshot"
    track = listed[0]["track"]
    assert decoded(visitor.ask(f"/api/sessions/{house.session}/thumbnails/0.jpg?track={track}")[1]).shape[1] == 160


def test_what_was_forgotten_is_not_given_out_even_before_it_is_collected(house: House) -> None:
    installation = house.installation
    session = installation.ok("start", "--test-pattern", "640x480", "--mic", "none", "--system-audio", "none")[
        "session"
    ]
    until(lambda: installation.elapsed_s() >= 3, 30, what="some seconds of it")
    installation.ok("stop")
    visitor, _ = house.visitor()
    before = chunks(house, session)
    assert all(visitor.ask(f"/chunks/{each}")[0] == 200 for each in before)
    installation.ok("forget", session, "--from", "1.2", "--to", "1.4", "--yes")
    gone = before - chunks(house, session)
    assert gone
    assert {visitor.ask(f"/chunks/{each}")[0] for each in gone} == {404}


def test_whoever_looks_at_many_pictures_costs_little_memory(house: House) -> None:
    visitor, _ = house.visitor()
    for width in range(16, 641, 48):
        for at_ms in range(0, 5000, 500):
            assert visitor.ask(f"/api/sessions/{house.session}/thumbnails/{at_ms}.jpg?width={width}")[0] == 200
    assert visitor.ask(f"/api/sessions/{house.session}/tracks/mix/peaks?from_s=0&to_s=5&count=50")[0] == 404
    (pid,) = (each.pid for each in house.installation.workers() if each.name == "review")
    memory = psutil.Process(pid).memory_full_info()
    assert getattr(memory, "pss", memory.uss) < 80 << 20


def decoded(jpeg: bytes) -> Any:
    """Its pixels, RGB."""
    with av.open(io.BytesIO(jpeg), "r", format="jpeg_pipe") as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


def chunks(house: House, session: str) -> set[str]:
    """Digests of all media chunks of a session."""
    reader = StoreReader.open(house.installation.store)
    try:
        tracks = reader.outline(session).tracks
        return {each.chunk.hex() for track in tracks for each in reader.segments(session, track.id)}
    finally:
        reader.close()
