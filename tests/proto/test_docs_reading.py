"""What the reference takes from the source."""

from typing import Annotated, Any

import msgspec
import pytest

from reeld_proto import events, records
from reeld_proto.docs_reading import (
    attribute_docs,
    default_of,
    doc_of,
    enums_of,
    prose_and_fields,
    structs_of,
    tag_of,
    type_name,
)
from reeld_proto.records import Layout


class Sample(msgspec.Struct, tag="sample.made", tag_field="type"):
    """A sample. size: in bytes.

    width, height: pixels; `depth`: bits.
    More about depth.

    Other words: not a field's.
    """

    size: int
    width: int = 0
    height: int = 0
    depth: int = 8
    """Below the field."""
    names: list[str] = msgspec.field(default_factory=list)


class Part(msgspec.Struct):
    """No message of its own."""

    text: str = ""


def test_clauses_go_to_their_fields_and_the_rest_stays_prose() -> None:
    prose, fields = prose_and_fields(Sample)
    assert prose == "A sample.\n\nOther words: not a field's."
    assert fields == {"size": "in bytes.", "width": "pixels", "height": "pixels", "depth": "Below the field."}


def test_text_after_a_clause_belongs_to_it() -> None:
    class Told(msgspec.Struct):
        """Told. first: one. Still one. second: two."""

        first: int
        second: int

    assert prose_and_fields(Told) == ("Told.", {"first": "one. Still one.", "second": "two."})


def test_attribute_docs_ignore_what_is_no_assignment() -> None:
    assert attribute_docs(Sample) == {"depth": "Below the field."}
    assert attribute_docs(Part) == {}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (str, "text"),
        (int | None, "whole number or nil"),
        (list[str], "list of text"),
        (tuple[int, float], "[whole number, number]"),
        (Annotated[str, msgspec.Meta(max_length=9)], "text, at most 9 characters"),
        (Layout, "Layout"),
        (bytes, "bytes"),
    ],
)
def test_types_in_words(kind: Any, name: str) -> None:
    assert type_name(kind) == name


def test_defaults_are_json() -> None:
    shown = {field.name: default_of(field) for field in msgspec.structs.fields(Sample)}
    assert shown == {"size": "required", "width": "`0`", "height": "`0`", "depth": "`8`", "names": "`[]`"}


def test_only_messages_have_a_tag() -> None:
    assert tag_of(Sample) == "sample.made"
    assert tag_of(Part) is None


def test_modules_are_read_in_the_order_of_their_source() -> None:
    assert [kind.__name__ for kind in structs_of(events)][:3] == ["Event", "SessionStateChanged", "PrivateModeChanged"]
    assert [kind.__name__ for kind in enums_of(records)][:2] == ["SessionState", "WorkerState"]


def test_no_docstring_is_an_empty_text() -> None:
    class Silent:
        pass

    assert doc_of(Silent) == ""
