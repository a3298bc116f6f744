"""A language model's service on loopback: real HTTP, answers as a test wants them. What it was asked is kept."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOLD = {"summary": [{"at_s": 1.5, "text": "They  chose\nplan B."}, {"at_s": 9, "text": ""}]}


def answer(content: str, **more: Any) -> bytes:
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": content}}], **more}).encode()


class Service(ThreadingHTTPServer):
    """Answers as it is told: status, headers and body; None: not at all."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.reply: tuple[int, dict[str, str], bytes] | None = (200, {}, answer(json.dumps(TOLD)))
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.ending = threading.Event()
        self.answered = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append((self.path, self.headers.get("authorization", ""), body))
        if self.server.reply is None:
            self.server.ending.wait(20)
            return
        status, headers, data = self.server.reply
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.server.answered.set()

    def log_message(self, format: str, *args: object) -> None:
        pass
