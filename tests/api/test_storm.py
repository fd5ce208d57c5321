"""Five hundred buyers, forty seats, four segments, two processes: nobody gets what somebody else has, or half of it."""

import asyncio
import random
from collections import Counter

import asyncpg

from tests.api.racers import Answer, Racer, post, racers
from tests.api.served import Served, serving
from tests.api.shop import Json, Shop, purchase
from tests.support.databases import Databases
from tests.support.servers import ThrowawayValkey
from tests.support.waiting import wait_until

BUYERS = 500


async def test_five_hundred_buyers_of_legs_get_whole_bookings_or_a_refusal(
    databases: Databases, valkey: ThrowawayValkey
) -> None:
    async with databases.fresh() as url:
        async with (
            await Shop.open(url) as shop,
            serving(Served(url, valkey.url), Served(url, valkey.url)) as served,
        ):
            shop.url = served[0].url
            bus = await shop.bus(segments=4)
            outcomes = await storm(shop, bus, [each.address for each in served])
            check_answers(outcomes)
            await check_claims(shop, bus, [body for status, body in outcomes if status == 201])
            assert await shop.violations() == {}
            assert [await each.failures() for each in served] == [[], []]
        assert await deadlocks(url) == 0


async def storm(shop: Shop, bus: str, addresses: list[tuple[str, int]]) -> list[tuple[int, Json]]:
    """Let everyone buy one to six seats on some leg: every other buyer directly, the others with a hold first."""
    chance = random.Random(40)
    seats = list(await shop.seats(bus))

    async def buy(racer: Racer, wanted: Json, *, holds_first: bool) -> Answer:
        if not holds_first:
            direct = purchase(wanted["seats"]) | {"bus_id": bus} | wanted
            return await racer.ask(post("/bookings", direct))
        held = await racer.ask(post(f"/buses/{bus}/holds", wanted))
        if held.status != 201:
            return held
        from_hold = purchase(wanted["seats"]) | {"hold_id": held.body["id"]}
        return await racer.ask(post("/bookings", from_hold))

    def wish() -> Json:
        start, end = sorted(chance.sample(range(5), 2))
        return {
            "seats": chance.sample(seats, chance.randint(1, 6)),
            "from_stop": shop.stops[start],
            "to_stop": shop.stops[end],
        }

    async with racers(addresses, BUYERS) as buyers:
        answers = await asyncio.gather(
            *(buy(racer, wish(), holds_first=number % 4 > 1) for number, racer in enumerate(buyers))
        )
    return [(answer.status, answer.body) for answer in answers]


def check_answers(outcomes: list[tuple[int, Json]]) -> None:
    """See that everyone has a booking or was told which seats were in the way."""
    assert Counter(status for status, _ in outcomes).keys() == {201, 409}
    for status, body in outcomes:
        if status == 409:
            assert body["code"] == "seat_unavailable"
            assert body["seats"]


async def check_claims(shop: Shop, bus: str, bookings: list[Json]) -> None:
    """See that the database holds exactly what was answered: each seat and segment once, no booking in parts."""
    rows = await shop.owner.fetch(
        "SELECT b.ref, c.seat_no, c.segment FROM claims AS c"
        " INNER JOIN bookings AS b ON b.bus_id = c.bus_id"
        " AND (b.booking_id = c.booking_id OR b.hold_id = c.hold_id) WHERE c.bus_id = $1",
        int(bus),
    )
    places = [(row["seat_no"], row["segment"]) for row in rows]
    assert len(places) == len(set(places))
    assert await shop.owner.fetchval("SELECT count(*) FROM claims") == len(places)
    stops = {stop: index for index, stop in enumerate(shop.stops)}
    promised = {
        booking["ref"]: len(booking["seats"])
        * (stops[booking["to_stop"]] - stops[booking["from_stop"]])
        for booking in bookings
    }
    assert Counter(row["ref"] for row in rows) == promised


async def deadlocks(url: str) -> int:
    """Count a database's deadlocks once every session, and what it has to report, is gone."""
    connection = await asyncpg.connect(url)
    try:
        alone = "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database()"
        await wait_until(lambda: connection.fetchval(alone))
        found: int = await connection.fetchval(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        )
    finally:
        await connection.close()
    return found
