import asyncio

from realtime.supervise import cancel


async def test_a_task_that_loses_a_cancellation_is_told_again() -> None:
    told = 0

    async def deaf() -> None:
        nonlocal told
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                told += 1
                if told == 3:
                    raise

    async def over() -> None:
        return

    tasks = [asyncio.create_task(deaf()), asyncio.create_task(over())]
    await asyncio.sleep(0)
    await cancel(tasks)
    assert told == 3
    assert all(task.done() for task in tasks)
    await cancel(tasks)
