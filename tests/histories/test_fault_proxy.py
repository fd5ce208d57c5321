"""The proxy tells what commits from what does not, in both forms of a commit."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.support.fault_proxy import Fault, FaultProxy, fault_proxy


@pytest.fixture
async def proxy(
    database_url: str, owner: "asyncpg.Connection[asyncpg.Record]"
) -> AsyncIterator[FaultProxy]:
    await owner.execute(
        "CREATE TABLE notes (word text);"
        "CREATE FUNCTION note(word text) RETURNS void LANGUAGE sql AS 'INSERT INTO notes VALUES (word)'"
    )
    async with fault_proxy(database_url) as between:
        yield between


@pytest.mark.parametrize("statement", ["INSERT INTO notes VALUES ($1)", "SELECT * FROM note($1)"])
@pytest.mark.parametrize(("fault", "notes"), [(Fault.CUT_BEFORE, 0), (Fault.CUT_AFTER, 1)])
async def test_a_statement_that_commits_by_itself_is_cut_before_or_after(
    proxy: FaultProxy,
    owner: "asyncpg.Connection[asyncpg.Record]",
    statement: str,
    fault: Fault,
    notes: int,
) -> None:
    connection = await asyncpg.connect(proxy.url)
    proxy.arm(fault)
    with pytest.raises((asyncpg.PostgresConnectionError, OSError)):
        await connection.fetch(statement, "hello")
    assert await owner.fetchval("SELECT count(*) FROM notes") == notes
    assert proxy.commits[f"statement, {fault.name.lower()}"] == 1


async def test_what_changes_something_in_a_transaction_waits_for_its_commit(
    proxy: FaultProxy, owner: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    connection = await asyncpg.connect(proxy.url)
    proxy.arm(Fault.CUT_AFTER)
    with pytest.raises((asyncpg.PostgresConnectionError, OSError)):
        async with connection.transaction():
            await connection.execute("INSERT INTO notes VALUES ($1)", "hello")
    assert await owner.fetchval("SELECT count(*) FROM notes") == 1
    assert proxy.commits == {"COMMIT": 1, "COMMIT, cut_after": 1}


async def test_what_only_reads_is_let_through(proxy: FaultProxy) -> None:
    connection = await asyncpg.connect(proxy.url)
    proxy.arm(Fault.CUT_BEFORE)
    assert await connection.fetchval("SELECT count(*) FROM notes WHERE word = $1", "hello") == 0
    assert await connection.fetchval("SELECT count(*) FROM unnest($1::int[])", [1, 2]) == 2
    assert proxy.struck == []
    await connection.close()
