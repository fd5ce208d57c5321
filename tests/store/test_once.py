"""What is posted under a key is done once, also when nobody's, and never half."""

import asyncio

import pytest

from store.db import Connection
from store.errors import InvalidRequest, KeyReused, Refusal
from store.once import answer_once
from store.requests import Ask, Key, Reply
from tests.support.world import World, key


def asking(body: bytes, under: Key | None) -> Ask[int]:
    def encode(value: int | Refusal) -> Reply:
        return Reply(201, body + str(value).encode())

    return Ask(encode, under)


async def add_stop(
    world: World, ask: Ask[int], operator_id: int | None, scope: list[int] | None
) -> Reply:
    async def work(connection: Connection) -> Reply:
        async def make() -> int:
            added: int = await connection.fetchval(
                "INSERT INTO stops (source, code, name, time_zone)"
                " VALUES ('test', gen_random_uuid()::text, 'Oak', 'UTC') RETURNING stop_id"
            )
            return added

        return await answer_once(connection, ask, operator_id, make)

    return await world.store.db.transaction(scope, work)


async def stops(world: World) -> int:
    (row,) = await world.edit("SELECT count(*) AS stops FROM stops")
    count: int = row["stops"]
    return count


async def test_the_same_request_at_once_is_done_once(world: World) -> None:
    for operator_id in (world.operator_id, None):
        before = await stops(world)
        ask = asking(b"stop ", key(f"once {operator_id}"))
        replies = await asyncio.gather(*(add_stop(world, ask, operator_id, None) for _ in range(4)))
        assert len({reply.body for reply in replies}) == 1
        assert sorted(reply.is_replayed for reply in replies) == [False, True, True, True]
        assert await stops(world) == before + 1


async def test_without_a_key_every_request_counts(world: World) -> None:
    for _ in range(2):
        await add_stop(world, asking(b"", None), world.operator_id, None)
    assert await stops(world) == 2


async def test_a_key_of_another_request_does_nothing(world: World) -> None:
    await add_stop(world, asking(b"", key("mine")), world.operator_id, None)
    for other, scope in (
        (key("mine", "another"), [world.operator_id]),
        # Out of the scope it was used in it is not even seen, and still taken.
        (key("mine"), [world.operator_id + 1]),
    ):
        operator_id = scope[0]
        with pytest.raises(KeyReused):
            await add_stop(world, asking(b"", other), operator_id, scope)
    assert await stops(world) == 1


async def test_what_cannot_be_kept_is_not_done(world: World) -> None:
    large = asking(b"x" * 65_536, key("large"))
    with pytest.raises(InvalidRequest):
        await add_stop(world, large, world.operator_id, None)
    assert await stops(world) == 0
