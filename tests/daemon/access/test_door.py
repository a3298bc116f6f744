"""Who may do what. Harm guarded against: a caller that does more than its token says, and nobody who knows of it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from reeld.access.door import CONNECTIONS_MAX, Caller, Door, Peer, peer_of
from reeld_proto import commands as c
from reeld_proto.access import AuditLine, Scope
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.scopes import ALL_SCOPES

ME = Peer(b"me", uid=1000, pid=7)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    made = Door(tmp_path, release="1.2", uids=frozenset({1000, 0}))
    yield made
    made.close()


def written(door: Door) -> list[AuditLine]:
    return asyncio.run(door.audit.newest(100))


def refused(door: Door, peer: Peer, token: str, command: c.Command) -> RequestRejected:
    with pytest.raises(RequestRejected) as found:
        door.enter(peer, token, command)
    return found.value


def identify(door: Door, peer: Peer, command: c.Identify, token: str = "") -> c.Identified:
    door.enter(peer, token, command)
    return door.identify(command)


@pytest.mark.parametrize(
    ("address", "peer"),
    [
        ("localhost:1000:100:4321", Peer(b"k", 1000, 4321)),
        ("host with spaces:0:0:1", Peer(b"k", 0, 1)),
        ("", Peer(b"k")),
        ("127.0.0.1", Peer(b"k")),
        ("::1", Peer(b"k")),
        ("fe80:1:2:x", Peer(b"k")),
        ("a:-1:0:1", Peer(b"k")),
    ],
)
def test_the_peer_is_what_zeromq_tells(address: str, peer: Peer) -> None:
    assert peer_of(b"k", address) == peer


@pytest.mark.parametrize("peer", [ME, Peer(b"root", uid=0, pid=1), Peer(b"unknown")])
def test_the_owners_processes_may_do_everything_without_ceremony(door: Door, peer: Peer) -> None:
    caller = door.enter(peer, "", c.DeleteSession(session="s"))
    assert (caller.who, caller.scopes) == ("owner", ALL_SCOPES)


def test_another_user_is_refused_whatever_it_asks_and_that_is_written_down(door: Door) -> None:
    other = Peer(b"other", uid=1001, pid=9)
    assert refused(door, other, "", c.Ping()).code is ErrorCode.DENIED
    (line,) = written(door)
    assert (line.who, line.uid, line.pid, line.what, line.result) == ("user:1001", 1001, 9, "ping", "denied")


@pytest.mark.parametrize("how", ["envelope", "identify"])
def test_a_token_has_its_scopes_and_no_more(door: Door, how: str) -> None:
    token = door.tokens.create("tray", [Scope.OBSERVE])
    if how == "identify":
        found = identify(door, ME, c.Identify(token=token, client="tray 1"))
        assert (found.who, found.scopes, found.protocol) == ("token:tray", [Scope.OBSERVE], 1)
        token = ""
    assert door.enter(ME, token, c.GetStatus()).who == "token:tray"
    assert "`control`" in str(refused(door, ME, token, c.StartSession()))
    assert "`read`" in str(refused(door, ME, token, c.ListSessions()))
    assert "`admin`" in str(refused(door, ME, token, c.GetAudit()))
    assert [(each.who, each.what, each.result) for each in written(door)] == [
        ("token:tray", what, "denied") for what in ("session.start", "sessions.list", "audit")
    ]
    assert {each.client for each in written(door)} == {"tray 1" if how == "identify" else ""}


def test_another_connection_of_the_same_process_is_not_bound_by_it(door: Door) -> None:
    identify(door, ME, c.Identify(token=door.tokens.create("tray", [Scope.OBSERVE])))
    assert door.enter(Peer(b"second", 1000, 7), "", c.StartSession()).who == "owner"


def test_a_connection_does_not_get_rid_of_its_token_by_identifying_again(door: Door) -> None:
    identify(door, ME, c.Identify(token=door.tokens.create("tray", [Scope.OBSERVE])))
    assert identify(door, ME, c.Identify(client="other")).who == "token:tray"
    refused(door, ME, "", c.StartSession())
    assert identify(door, ME, c.Identify(token=door.tokens.create("phone", [Scope.CONTROL]))).who == "token:phone"
    door.enter(ME, "", c.StartSession())


@pytest.mark.parametrize("how", ["envelope", "identify"])
def test_a_revoked_token_is_refused_even_on_a_connection_that_identified(door: Door, how: str) -> None:
    token = door.tokens.create("tray", [Scope.ADMIN])
    if how == "identify":
        identify(door, ME, c.Identify(token=token))
        token = ""
    door.enter(ME, token, c.StartSession())
    door.tokens.revoke("tray")
    assert refused(door, ME, token, c.Ping()).code is ErrorCode.DENIED
    assert written(door)[-1].result == "denied"


def test_a_token_that_is_none_is_refused_and_does_not_make_an_owner(door: Door) -> None:
    assert refused(door, ME, "guess", c.Ping()).code is ErrorCode.DENIED
    assert refused(door, ME, "", c.Identify(token="guess")).code is ErrorCode.DENIED
    assert "guess" not in repr(written(door))


def test_who_takes_over_a_name_inherits_nothing(door: Door) -> None:
    """ZeroMQ gives a routing id to whoever asks for it last."""
    identify(door, ME, c.Identify(token=door.tokens.create("tray", [Scope.ADMIN]), client="tray"))
    caller = door.enter(Peer(b"me", 1000, 8), "", c.Ping())
    assert (caller.who, caller.client) == ("owner", "")


KEY, OTHER_KEY = "k" * 40, "o" * 40


def test_who_comes_through_the_gate_has_the_scopes_of_its_key_and_is_never_the_owner(door: Door) -> None:
    door.tokens.create("phone", [Scope.CONTROL], KEY)
    phone = peer_of(b"p", "127.0.0.1", KEY)
    assert door.enter(phone, "", c.StopSession()).who == "token:phone"
    assert refused(door, phone, "", c.ListSessions()).code is ErrorCode.DENIED
    door.tokens.revoke("phone")
    assert refused(door, phone, "", c.Ping()).code is ErrorCode.DENIED
    assert written(door)[-1].who == "tcp:revoked"
    # The name may be used again; the old key is none the better for it.
    door.tokens.create("phone", [Scope.ADMIN], OTHER_KEY)
    assert refused(door, phone, "", c.Ping()).code is ErrorCode.DENIED


def test_the_address_of_who_comes_through_the_gate_is_not_taken_for_a_process(door: Door) -> None:
    door.tokens.create("phone", [Scope.OBSERVE], KEY)
    assert peer_of(b"p", "localhost:0:0:1", KEY) == Peer(b"p", curve=KEY)


def test_a_key_does_not_inherit_the_token_of_another_under_the_same_routing_id(door: Door) -> None:
    door.tokens.create("phone", [Scope.OBSERVE], KEY)
    door.tokens.create("eye", [Scope.OBSERVE], OTHER_KEY)
    token = door.tokens.create("boss", [Scope.ADMIN])
    identify(door, peer_of(b"same", "127.0.0.1", KEY), c.Identify(token=token))
    assert door.enter(peer_of(b"same", "127.0.0.1", KEY), "", c.GetAudit()).who == "token:boss"
    assert refused(door, peer_of(b"same", "127.0.0.1", OTHER_KEY), "", c.GetAudit()).code is ErrorCode.DENIED


def test_all_connections_of_a_key_are_counted_as_one_client() -> None:
    one, two = peer_of(b"1", "127.0.0.1", KEY), peer_of(b"2", "127.0.0.1", KEY)
    assert one.account == two.account
    assert Peer(b"1").account != Peer(b"2").account


def test_versions_are_negotiated_and_a_client_without_a_common_one_is_told(door: Door) -> None:
    assert identify(door, ME, c.Identify(protocols=[9, 1, 4])).protocol == 1
    for versions in ([], [2, 3]):
        with pytest.raises(RequestRejected) as told:
            identify(door, ME, c.Identify(protocols=versions))
        assert told.value.code is ErrorCode.UNSUPPORTED_VERSION
    hello = door.hello()
    assert (hello.version, hello.protocols) == ("1.2", [1])
    assert "tokens" in hello.capabilities


def test_memory_of_connections_is_bounded(door: Door) -> None:
    for number in range(CONNECTIONS_MAX + 9):
        identify(door, Peer(str(number).encode(), 1000, 7), c.Identify())
    assert len(door._known) == CONNECTIONS_MAX


def test_what_changes_something_is_written_down_with_its_result(door: Door) -> None:
    caller = door.enter(ME, "", c.StopSession())
    door.left(caller, c.GetStatus(), c.Pong())
    door.left(caller, c.DeleteSession(session="s1"), c.ErrorReply(code="not-found", message="secret"))
    door.left(
        caller, c.AddMarker(text="secret"), c.SessionChanged(session="s2", state=c.SessionState.ACTIVE, elapsed_s=1)
    )
    assert [(each.what, each.session, each.result) for each in written(door)] == [
        ("sessions.delete", "s1", "not-found"),
        ("session.mark", "s2", "done"),
    ]
    assert "secret" not in repr(written(door))


def test_a_token_is_not_in_what_is_printed_of_a_caller() -> None:
    assert "hidden" not in repr(Caller(ME, "token:x", frozenset(), token="hidden"))
