"""The daemon's side. Harm guarded against: a person who gets an address behind which nothing is."""

import asyncio
import socket
from urllib.parse import parse_qs, urlsplit

import pytest

from reeld.review import keeper as module
from reeld.review.keeper import ReviewKeeper
from reeld_proto.errors import InternalError, RequestRejected
from reeld_proto.scopes import ALL_SCOPES
from tests.support.premises import eventually, premises


def test_without_the_packages_a_person_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _name: None)

    async def main() -> None:
        with premises() as there:
            keeper = ReviewKeeper(there)
            with pytest.raises(RequestRejected, match="not installed") as caught:
                keeper.open("", ALL_SCOPES)
            assert "reeld[review]" in str(caught.value.remedy)
            assert keeper.workers() == []
            await keeper.close()

    asyncio.run(main())


def test_one_process_serves_all_addresses_of_which_each_is_another() -> None:
    async def main() -> None:
        with premises() as there:
            keeper = ReviewKeeper(there)
            first, second = keeper.open("a b", ALL_SCOPES), keeper.open("", ALL_SCOPES)
            (worker,) = keeper.workers()
            assert worker.name == "review"
            assert urlsplit(first.url).netloc == urlsplit(second.url).netloc
            asked = [parse_qs(urlsplit(each.url).query) for each in (first, second)]
            assert asked[0]["session"] == ["a b"]
            assert "session" not in asked[1]
            assert asked[0]["ticket"] != asked[1]["ticket"]
            await keeper.close()
            assert keeper.workers() == []

    asyncio.run(main())


def test_after_a_process_that_ended_another_one_is_started() -> None:
    async def main() -> None:
        with premises() as there:
            keeper = ReviewKeeper(there, module="tests.support.no_such_module")
            first = keeper.open("", ALL_SCOPES)
            await eventually(lambda: keeper.workers() == [], what="its end")
            assert urlsplit(keeper.open("", ALL_SCOPES).url).query != urlsplit(first.url).query
            await keeper.close()

    asyncio.run(main())


def test_a_machine_without_a_port_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_words: object, **_about: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(socket, "create_server", refuse)

    async def main() -> None:
        with premises() as there, pytest.raises(InternalError, match="Too many open files"):
            ReviewKeeper(there).open("", ALL_SCOPES)

    asyncio.run(main())
