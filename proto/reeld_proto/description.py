"""Reads the protocol from the message types: the same texts as in PROTOCOL.md, as data.

Imported only by who describes: reading all sources takes a tenth of a second.
"""

import functools
from collections.abc import Iterable
from typing import Any

import msgspec

from reeld_proto import commands, events, records, stats
from reeld_proto.describing import Description, ErrorText, FieldText, MessageText
from reeld_proto.docs import AREAS
from reeld_proto.docs_reading import attribute_docs, default_of, prose_and_fields, structs_of, tag_of, type_name
from reeld_proto.errors import EXIT_CODES, ErrorCode, error_for
from reeld_proto.scopes import rule_of
from reeld_proto.version import PROTOCOL_VERSION


@functools.cache
def describe() -> Description:
    """All of it."""
    return Description(
        protocol=PROTOCOL_VERSION,
        commands=[_command(kind) for kind in commands.AnyCommand.__args__],
        replies=_messages(commands.AnyReply.__args__),
        events=[_event(kind) for kind in events.AnyEvent.__args__],
        records=_messages(
            kind
            for module in (records, stats, *AREAS)
            for kind in structs_of(module)
            if kind.__struct_fields__ and issubclass(kind, records.Record)
        ),
        errors=_errors(),
    )


def _command(kind: type[commands.Command]) -> MessageText:
    rule = rule_of(kind)
    return msgspec.structs.replace(_message(kind), scope=rule.scope, changes=rule.changes)


def _event(kind: type[events.Event]) -> MessageText:
    return msgspec.structs.replace(_message(kind), topic=str(tag_of(kind)).split(".", 1)[0])


def _messages(kinds: Iterable[Any]) -> list[MessageText]:
    return [_message(kind) for kind in kinds]


def _message(kind: type[msgspec.Struct]) -> MessageText:
    prose, meanings = prose_and_fields(kind)
    fields = [
        FieldText(
            name=field.encode_name,
            type=type_name(field.type),
            default=None if field.required else default_of(field).strip("`"),
            meaning=meanings.get(field.name, ""),
        )
        for field in msgspec.structs.fields(kind)
    ]
    return MessageText(type=tag_of(kind) or "", name=kind.__name__, meaning=prose, fields=fields)


def _errors() -> list[ErrorText]:
    meanings = attribute_docs(ErrorCode)
    return [
        ErrorText(
            code=code.value,
            meaning=meanings[code.name],
            exit_code=EXIT_CODES[code],
            raised_as=type(error_for(code.value, "")).__name__,
        )
        for code in ErrorCode
    ]
