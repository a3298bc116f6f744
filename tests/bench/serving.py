"""The review server beside nginx: chunks over connections that stay open, and its memory while players play."""

import contextlib
import http.client
import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from tests.support.wait import until

CONNECTIONS = 4
_PLACES = ("/usr/sbin", "/sbin", "/usr/local/sbin")
_NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/errors crit;
events {{}}
http {{
  access_log off; sendfile on; keepalive_requests 1000000; default_type video/mp4;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; root {folder}; }}
}}
"""
_WRK = """
local paths, at = {{ {paths} }}, 0
request = function()
  at = at % #paths + 1
  return wrk.format("GET", paths[at])
end
done = function(summary, latency)
  local wrong = summary.errors.status + summary.errors.read + summary.errors.timeout
  io.write(string.format("result %.1f %.3f %d\\n", summary.requests * 1e6 / summary.duration,
    latency:percentile(99) / 1e3, wrong))
end
"""


@dataclass(frozen=True)
class Rate:
    """Requests a second, and the 99th percentile of their milliseconds."""

    a_second: float
    p99_ms: float

    def __str__(self) -> str:
        return f"{self.a_second:.0f}/s, p99 {self.p99_ms:.1f} ms"


@dataclass(frozen=True)
class Visitor:
    """Who was let in to the server at a port."""

    port: int
    cookie: str

    @classmethod
    def enter(cls, url: str) -> "Visitor":
        """Follow an address of `reelctl review`."""
        where = urlsplit(url)
        connection = http.client.HTTPConnection("127.0.0.1", where.port, timeout=20)
        connection.request("GET", f"{where.path}?{where.query}")
        cookie = connection.getresponse().headers["set-cookie"].partition(";")[0]
        connection.close()
        return cls(where.port or 0, cookie)

    def connect(self) -> http.client.HTTPConnection:
        """A connection that stays open."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def get(self, connection: http.client.HTTPConnection, path: str) -> bytes:
        """The body of an answer."""
        connection.request("GET", path, headers={"Cookie": self.cookie})
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, (path, body)
        return body

    def pieces(self, session: str) -> list[list[dict[str, object]]]:
        """The pieces of each track of a session's first minutes."""
        with contextlib.closing(self.connect()) as connection:
            found = json.loads(self.get(connection, f"/api/sessions/{session}/manifest?from_s=0&to_s=600"))
        return [track["pieces"] for track in found["tracks"]]


def has_peer() -> bool:
    """Whether nginx, and what asks both of them, are installed."""
    return _program("nginx") is not None and _program("wrk") is not None


def rate(port: int, paths: Sequence[str], seconds: float, folder: Path, cookie: str = "") -> Rate:
    """Ask for the paths in turn over four connections."""
    script = folder / "ask.lua"
    script.write_text(_WRK.format(paths=", ".join(f'"{path}"' for path in paths)))
    command = [_program("wrk") or "", "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "-s", str(script)]
    headers = ["-H", f"Cookie: {cookie}"] if cookie else []
    command += [*headers, f"http://127.0.0.1:{port}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"^result (\S+) (\S+) (\d+)$", done.stdout, re.MULTILINE)
    assert found is not None, done.stdout
    assert found[3] == "0", done.stdout
    return Rate(float(found[1]), float(found[2]))


@contextlib.contextmanager
def nginx(folder: Path, port: int) -> Iterator[None]:
    """Serves the files below a folder on the loopback."""
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, port=port))
    process = subprocess.Popen([_program("nginx") or "", "-p", str(folder), "-c", str(config)], stderr=subprocess.PIPE)
    try:
        until(lambda: _listens(port), 10, what="nginx")
        yield
    finally:
        process.terminate()
        process.communicate(timeout=10)


def beside_nginx(visitor: Visitor, paths: Sequence[str], seconds: float, folder: Path) -> tuple[Rate, Rate]:
    """Ours and the peer's, which serves the same chunks as files at the same paths."""
    (folder / "chunks").mkdir(parents=True)
    with contextlib.closing(visitor.connect()) as connection:
        for path in paths:
            (folder / path.lstrip("/")).write_bytes(visitor.get(connection, path))
    port = _free_port()
    with nginx(folder, port):
        theirs = rate(port, paths, seconds, folder)
    return rate(visitor.port, paths, seconds, folder, visitor.cookie), theirs


def memory_while_playing(visitor: Visitor, session: str, pid: int, seconds: float, speed: float = 4.0) -> psutil._ntp:
    """The most PSS and RSS of the server while four players fetch a session at four times its speed."""
    tracks = visitor.pieces(session)
    failures: list[BaseException] = []
    ended = threading.Event()

    def play() -> None:
        began = time.monotonic()
        try:
            with contextlib.closing(visitor.connect()) as connection:
                pieces = sorted((piece for track in tracks for piece in track), key=lambda each: each["start_s"])  # type: ignore[arg-type, return-value]
                for piece in pieces:
                    if ended.wait(max(0.0, float(str(piece["start_s"])) / speed - (time.monotonic() - began))):
                        return
                    visitor.get(connection, str(piece["url"]))
        except BaseException as error:  # noqa: BLE001 - told by the thread that waits
            failures.append(error)

    players = [threading.Thread(target=play) for _ in range(4)]
    for player in players:
        player.start()
    process, found = psutil.Process(pid), []
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        found.append(process.memory_full_info())
        time.sleep(0.1)
    ended.set()
    for player in players:
        player.join()
    assert not failures, failures
    return max(found, key=lambda each: each.pss)


def _program(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *_PLACES]))


def _listens(port: int) -> bool:
    return any(each.laddr.port == port and each.status == "LISTEN" for each in psutil.net_connections("tcp4"))


def _free_port() -> int:
    import socket  # noqa: PLC0415

    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port
