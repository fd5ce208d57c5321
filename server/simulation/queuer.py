"""What one of the crowd before a sale does: takes a place, waits for the turn, and buys what is left then."""

import asyncio
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from server.simulation.hall import Hall, Loot, Turn
from server.simulation.rush import Kind
from server.simulation.stage import Stage
from server.simulation.visit import Guest, ask_until_sure, buy

_TRIES = 6
_THINK_SECONDS = (0.0, 2.0)
_LATER_SECONDS = (1.0, 3.0)
_LOOT_KEPT = 3
_HOPE_SECONDS = 10.0
"""So long after all is sold somebody still waits for what others give back."""
# As the page looks (static/js/waiting/line.js): the nearer the turn, the sooner again.
_NEAR_SECONDS, _FAR_SECONDS = 30.0, 600.0
_NEAR_LOOK, _LOOK, _FAR_LOOK = 2.0, 6.0, 20.0
_OPENING_LOOK = (0.5, 4.0)


async def queue(guest: Guest, hall: Hall, stage: Stage, until: float) -> None:
    """Wait in the room and buy; nobody begins anything after `until`, a time of `time.monotonic`."""
    turn: Turn | None = None
    token = ""
    began = sold_since = time.monotonic()
    while time.monotonic() < until:
        shown = await hall.look()
        if not (shown and shown["sold_out"]):
            sold_since = time.monotonic()
        elif time.monotonic() - sold_since > _HOPE_SECONDS:
            guest.journal.deeds["left, all sold"] += 1
            return
        if turn is None or (turn.number is None and shown and shown["status"] == "open"):
            turn, token = await _take_place(guest, hall, turn, token)
        elif _is_next(turn, shown) and await _enter(guest, hall, turn, token):
            guest.journal.waited.append(time.monotonic() - began)
            await _shop(guest, stage)
            return
        await asyncio.sleep(_pause(guest, shown, turn))
    guest.journal.deeds["gave up waiting"] += 1


def _is_next(turn: Turn, shown: Mapping[str, Any] | None) -> bool:
    return bool(shown and turn.number and turn.number <= shown["now_serving"])


async def _take_place(
    guest: Guest, hall: Hall, turn: Turn | None, token: str
) -> tuple[Turn | None, str]:
    """Take a place, or have its number told, which was drawn meanwhile."""
    asked = time.monotonic()
    body = {"token": token} if token else {}
    answer = await guest.ask("place", "POST", f"/rooms/{hall.room}/places", body)
    told = answer.document
    if answer.status != 200:
        return turn, token
    if turn is None:
        turn = Turn(told["place"], told["number"], told["number"] is None, asked, time.monotonic())
        hall.turns.append(turn)
    elif turn.place != told["place"]:
        guest.journal.wrongs.append(f"place {turn.place} became {told['place']}")
    turn.number = told["number"]
    return turn, told["token"]


async def _enter(guest: Guest, hall: Hall, turn: Turn, token: str) -> bool:
    path = f"/rooms/{hall.room}/entry"
    entered = await ask_until_sure(guest, "enter", path, {"token": token})
    if entered.status != 200:
        return False
    turn.entered = time.monotonic()
    guest.pass_ = entered.document["token"]
    if len(hall.loot) < _LOOT_KEPT:
        admission, expires_at = entered.document["token"], entered.document["expires_at"]
        hall.loot.append(Loot(guest.visitor, dict(guest.cookies), token, admission, expires_at))
    return True


def _pause(guest: Guest, shown: Mapping[str, Any] | None, turn: Turn | None) -> float:
    if shown is None or turn is None:
        return guest.dice.uniform(*_LATER_SECONDS)
    if shown["status"] == "soon":
        left = datetime.fromisoformat(shown["opens_at"]) - datetime.fromisoformat(shown["now"])
        return max(0.0, left.total_seconds()) + guest.dice.uniform(*_OPENING_LOOK)
    if turn.number is None:
        return guest.dice.uniform(*_LATER_SECONDS)
    ahead = max(0, turn.number - shown["now_serving"] - 1)
    seconds = ahead / max(shown["pace"], 0.1) * 60
    usual = (
        _NEAR_LOOK if seconds <= _NEAR_SECONDS else _LOOK if seconds <= _FAR_SECONDS else _FAR_LOOK
    )
    return usual * guest.dice.uniform(0.75, 1.25)


async def _shop(guest: Guest, stage: Stage) -> None:
    for _ in range(_TRIES):
        bus = await _find_bus(guest, stage)
        if bus is None:
            return
        shown = await guest.ask("seats", "GET", f"/buses/{bus}/seats")
        if shown.status != 200:
            await asyncio.sleep(guest.dice.uniform(*_LATER_SECONDS))
            continue
        free = [each["seat"] for each in shown.document["seats"] if each["status"] == "AVAILABLE"]
        if not free:
            continue
        seats = guest.dice.sample(free, min(len(free), guest.visitor.seats))
        key = {"idempotency-key": f"{guest.dice.getrandbits(128):032x}"}
        held = await ask_until_sure(guest, "hold", f"/buses/{bus}/holds", {"seats": seats}, **key)
        if held.status == 201:
            await asyncio.sleep(guest.dice.uniform(*_THINK_SECONDS))
            if guest.visitor.kind is Kind.WAVERER:
                await guest.ask("release", "DELETE", f"/holds/{held.document['id']}")
            else:
                await buy(guest, bus, held.document)
            return


async def _find_bus(guest: Guest, stage: Stage) -> str | None:
    """Search as anybody would; None when the whole route is sold out."""
    start, end = stage.stops
    path = f"/buses?from={start}&to={end}&date={stage.date}&limit=20"
    found = await guest.ask("search", "GET", path)
    if found.status != 200:
        return guest.dice.choice(list(stage.buses))
    free = [each["id"] for each in found.document["items"] if each["seats_available"]]
    return guest.dice.choice(free) if free else None
