"""Databases cloned from a migrated template: a fresh one for every test in some twenty milliseconds."""

import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg

from store.citus.distribute import is_citus, suit
from store.citus.forms import SESSION
from tests.support.cluster_session import ClusterSession

_TEMPLATE = "omnibus_template"


async def connect(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    """Open a session of a test's own; on a cluster, one that knows how to speak to all of its servers."""
    connection = await asyncpg.connect(url)
    if not await is_citus(connection):
        return connection
    await connection.close()
    connection = await asyncpg.connect(
        url, server_settings=SESSION, connection_class=ClusterSession
    )
    await suit(connection)
    return connection


class Databases:
    def __init__(self, superuser_url: str, owner_url: str) -> None:
        self._superuser_url = superuser_url
        self._owner_url = owner_url
        self._numbers = itertools.count(1)
        self._superuser: asyncpg.Connection[asyncpg.Record] | None = None

    async def prepare(self, migrate: Callable[[str], Awaitable[object]]) -> None:
        """Make the template and bring it to the newest schema."""
        await self.create(_TEMPLATE)
        await migrate(self.url(_TEMPLATE))

    def url(self, name: str) -> str:
        """Return the owner's URL of a database."""
        return re.sub(r"/omnibus(?=\?|$)", f"/{name}", self._owner_url)

    async def create(self, name: str, template: str = "template0", *, letters: str = "") -> str:
        superuser = await self._connect()
        # Files are copied, not logged: to make a database and to drop it takes half as long.
        await superuser.execute(
            f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy OWNER omnibus {letters}"
        )
        return self.url(name)

    async def drop(self, name: str) -> None:
        superuser = await self._connect()
        await superuser.execute(f"DROP DATABASE {name} WITH (FORCE)")

    @asynccontextmanager
    async def fresh(self, *, is_migrated: bool = True) -> AsyncIterator[str]:
        """Lend a database that is dropped afterwards, whoever is still connected."""
        name = f"test_{next(self._numbers)}"
        url = await self.create(name, _TEMPLATE if is_migrated else "template0")
        try:
            yield url
        finally:
            await self.drop(name)

    async def close(self) -> None:
        if self._superuser is not None:
            await self._superuser.close()

    async def _connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        if self._superuser is None:
            self._superuser = await asyncpg.connect(self._superuser_url)
        return self._superuser
