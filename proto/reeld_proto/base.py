"""Bases of messages, so that each area of the product can keep its own in a module of its own."""

from typing import Annotated

from msgspec import Meta, Struct

Text = Annotated[str, Meta(max_length=4096)]
Name = Annotated[str, Meta(max_length=1024)]
"""Longer than any valid session name, so that validation can report the fault among the others."""


class Command(Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of all commands."""


class Reply(Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of all replies."""


class Order(Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of what the daemon asks of a worker."""


class Report(Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of what a worker answers to an order."""


class Telemetry(Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of what a worker tells unasked."""
