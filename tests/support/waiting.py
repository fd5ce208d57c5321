"""Waits for what must happen, never for the clock."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

_PAUSE_SECONDS, _PAUSE_SECONDS_MAX = 0.005, 0.05


async def wait_until(
    condition: Callable[[], Awaitable[Any] | Any],
    *,
    seconds: float = 10.0,
    pause: float = _PAUSE_SECONDS,
) -> None:
    """Ask again and again, also of a coroutine; the bound is for what never comes true.

    Where asking is dear, `pause` is longer from the start. What takes long is asked less often: who waits for others'
    work should not take their time.
    """
    give_up_at = time.monotonic() + seconds
    while True:
        answer = condition()
        if isinstance(answer, Awaitable):
            answer = await answer
        if answer:
            return
        assert time.monotonic() < give_up_at, f"never came true within {seconds} s: {condition}"
        await asyncio.sleep(pause)
        pause = max(pause, min(1.2 * pause, _PAUSE_SECONDS_MAX))
