"""Messages and bytes. Harm guarded against: a message that ends the process instead of its connection."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.obs.wire import (
    JSON,
    MSGPACK,
    SUBPROTOCOLS,
    CloseCode,
    Closing,
    Intent,
    Status,
    decode,
    encode,
    event,
    result,
)


@pytest.mark.parametrize("subprotocol", SUBPROTOCOLS)
def test_a_message_comes_back_in_the_frame_of_its_subprotocol(subprotocol: str) -> None:
    data = encode(event("X", Intent.OUTPUTS, {"a": [1, "ä", None]}), subprotocol)
    assert isinstance(data, str) == (subprotocol == JSON)
    assert decode(data, subprotocol) == (5, {"eventType": "X", "eventIntent": 64, "eventData": {"a": [1, "ä", None]}})


@pytest.mark.parametrize(
    ("data", "subprotocol", "code"),
    [
        ("{", JSON, CloseCode.DECODE_ERROR),
        ("[]", JSON, CloseCode.DECODE_ERROR),
        ("[" * 5000, JSON, CloseCode.DECODE_ERROR),
        (b"\xc1", MSGPACK, CloseCode.DECODE_ERROR),
        (b"{}", JSON, CloseCode.DECODE_ERROR),
        ("{}", MSGPACK, CloseCode.DECODE_ERROR),
        ("{}", JSON, CloseCode.MISSING_FIELD),
        ('{"op": 6}', JSON, CloseCode.MISSING_FIELD),
        ('{"d": {}}', JSON, CloseCode.MISSING_FIELD),
        ('{"op": "6", "d": {}}', JSON, CloseCode.INVALID_TYPE),
        ('{"op": 6, "d": []}', JSON, CloseCode.INVALID_TYPE),
    ],
)
def test_what_is_no_message_closes_the_connection(data: str | bytes, subprotocol: str, code: CloseCode) -> None:
    with pytest.raises(Closing) as closed:
        decode(data, subprotocol)
    assert closed.value.code is code


@given(st.text() | st.binary(), st.sampled_from(SUBPROTOCOLS))
def test_junk_closes_the_connection_or_is_a_message(data: str | bytes, subprotocol: str) -> None:
    with contextlib.suppress(Closing):
        op, fields = decode(data, subprotocol)
        assert isinstance(op, int)
        assert isinstance(fields, dict)


@pytest.mark.parametrize(
    ("status", "data", "said"),
    [
        (Status.SUCCESS, None, {"requestStatus": {"result": True, "code": 100}}),
        (Status.SUCCESS, {}, {"requestStatus": {"result": True, "code": 100}, "responseData": {}}),
        (Status.NOT_FOUND, None, {"requestStatus": {"result": False, "code": 600, "comment": "no"}}),
    ],
)
def test_results_say_whether_a_request_was_done(status: Status, data: Any, said: Any) -> None:
    assert result("X", status, "no" if status is Status.NOT_FOUND else "", data) == {"requestType": "X", **said}
