"""Looks many things up with one query: questions that arrive while a query runs form the next one.

Nobody joins a query that has started, so an answer is never older than its question: who has booked sees it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Gather(Generic[K, V]):
    """`look_up` gets up to `most` keys and returns what it found of them; `in_flight` of its calls run at a time."""

    def __init__(
        self,
        look_up: Callable[[list[K]], Awaitable[Mapping[K, V]]],
        *,
        in_flight: int = 4,
        most: int = 64,
    ) -> None:
        self._look_up = look_up
        self._in_flight = in_flight
        self._most = most
        self._asked: dict[K, list[asyncio.Future[V | None]]] = {}
        self._runners: set[asyncio.Task[None]] = set()

    async def find(self, key: K) -> V | None:
        """Return what was found under `key`, or None; raise what the query raised."""
        answer: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
        self._asked.setdefault(key, []).append(answer)
        if len(self._runners) < self._in_flight:
            runner = asyncio.create_task(self._run())
            self._runners.add(runner)
            runner.add_done_callback(self._runners.discard)
        return await answer

    async def _run(self) -> None:
        while self._asked:
            keys = list(self._asked)[: self._most]
            asked = [(key, self._asked.pop(key)) for key in keys]
            try:
                found = await self._look_up(keys)
            except BaseException as error:
                _fail([answer for _, answers in asked for answer in answers], error)
                if not isinstance(error, Exception):
                    raise
            else:
                for key, answers in asked:
                    for answer in answers:
                        if not answer.done():
                            answer.set_result(found.get(key))


def _fail(answers: "list[asyncio.Future[V | None]]", error: BaseException) -> None:
    for answer in answers:
        if not answer.done():
            answer.set_exception(error)
