"""The protocol as data: what `describe` asks and is answered. It is read from the code in `description`."""

from reeld_proto.access import Scope
from reeld_proto.base import Command, Reply
from reeld_proto.records import Record


class FieldText(Record, frozen=True, kw_only=True):
    """A field of a message. type: in words. default: JSON, nil when it is required."""

    name: str
    type: str
    default: str | None
    meaning: str = ""


class MessageText(Record, frozen=True, kw_only=True):
    """A message or a part of one. type: the tag on the wire, empty for parts. name: that of the class.

    scope: what a caller of a command needs. changes: whether a command changes anything. topic: where an event is
    published.
    """

    type: str
    name: str
    meaning: str
    fields: list[FieldText]
    scope: Scope | None = None
    changes: bool = False
    topic: str = ""


class ErrorText(Record, frozen=True, kw_only=True):
    """A code of an error. raised_as: the exception of the Python client."""

    code: str
    meaning: str
    exit_code: int
    raised_as: str


class Describe(Command, tag="describe", frozen=True, kw_only=True):
    """Ask for the whole protocol as data. Answered by `Description`."""


class Description(Reply, tag="describe.reply", frozen=True, kw_only=True):
    """Answer to `Describe`. records: parts of the other messages."""

    protocol: int
    commands: list[MessageText]
    replies: list[MessageText]
    events: list[MessageText]
    records: list[MessageText]
    errors: list[ErrorText]
