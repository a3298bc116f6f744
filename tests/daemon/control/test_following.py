"""Orders that take text away. Harm guarded against: a receipt for something that can still be found."""

import asyncio
from typing import Any, cast

import pytest

from reeld.control.following import followed
from reeld.control.library import Library
from reeld_proto.errors import RequestRejected
from reeld_proto.store_orders import CollectChunks, EditRecord, ForgetMedia, RemoveSession
from reeld_proto.workers import AnyOrder, AnyReport, Done


class Watched:
    """A library and a store that write down what happens in which order."""

    def __init__(self) -> None:
        self.happened: list[str] = []
        self.refuses = False

    async def catch_up(self) -> None:
        self.happened.append("caught up")

    async def ask_store(self, order: AnyOrder, timeout_s: float) -> AnyReport:
        assert timeout_s == 3.0
        self.happened.append(type(order).__name__)
        if self.refuses:
            raise RequestRejected("no")
        return Done()

    def carry_out(self, order: Any) -> Any:
        return asyncio.run(followed(self.ask_store, cast("Library", self))(order, 3.0))


@pytest.mark.parametrize(
    "order",
    [
        EditRecord(session="s", name="n"),
        ForgetMedia(session="s", from_ns=0, to_ns=1),
        RemoveSession(session="s", reason=""),
    ],
)
def test_the_index_has_let_go_before_the_report(order: Any) -> None:
    watched = Watched()
    assert watched.carry_out(order) == Done()
    assert watched.happened == [type(order).__name__, "caught up"]


def test_other_orders_wait_for_nothing() -> None:
    watched = Watched()
    watched.carry_out(CollectChunks())
    assert watched.happened == ["CollectChunks"]


def test_an_order_that_was_refused_took_nothing_away() -> None:
    watched = Watched()
    watched.refuses = True
    with pytest.raises(RequestRejected):
        watched.carry_out(RemoveSession(session="s", reason=""))
    assert watched.happened == ["RemoveSession"]
