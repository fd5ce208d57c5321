"""Plays a sale: a crowd before a waiting room, a draw, and then everybody in turn; and judges what came of it."""

import asyncio
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server.simulation import fairness
from server.simulation.exchange import Exchange, Unplayable
from server.simulation.forgers import Forgers
from server.simulation.hall import Hall
from server.simulation.journal import Journal, quantile
from server.simulation.neighbours import Order, Seen, neighbours
from server.simulation.play import ask_again
from server.simulation.queuer import queue
from server.simulation.rush import Visitor
from server.simulation.sale import Sale, plan_sale
from server.simulation.stage import Staff, Stage
from server.simulation.visit import API, Guest

_PATIENCE_SECONDS = 900.0
"""So long after the opening nobody begins anything any more."""
_SETTING_SECONDS = 3.0
_DRAWN_AT_ONCE = 5_000
# Everybody has an address of their own; those of others and of forgers begin far from the crowd's.
_FORGERS_FROM, _OTHERS_FROM = 10_000_000, 12_500_000
Show = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class House:
    """Where to play, with how many connections, and who of the operator's puts the buses on sale."""

    url: str
    lines: int
    email: str
    password: str


async def play_sale(
    house: House, sale: Sale, *, seed: int, show: Show
) -> tuple[Journal, Mapping[str, Any]]:
    """Play all of it; return what was counted, and what is told of the sale. Raises Unplayable."""
    journal = Journal()
    async with Exchange(house.url, house.lines) as exchange:
        staff = Staff(exchange, house.email, house.password)
        opens_in = sale.alone_seconds + sale.seconds + _SETTING_SECONDS
        stage = await staff.set(sale.seats, opens_in)
        try:
            show("others book, alone", 0, 1)
            order = Order(house.url, stage.others, sale.others, 0, _OTHERS_FROM)
            async with neighbours(order) as alone:
                await asyncio.sleep(sale.alone_seconds)
            order = Order(
                house.url, stage.others, sale.others, alone.wanted, _OTHERS_FROM + alone.wanted
            )
            hall = Hall(exchange, journal, stage.room)
            dice = random.Random(seed + 1)  # noqa: S311 - a play that can be played again
            forgers = Forgers(hall, stage, dice, _FORGERS_FROM)
            async with neighbours(order) as beside:
                await _crowd(hall, stage, plan_sale(sale, seed), forgers, show)
            show("is judged", 0, 1)
            told = await _judge(hall, stage, staff, sale)
        finally:
            await staff.close(stage)
    forged = {what: f"{forgers.refused[what]} of {tried}" for what, tried in forgers.tried.items()}
    if forgers.refused != forgers.tried:
        journal.wrongs.append("not every forged or replayed token was refused")
    return journal, {
        "sale": told,
        "refused": forged,
        "others": {
            "alone": _percentiles(alone),
            "while the crowd comes": _percentiles(beside, 0.0, hall.opened),
            "from the opening on": _percentiles(beside, hall.opened),
            "refused": dict(Counter(alone.codes + beside.codes)),
        },
    }


async def _crowd(
    hall: Hall, stage: Stage, visitors: Sequence[Visitor], forgers: Forgers, show: Show
) -> None:
    """Let everybody come, wait, and buy; forgers try as soon as somebody is in whom they can rob."""
    began = time.monotonic()
    until = began + visitors[-1].at + _PATIENCE_SECONDS
    through = 0

    async def come(number: int) -> None:
        nonlocal through
        who = visitors[number]
        await asyncio.sleep(max(0.0, began + who.at - time.monotonic()))
        dice = random.Random(who.seed)  # noqa: S311 - a play that can be played again
        await queue(Guest(hall.exchange, hall.journal, who, dice), hall, stage, until)
        through += 1

    async def forge() -> None:
        while not hall.loot:
            if time.monotonic() > until:
                hall.journal.wrongs.append("nobody came in, so nobody's token could be forged")
                return
            await asyncio.sleep(0.1)
        await forgers.play()

    async def tell() -> None:
        while through < len(visitors):
            if hall.opened > time.monotonic():
                show("take a place", len(hall.turns), len(visitors))
            else:
                show("are through", through, len(visitors))
            await asyncio.sleep(0.5)

    async with asyncio.TaskGroup() as group:
        group.create_task(tell())
        group.create_task(forge())
        for number in range(len(visitors)):
            group.create_task(come(number))
    await asyncio.sleep(fairness.NEWS_SECONDS)
    await hall.look()


async def _judge(hall: Hall, stage: Stage, staff: Staff, sale: Sale) -> dict[str, Any]:
    journal = hall.journal
    sold = await _count_sold(hall.exchange, stage)
    acknowledged = sum(len(seats) for *_, seats in journal.paid)
    if sold != sale.seats:
        journal.wrongs.append(f"{sold} of {sale.seats} seats are sold")
    if acknowledged != sold:
        journal.wrongs.append(f"{acknowledged} seats were acknowledged, {sold} are sold")
    journal.wrongs += journal.find_twice()
    await ask_again(hall.exchange, journal)
    draw, order = await _read_draw(hall.exchange, stage.room)
    journal.wrongs += fairness.judge_draw(stage.commitment, draw, order, hall.turns)
    journal.wrongs += fairness.judge_late(hall.turns)
    journal.wrongs += fairness.judge_turns(hall.turns, hall.readings)
    entered = sum(1 for turn in hall.turns if turn.entered)
    counted = await staff.count_entered(stage.room)
    if counted != entered:
        journal.wrongs.append(f"{entered} came in, {counted} are counted")
    drawn = sum(1 for turn in hall.turns if turn.is_drawn)
    return {
        "seats sold": f"{sold} of {sale.seats}, none twice, in {len(journal.paid)} bookings",
        "drawn by the promised seed": drawn,
        "came later, first come first served": len(hall.turns) - drawn,
        "came in, each in turn": entered,
        "left when all was sold": journal.deeds["left, all sold"],
        "counter looked at": hall.looks,
        "counter asked of the server": len(hall.readings),
    }


async def _count_sold(exchange: Exchange, stage: Stage) -> int:
    sold = 0
    for bus in stage.buses:
        shown = await exchange.ask("GET", f"{API}/buses/{bus}/seats")
        sold += sum(each["status"] == "BOOKED" for each in shown.document.get("seats", ()))
    return sold


async def _read_draw(exchange: Exchange, room: str) -> tuple[Mapping[str, Any], list[str]]:
    """Return the draw, and the places of all numbers in their order."""
    order: list[str] = []
    while True:
        path = f"{API}/rooms/{room}/draw?after={len(order)}&limit={_DRAWN_AT_ONCE}"
        shown = await exchange.ask("GET", path)
        if shown.status != 200:
            raise Unplayable(f"the draw is not shown ({shown.code})")
        items = shown.document["items"]
        order += [each["place"] for each in items]
        if len(items) < _DRAWN_AT_ONCE:
            return shown.document, order


def _percentiles(seen: Seen, begin: float = 0.0, end: float = math.inf) -> dict[str, Any]:
    seconds = [each for due, each in seen.bookings if begin <= due < end]
    return {
        "bookings": len(seconds),
        "p50 ms": round(quantile(seconds, 0.5) * 1e3, 1),
        "p95 ms": round(quantile(seconds, 0.95) * 1e3, 1),
    }
