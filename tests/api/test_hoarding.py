"""A bot tries to keep a whole bus from everybody else, over a few lifetimes of its holds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import asyncpg
import httpx2

from tests.api.hoarder import Hoarder
from tests.api.served import Served
from tests.api.shop import Shop, new_key, purchase
from tests.support.databases import Databases
from tests.support.servers import ThrowawayValkey
from tests.support.waiting import wait_until

SEATS = 40
MOST = SEATS * 15 // 100
ROUNDS = 6
BOT, HONEST = {"x-forwarded-for": "203.0.113.7"}, {"x-forwarded-for": "198.51.100.9"}
SETTINGS = {
    "OMNIBUS_RATE_LIMITS": "on",
    # It may look as often as it likes: what is asked is how much it can keep.
    "OMNIBUS_RATE_POLICIES": "read=100000/1m",
    "OMNIBUS_HOLD_SECONDS": "1",
    "OMNIBUS_PENDING_SECONDS": "1",
    "OMNIBUS_TRUSTED_PROXIES": "127.0.0.1",
}
_KEPT = """
SELECT coalesce(max(n.seats), 0)
FROM (
    SELECT sum(cardinality(k.seats)) AS seats
    FROM (
        SELECT h.seats, h.network FROM holds AS h
        WHERE h.bus_id = $1 AND h.expires_at > clock_timestamp() AND h.network IS NOT NULL
        UNION ALL
        SELECT b.seats, b.network FROM bookings AS b
        WHERE b.bus_id = $1 AND b.expires_at > clock_timestamp() AND b.network IS NOT NULL
    ) AS k
    GROUP BY k.network
) AS n
"""
_PAUSE_SECONDS = 0.01
_LIFETIMES = "SELECT count(DISTINCT date_trunc('second', created_at)) FROM holds WHERE bus_id = $1"


@asynccontextmanager
async def besieged(
    databases: Databases, valkey: ThrowawayValkey, *, has_limits: bool = True
) -> AsyncIterator[tuple[Shop, str, str]]:
    """A shop whose holds last a second and cool down for two, and a bus of forty seats."""
    async with databases.fresh() as url, await Shop.open(url) as shop:
        await shop.owner.execute(
            "UPDATE operators SET holds_per_buyer = 2, cooldown_seconds = 2, extension_seconds = 1"
        )
        if not has_limits:
            await shop.owner.execute(
                "UPDATE operators SET holds_per_buyer = 1000, cooldown_seconds = 0,"
                " seats_per_buyer = 100, seats_per_address = 200"
            )
        async with Served(url, valkey.url, settings=SETTINGS) as served:
            shop.url = served.url
            yield shop, url, await shop.bus(seats=SEATS)
            assert await served.failures() == []
        assert await shop.violations() == {}


class Watch:
    """Looks at what one address keeps, again and again, in the database; `most` is the most there ever was."""

    def __init__(self, bus: str) -> None:
        self.most = self.looks = 0
        self._bus = int(bus)

    async def look_until(self, is_over: asyncio.Event, url: str) -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(
                "SELECT set_config('omnibus.operators', array_agg(operator_id)::text, false) FROM operators"
            )
            while not is_over.is_set():
                self.most = max(self.most, await connection.fetchval(_KEPT, self._bus))
                self.looks += 1
                await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            await connection.close()


async def buy(shop: Shop, client: httpx2.AsyncClient, bus: str) -> None:
    """Buy a free seat as people do: look, hold, book, pay; look again when another one was faster."""
    while True:
        free = [seat for seat, status in (await shop.seats(bus)).items() if status == "AVAILABLE"]
        held = await client.post(f"/buses/{bus}/holds", json={"seats": free[-1:]}, headers=HONEST)
        if held.status_code == 201:
            break
        assert held.json()["code"] == "seat_unavailable", held.text
    body = purchase(free[-1:]) | {"hold_id": held.json()["id"]}
    booked = await client.post("/bookings", json=body, headers=new_key() | HONEST)
    assert booked.status_code == 201, booked.text
    assert (await shop.pay(booked.json()))["status"] == "CONFIRMED"


async def siege(
    shop: Shop, url: str, bus: str, *, lifetimes: int, sales: int, wanted: int = 0
) -> tuple[Hoarder, Watch]:
    """Let the bot at it until so many lifetimes of its holds have run out, while someone buys a ticket in each.

    It goes on until it has had the `wanted` number of seats at a time.
    """
    bot, watch, is_over = Hoarder(shop.url, bus, BOT), Watch(bus), asyncio.Event()

    async def has_lived(count: int) -> bool:
        rounds: int = await shop.owner.fetchval(_LIFETIMES, int(bus))
        return rounds >= count

    async with asyncio.TaskGroup() as group:
        group.create_task(bot.grab_until(is_over.is_set))
        group.create_task(watch.look_until(is_over, url))
        for number in range(1, lifetimes + 1):
            await wait_until(partial(has_lived, number), seconds=30)
            if number <= sales:
                await buy(shop, shop.client("rider" if number % 2 else None), bus)
        await wait_until(lambda: watch.most >= wanted, seconds=60)
        is_over.set()
    return bot, watch


async def test_a_bot_never_keeps_more_than_fifteen_percent_of_a_bus_and_people_buy_meanwhile(
    databases: Databases, valkey: ThrowawayValkey
) -> None:
    async with besieged(databases, valkey) as (shop, url, bus):
        bot, watch = await siege(shop, url, bus, lifetimes=ROUNDS, sales=ROUNDS)
        assert watch.looks > 100
        assert watch.most == MOST
        assert bot.told["201"] > ROUNDS
        assert bot.told["address_limit"] > ROUNDS
        sold = [seat for seat, status in (await shop.seats(bus)).items() if status == "BOOKED"]
        assert len(sold) == ROUNDS


async def test_twin_without_limits_the_same_bot_takes_the_whole_bus(
    databases: Databases, valkey: ThrowawayValkey
) -> None:
    async with besieged(databases, valkey, has_limits=False) as (shop, url, bus):
        _, watch = await siege(shop, url, bus, lifetimes=2, sales=0, wanted=SEATS // 2 + 1)
        assert watch.most > SEATS // 2
