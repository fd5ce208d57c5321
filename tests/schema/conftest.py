"""One database with a small data set for all tests that only try; what they do is undone."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from store.db import Connection
from tests.schema.rows import base, looked_at
from tests.support.databases import Databases

SCOPE = "SELECT set_config('omnibus.operators', $1, true)"


@pytest.fixture(scope="session")
async def filled_url(databases: Databases) -> AsyncIterator[str]:
    """A migrated database that two operators have used, filled as the application would fill it."""
    async with databases.fresh() as url:
        connection = await asyncpg.connect(url)
        async with connection.transaction():
            await connection.execute("SET LOCAL ROLE omnibus_app")
            await connection.execute(SCOPE.replace("$1", "'{1,2,9}'"))
            for statement in base():
                await connection.execute(statement)
            await connection.execute("RESET ROLE")
            for statement in looked_at():
                await connection.execute(statement)
        await connection.close()
        yield url


@pytest.fixture(scope="session")
async def session(filled_url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(filled_url)
    yield connection
    await connection.close()


@pytest.fixture
async def app(
    session: Connection,
) -> AsyncIterator[Connection]:
    """The application's role, working for every operator (and one that does not exist); undone at the end."""
    transaction = session.transaction()
    await transaction.start()
    await session.execute("SET LOCAL ROLE omnibus_app")
    await session.execute(SCOPE.replace("$1", "'{1,2,3,9}'"))
    yield session
    await transaction.rollback()
