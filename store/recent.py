"""Answers that many ask for and that may be a moment old: found once, for everybody who asks meanwhile."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Keeps at most `most` answers, each for `seconds` from when it was asked for; a failure is kept for nobody."""

    def __init__(self, *, seconds: float, most: int) -> None:
        self._seconds = seconds
        self._most = most
        self._answers: OrderedDict[K, tuple[float, asyncio.Task[V]]] = OrderedDict()

    async def get(self, key: K, find: Callable[[], Awaitable[V]]) -> V:
        """Return the answer for a key, with `find` asked at most once at a time; raise what it raises."""
        now = asyncio.get_running_loop().time()
        known = self._answers.get(key)
        if known is None or known[0] <= now:
            task = asyncio.ensure_future(_wait_for(find))
            known = self._answers[key] = (now + self._seconds, task)
            self._answers.move_to_end(key)
            task.add_done_callback(lambda done: self._drop_failed(key, done))
            if len(self._answers) > self._most:
                self._answers.popitem(last=False)
        # Whoever hangs up ends their own waiting, not everybody's.
        return await asyncio.shield(known[1])

    def forget(self) -> None:
        """Have everything found anew; who waits for an answer gets the one that was asked for."""
        self._answers.clear()

    def _drop_failed(self, key: K, done: "asyncio.Task[V]") -> None:
        is_failed = done.cancelled() or done.exception() is not None
        known = self._answers.get(key)
        if is_failed and known is not None and known[1] is done:
            del self._answers[key]


async def _wait_for(find: Callable[[], Awaitable[V]]) -> V:
    return await find()
