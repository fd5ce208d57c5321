"""What one visitor does: looks, holds, waits if told to, changes their mind, pays; and what a program does."""

import asyncio
import random
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from server.simulation.exchange import Answer, Exchange
from server.simulation.journal import Journal
from server.simulation.rush import Kind, Visitor

API = "/api/v1"
_TRIES = 4
_BOT_TRIES = 25
_LOOK_SECONDS = (0.5, 1.5)
_RETRY_SECONDS = 0.2
_UNSURE = frozenset({"overloaded", "outcome_unknown", "unanswered"})


@dataclass(slots=True)
class Guest:
    """A browser: its cookies, its address, and the admission that it was given."""

    exchange: Exchange
    journal: Journal
    visitor: Visitor
    dice: random.Random
    cookies: dict[str, str] = field(default_factory=dict)
    pass_: str | None = None

    async def ask(
        self, what: str, method: str, path: str, body: object = None, **more: str
    ) -> Answer:
        headers = {"x-forwarded-for": self.visitor.address, **more}
        if self.cookies:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if self.pass_ is not None:
            headers["x-room-token"] = self.pass_
        answer = await self.exchange.ask(method, API + path, body, headers)
        if (given := answer.headers.get("set-cookie")) is not None:
            name, _, value = given.partition(";")[0].partition("=")
            self.cookies[name] = value
        return self.journal.note(what, answer)


async def visit(guest: Guest, bus: str, until: float) -> None:
    """Do what this visitor does on a bus; nobody begins anything after `until`, a time of `time.monotonic`."""
    if guest.visitor.kind is Kind.BOT:
        await _grab(guest, bus, until)
        return
    await guest.ask("search", "GET", "/buses?limit=20")
    shown = await guest.ask("seats", "GET", f"/buses/{bus}/seats")
    if guest.visitor.kind is Kind.LOOKER or shown.status != 200:
        return
    hold = await _hold(guest, bus, until)
    if hold is None:
        return
    if guest.visitor.kind is Kind.WAVERER:
        if guest.dice.random() < 0.5:  # the others just leave, and the hold runs out
            await guest.ask("release", "DELETE", f"/holds/{hold['id']}")
        return
    await buy(guest, bus, hold)


async def _hold(guest: Guest, bus: str, until: float) -> Mapping[str, Any] | None:
    """Hold free seats, other ones when they are gone, through the waiting room if there is one."""
    for _ in range(_TRIES):
        seats = await _choose(guest, bus)
        if not seats or time.monotonic() > until:
            return None
        held = await guest.ask("hold", "POST", f"/buses/{bus}/holds", {"seats": seats})
        if held.status == 201:
            return dict(held.document)
        if held.code == "waiting_room":
            if not await _wait(guest, held.document["room"]["id"], until):
                return None
        elif held.code == "overloaded":
            await asyncio.sleep(guest.dice.uniform(1.0, 3.0))
        elif held.code not in {"seat_unavailable", "unanswered"}:
            return None
    return None


async def _choose(guest: Guest, bus: str) -> list[str]:
    shown = await guest.ask("seats", "GET", f"/buses/{bus}/seats")
    if shown.status != 200:
        return []
    free = [each["seat"] for each in shown.document["seats"] if each["status"] == "AVAILABLE"]
    guest.dice.shuffle(free)
    return free[: guest.visitor.seats]


async def _wait(guest: Guest, room: str, until: float) -> bool:
    """Take a place and ask the counter until it is one's turn; return whether one came in."""
    began = time.monotonic()
    place: Mapping[str, Any] | None = None
    while time.monotonic() < until:
        if place is None or place["number"] is None:
            answer = await guest.ask("place", "POST", f"/rooms/{room}/places", {})
            place = answer.document if answer.status == 200 else None
        counter = await guest.ask("counter", "GET", f"/rooms/{room}")
        if counter.status == 200 and counter.document["status"] == "closed":
            return True
        serving = counter.document["now_serving"] if counter.status == 200 else 0
        if place and place["number"] and place["number"] <= serving:
            body = {"token": place["token"]}
            entered = await guest.ask("enter", "POST", f"/rooms/{room}/entry", body)
            if entered.status == 200:
                guest.pass_ = entered.document["token"]
                guest.journal.waited.append(time.monotonic() - began)
                return True
        await asyncio.sleep(guest.dice.uniform(*_LOOK_SECONDS))
    guest.journal.deeds["gave up waiting"] += 1
    return False


async def ask_until_sure(guest: Guest, what: str, path: str, body: object, **more: str) -> Answer:
    """Ask for something that twice comes to once, again where the answer does not say what became of it."""
    answer = await guest.ask(what, "POST", path, body, **more)
    for _ in range(_TRIES):
        if answer.code not in _UNSURE:
            break
        await asyncio.sleep(_RETRY_SECONDS)
        answer = await guest.ask(what, "POST", path, body, **more)
    return answer


async def buy(guest: Guest, bus: str, hold: Mapping[str, Any]) -> None:
    """Book what is held and pay for it, or be declined."""
    seats = list(hold["seats"])
    wanted = {
        "hold_id": hold["id"],
        "passengers": [{"seat": seat, "name": f"Visitor {guest.visitor.number}"} for seat in seats],
        "payment_method": "demo",
    }
    key = {"idempotency-key": str(uuid.UUID(int=guest.dice.getrandbits(128)))}
    booked = await ask_until_sure(guest, "book", "/bookings", wanted, **key)
    if booked.status != 201:
        return
    outcome = "declined" if guest.visitor.is_declined else "succeeded"
    path = f"/payments/{booked.document['payment']['id']}/demo"
    paid = await ask_until_sure(guest, "pay", path, {"outcome": outcome})
    if paid.status == 200 and outcome == "succeeded":
        told = booked.document
        guest.journal.paid.append((bus, told["ref"], told["access_key"], tuple(seats)))


async def _grab(guest: Guest, bus: str, until: float) -> None:
    """Ask for seats as fast as answers come, wait nowhere, and try what is written on somebody else's ticket."""
    seats = await _choose(guest, bus)
    guest.pass_ = "A" * 92
    for _ in range(_BOT_TRIES):
        if not seats or time.monotonic() > until:
            return
        body = {"seats": [guest.dice.choice(seats)]}
        held = await guest.ask("bot's hold", "POST", f"/buses/{bus}/holds", body)
        if held.code in {"rate_limited", "too_many_holds", "too_many_seats", "address_limit"}:
            return
