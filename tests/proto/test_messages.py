"""Every message survives the wire, and the unions name each message exactly once."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld_proto import codec, commands, events, workers
from reeld_proto.errors import RequestRejected
from tests.proto.messages import UNIONS, all_structs, messages, structs


@pytest.mark.parametrize("name", UNIONS)
@given(data=st.data())
def test_every_message_arrives_as_it_was_sent(name: str, data: st.DataObject) -> None:
    message = data.draw(messages(UNIONS[name]))
    packed = codec.pack(message, seq=3, id="q-1", sender="somebody", sent_ns=7)
    envelope = codec.unpack(packed, UNIONS[name], limit=codec.MESSAGE_BYTES_MAX)
    assert envelope.body == message
    assert type(envelope.body) is type(message)
    assert (envelope.seq, envelope.id, envelope.sender, envelope.sent_ns) == (3, "q-1", "somebody", 7)


@given(data=st.data())
def test_every_record_survives_the_store(data: st.DataObject) -> None:
    record = data.draw(st.sampled_from(all_structs()).flatmap(structs))
    assert codec.unpack_record(codec.pack_record(record), type(record)) == record


@pytest.mark.parametrize("name", UNIONS)
def test_no_two_messages_of_a_socket_share_a_tag(name: str) -> None:
    """Else one would be read as the other."""
    union = UNIONS[name]
    assert len(codec.tags_of(union)) == len(union.__args__)


@pytest.mark.parametrize(
    ("module", "base", "unions"),
    [
        (commands, commands.Command, ["commands"]),
        (commands, commands.Reply, ["replies"]),
        (events, events.Event, ["events"]),
        (workers, workers.Order, ["orders"]),
        (workers, workers.Report, ["reports"]),
        (workers, workers.Telemetry, ["telemetry"]),
        (workers, workers.Ingest, ["ingest"]),
        (workers, workers.CommitNote, ["commits"]),
    ],
)
def test_no_message_is_forgotten_in_its_union(module: Any, base: type, unions: list[str]) -> None:
    """Else it could be sent, but nobody would accept it."""
    defined = {value for value in vars(module).values() if isinstance(value, type) and issubclass(value, base)} - {base}
    listed = {member for name in unions for member in UNIONS[name].__args__}
    assert defined <= listed


@pytest.mark.parametrize("kind", all_structs(), ids=lambda kind: kind.__name__)
def test_messages_cannot_be_changed_after_they_were_made(kind: type[msgspec.Struct]) -> None:
    assert kind.__struct_config__.frozen
    assert kind.__doc__


@pytest.mark.parametrize(
    ("event", "topic"),
    [
        (events.MarkerAdded(session="s", at_s=1.0, text="x"), b"session"),
        (events.WorkerStateChanged(name="a", pid=1, state="ready"), b"worker"),  # type: ignore[arg-type]
        (events.TroubleReported(worker="a", code="c", message="m"), b"worker"),
        (events.ExportProgress(session="s", path="p", done_s=0, total_s=1), b"export"),
    ],
)
def test_topics_are_those_that_clients_subscribe_to(event: events.Event, topic: bytes) -> None:
    assert events.topic_of(event) == topic


@pytest.mark.parametrize(
    "command",
    [
        {"type": "session.mark"},
        {"type": "session.mark", "text": 5},
        {"type": "session.mark", "text": "x" * 4097},
        {"type": "session.start", "region": [1, 2, 3]},
        {"type": "session.start", "layout": "heap"},
        {"type": "sessions.export", "session": "s", "path": "p", "from_s": "early"},
    ],
)
def test_wrong_fields_are_refused_on_arrival(command: dict[str, Any]) -> None:
    """Else they would fail somewhere inside, with a traceback."""
    wrong = codec.Envelope(v=1, seq=1, body=command)
    with pytest.raises(RequestRejected, match="invalid message"):
        codec.unpack(codec.encode(wrong), commands.AnyCommand)
