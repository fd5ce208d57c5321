import asyncio
import time
from collections.abc import Callable


async def wait_until(condition: Callable[[], object], *, seconds: float = 10.0) -> None:
    """Wait for what must happen; the bound is for what never does."""
    give_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up_at, f"never came true within {seconds} s: {condition}"
        await asyncio.sleep(0.005)
