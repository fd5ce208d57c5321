"""Databases on a Citus cluster that somebody else runs: one of the same name on each of its servers."""

import asyncio
import itertools
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from store.migrate import migrate
from tests.support.cluster_session import SUMS
from tests.support.databases import Databases
from tests.support.waiting import wait_until

VARIABLE = "OMNIBUS_TEST_CITUS_URL"
"""A superuser's URL of a database on the coordinator that has the extension and knows the workers."""
CLUSTER_URL = os.environ.get(VARIABLE)  # noqa: TID251 - the tests' own, none of the product's settings
WHY_NOT = f"{VARIABLE} names no Citus coordinator"
_OWNER = "omnibus"
_SHARDS = 4
"""Few, for each is a table of its own to copy for every test; more than servers, so that lanes share one."""


@dataclass(frozen=True, slots=True)
class _Server:
    host: str
    port: int
    connection: "asyncpg.Connection[asyncpg.Record]"


class ClusterDatabases(Databases):
    """Cloned on every server from templates that were distributed once; the metadata in them name no database."""

    def __init__(self, url: str) -> None:
        super().__init__(url, url)
        self._url = url
        self._prefix = f"omnibus_test_{os.getpid()}"
        self._numbers = itertools.count(1)
        self._servers: list[_Server] = []

    @property
    def _template(self) -> str:
        return f"{self._prefix}_template"

    def url(self, name: str) -> str:
        parts = urlsplit(self._url)
        return urlunsplit(
            parts._replace(netloc=re.sub(r"^[^@]*@", f"{_OWNER}@", parts.netloc), path=f"/{name}")
        )

    async def prepare(self, migrate: Callable[[str], Awaitable[object]]) -> None:
        """Make the template, distribute its tables and let nobody into it any more."""
        await self._reach()
        url = await self.create(self._template)
        await self._coordinator.execute(
            f"ALTER DATABASE {self._template} SET citus.shard_count = {_SHARDS}"
        )
        await migrate(url)
        owner = await asyncpg.connect(url)
        await owner.execute(SUMS)
        await owner.close()
        await self._everywhere(f"ALTER DATABASE {self._template} ALLOW_CONNECTIONS false")

    async def create(self, name: str, template: str = "template0", *, letters: str = "") -> str:
        if template == "template0":
            await self._everywhere(f"CREATE DATABASE {name} OWNER {_OWNER} {letters}")
            await self._join(name)
        else:
            await self._everywhere(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{template}'"  # noqa: S608 - our own
            )
            await self._everywhere(
                f"CREATE DATABASE {name} TEMPLATE {template} OWNER {_OWNER} STRATEGY file_copy"
            )
        return self.url(name)

    async def drop(self, name: str) -> None:
        # The coordinator first: its sessions and its daemon are who comes back to the workers.
        for server in self._servers:
            await wait_until(partial(_is_dropped, server, name))

    @asynccontextmanager
    async def fresh(self, *, is_migrated: bool = True) -> AsyncIterator[str]:
        name = f"{self._prefix}_{next(self._numbers)}"
        url = await self.create(name, self._template if is_migrated else "template0")
        try:
            yield url
        finally:
            await self.drop(name)

    async def close(self) -> None:
        await self.drop(self._template)
        for server in self._servers:
            await server.connection.close()

    @property
    def _coordinator(self) -> "asyncpg.Connection[asyncpg.Record]":
        return self._servers[0].connection

    async def _reach(self) -> None:
        parts = urlsplit(self._url)
        coordinator = await asyncpg.connect(self._url)
        self._servers.append(_Server(str(parts.hostname), parts.port or 5432, coordinator))
        workers = await coordinator.fetch(
            "SELECT nodename, nodeport FROM pg_dist_node WHERE groupid <> 0 ORDER BY nodeid"
        )
        for host, port in workers:
            connection = await asyncpg.connect(self._url, host=host, port=port)
            self._servers.append(_Server(host, port, connection))
        await coordinator.execute(
            "DO $$BEGIN"
            f" IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{_OWNER}')"
            f" THEN CREATE ROLE {_OWNER} LOGIN CREATEROLE; END IF; "
            "END$$"
        )

    async def _join(self, name: str) -> None:
        """Make a cluster of the databases of this name."""
        for server in self._servers:
            connection = await asyncpg.connect(
                self._url, host=server.host, port=server.port, database=name
            )
            await connection.execute("CREATE EXTENSION citus")
            await connection.close()
        first, *workers = self._servers
        coordinator = await asyncpg.connect(self._url, database=name)
        await coordinator.fetch("SELECT citus_set_coordinator_host($1, $2)", first.host, first.port)
        for worker in workers:
            await coordinator.fetch("SELECT citus_add_node($1, $2)", worker.host, worker.port)
        await coordinator.close()

    async def _everywhere(self, statement: str) -> None:
        await asyncio.gather(*(server.connection.execute(statement) for server in self._servers))


async def lend_cluster_databases() -> AsyncIterator[ClusterDatabases]:
    """Be the fixture `databases` where a cluster is named: the same tests, there."""
    made = ClusterDatabases(str(CLUSTER_URL))
    await made.prepare(migrate)
    yield made
    await made.close()


def above_scopes(url: str) -> str:
    """Return by whose eyes a test sees all operators for a whole session: the owner's, and on a cluster a superuser's.

    What a session says about its scope is passed on to the servers of a cluster for one transaction only.
    """
    if CLUSTER_URL is None:
        return url
    return urlunsplit(urlsplit(url)._replace(netloc=urlsplit(CLUSTER_URL).netloc))


async def _is_dropped(server: _Server, name: str) -> bool:
    try:
        await server.connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    except asyncpg.ObjectInUseError:
        return False
    return True
