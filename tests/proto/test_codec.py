"""Whatever arrives either is a valid message or raises RequestRejected; nothing else, and never too late."""

import gc
import subprocess
import sys
from typing import Any

import msgpack  # noqa: TID251 - foreign peers are imitated with it
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reeld_proto import codec
from reeld_proto.base import Reply
from reeld_proto.commands import AddMarker, AnyCommand, AnyReply, ListSessions, Ping, Pong, SessionList, Status
from reeld_proto.errors import ErrorCode, InternalError, RequestRejected
from reeld_proto.records import MarkerInfo, SessionInfo, SessionState
from reeld_proto.version import PROTOCOL_VERSION
from tests.proto.messages import messages

INFO = SessionInfo(
    session="20261122-170509-k3fa",
    name="daily",
    state=SessionState.COMPLETED,
    started_at="2026-11-22T17:05:09+00:00",
    duration_s=7.4,
    bytes=400_000,
    markers=[MarkerInfo(at_s=1.5, text="décidé")],
)


def wire(value: Any) -> bytes:
    packed: bytes = msgpack.packb(value)
    return packed


def envelope(body: Any, **more: Any) -> bytes:
    return wire({"v": PROTOCOL_VERSION, "seq": 1, "body": body, **more})


def code_of(data: bytes, **options: Any) -> ErrorCode:
    with pytest.raises(RequestRejected) as caught:
        codec.unpack(data, AnyCommand, **options)
    return caught.value.code


@given(message=messages(AnyCommand), junk=st.binary(max_size=40), cut=st.integers(0, 60))
def test_a_valid_beginning_with_junk_behind_never_breaks_the_daemon(message: Any, junk: bytes, cut: int) -> None:
    data = codec.pack(message, seq=1, id="x")
    for bent in (data + junk, data[: max(0, len(data) - cut)] + junk, data[:cut] + junk):
        try:
            codec.unpack(bent, AnyCommand)
        except RequestRejected:
            continue


@given(junk=st.binary(max_size=400))
@example(b"")
@example(b"\xc1")
@example(b"\xd6\xff\x00\x00\x00\x00")
@example(b"\xc7\x00\xff")
@example(b"\x91" * 300)
@example(b"\x81\xa1v" * 100)
@example(b"\xdd\xff\xff\xff\xff")
@example(b"\x81\xa1v\xcf\xff\xff\xff\xff\xff\xff\xff\xff")
def test_junk_is_refused_and_nothing_else(junk: bytes) -> None:
    with pytest.raises(RequestRejected):
        codec.unpack(junk, AnyCommand)
    assert isinstance(codec.request_id_of(junk), str)
    assert codec.sequence_of(junk) is None or isinstance(codec.sequence_of(junk), int)


_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | st.binary(max_size=4), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(value=_values, body=_values)
def test_well_formed_nonsense_is_refused_and_nothing_else(value: Any, body: Any) -> None:
    for data in (
        wire(value),
        envelope(body),
        envelope({"type": "session.mark", "text": value}),
        envelope(body, id=value),
    ):
        try:
            accepted = codec.unpack(data, AnyCommand)
        except RequestRejected:
            continue
        assert isinstance(accepted.body, AnyCommand)


def test_too_large_is_refused_before_it_is_decoded() -> None:
    """Else a peer decides how much memory the daemon uses."""
    data = b"\xc1" * (codec.COMMAND_BYTES_MAX + 1)
    assert code_of(data) is ErrorCode.TOO_LARGE
    assert code_of(b"\xc1" * 11, limit=10) is ErrorCode.TOO_LARGE
    assert codec.request_id_of(data) == ""


def test_the_largest_allowed_is_accepted() -> None:
    data = codec.pack(AddMarker(text="x" * 4000))
    assert codec.unpack(data, AnyCommand, limit=len(data)).body == AddMarker(text="x" * 4000)
    with pytest.raises(RequestRejected):
        codec.unpack(data, AnyCommand, limit=len(data) - 1)


def test_unknown_fields_are_ignored() -> None:
    """Else no field could ever be added."""
    data = envelope({"type": "ping", "since": 2027}, hops=[1, {"a": None}])
    assert codec.unpack(data, AnyCommand).body == Ping()


def test_fields_with_a_default_may_be_left_out() -> None:
    assert codec.unpack(envelope({"type": "sessions.list"}), AnyCommand).body == ListSessions()


def test_unknown_types_are_named() -> None:
    assert code_of(envelope({"type": "session.dance"})) is ErrorCode.UNKNOWN_COMMAND
    with pytest.raises(RequestRejected, match=r"session\.dance"):
        codec.unpack(envelope({"type": "session.dance"}), AnyCommand)


def test_a_reply_is_not_taken_for_a_command() -> None:
    assert code_of(codec.pack(Pong())) is ErrorCode.UNKNOWN_COMMAND


@pytest.mark.parametrize("version", [0, PROTOCOL_VERSION + 1, 2**40])
def test_other_versions_are_refused_before_their_body_is_read(version: int) -> None:
    data = wire({"v": version, "seq": 1, "body": {"type": "ping"}, "id": "q"})
    assert code_of(data) is ErrorCode.UNSUPPORTED_VERSION
    assert codec.request_id_of(data) == "q"


@pytest.mark.parametrize("body", [None, 5, [], "ping", {}, {"type": None}, {"type": 3}])
def test_a_body_without_a_type_is_refused(body: Any) -> None:
    assert code_of(envelope(body)) is ErrorCode.INVALID_REQUEST


def test_the_id_of_a_refused_message_is_found() -> None:
    """Else the client would wait for its time-out instead of hearing the fault."""
    assert codec.request_id_of(envelope({"type": "nonsense"}, id="abc-7")) == "abc-7"
    assert codec.request_id_of(envelope({"type": "ping"}, id=5)) == ""
    large = envelope({"type": "ping", "ballast": "x" * codec.COMMAND_BYTES_MAX}, id="abc-8")
    assert codec.request_id_of(large) == ""
    assert codec.request_id_of(large, limit=codec.MESSAGE_BYTES_MAX) == "abc-8"


def test_the_number_of_an_unknown_event_is_found() -> None:
    """Else a newer daemon's events would look like losses."""
    assert codec.sequence_of(wire({"v": 1, "seq": 9, "body": {"type": "new"}})) == 9
    assert codec.sequence_of(b"\xc1") is None


@pytest.mark.parametrize("text", ["\ud800", "a\udcff"])
def test_text_that_is_not_unicode_is_our_fault_not_a_crash(text: str) -> None:
    with pytest.raises(InternalError, match="AddMarker"):
        codec.pack(AddMarker(text=text))


def test_records_of_another_shape_are_refused() -> None:
    with pytest.raises(RequestRejected):
        codec.unpack_record(codec.pack_record(Ping()), MarkerInfo)


def test_plain_has_no_type_tag_at_the_top() -> None:
    """The fields of `reelctl --json` are the fields of the reply."""
    status = Status(daemon={"pid": 1, "version": "x", "uptime_s": 1.0}, workers=[], session=None)  # type: ignore[arg-type]
    assert codec.to_plain(status) == {
        "daemon": {"pid": 1, "version": "x", "uptime_s": 1.0},
        "workers": [],
        "session": None,
        "buffer": None,
        "private": False,
    }
    assert codec.to_plain([MarkerInfo(at_s=1.0, text="x")]) == [{"at_s": 1.0, "text": "x"}]


def test_tags_of_one_struct_and_of_a_union() -> None:
    assert codec.tags_of(Ping) == {"ping"}
    assert {"pong", "error"} <= codec.tags_of(AnyReply)


@given(message=messages(AnyCommand | AnyReply))
def test_bytes_are_those_of_any_other_msgpack(message: Any) -> None:
    """Else clients in other languages could not read them."""
    data = codec.pack(message, seq=7, id="x", sender="y", sent_ns=9)
    plain = msgpack.unpackb(data, strict_map_key=True)
    assert msgpack.packb(plain) == data
    assert plain["body"]["type"] == str(type(message).__struct_config__.tag)


def test_a_packed_record_travels_as_it_is() -> None:
    class Packed(Reply, tag="sessions.list.reply", frozen=True, kw_only=True):
        sessions: list[codec.Encoded]

    data = codec.pack(Packed(sessions=[codec.encoded(INFO), codec.encoded(INFO)]))
    assert codec.unpack(data, AnyReply).body == SessionList(sessions=[INFO, INFO])
    assert codec.unpack_all([codec.encoded(INFO)], SessionInfo) == [INFO]
    with pytest.raises(RequestRejected):
        codec.unpack_all([codec.encoded(Ping())], SessionInfo)
    with pytest.raises(InternalError):
        codec.encoded(AddMarker(text="\ud800"))


@pytest.mark.parametrize(
    "junk",
    [
        b"\x81\xa1x" + b"\x91" * 200_000,
        b"\x81\xa4body" + b"\x81\xa4type" * 30_000,
        b"\x81\xa1x\xdd\xff\xff\xff\xff",
        b"\x81\xa1x\xdf\xff\xff\xff\xff\x01",
        b"\x81\xa1x\xc6\xff\xff\xff\xff\x01",
        b"\x82\xa1v\x01\xa4body\xdd\x7f\xff\xff\xff",
    ],
)
def test_lengths_and_depths_that_are_not_there_cost_nothing(junk: bytes) -> None:
    """Else a few bytes would take all memory, or the stack."""
    assert code_of(junk) is ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize("collecting", [True, False])
def test_large_messages_leave_the_garbage_collector_as_it_was(*, collecting: bool) -> None:
    data = codec.pack(SessionList(sessions=[INFO] * 10_000))
    assert len(data) > 1_000_000
    before = gc.isenabled()
    try:
        (gc.enable if collecting else gc.disable)()
        assert len(codec.unpack(data, AnyReply, limit=len(data)).body.sessions) == 10_000
        with pytest.raises(RequestRejected):
            codec.unpack(data[:-1], AnyReply, limit=len(data))
        assert gc.isenabled() is collecting
    finally:
        (gc.enable if before else gc.disable)()


FIRST_MESSAGES_AT_ONCE = """
import sys, threading
from reeld_proto import codec
from reeld_proto.commands import AnyReply, SessionList
from reeld_proto.records import SessionInfo

sys.setswitchinterval(1e-6)
info = SessionInfo(session="s", name="n", state="completed", started_at="", duration_s=1.0, bytes=1)
data = codec.pack(SessionList(sessions=[info], more=True))
record = codec.pack_record(info)
together = threading.Barrier(8)

def listen():
    together.wait()
    assert codec.unpack(data, AnyReply).body.more
    assert codec.unpack_record(record, SessionInfo) == info
    assert codec.convert({"sessions": [], "more": True}, SessionList).more


threads = [threading.Thread(target=listen) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


@pytest.mark.parametrize("again", range(3))
def test_the_first_messages_of_several_threads_do_not_end_the_process(again: int) -> None:
    """Harm: a program with a client in each of its threads dies of a segmentation fault at its first replies."""
    done = subprocess.run([sys.executable, "-c", FIRST_MESSAGES_AT_ONCE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
