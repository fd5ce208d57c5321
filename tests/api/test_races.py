"""Two hundred buyers, one seat, a hundred times, over HTTP; and the same without what prevents double sales."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tests.api.racers import Answer, Racer, post, racers
from tests.api.served import REAL, Served, serving
from tests.api.shop import Shop, purchase
from tests.support.databases import Databases
from tests.support.servers import ThrowawayValkey

BUYERS = 200
ROUNDS = 100
TWIN = ("tests.api.twin_server", "serve")


@asynccontextmanager
async def crowded_shop(
    databases: Databases,
    valkey: ThrowawayValkey,
    *modules: tuple[str, ...],
    has_guarantee: bool = True,
) -> AsyncIterator[tuple[Shop, tuple[Served, ...]]]:
    """A shop on a database of its own, served by processes that run these modules."""
    async with databases.fresh() as url, await Shop.open(url) as shop:
        if not has_guarantee:
            await shop.owner.execute(
                "ALTER TABLE claims DROP CONSTRAINT claims_one_owner_per_seat_and_segment"
            )
        async with serving(*(Served(url, valkey.url, module=each) for each in modules)) as served:
            shop.url = served[0].url
            yield shop, served


async def race(buyers: Sequence[Racer], bus: str, seat: str) -> list[Answer]:
    """Let all buyers ask for one seat at the same moment."""
    wanted = purchase([seat]) | {"bus_id": bus, "seats": [seat]}
    requests = [post("/bookings", wanted) for _ in buyers]
    pairs = zip(buyers, requests, strict=True)
    return await asyncio.gather(*(buyer.ask(request) for buyer, request in pairs))


async def sold_twice(shop: Shop) -> int:
    found: int = await shop.owner.fetchval(
        "SELECT count(*) FROM (SELECT FROM claims GROUP BY bus_id, seat_no, segment"
        " HAVING count(*) > 1) AS twice"
    )
    return found


async def test_two_hundred_buyers_of_one_seat_have_one_winner_a_hundred_times(
    databases: Databases, valkey: ThrowawayValkey
) -> None:
    async with (
        crowded_shop(databases, valkey, REAL) as (shop, served),
        racers([served[0].address], BUYERS) as buyers,
    ):
        bus = await shop.bus(seats=ROUNDS)
        for seat in await shop.seats(bus):
            answers = await race(buyers, bus, seat)
            assert Counter(answer.status for answer in answers) == {201: 1, 409: BUYERS - 1}
            for answer in answers:
                if answer.status == 409:
                    assert answer.code == "seat_unavailable"
                    assert answer.body["seats"] == [{"seat": seat, "status": "LOCKED"}]
        assert set((await shop.seats(bus)).values()) == {"LOCKED"}
        assert await shop.violations() == {}
        assert await served[0].failures() == []


async def test_twin_without_locks_and_without_the_key_sells_seats_twice(
    databases: Databases, valkey: ThrowawayValkey
) -> None:
    async with (
        crowded_shop(databases, valkey, TWIN, TWIN, has_guarantee=False) as (shop, served),
        racers([each.address for each in served], 20) as buyers,
    ):
        bus = await shop.bus(seats=40)
        winners = [await race(buyers, bus, seat) for seat in await shop.seats(bus)]
        assert sum(_sales(answers) > 1 for answers in winners) > 0
        assert await sold_twice(shop) > 0


async def test_without_locks_the_key_alone_refuses_every_second_owner(
    databases: Databases, valkey: ThrowawayValkey
) -> None:
    async with (
        crowded_shop(databases, valkey, TWIN, TWIN) as (shop, served),
        racers([each.address for each in served], 20) as buyers,
    ):
        bus = await shop.bus(seats=40)
        winners = [await race(buyers, bus, seat) for seat in await shop.seats(bus)]
        assert {_sales(answers) for answers in winners} == {1}
        assert await sold_twice(shop) == 0


async def test_without_the_key_the_locks_alone_refuse_every_second_owner(
    databases: Databases, valkey: ThrowawayValkey
) -> None:
    async with (
        crowded_shop(databases, valkey, REAL, REAL, has_guarantee=False) as (shop, served),
        racers([each.address for each in served], 20) as buyers,
    ):
        bus = await shop.bus(seats=40)
        winners = [await race(buyers, bus, seat) for seat in await shop.seats(bus)]
        assert {_sales(answers) for answers in winners} == {1}
        assert await sold_twice(shop) == 0


def _sales(answers: Sequence[Answer]) -> int:
    return sum(answer.status == 201 for answer in answers)
