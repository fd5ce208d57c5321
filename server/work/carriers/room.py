"""How many deliveries may be out, for brokers that are asked and do not push."""

import asyncio


class Room:
    def __init__(self, places: int) -> None:
        self._free = places
        self._is_free = asyncio.Event()
        self._is_free.set()

    async def wait(self) -> int:
        """Return how many places are free, once there is one."""
        await self._is_free.wait()
        return self._free

    def take(self, places: int) -> None:
        self._free -= places
        if self._free <= 0:
            self._is_free.clear()

    def give(self) -> None:
        self._free += 1
        if self._free > 0:
            self._is_free.set()
