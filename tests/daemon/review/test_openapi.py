"""Harm guarded against: an interface that is described otherwise than it is, and so is called wrongly."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import msgspec
from openapi_spec_validator import validate
from starlette.routing import BaseRoute, Mount, Route

from reeld.review.app import build
from reeld.review.desk import Desk
from reeld.review.guard import OPEN_PATH
from reeld.review.openapi import description
from reeld.review.shelf import Shelf
from reeld.review.tickets import TicketOffice
from reeld_client import AsyncClient


def routes(found: list[BaseRoute], before: str = "") -> Iterator[tuple[str, str]]:
    for route in found:
        if isinstance(route, Mount):
            yield from routes(route.routes, before + route.path)
        elif isinstance(route, Route):
            path = re.sub(r":\w+}", "}", before + route.path)
            yield from ((path, method.lower()) for method in route.methods or ())


def test_every_route_is_described_and_nothing_else(tmp_path: Path) -> None:
    app = build(Desk(Shelf(tmp_path), cast("AsyncClient", None), TicketOffice(b"k" * 32), 1))
    described = {(path, method) for path, about in description("cookie")["paths"].items() for method in about}
    page = {(path, method) for path in (OPEN_PATH, "/", "/{name}") for method in ("get", "head")}
    assert described == set(routes(app.routes)) - page


def test_the_description_is_valid_and_names_no_type_that_it_lacks() -> None:
    document = msgspec.json.decode(msgspec.json.encode(description("cookie")))
    validate(document)
    named = set(re.findall(r"#/components/schemas/(\w+)", msgspec.json.encode(document).decode()))
    assert named <= set(document["components"]["schemas"])
