"""The review server through the whole installation: real recordings, real HTTP, a real player. Harm guarded against: a
recording that a player shows otherwise than it was, and one that somebody sees who was not let in."""

import hashlib
import http.client
import json
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import av
import pytest

from tests.support.installation import Installation, is_alive
from tests.support.wait import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

RECORDED_S = 5.0


@dataclass
class Visitor:
    """A browser: what it asks and the cookie it was given."""

    port: int
    cookie: str = ""

    def ask(self, path: str, *, method: str = "GET", **headers: str) -> tuple[int, bytes, dict[str, str]]:
        """Status, body and headers of the answer, whose names are in lower case."""
        sent = {"Cookie": self.cookie, **{name.replace("_", "-"): value for name, value in headers.items()}}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, headers=sent)
            answer = connection.getresponse()
            return answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()}
        finally:
            connection.close()

    def json(self, path: str) -> Any:
        status, body, _ = self.ask(path)
        assert status == 200, body
        return json.loads(body)

    def enter(self, url: str) -> str:
        """Follow an address of `reelctl review`; where it leads."""
        where = urlsplit(url)
        status, _, headers = self.ask(f"{where.path}?{where.query}")
        assert status == 303
        self.cookie = headers["set-cookie"].partition(";")[0]
        assert {"httponly", "samesite=strict"} <= {word.strip().lower() for word in headers["set-cookie"].split(";")}
        return headers["location"]


@dataclass
class House:
    installation: Installation
    session: str
    clip: str

    def visitor(self, *words: str) -> tuple[Visitor, str]:
        opened = self.installation.ok("review", *words)
        visitor = Visitor(urlsplit(opened["url"]).port or 0)
        return visitor, visitor.enter(opened["url"])


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with Installation({**os.environ}) as installation:
        installation.start_daemon()
        pattern = ("--test-pattern", "640x480", "--mic", "none", "--system-audio", "none")
        session = installation.ok("start", "--name", '<img src=x onerror="alert(1)">', *pattern)["session"]
        until(lambda: installation.elapsed_s() >= RECORDED_S, 30, what="some seconds of it")
        installation.ok("stop")
        clip = installation.ok("clip", session, "--from", "1", "--to", "3")["session"]
        yield House(installation, session, clip)


def play(url: str) -> tuple[list[float], list[Any]]:
    """Times and pictures of a playlist as a player shows them."""
    with av.open(url) as container:
        frames = list(container.decode(video=0))
    return [float(frame.time or 0) for frame in frames], [frame.to_ndarray(format="gray") for frame in frames]


def play_url(visitor: Visitor, session: str) -> str:
    return f"http://127.0.0.1:{visitor.port}{visitor.json(f'/api/sessions/{session}')['play_url']}"


def test_an_address_leads_to_its_session_once(house: House) -> None:
    visitor, location = house.visitor(house.session)
    assert location == f"/?session={house.session}"
    status, page, headers = visitor.ask(location)
    assert status == 200
    assert b"<title>reeld" in page
    assert "default-src 'none'" in headers["content-security-policy"]
    opened = urlsplit(house.installation.ok("review")["url"])
    assert Visitor(visitor.port).ask(f"/open?{opened.query}")[0] == 303
    assert Visitor(visitor.port).ask(f"/open?{opened.query}")[0] == 403


def test_sessions_are_listed_searched_and_described(house: House) -> None:
    visitor, _ = house.visitor()
    assert [each["session"] for each in visitor.json("/api/sessions")["sessions"]] == [house.clip, house.session]
    assert visitor.json("/api/sessions?text=nothing-of-it")["sessions"] == []
    assert len(visitor.json("/api/sessions?count=1")["sessions"]) == 1
    shown = visitor.json(f"/api/sessions/{house.session}")["session"]
    assert shown["name"] == '<img src=x onerror="alert(1)">'
    assert visitor.ask("/api/sessions?count=-1")[0] == 400
    assert visitor.ask("/api/sessions/20200101-000000-aaaa")[0] == 404


def test_a_player_shows_the_recording_from_beginning_to_end(house: House) -> None:
    visitor, _ = house.visitor()
    times, pictures = play(play_url(visitor, house.session))
    shown = house.installation.ok("show", house.session)
    assert times == sorted(times)
    assert times[0] < 0.5
    assert shown["duration_s"] - times[-1] < 1
    assert len(pictures) == shown["tracks"][0]["frames"] > RECORDED_S
    assert pictures[0].std() > 10  # a picture, and no black one
    assert (pictures[0] != pictures[-1]).any()


def test_bytes_are_served_as_http_wants(house: House) -> None:
    visitor, _ = house.visitor()
    address = urlsplit(play_url(visitor, house.session)).path
    master = visitor.ask(address)[1].decode()
    listed = address.replace("master.m3u8", master.splitlines()[-1])
    playlist = visitor.ask(listed)[1].decode()
    (init,) = re.findall(r'URI="init/([0-9a-f]{64}).mp4"', playlist)
    status, data, headers = visitor.ask(f"/chunks/{init}")
    assert (status, hashlib.sha256(data).hexdigest()) == (200, init)
    assert "immutable" in headers["cache-control"]
    assert visitor.ask(f"/chunks/{init}", range="bytes=4-7")[:2] == (206, b"ftyp")
    assert visitor.ask(f"/chunks/{init}", if_none_match=headers["etag"])[:2] == (304, b"")
    status, body, headers = visitor.ask(f"/chunks/{init}", method="HEAD")
    assert (status, body, int(headers["content-length"])) == (200, b"", len(data))
    first = re.findall(r"^\d+\.m4s$", playlist, re.MULTILINE)[0]
    assert visitor.ask(listed.replace("playlist.m3u8", first))[1][4:8] == b"moof"
    assert visitor.ask(listed.replace("playlist.m3u8", "1.m4s"))[0] == 404
    assert visitor.ask(listed.replace("playlist.m3u8", f"init/{'0' * 64}.mp4"))[0] == 404


@pytest.mark.parametrize(
    "path",
    ["/chunks/" + "0" * 64, "/chunks/../data.mdb", "/chunks/%2e%2e%2fdata.mdb", "/..%2f..%2fapp.py", "/app.py", "/x"],
)
def test_what_is_not_there_or_is_none_of_a_visitors_business_is_refused(house: House, path: str) -> None:
    visitor, _ = house.visitor()
    assert visitor.ask(path)[0] in (404, 410)


def test_whoever_was_not_let_in_sees_nothing(house: House) -> None:
    visitor, _ = house.visitor()
    for path in ("/", "/list.js", "/api/sessions", f"/api/sessions/{house.session}", "/chunks/" + "0" * 64):
        assert Visitor(visitor.port).ask(path)[0] == 401
        assert visitor.ask(path, Host="evil.example")[0] == 403
        assert visitor.ask(path, Origin="http://evil.example")[0] == 403


def test_a_recording_that_goes_on_is_played_while_it_does(house: House) -> None:
    pattern = ("--test-pattern", "640x480", "--mic", "none", "--system-audio", "none")
    session = house.installation.ok("start", *pattern)["session"]
    visitor, _ = house.visitor(session)

    def pieces() -> str:
        address = urlsplit(play_url(visitor, session)).path
        track = visitor.ask(address)[1].decode().splitlines()[-1]
        return visitor.ask(address.replace("master.m3u8", track))[1].decode()

    until(lambda: pieces().count("#EXTINF") >= 2, 20, what="chunks in the list")
    assert "ENDLIST" not in pieces()
    seen: list[list[float]] = []
    watching = threading.Thread(target=lambda: seen.append(play(play_url(visitor, session))[0]))
    watching.start()
    before_s = house.installation.elapsed_s()
    until(lambda: house.installation.elapsed_s() > before_s + 3, 20, what="more of it")
    house.installation.ok("stop")
    watching.join(30)
    assert "ENDLIST" in pieces()
    assert seen[0][-1] > before_s + 2


def test_a_server_that_is_killed_is_started_again_and_leaves_with_its_daemon(house: House) -> None:
    house.installation.ok("review")

    def pid() -> int:
        return next((each.pid for each in house.installation.workers() if each.name == "review"), 0)

    first = until(pid, 10, what="the server among the processes")
    os.kill(first, signal.SIGKILL)
    until(lambda: pid() == 0, 10, what="its end")
    visitor, _ = house.visitor()
    assert visitor.json("/api/sessions")["sessions"]
    second = pid()
    assert second not in (0, first)
    began = time.monotonic()
    assert house.installation.stop_daemon() == 0
    until(lambda: not is_alive(second), 5, what="the end of the server")
    assert time.monotonic() - began < 10
