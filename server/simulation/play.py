"""Plays a rush: everybody comes at their time, and in the end what was acknowledged is asked for once more."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence

from server.simulation.exchange import Exchange, Unplayable
from server.simulation.journal import Journal
from server.simulation.rush import Rush, plan
from server.simulation.visit import API, Guest, visit

PATIENCE_SECONDS = 60.0
"""So long after the last has come nobody begins anything any more."""
_CHECKED_AT_ONCE = 16
Show = Callable[[int, int, Journal], None]


async def play(
    url: str, rush: Rush, *, seed: int, buses: Sequence[str], show: Show, lines: int = 64
) -> Journal:
    """Let everybody come and do what they do; `show` hears how many are through. Raises Unplayable."""
    journal = Journal()
    async with Exchange(url, lines) as exchange:
        chosen = list(buses) or await _most_wanted(exchange)
        visitors = plan(rush, seed)
        began = time.monotonic()
        until = began + rush.seconds + PATIENCE_SECONDS
        through = 0

        async def come(number: int) -> None:
            nonlocal through
            who = visitors[number]
            await asyncio.sleep(max(0.0, began + who.at - time.monotonic()))
            dice = random.Random(who.seed)  # noqa: S311 - a play that can be played again
            await visit(Guest(exchange, journal, who, dice), dice.choice(chosen), until)
            through += 1
            show(through, len(visitors), journal)

        async with asyncio.TaskGroup() as group:
            for number in range(len(visitors)):
                group.create_task(come(number))
        journal.wrongs += journal.find_twice()
        await ask_again(exchange, journal)
    return journal


async def _most_wanted(exchange: Exchange) -> list[str]:
    found = await exchange.ask("GET", f"{API}/buses?limit=20")
    if found.status != 200:
        raise Unplayable(f"no server answers there ({found.code})")
    free = [each for each in found.document["items"] if each["seats_available"] > 0]
    if not free:
        raise Unplayable("no bus there has a free seat")
    return [max(free, key=lambda each: each["seats_available"])["id"]]


async def ask_again(exchange: Exchange, journal: Journal) -> None:
    """See that every booking that was acknowledged as paid is there, with its seats, and nobody else's."""
    places = asyncio.Semaphore(_CHECKED_AT_ONCE)

    async def check(ref: str, key: str, seats: tuple[str, ...]) -> None:
        async with places:
            found = await exchange.ask(
                "GET", f"{API}/bookings/{ref}", headers={"x-booking-key": key}
            )
        if found.status != 200:
            journal.wrongs.append(f"booking {ref} was acknowledged, and is {found.code} now")
        elif found.document["status"] != "CONFIRMED" or set(found.document["seats"]) != set(seats):
            journal.wrongs.append(f"booking {ref} is not what was acknowledged")

    await asyncio.gather(*(check(ref, key, seats) for _, ref, key, seats in journal.paid))
