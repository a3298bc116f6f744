"""Private mode as a command. Harm guarded against: an answer that says something else than what holds."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from reeld.control.areas.privacy import commands
from reeld_proto.events import Event, PrivateModeChanged
from reeld_proto.privacy import PrivacyChanged, SetPrivate


class Keeper:
    def __init__(self) -> None:
        self.private = False
        self.told: list[tuple[bool, int]] = []

    def set_private(self, private: bool, at_ns: int) -> None:
        self.private = private
        self.told.append((private, at_ns))


@pytest.mark.parametrize("session", [None, "s"])
def test_it_holds_from_the_arrival_of_the_command_and_names_the_session(session: str | None) -> None:
    keeper = Keeper()
    brief = None if session is None else SimpleNamespace(id=session)
    told: list[Event] = []
    parts = SimpleNamespace(privacy=keeper, sessions=SimpleNamespace(brief=lambda: brief), publish=told.append)
    set_private = commands(cast("Any", parts))[SetPrivate]
    assert set_private(SetPrivate(private=True), 7) == PrivacyChanged(session=session, private=True)
    assert set_private(SetPrivate(private=False), 9) == PrivacyChanged(session=session, private=False)
    set_private(SetPrivate(private=False), 11)
    assert keeper.told == [(True, 7), (False, 9), (False, 11)]
    assert told == [PrivateModeChanged(private=True), PrivateModeChanged(private=False)]
