"""The review server's application without its process: requests straight into it, as a visitor who was let in."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, cast
from urllib.parse import urlsplit

from starlette.types import Message

from reeld.review.app import build
from reeld.review.desk import Desk
from reeld.review.guard import SCOPES
from reeld.review.shelf import Shelf
from reeld.review.tickets import TicketOffice
from reeld_client import AsyncClient
from reeld_proto.access import Scope
from reeld_proto.scopes import ALL_SCOPES

OFFICE = TicketOffice(b"k" * 32)
PORT = 4711


class ReviewApp:
    """Context manager. Over the store in a folder; without a `client` there is no daemon. scopes: the visitor's."""

    def __init__(
        self, store_dir: Path, client: Any = None, scopes: Iterable[Scope] = ALL_SCOPES, office: TicketOffice = OFFICE
    ) -> None:
        self._runner = asyncio.Runner()
        self._shelf = Shelf(store_dir)
        self._scopes = frozenset(scopes)
        self.app = build(Desk(self._shelf, cast("AsyncClient", client), office, PORT))

    def __enter__(self) -> "ReviewApp":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._runner.run(self._shelf.close())
        self._runner.close()

    def send(self, address: str, body: bytes | str) -> tuple[int, Any]:
        """Status and document of the answer to a change."""
        data = body.encode() if isinstance(body, str) else body
        status, answer, _ = self._runner.run(self._asked(address, {}, gone=False, body=data))
        return status, json.loads(answer)

    def headers_of(self, address: str, body: str) -> dict[str, str]:
        """Headers of the answer to a change."""
        return self._runner.run(self._asked(address, {}, gone=False, body=body.encode()))[2]

    def ask(self, address: str, *, gone: bool = False, **headers: str) -> tuple[int, bytes, dict[str, str]]:
        """Status, body and headers of the answer. gone: the client has left already."""
        return self._runner.run(self._asked(address, headers, gone=gone))

    def ask_all(self, addresses: Sequence[str]) -> list[tuple[int, bytes, dict[str, str]]]:
        """The same for requests that come at once."""

        async def together() -> list[tuple[int, bytes, dict[str, str]]]:
            return await asyncio.gather(*(self._asked(each, {}, gone=False) for each in addresses))

        return self._runner.run(together())

    def json(self, address: str) -> Any:
        """The document at an address."""
        status, body, _ = self.ask(address)
        assert status == 200, body
        return json.loads(body)

    async def _asked(
        self, address: str, headers: dict[str, str], *, gone: bool, body: bytes | None = None
    ) -> tuple[int, bytes, dict[str, str]]:
        where = urlsplit(address)
        coming: list[Message] = [{"type": "http.request", "body": body or b""}]
        sent: list[Message] = []

        async def receive() -> Message:
            if gone:
                return {"type": "http.disconnect"}
            if not coming:
                await asyncio.Event().wait()
            return coming.pop()

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "GET" if body is None else "POST",
            SCOPES: self._scopes,
            "path": where.path,
            "query_string": where.query.encode(),
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        }
        await self.app(scope, receive, send)
        answer = b"".join(message.get("body", b"") for message in sent)
        return sent[0]["status"], answer, {name.decode(): value.decode() for name, value in sent[0]["headers"]}
