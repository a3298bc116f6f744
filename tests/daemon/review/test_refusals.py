"""Harm guarded against: any request at all by which somebody who was not let in sees a byte of a recording, or by which
somebody who was sees a file that is none."""

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Message

from reeld.review.files import PAGE
from reeld.review.guard import Guard, cookie_name
from reeld.review.openapi import description
from reeld.review.tickets import Purpose, TicketOffice
from reeld_proto.scopes import ALL_SCOPES
from tests.support.recorded_client import RecordedClient
from tests.support.review_app import OFFICE, PORT, ReviewApp

HOST = f"127.0.0.1:{PORT}"
VISIT = f"{cookie_name(PORT)}={OFFICE.issue(Purpose.VISIT, 0, 60, scopes=ALL_SCOPES)}"
OTHERS = TicketOffice(b"o" * 32)
NO_COOKIES = st.sampled_from(
    [
        "",
        f"{cookie_name(PORT)}=",
        f"{cookie_name(PORT)}={OTHERS.issue(Purpose.VISIT, 0, 60, scopes=ALL_SCOPES)}",
        f"{cookie_name(PORT)}={OFFICE.issue(Purpose.ENTRY, 0, 60, scopes=ALL_SCOPES)}",
        f"{cookie_name(PORT)}={OFFICE.issue(Purpose.VISIT, 0, 0, scopes=ALL_SCOPES)}",
        VISIT.replace(str(PORT), str(PORT + 1), 1),
    ]
)
STRANGE = st.sampled_from(
    ["..", "%2e%2e", "..%2f", "%2e%2e%2f", "%00", "a" * 5000, "%ff%fe", "....//", "\\..\\", "~", ""]
)
WORDS = STRANGE | st.text(st.characters(codec="ascii", exclude_characters="?#%"), max_size=20)
PATHS = st.sampled_from(["/", "/open", "/style.css", "/app.js", *description("c")["paths"]])
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
FOREIGN = st.sampled_from(
    [
        {"host": "evil.example"},
        {"host": f"evil.example:{PORT}"},
        {"host": "127.0.0.1"},
        {"host": ""},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": f"https://{HOST}"},
        {"sec-fetch-site": "cross-site"},
    ]
)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with ReviewApp(tmp_path_factory.mktemp("none"), RecordedClient({})) as app:
        yield app


def ask(app: ReviewApp, method: str, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    coming: list[Message] = [{"type": "http.request", "body": b"{}"}]

    async def receive() -> Message:
        if not coming:
            await asyncio.Event().wait()
        return coming.pop()

    scope = {
        "type": "http",
        "method": method,
        "path": unquote_to_bytes(path).decode(errors="replace"),
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    asyncio.run(Guard(app.app, OFFICE, PORT, now_ns=lambda: 1)(scope, receive, send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)


def filled(path: str, words: list[str]) -> str:
    for word in words:
        path = path.partition("{")[0] + (word + path.partition("}")[2] if "{" in path else "")
    return path


@settings(max_examples=300)
@given(METHODS, PATHS, st.lists(WORDS, min_size=4, max_size=4), NO_COOKIES)
def test_who_was_not_let_in_gets_a_refusal_whatever_he_asks(
    method: str, path: str, words: list[str], cookie: str
) -> None:
    headers = {"host": HOST, "origin": f"http://{HOST}", "content-type": "application/json", "cookie": cookie}
    status, body = ask(_app[0], method, filled(path, words), headers)
    assert status in (401, 403, 405)
    assert len(body) < 200


@settings(max_examples=300)
@given(METHODS, PATHS.filter(lambda path: path != "/open"), st.lists(WORDS, min_size=4, max_size=4), FOREIGN)
def test_another_site_gets_a_refusal_even_with_the_cookie(
    method: str, path: str, words: list[str], foreign: dict[str, str]
) -> None:
    headers = {"host": HOST, "origin": f"http://{HOST}", "content-type": "application/json", "cookie": VISIT}
    status, body = ask(_app[0], method, filled(path, words), {**headers, **foreign})
    assert status in (403, 405)
    assert len(body) < 200


@settings(max_examples=300)
@given(
    st.sampled_from(["/", "/chunks/", "/api/exports/j/", "/api/sessions/s/snapshots/", "/page/", "//"]),
    st.lists(
        STRANGE | st.sampled_from(["app.py", "guard.py", "etc", "passwd", "index.html", "__init__.py"]), min_size=1
    ),
)
def test_no_path_leads_out_of_the_page(before: str, parts: list[str]) -> None:
    status, body = ask(_app[0], "GET", before + "/".join(parts), {"host": HOST, "cookie": VISIT})
    if status == 200:
        assert body in {path.read_bytes() for path in PAGE.iterdir()}
    else:
        assert 300 <= status < 500


def test_the_files_of_the_page_are_all_that_is_served_and_can_be_kept(app: ReviewApp) -> None:
    for path in PAGE.iterdir():
        status, body = ask(app, "GET", f"/{path.name}", {"host": HOST, "cookie": VISIT})
        assert (status, body) == (200, path.read_bytes())


_app: list[ReviewApp] = []


@pytest.fixture(scope="module", autouse=True)
def _share(app: ReviewApp) -> Any:
    """Hypothesis takes no fixture that lives for a function."""
    _app.append(app)
    yield
    _app.clear()


assert Path(PAGE).is_dir()
