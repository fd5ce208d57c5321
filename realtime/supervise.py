"""Tasks that end when they are told to, and not before."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

log = logging.getLogger(__name__)

RESTART_SECONDS = 1.0
CANCEL_AGAIN_SECONDS = 0.1


async def supervise(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """A bug costs one round, not the task that every client depends on."""
    while True:
        try:
            await run()
        except Exception:
            log.exception("%s failed; it goes on", name)
        await asyncio.sleep(RESTART_SECONDS)


async def cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel until they end: once is not enough.

    Before Python 3.12 `asyncio.wait_for`, which redis-py uses to write, loses a cancellation that
    arrives together with the result.
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_SECONDS)
