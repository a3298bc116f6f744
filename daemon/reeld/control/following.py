"""What a store order takes away leaves the text index, too, before anybody is told that it is gone."""

from collections.abc import Callable, Coroutine
from typing import Any

from reeld.control.library import Library
from reeld_proto.store_orders import EditRecord, ForgetMedia, RemoveSession
from reeld_proto.workers import AnyOrder, AnyReport

Ask = Callable[[AnyOrder, float], Coroutine[Any, Any, AnyReport]]

_TAKE_TEXT_AWAY = (EditRecord, ForgetMedia, RemoveSession)


def followed(ask_store: Ask, library: Library) -> Ask:
    """`ask_store`, with the library's text index in step with the store when it returns."""

    async def ask(order: AnyOrder, timeout_s: float) -> AnyReport:
        report = await ask_store(order, timeout_s)
        if isinstance(order, _TAKE_TEXT_AWAY):
            await library.catch_up()
        return report

    return ask
