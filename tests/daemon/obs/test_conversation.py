"""One connection as a conversation. Harm guarded against: a request of somebody who never gave the password."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.obs.conversation import BATCH_MAX, Asked, AskedBatch, Conversation
from reeld.obs.gate import Challenge
from reeld.obs.wire import CloseCode, Closing, Intent, Op

KEYS = st.sampled_from(
    ["rpcVersion", "authentication", "eventSubscriptions", "requestId", "requestType", "requestData", "requests"]
)
PASSWORD = "secret"
CHALLENGE = Challenge()
RIGHT = CHALLENGE.answer(PASSWORD)


@pytest.fixture
def stranger() -> Conversation:
    return Conversation(PASSWORD, CHALLENGE)


@pytest.fixture
def friend(stranger: Conversation) -> Conversation:
    stranger.hear(Op.IDENTIFY, {"rpcVersion": 1, "authentication": RIGHT})
    return stranger


def closing(conversation: Conversation, op: int, data: dict[str, Any]) -> CloseCode:
    with pytest.raises(Closing) as closed:
        conversation.hear(op, data)
    return closed.value.code


def test_hello_asks_for_the_password_without_telling_it(stranger: Conversation) -> None:
    hello = stranger.hello()
    assert hello["op"] == 0
    assert hello["d"]["rpcVersion"] == 1
    assert hello["d"]["authentication"] == {"challenge": CHALLENGE.challenge, "salt": CHALLENGE.salt}
    assert PASSWORD not in str(hello)


def test_who_knows_the_password_is_identified_and_hears_all_but_what_is_too_much(stranger: Conversation) -> None:
    said = stranger.hear(Op.IDENTIFY, {"rpcVersion": 1, "authentication": RIGHT})
    assert said == {"op": 2, "d": {"negotiatedRpcVersion": 1}}
    assert stranger.subscriptions & Intent.OUTPUTS
    assert not stranger.subscriptions & Intent.VOLUME_METERS


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({}, CloseCode.MISSING_FIELD),
        ({"rpcVersion": "1"}, CloseCode.INVALID_TYPE),
        ({"rpcVersion": 0, "authentication": RIGHT}, CloseCode.UNSUPPORTED_RPC),
        ({"rpcVersion": 1}, CloseCode.AUTHENTICATION_FAILED),
        ({"rpcVersion": 1, "authentication": "x"}, CloseCode.AUTHENTICATION_FAILED),
        ({"rpcVersion": 1, "authentication": RIGHT, "eventSubscriptions": "all"}, CloseCode.INVALID_TYPE),
    ],
)
def test_who_does_not_identify_is_closed_and_hears_nothing(
    stranger: Conversation, data: dict[str, Any], code: CloseCode
) -> None:
    assert closing(stranger, Op.IDENTIFY, data) is code
    assert not stranger.is_identified
    assert not stranger.subscriptions


@pytest.mark.parametrize("op", [Op.REQUEST, Op.BATCH, Op.REIDENTIFY])
def test_nothing_is_asked_before_that(stranger: Conversation, op: Op) -> None:
    data = {"requestId": "1", "requestType": "StartRecord", "requests": [], "eventSubscriptions": 1}
    assert closing(stranger, op, data) is CloseCode.NOT_IDENTIFIED
    assert not stranger.subscriptions


def test_a_second_identification_closes(friend: Conversation) -> None:
    data = {"rpcVersion": 1, "authentication": RIGHT}
    assert closing(friend, Op.IDENTIFY, data) is CloseCode.ALREADY_IDENTIFIED


def test_subscriptions_are_changed_by_identifying_again(friend: Conversation) -> None:
    assert friend.hear(Op.REIDENTIFY, {"eventSubscriptions": int(Intent.VOLUME_METERS)}) == {
        "op": 2,
        "d": {"negotiatedRpcVersion": 1},
    }
    assert friend.subscriptions == Intent.VOLUME_METERS
    friend.hear(Op.REIDENTIFY, {})
    assert friend.subscriptions == Intent.VOLUME_METERS


def test_requests_keep_the_id_that_the_remote_chose(friend: Conversation) -> None:
    """obsws-python sends a number."""
    heard = friend.hear(Op.REQUEST, {"requestId": 7, "requestType": "StopRecord"})
    assert heard == Asked(7, "StopRecord", {})


def test_a_batch_keeps_its_order(friend: Conversation) -> None:
    requests = [{"requestType": "A", "requestData": {"x": 1}}, {"requestType": "B", "requestId": "b"}]
    heard = friend.hear(Op.BATCH, {"requestId": "1", "requests": requests, "haltOnFailure": True})
    assert heard == AskedBatch("1", [Asked(None, "A", {"x": 1}), Asked("b", "B", {})], halt=True, execution=0)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)


@given(
    st.lists(
        st.tuples(st.sampled_from([*map(int, Op), -1, 99]), st.dictionaries(KEYS, ANYTHING, max_size=3)), max_size=3
    )
)
def test_whatever_a_stranger_says_nothing_is_asked_of_reeld(messages: list[tuple[int, dict[str, Any]]]) -> None:
    stranger = Conversation(PASSWORD, CHALLENGE)
    for op, data in messages:
        with contextlib.suppress(Closing):
            pytest.fail(f"{stranger.hear(op, data)}")
    assert not stranger.subscriptions


@pytest.mark.parametrize(
    ("op", "data", "code"),
    [
        (Op.REQUEST, {"requestType": "A"}, CloseCode.MISSING_FIELD),
        (Op.REQUEST, {"requestId": "1"}, CloseCode.MISSING_FIELD),
        (Op.REQUEST, {"requestId": "1", "requestType": 1}, CloseCode.INVALID_TYPE),
        (Op.REQUEST, {"requestId": "1", "requestType": "A", "requestData": []}, CloseCode.INVALID_TYPE),
        (Op.BATCH, {"requestId": "1"}, CloseCode.MISSING_FIELD),
        (Op.BATCH, {"requestId": "1", "requests": [1]}, CloseCode.INVALID_TYPE),
        (Op.BATCH, {"requestId": "1", "requests": [{}] * (BATCH_MAX + 1)}, CloseCode.INVALID_TYPE),
        (Op.BATCH, {"requestId": "1", "requests": [{}]}, CloseCode.MISSING_FIELD),
        (Op.EVENT, {}, CloseCode.UNKNOWN_OP),
        (99, {}, CloseCode.UNKNOWN_OP),
    ],
)
def test_what_is_malformed_closes(friend: Conversation, op: int, data: dict[str, Any], code: CloseCode) -> None:
    assert closing(friend, op, data) is code
