"""`omnibus simulate`: a rush on a bus with a waiting room, judged by what was acknowledged."""

import asyncio
import json
import resource
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from server.cli.simulate import simulate as command
from tests.api.served import Served
from tests.api.shop import PASSWORD, Json, Shop
from tests.cli.commands import WAIT_SECONDS, environment
from tests.support import forked
from tests.support.databases import Databases
from tests.support.servers import ThrowawayValkey
from tests.support.waiting import wait_until

SETTINGS = {"OMNIBUS_RATE_LIMITS": "off"}


@pytest.fixture
async def open_shop(databases: Databases, valkey: ThrowawayValkey) -> AsyncIterator[Shop]:
    async with databases.fresh() as database:
        shop = await Shop.open(database)
        try:
            async with Served(database, valkey.url, settings=SETTINGS) as served:
                shop.url = served.url
                yield shop
        finally:
            await shop.close()


async def simulate(*arguments: str) -> tuple[int, str, str]:
    ran = partial(
        forked.run, ["simulate", *arguments], environment({}), stdin="", seconds=WAIT_SECONDS
    )
    return await asyncio.to_thread(ran)


async def test_a_rush_sells_every_seat_once_and_nobody_passes_the_room_without_waiting(
    open_shop: Shop,
) -> None:
    shop = open_shop
    bus = await shop.bus(seats=40)
    manager = shop.client("manager")
    room = (await manager.post("/admin/rooms", json={"bus": bus, "per_minute": 6_000})).json()

    async def is_open() -> bool:
        counter = await shop.client().get(f"/rooms/{room['id']}")
        return counter.status_code == 200 and counter.json()["status"] == "open"

    await wait_until(is_open)
    wanted = ("--visitors", "60", "--seconds", "1", "--bots", "0.2", "--seed", "7", "--json")
    code, out, err = await simulate("--url", shop.url, "--bus", bus, *wanted)
    assert code == 0, err
    told: Json = json.loads(out)
    assert told["wrongs"] == []
    assert told["seats"] >= 15
    assert told["bookings"] == len(
        await shop.owner.fetch("SELECT 1 FROM bookings WHERE status = 'CONFIRMED'")
    )
    # Programs that wait nowhere got nothing, whatever token they made up.
    assert told["refusals"]["bot's hold: waiting_room"] == told["requests"]["bot's hold"] > 0
    watched = next(
        each for each in (await manager.get("/admin/rooms")).json()["items"]
        if each["id"] == room["id"]
    )  # fmt: skip
    assert watched["entered"] == told["requests"]["enter"]
    assert await shop.violations() == {}


async def test_a_sale_is_drawn_sold_and_judged_whole(open_shop: Shop, tmp_path: Path) -> None:
    shop = open_shop
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    code, out, err = await simulate(
        "--url", shop.url, "--seats", "40", "--visitors", "500", "--seconds", "4", "--others", "4",
        "--staff", shop.people["manager"].email, "--staff-password-file", str(password), "--json",
    )  # fmt: skip
    assert out, err
    told: Json = json.loads(out)
    assert told["wrongs"] == [], err
    assert code == 0
    assert told["seats"] == 40
    sale = told["sale"]
    assert sale["drawn by the promised seed"] + sale["came later, first come first served"] >= 500
    assert sale["drawn by the promised seed"] >= 400
    assert sale["counter asked of the server"] * 10 < sale["counter looked at"]
    assert all(each.split(" of ")[0] == each.split(" of ")[1] for each in told["refused"].values())
    assert len(told["refused"]) >= 11
    assert all(told["others"][when]["bookings"] for when in ("alone", "while the crowd comes"))
    assert told["others"]["refused"] == {}
    sold = """SELECT 1 FROM bookings AS k JOIN buses AS b USING (bus_id)
        WHERE b.route_id > $1 AND k.status = 'CONFIRMED'"""
    assert told["bookings"] == len(await shop.owner.fetch(sold, int(shop.route)))
    assert await shop.violations() == {}


def test_more_connections_than_files_may_be_open_are_refused_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 256))
    with pytest.raises(SystemExit, match="`ulimit -n 1064`, or fewer"):
        command(url="http://127.0.0.1:9", connections=1000)


def test_nobody_of_the_demo_needs_a_password() -> None:
    with pytest.raises(SystemExit, match="--staff-password-file"):
        command(url="http://127.0.0.1:9", seats=40, staff="somebody@else.example", connections=1)


@pytest.mark.parametrize(
    ("url", "told"),
    [("http://tickets.example", "--i-own-this-server"), ("https://127.0.0.1", "TLS")],
)
def test_a_rush_is_played_on_no_machine_but_this_one_unless_it_is_ones_own(
    url: str, told: str
) -> None:
    with pytest.raises(SystemExit, match=told):
        command(url=url)
