"""The standby that `omnibus cluster up` makes of its own PostgreSQL: copied once, and anew when it cannot follow."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from server.embedded import StandbyServer
from server.embedded.children import Child, stop_together
from tests.support.memory import in_memory
from tests.support.servers import ThrowawayPostgres
from tests.support.waiting import wait_until

_SLOTS = "SELECT count(*) FROM pg_replication_slots"


async def test_it_goes_on_where_it_was_and_is_copied_anew_when_it_cannot() -> None:
    with in_memory():
        primary = ThrowawayPostgres()
    first = StandbyServer(primary.service)
    kept = first.cluster.path / "kept"
    with primary:
        await _fetch(primary.url, "CREATE TABLE written (number int)")
        with _following(first):
            await _write_and_see(primary, first, 1)
            kept.touch()
        with _following(first):
            assert kept.exists(), "it was copied again"
            assert await _fetch(first.url, "SELECT pg_is_in_recovery()")
            await _write_and_see(primary, first, 2)

        primary.restart()
        assert await _fetch(primary.superuser_url, _SLOTS) == 0, "log is kept for nobody"
        second = StandbyServer(primary.service)
        with _following(second):
            assert not kept.exists(), "nothing promised it the log that it had yet to get"
            await _write_and_see(primary, second, 3)
            kept.touch()

        await _fetch(primary.superuser_url, "SELECT pg_switch_wal()")
        with _following(second):
            assert kept.exists()
            await _fetch(_as_superuser(second, primary), "SELECT pg_promote()")
        with _following(second):
            assert not kept.exists(), "it has a history of its own"
            await _write_and_see(primary, second, 4)


@contextmanager
def _following(standby: StandbyServer) -> Iterator[None]:
    """Do what the supervisor does: copy, start, and stop after that."""
    copying = Child(standby.copy)
    assert copying.wait() == 0, standby.copy.said()
    standby.copy.finish()
    child = Child(standby)
    try:
        child.wait_ready()
        yield
    finally:
        assert stop_together([child]) == []


async def _write_and_see(primary: ThrowawayPostgres, standby: StandbyServer, number: int) -> None:
    await _fetch(primary.url, "INSERT INTO written VALUES ($1)", number)

    async def shows() -> bool:
        return bool(await _fetch(standby.url, "SELECT max(number) FROM written") == number)

    await wait_until(shows)


def _as_superuser(standby: StandbyServer, primary: ThrowawayPostgres) -> str:
    return f"{primary.superuser_url}&port={standby.port}"


async def _fetch(url: str, statement: str, *values: int) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement, *values)
    finally:
        await connection.close()
