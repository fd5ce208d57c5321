"""Waits for what must happen, never for the clock."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any


async def wait_until(
    condition: Callable[[], Awaitable[Any] | Any], *, seconds: float = 10.0
) -> None:
    """Ask again and again, also of a coroutine; the bound is for what never comes true."""
    give_up_at = time.monotonic() + seconds
    while True:
        answer = condition()
        if isinstance(answer, Awaitable):
            answer = await answer
        if answer:
            return
        assert time.monotonic() < give_up_at, f"never came true within {seconds} s: {condition}"
        await asyncio.sleep(0.005)
