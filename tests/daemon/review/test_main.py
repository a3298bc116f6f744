"""The process. Harm guarded against: a server that stays for ever, or leaves while somebody looks."""

import asyncio

from reeld.review.__main__ import _Idleness

IDLE_S = 0.2


def test_it_is_idle_once_nobody_asked_for_as_long_and_not_before() -> None:
    async def main() -> None:
        loop, idleness = asyncio.get_running_loop(), _Idleness()
        ended: list[float] = []
        idle = asyncio.ensure_future(idleness.begins(IDLE_S))
        idle.add_done_callback(lambda _idle: ended.append(loop.time()))
        asked_s = loop.time()
        for _ in range(8):
            if idle.done():
                break  # this machine was away for so long
            idleness.asked()
            asked_s = loop.time()
            await asyncio.sleep(IDLE_S / 4)
        await asyncio.wait_for(idle, 10)
        await asyncio.sleep(0)
        assert ended[0] - asked_s >= IDLE_S * 0.99

    asyncio.run(main())
