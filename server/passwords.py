"""Passwords: argon2id, two at a time in threads of their own, never on the event loop.

The parameters are OWASP's second choice for argon2id (19 MiB, t=2, p=1): as strong as the library's 64 MiB for a server
that must not be emptied of memory by a queue of logins.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from store.errors import Overloaded

T = TypeVar("T")
_THREADS = 2
_QUEUE = 20


class Passwords:
    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="argon2")
        self._waiting = 0
        # What an unknown user's password is compared with, so that the answer takes as long.
        self._nobody = self._hasher.hash("nobody has this password")

    async def hash(self, password: str) -> str:
        """Return a hash to store; raise Overloaded when twenty are waiting already."""
        return await self._run(lambda: self._hasher.hash(password))

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """Compare in the time one hash takes, whether there is a user (`password_hash`) or not."""

        def compare() -> bool:
            try:
                return self._hasher.verify(password_hash or self._nobody, password)
            except (Argon2Error, InvalidHashError):
                return False

        is_match = await self._run(compare)
        return is_match and password_hash is not None

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= _QUEUE:
            raise Overloaded
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
