"""Questions about recordings through the synchronous client."""

import inspect
from typing import Any

import pytest
from msgspec import structs

from reeld_client import Client
from reeld_client.aio_library import AsyncLibraryMethods
from reeld_client.library_client import LibraryMethods
from reeld_proto import commands as c
from tests.client.fake_reeld import INFO, FakeReeld, memory
from tests.client.library_cases import CASES, answering


def in_memory(fake: FakeReeld) -> Client:
    transport = memory(fake)
    return Client(transport=transport, clock=transport.clock)


def methods(kind: type) -> set[str]:
    return {name for name in vars(kind) if not name.startswith("_") and name != "call"}


@pytest.mark.parametrize(("name", "words", "options", "command"), CASES, ids=lambda value: str(value)[:30])
def test_each_method_asks_what_it_says(
    name: str, words: tuple[Any, ...], options: dict[str, Any], command: c.Command
) -> None:
    fake = answering()
    with in_memory(fake) as client:
        answer = getattr(client, name)(*words, **options)
    assert fake.heard == [command]
    assert answer is not None


def test_no_method_is_left_untested() -> None:
    assert {name for name, _, _, _ in CASES} == methods(LibraryMethods)


def test_both_clients_can_do_the_same_in_the_same_words() -> None:
    """Else code could not be moved from one to the other."""
    assert methods(LibraryMethods) == methods(AsyncLibraryMethods)
    for name in methods(LibraryMethods):
        one, other = getattr(LibraryMethods, name), getattr(AsyncLibraryMethods, name)
        assert inspect.signature(one) == inspect.signature(other)
        assert one.__doc__ == other.__doc__
        assert inspect.iscoroutinefunction(other)


def test_a_list_in_pages_is_one_list() -> None:
    """Else a person with very many recordings would see only the newest."""

    def answer(command: c.ListSessions) -> c.SessionList:
        number = int(command.after or "0") + 1
        return c.SessionList(sessions=[structs.replace(INFO, session=str(number))], more=number < 4)

    fake = FakeReeld(sessions_list=answer)
    with in_memory(fake) as client:
        assert [each.session for each in client.sessions(text="x", limit=9)] == ["1", "2", "3", "4"]
    assert fake.heard == [c.ListSessions(text="x", limit=9, after=after) for after in ("", "1", "2", "3")]


def test_warnings_about_a_list_are_those_of_its_first_page() -> None:
    """Else a person would not learn what is missing from a long one."""

    def answer(command: c.ListSessions) -> c.SessionList:
        return c.SessionList(sessions=[INFO], more=not command.after, warnings=[] if command.after else ["damaged"])

    with in_memory(FakeReeld(sessions_list=answer)) as client:
        assert client.list_sessions() == c.SessionList(sessions=[INFO, INFO], warnings=["damaged"])


def test_a_daemon_that_promises_more_and_sends_nothing_is_not_asked_for_ever() -> None:
    fake = FakeReeld(sessions_list=c.SessionList(sessions=[], more=True))
    with in_memory(fake) as client:
        assert client.sessions() == []
