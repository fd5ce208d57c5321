"""The small stand-ins for asyncio's queue and event: the same to whoever uses them."""

import asyncio

from realtime.inbox import Gate, Inbox


async def test_what_is_put_is_got_in_order_by_whoever_waits() -> None:
    inbox: Inbox[int] = Inbox()
    assert inbox.empty()
    reader = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    for number in range(3):
        inbox.put_nowait(number)
    assert await reader == 0
    assert inbox.qsize() == 2
    assert [await inbox.get(), await inbox.get()] == [1, 2]
    assert inbox.empty()


async def test_a_reader_that_is_cancelled_takes_nothing_with_it() -> None:
    inbox: Inbox[int] = Inbox()
    reader = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.put_nowait(1)
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)
    assert inbox.qsize() == 1
    assert await inbox.get() == 1


async def test_whoever_waits_at_a_closed_gate_goes_on_when_it_opens() -> None:
    gate = Gate()
    assert gate.is_set()
    assert await gate.wait()
    gate.clear()
    gate.clear()
    waiting = [asyncio.create_task(gate.wait()) for _ in range(2)]
    await asyncio.sleep(0)
    assert not gate.is_set()
    assert not any(task.done() for task in waiting)
    gate.set()
    assert await asyncio.gather(*waiting) == [True, True]
    gate.set()
    assert gate.is_set()
