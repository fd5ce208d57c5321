"""The API process kills itself at each place that has a name: what is half done is undone, what is done is found."""

import ast
import asyncio
import random
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path

import pytest

from store.fault_points import POINTS, RELAY_POINTS, WORK_POINTS
from tests.faults.buyers import Buyers, Journal, Order
from tests.faults.client import Answer, Client, Unanswered
from tests.faults.process import Process
from tests.faults.shop import Shop
from tests.support.waiting import wait_until

_ROOT = Path(__file__).parents[2]
_CYCLES = 3
_LOCKS_GONE_SECONDS = 1.0
at_each = pytest.mark.parametrize("point", POINTS)

# Whether what is asked for is done when the process dies there; a publisher may die of another message.
IS_DONE = {
    "after_lock": {False},
    "before_commit": {False},
    "after_commit": {True},
    "after_announce": {True},
    "after_publish": {True, False},
    "before_answer": {True},
    "after_answer": {True},
}


def _product() -> Iterator[ast.AST]:
    for folder in ("store", "realtime", "server"):
        for path in (_ROOT / folder).rglob("*.py"):
            yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def test_every_point_stands_in_the_code_and_is_tried_here() -> None:
    marked = {
        node.args[0].value
        for node in _product()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if node.func.id == "fault_point" and isinstance(node.args[0], ast.Constant)
    }
    # The worker's own are tried in tests/work/test_killed_worker.py.
    workers = {*WORK_POINTS, *RELAY_POINTS}  # tried where there are workers
    assert marked - workers == set(POINTS) == set(IS_DONE)
    assert workers <= marked


def test_nothing_in_the_product_arms_a_point() -> None:
    imported = {
        alias.name
        for node in _product()
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
        if "fault_points" in f"{getattr(node, 'module', None)} {alias.name}"
    }
    assert imported == {"fault_point"}


@at_each
async def test_a_change_that_dies_is_whole_or_not_at_all_and_is_made_once_by_asking_again(
    shop: Shop, mortal: Process, chance: random.Random, point: str
) -> None:
    """A change of seats, because it takes every step of the way: two sets of seats, a hold, an answer to keep."""
    wish = shop.wish(chance, seats_max=1)
    old, new = shop.labels[:2], shop.labels[1:3]
    with closing(Client(mortal.port)) as client:
        body = {"seats": old, "from_stop": wish.from_stop, "to_stop": wish.to_stop}
        held = await client.send("POST", f"/api/v1/buses/{wish.bus}/holds", body)
        assert held.status == 201
        path = f"/api/v1/holds/{held.document['id']}"
        # On the same connection: once this is answered nothing of the hold is on its way to a point any more.
        assert (await client.send("GET", "/livez")).status == 200
        await mortal.arm()
        with suppress(Unanswered):
            await _replace(client, path, new)
        await mortal.has_died()
    await wait_until(shop.is_left_alone, seconds=_LOCKS_GONE_SECONDS)
    seats = await _seats(shop)
    assert seats in (set(old), set(new))
    is_done = seats == set(new)
    assert is_done in IS_DONE[point]
    assert await shop.find_faults() == {}

    await mortal.start()
    with closing(Client(mortal.port)) as client:
        for is_replayed in (is_done, True):
            answer = await _replace(client, path, new)
            assert (answer.status, answer.is_replayed) == (200, is_replayed)
            assert set(answer.document["seats"]) == set(new)
    assert await _seats(shop) == set(new)
    assert await shop.find_faults() == {}


@at_each
async def test_a_sale_that_dies_at_a_point_loses_nothing_and_does_nothing_twice(
    shop: Shop, mortal: Process, chance: random.Random, point: str
) -> None:
    journal = Journal()
    buyers = Buyers(shop, journal, chance, [mortal.port])
    unanswered = 0
    for _ in range(_CYCLES):
        async with buyers.buying(), asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(_prolong(shop, journal, chance, mortal.port))
            await buyers.get(chance.randint(1, 200))
            await mortal.arm()
            await mortal.has_died()
        await wait_until(shop.is_left_alone, seconds=_LOCKS_GONE_SECONDS)
        made, acknowledged = await shop.made(), journal.acknowledged()
        assert acknowledged.items() <= made.items()
        assert await shop.find_faults() == {}

        unanswered += len(journal.open())
        await mortal.start()
        replayed = await journal.settle(mortal.port)
        assert acknowledged | replayed == made
        assert await shop.made() == journal.acknowledged()
        assert await shop.find_faults() == {}
    assert journal.complaints() == []
    assert unanswered


async def _replace(client: Client, path: str, seats: Sequence[str]) -> Answer:
    return await client.send("PUT", path, {"seats": seats}, {"idempotency-key": "a" * 32})


async def _seats(shop: Shop) -> set[str]:
    ((_, seats),) = (await shop.made()).values()
    return set(seats)


async def _prolong(shop: Shop, journal: Journal, chance: random.Random, port: int) -> None:
    """Hold seats and ask for more time again and again: what is held must be locked to know."""
    with closing(Client(port)) as client, suppress(Unanswered):
        while True:
            wish = shop.wish(chance)
            body = {"seats": wish.seats, "from_stop": wish.from_stop, "to_stop": wish.to_stop}
            key = f"{chance.getrandbits(128):032x}"
            order = Order(f"/buses/{wish.bus}/holds", body, key)
            journal.orders.append(order)
            answer = await order.send(client)
            for _ in range(10 if order.is_made else 0):
                await client.send("POST", f"/api/v1/holds/{answer.document['id']}/extend")
