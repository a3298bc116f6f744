"""Harm guarded against: a player that seeks and gets other bytes than it asked for, or all of them again."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from reeld.review.answers import answer_bytes, range_of

DATA = bytes(range(100))
LONG = f"bytes={'9' * 5000}-"


def request(method: str = "GET", **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": method, "headers": raw})


def ask(headers: Mapping[str, str], method: str = "GET") -> tuple[int, bytes, str | None]:
    answer = answer_bytes(request(method, **headers), DATA, digest="d")
    return answer.status_code, bytes(answer.body), answer.headers.get("content-range")


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [("0-0", 0, 1), ("10-19", 10, 20), ("90-", 90, 100), ("-7", 93, 100), ("50-999", 50, 100)],
)
def test_a_range_is_what_was_asked_for(header: str, start: int, end: int) -> None:
    assert ask({"range": f"bytes={header}"}) == (206, DATA[start:end], f"bytes {start}-{end - 1}/100")


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=-0", "bytes=200-300"])
def test_a_range_outside_is_told(header: str) -> None:
    assert ask({"range": header}) == (416, b"", "bytes */100")


@pytest.mark.parametrize("header", ["bytes=5-3", "bytes=-", "lines=1-2", "bytes=0-1,5-6", "bytes=a-b", "", LONG])
def test_what_is_no_single_range_gets_the_whole(header: str) -> None:
    assert ask({"range": header}) == (200, DATA, None)


def test_a_range_of_another_file_gets_the_whole() -> None:
    assert ask({"range": "bytes=1-2", "if_range": '"other"'})[0] == 200
    assert ask({"range": "bytes=1-2", "if_range": '"d"'})[0] == 206
    assert ask({"range": "bytes=1-2"}, "HEAD")[0] == 200


@pytest.mark.parametrize("names", ['"d"', '"x", W/"d"', "*"])
def test_what_is_known_is_not_sent_again(names: str) -> None:
    assert ask({"if_none_match": names})[:2] == (304, b"")
    assert ask({"if_none_match": '"x"'})[0] == 200


def test_only_what_is_named_by_its_digest_is_kept_for_ever() -> None:
    assert "immutable" in answer_bytes(request(), DATA, digest="d").headers["cache-control"]
    assert "cache-control" not in answer_bytes(request(), DATA).headers


@given(st.text(), st.integers(0, 1000))
def test_no_header_gives_a_range_outside_the_bytes(header: str, size: int) -> None:
    found = range_of(header, size)
    assert found is None or (found[0] >= 0 and found[1] <= size)
