"""Harm guarded against: another site, or another program without a ticket, that reads what was recorded."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import PlainTextResponse
from starlette.types import Message

from reeld.review.guard import HEADERS, Guard, cookie_name
from reeld.review.tickets import Purpose, TicketOffice

PORT = 4711
HOST = f"127.0.0.1:{PORT}"
OFFICE = TicketOffice(b"k" * 32)
VISIT = f"{cookie_name(PORT)}={OFFICE.issue(Purpose.VISIT, 0, 60)}"


def ask(
    path: str = "/api/sessions", *, method: str = "GET", now_ns: int = 1, headers: list[tuple[str, str]]
) -> tuple[int, dict[str, str]]:
    """Status and headers of the answer to a request."""
    asked: list[str] = []
    guard = Guard(PlainTextResponse("recorded"), OFFICE, PORT, now_ns=lambda: now_ns, asked=lambda: asked.append(path))
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    raw = [(name.encode(), value.encode(errors="surrogateescape")) for name, value in headers]
    scope: dict[str, Any] = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": raw}
    asyncio.run(guard(scope, receive, send))
    status = sent[0]["status"]
    body = b"".join(message.get("body", b"") for message in sent)
    assert (body == b"recorded") is (status == 200) is bool(asked)
    return status, {name.decode(): value.decode() for name, value in sent[0]["headers"]}


@pytest.mark.parametrize("host", [HOST, f"localhost:{PORT}"])
def test_who_was_let_in_is_answered_with_strict_headers(host: str) -> None:
    status, headers = ask(headers=[("host", host), ("cookie", VISIT), ("origin", f"http://{host}")])
    assert status == 200
    assert HEADERS.items() <= headers.items()
    assert headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", f"127.0.0.1:{PORT + 1}", ""])
def test_a_name_that_was_made_to_point_here_is_refused(host: str) -> None:
    assert ask(headers=[("host", host), ("cookie", VISIT)])[0] == 403


def test_no_host_and_two_hosts_are_refused() -> None:
    assert ask(headers=[("cookie", VISIT)])[0] == 403
    assert ask(headers=[("host", HOST), ("host", HOST), ("cookie", VISIT)])[0] == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", f"https://{HOST}", f"http://localhost:{PORT}"])
def test_another_origin_is_refused(origin: str) -> None:
    assert ask(headers=[("host", HOST), ("cookie", VISIT), ("origin", origin)])[0] == 403


def test_another_site_may_lead_here_but_not_fetch_from_here() -> None:
    cross = [("host", HOST), ("cookie", VISIT), ("sec-fetch-site", "cross-site")]
    assert ask(headers=[*cross, ("sec-fetch-mode", "no-cors")])[0] == 403
    assert ask(headers=[*cross, ("sec-fetch-mode", "navigate")])[0] == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "post"])
def test_other_methods_are_not_known(method: str) -> None:
    status, headers = ask(method=method, headers=[("host", HOST), ("cookie", VISIT), ("origin", f"http://{HOST}")])
    assert (status, headers["allow"]) == (405, "GET, HEAD, POST")


CHANGE = [("host", HOST), ("cookie", VISIT), ("origin", f"http://{HOST}"), ("content-type", "application/json")]


@pytest.mark.parametrize("path", ["/", "/open", "/chunks/x", "/play/x/y/master.m3u8", "/api"])
def test_nothing_is_changed_outside_the_interface(path: str) -> None:
    assert ask(path, method="POST", headers=CHANGE)[0] == 405


def test_a_change_comes_from_the_page_itself() -> None:
    assert ask(method="POST", headers=CHANGE)[0] == 200
    assert ask(method="POST", headers=[*CHANGE, ("sec-fetch-site", "same-origin")])[0] == 200
    for site in ("cross-site", "same-site", "none"):
        assert ask(method="POST", headers=[*CHANGE, ("sec-fetch-site", site)])[0] == 403
    for left_out, status in (("origin", 403), ("content-type", 415), ("cookie", 401), ("host", 403)):
        assert ask(method="POST", headers=[each for each in CHANGE if each[0] != left_out])[0] == status
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        assert ask(method="POST", headers=[*CHANGE[:3], ("content-type", kind)])[0] == 415
    assert ask(method="POST", headers=[*CHANGE, ("origin", "http://evil.example")])[0] == 403
    assert ask(method="POST", headers=[*CHANGE, ("origin", f"http://{HOST}")])[0] == 403


def test_without_a_valid_cookie_nothing_is_told() -> None:
    assert ask(headers=[("host", HOST)])[0] == 401
    assert ask(headers=[("host", HOST), ("cookie", VISIT)], now_ns=60_000_000_000)[0] == 401
    entry = OFFICE.issue(Purpose.ENTRY, 0, 60)
    assert ask(headers=[("host", HOST), ("cookie", f"{cookie_name(PORT)}={entry}")])[0] == 401
    assert ask(headers=[("host", HOST), ("cookie", VISIT.replace(str(PORT), str(PORT + 1), 1))])[0] == 401


@given(st.text(st.characters(codec="latin-1")), st.text(st.characters(codec="ascii", exclude_characters="/?#")))
def test_nothing_made_up_lets_anybody_in(cookie: str, ticket: str) -> None:
    assert ask(headers=[("host", HOST), ("cookie", cookie)])[0] == 401
    assert ask(f"/play/{ticket}/20260101/master.m3u8", headers=[("host", HOST), ("cookie", VISIT)])[0] == 403


def test_a_player_gets_the_session_that_its_address_is_for_and_no_other() -> None:
    ticket = OFFICE.issue(Purpose.PLAY, 0, 60, "one")
    assert ask(f"/play/{ticket}/one/v/playlist.m3u8", headers=[("host", HOST)])[0] == 200
    assert ask(f"/play/{ticket}/two/v/playlist.m3u8", headers=[("host", HOST)])[0] == 403
    assert ask(f"/play/{ticket}/one/../two/master.m3u8", headers=[("host", HOST)])[0] == 200  # the router knows no such
    assert ask(f"/play/{ticket}/one/x", now_ns=60_000_000_000, headers=[("host", HOST)])[0] == 403


def test_other_protocols_are_not_answered() -> None:
    async def nothing(*_words: Any) -> Any:
        raise AssertionError("it was passed on")

    asyncio.run(Guard(nothing, OFFICE, PORT)({"type": "websocket"}, nothing, nothing))
