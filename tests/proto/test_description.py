"""The protocol as data. Harm guarded against: a client written from it that lacks a message or a field."""

import msgspec

from reeld_proto import codec, commands, events
from reeld_proto.access import Scope
from reeld_proto.description import describe
from reeld_proto.docs import render
from reeld_proto.errors import ErrorCode
from tests.proto.messages import all_structs


def test_every_message_and_error_is_in_it() -> None:
    found = describe()
    assert {one.type for one in found.commands} == codec.tags_of(commands.AnyCommand)
    assert {one.type for one in found.replies} == codec.tags_of(commands.AnyReply)
    assert {one.type for one in found.events} == codec.tags_of(events.AnyEvent)
    assert {one.code for one in found.errors} == set(ErrorCode)
    assert all(one.scope for one in found.commands)
    assert all(one.topic for one in found.events)
    assert all(one.meaning for one in (*found.commands, *found.replies, *found.events))
    assert all(one.meaning for one in found.errors)


def test_every_field_is_in_it_with_its_type_and_default() -> None:
    found = describe()
    by_name = {one.name: one for one in (*found.commands, *found.replies, *found.events, *found.records)}
    kinds = {kind.__name__: kind for kind in all_structs() if kind.__name__ in by_name}
    assert len(kinds) > 60
    for name, kind in kinds.items():
        assert [field.name for field in by_name[name].fields] == [
            field.encode_name for field in msgspec.structs.fields(kind)
        ]
    mark = by_name["AddMarker"]
    assert (mark.type, mark.scope, mark.changes) == ("session.mark", Scope.CONTROL, True)
    (text,) = mark.fields
    assert (text.name, text.type, text.default) == ("text", "text, at most 4096 characters", None)
    limit = by_name["GetAudit"].fields[0]
    assert (limit.type, limit.default) == ("whole number", "50")


def test_defaults_are_json() -> None:
    for message in (*describe().commands, *describe().replies, *describe().events, *describe().records):
        for field in message.fields:
            if field.default is not None:
                msgspec.json.decode(field.default)


def test_it_says_what_the_reference_says() -> None:
    text = render()
    for message in (*describe().commands, *describe().events):
        assert message.meaning in text
    assert "Needs the scope `control`." in text


def test_it_fits_into_a_reply() -> None:
    assert codec.unpack(codec.pack(describe()), commands.AnyReply, limit=codec.MESSAGE_BYTES_MAX).body == describe()
