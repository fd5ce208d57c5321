"""What every read and every transaction shares: the role, the limits of waiting, and what is tried again."""

import asyncio
from functools import partial

import asyncpg
import pytest

from store import Store
from store.accounts import NewUser
from store.db import Connection
from store.errors import OutcomeUnknown, Overloaded
from store.facade import StoreOptions
from tests.support.fault_proxy import fault_proxy
from tests.support.world import World


async def test_every_session_is_the_application_and_waits_only_so_long(world: World) -> None:
    async def look(connection: Connection) -> list[str]:
        names = (
            "role",
            "lock_timeout",
            "statement_timeout",
            "idle_in_transaction_session_timeout",
            "timezone",
            "transaction_isolation",
        )
        return [await connection.fetchval(f"SHOW {name}") for name in names]

    seen = await asyncio.gather(*(world.store.db.transaction([], look) for _ in range(12)))
    assert seen == [["omnibus_app", "1s", "2s", "3s", "UTC", "read committed"]] * 12


async def test_a_deadlock_is_resolved_by_trying_again(world: World) -> None:
    bus = await world.bus()
    met = asyncio.Barrier(2)
    tries = 0

    async def lock(seats: tuple[int, int], connection: Connection) -> str:
        nonlocal tries
        tries += 1
        for number, seat in enumerate(seats):
            await connection.execute(
                "SELECT FROM seats WHERE bus_id = $1 AND seat_no = $2 FOR UPDATE", bus, seat
            )
            if number == 0 and tries <= 2:
                await met.wait()
        return "locked"

    both = await asyncio.gather(
        *(
            world.store.db.transaction([world.operator_id], partial(lock, seats))
            for seats in ((1, 2), (2, 1))
        )
    )
    assert both == ["locked", "locked"]
    assert tries >= 3


async def test_what_a_transaction_raises_is_passed_on_and_undone(world: World) -> None:
    bus = await world.bus()

    async def work(connection: Connection) -> None:
        await connection.execute("UPDATE buses SET name = 'Ghost' WHERE bus_id = $1", bus)
        raise LookupError

    with pytest.raises(LookupError):
        await world.store.db.transaction([world.operator_id], work)
    (row,) = await world.edit("SELECT name FROM buses")
    assert row["name"] != "Ghost"


async def test_the_store_knows_whether_it_speaks_to_a_server_that_takes_writes(
    world: World,
) -> None:
    assert await world.store.is_primary() is True


async def test_a_server_that_is_not_there_is_an_overload(world: World) -> None:
    async with fault_proxy(world.url) as proxy:
        store = await Store.open(proxy.url, StoreOptions(pool_size=2))
        proxy.refuse()
        with pytest.raises(Overloaded):
            await store.is_primary()
        with pytest.raises(Overloaded):
            await store.db.transaction([], lambda c: c.fetchval("SELECT 1"))
        await store.close()


async def test_an_argument_that_makes_no_sense_is_our_own_mistake(world: World) -> None:
    with pytest.raises(asyncpg.DataError):
        await world.store.db.transaction([], lambda c: c.fetchval("SELECT $1::integer", 2**40))


async def test_a_registration_whose_answer_was_lost_is_not_called_taken(world: World) -> None:
    async with fault_proxy(world.url) as proxy:
        store = await Store.open(proxy.url, StoreOptions(pool_size=2))
        proxy.lose_answer_to(b"INSERT INTO users")
        try:
            user = await store.accounts.add(NewUser("Ann", "a@example.org", "hash"))
        except OutcomeUnknown:
            pass
        else:
            assert await world.store.accounts.find_by_email("a@example.org") == user
        finally:
            await store.close()


async def test_a_sign_in_whose_answer_was_lost_is_done_again(world: World) -> None:
    user = await world.store.accounts.add(NewUser("Ann", "a@example.org", "hash"))
    async with fault_proxy(world.url) as proxy:
        store = await Store.open(proxy.url, StoreOptions(pool_size=2))
        proxy.lose_answer_to(b"INSERT INTO refresh_tokens")
        try:
            session = await store.sessions.start(user.user_id)
        finally:
            await store.close()
    assert await world.store.sessions.rotate(session.token) is not None
