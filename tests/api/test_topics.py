"""Boards and sales, from a sale over HTTP to the frame, through two processes."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.api.served import Served, serving
from tests.api.shop import Shop
from tests.realtime.clients import Watcher, watch
from tests.realtime.waiting import wait_until
from tests.support.databases import Databases
from tests.support.servers import ThrowawayValkey


@asynccontextmanager
async def watching(port: int) -> AsyncIterator[Watcher]:
    async with watch(port, origin=None) as watcher:
        yield watcher


def last(watcher: Watcher, type_: str) -> dict[str, Any]:
    found = [frame for frame in watcher.frames if frame["type"] == type_]
    return found[-1] if found else {}


async def test_a_sale_in_one_process_moves_boards_and_totals_of_another(
    databases: Databases, valkey: ThrowawayValkey
) -> None:
    async with databases.fresh() as url, await Shop.open(url) as shop:
        async with serving(Served(url, valkey.url), Served(url, valkey.url)) as (seller, teller):
            shop.url = seller.url
            bus = await shop.bus(segments=4)
            async with watching(teller.port) as board, watching(teller.port) as staff:
                await board.say("subscribe", id=1, topic=f"board:{shop.stops[0]}")
                await board.get("board")
                await staff.say("auth", id=1, token=shop.token("manager"))
                await staff.say("subscribe", id=2, topic="sales")
                assert [day["name"] for day in (await staff.get("sales"))["operators"]] == [
                    "Northline"
                ]
                await shop.pay(await shop.book(shop.client("rider"), bus, ["1A", "1B"]))

                def shown() -> bool:
                    lines = last(board, "board")["departures"]
                    (day,) = last(staff, "sales")["operators"]
                    return [line["seats_left"] for line in lines] == [38] and day["seats"] == 2

                await wait_until(shown)
                (line,) = last(board, "board")["departures"]
                assert (line["bus"], line["status"], line["seats_total"]) == (bus, "SCHEDULED", 40)
                (day,) = last(staff, "sales")["operators"]
                assert day["revenue"]["amount"] > 0
                assert json.dumps(day).count("example.org") == 0
        assert await shop.violations() == {}


async def test_everybody_sees_the_sales_of_their_own_operators_only(shop: Shop) -> None:
    port = int(shop.url.rpartition(":")[2])
    expected = {
        "agent": ["Northline"],
        "rival": ["Southline"],
        "support": ["Northline", "Southline"],
        "admin": ["Northline", "Southline"],
    }
    for who, names in expected.items():
        async with watching(port) as client:
            await client.say("auth", id=1, token=shop.token(who))
            await client.say("subscribe", id=2, topic="sales")
            sales = await client.get("sales")
            told = [day["name"] for day in sales["operators"]]
            if who in {"agent", "rival"}:
                assert told == names, who
            else:  # other tests have operators of their own
                assert set(names) <= set(told), who
    async with watching(port) as client:
        await client.say("auth", id=1, token=shop.token("rider"))
        await client.say("subscribe", id=2, topic="sales")
        assert (await client.get("error"))["code"] == "forbidden"


async def test_a_taken_seat_is_a_conflict_in_the_totals(shop: Shop) -> None:
    port, bus = int(shop.url.rpartition(":")[2]), await shop.bus()
    await shop.hold(shop.client("rider"), bus, ["1A"])
    async with watching(port) as staff:
        await staff.say("auth", id=1, token=shop.token("manager"))
        await staff.say("subscribe", id=2, topic="sales")
        before = (await staff.get("sales"))["operators"][0]["conflicts"]
        refused = await shop.client("other_rider").post(
            f"/buses/{bus}/holds", json={"seats": ["1A"]}, headers={"idempotency-key": f"c{bus}"}
        )
        assert refused.status_code == 409
        await shop.hold(shop.client("other_rider"), bus, ["1B"])  # which is news, a refusal is not
        await wait_until(lambda: last(staff, "sales")["operators"][0]["conflicts"] == before + 1)
