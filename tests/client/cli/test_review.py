"""`reelctl review`. Harm guarded against: a browser that opens where nobody sits, and an address nobody can read."""

import sys
import webbrowser

import pytest

from reeld_client.cli import review
from reeld_proto import commands as c
from reeld_proto.errors import ErrorCode, RequestRejected
from tests.client.cli.reelctl import Reelctl
from tests.client.fake_reeld import FakeReeld, Server

URL = "http://127.0.0.1:4711/open?ticket=" + "t" * 75


@pytest.fixture
def opened(server: Server, fake: FakeReeld, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses that were opened in the browser."""
    addresses: list[str] = []
    monkeypatch.setattr(webbrowser, "open", addresses.append)
    fake.answers["review_open"] = c.ReviewOpened(url=URL, expires_s=60.0)
    return addresses


def test_without_a_terminal_the_address_is_printed_whole_and_nothing_opens(
    reelctl: Reelctl, opened: list[str], fake: FakeReeld
) -> None:
    assert reelctl("review", "20261126-1").out.splitlines()[0] == URL
    assert fake.heard == [c.OpenReview(session="20261126-1")]
    assert reelctl("review", "--json").json == {"url": URL, "expires_s": 60.0}
    assert opened == []


def test_on_a_terminal_the_browser_opens_unless_it_is_not_wanted(
    reelctl: Reelctl, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review, "has_terminal", lambda: True)
    assert reelctl("review", "--no-browser").code == 0
    assert opened == []
    assert reelctl("review").code == 0
    assert opened == [URL]


def test_an_unknown_session_is_named(reelctl: Reelctl, opened: list[str], fake: FakeReeld) -> None:
    fake.answers["review_open"] = RequestRejected("there is no session x", code=ErrorCode.NOT_FOUND)
    assert reelctl("review", "x").code == 5
    assert opened == []


def test_a_pipe_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False, raising=False)
    assert not review.has_terminal()
