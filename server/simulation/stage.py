"""What a sale is played on: coaches of a route, the waiting room before it, and buses that others book meanwhile."""

import asyncio
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from server.simulation.exchange import Exchange, Unplayable
from server.simulation.visit import API

_COACH_SEATS, _OTHER_SEATS, _OTHER_BUSES = 50, 200, 20
_PRICE = 2_900
_LOOKS, _LOOK_SECONDS = 50, 0.1
"""A process hears of a new room a moment after it is made."""
_UNTIL_DEPARTURE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Stage:
    """`buses` are what is sold, behind `room`; `others` are not. `decoy` is a bus with a room of its own."""

    route: str
    stops: tuple[str, str]
    date: str
    buses: Sequence[str]
    others: Sequence[str]
    room: str
    commitment: str
    decoy: str
    decoy_room: str


class Staff:
    """Somebody of the operator's, signed in as the sales floor would be."""

    def __init__(self, exchange: Exchange, email: str, password: str) -> None:
        self._exchange = exchange
        self._who = {"email": email, "password": password}
        self._token = ""
        self._good_until = 0.0

    async def ask(self, method: str, path: str, body: object = None) -> Mapping[str, Any]:
        """Ask for something as whoever signs in for it; raise Unplayable for whatever is refused."""
        if time.monotonic() > self._good_until:
            await self._sign_in()
        token = {"authorization": f"Bearer {self._token}"}
        answer = await self._exchange.ask(method, API + path, body, token)
        if answer.status not in {200, 201}:
            told = answer.document.get("detail", "")
            raise Unplayable(f"{method} {path} is refused: {answer.code} {told}".rstrip())
        return dict(answer.document)

    async def _sign_in(self) -> None:
        signed_in = await self._exchange.ask("POST", f"{API}/auth/login", self._who)
        if signed_in.status != 200:
            raise Unplayable(f"{self._who['email']} cannot sign in there ({signed_in.code})")
        self._token = signed_in.document["access_token"]
        self._good_until = time.monotonic() + signed_in.document["expires_in"] / 2

    async def set(self, seats: int, opens_in: float) -> Stage:
        """Put everything on sale; the room opens so many seconds from when it is made."""
        # allow own-clock: weeks ahead, whatever clock says so
        departs = (datetime.now(UTC) + _UNTIL_DEPARTURE).replace(hour=8, minute=0, second=0)
        name = f"Simulated sale {secrets.token_hex(3)}"
        stops = [
            (await self.ask("POST", "/admin/stops", {
                "code": f"{name} {place}", "name": f"{name}, {place}", "time_zone": "UTC"
            }))["id"]
            for place in ("town", "meadow")
        ]  # fmt: skip
        pattern = [{"stop": stop, "arrival_seconds": 7_200 * nth} for nth, stop in enumerate(stops)]
        route = (await self.ask("POST", "/admin/routes", {"name": name, "stops": pattern}))["id"]

        async def add(coach_seats: int, **more: str) -> str:
            wanted = {"departs_at": departs.isoformat(), "price": _PRICE, **more}
            added = await self.ask("POST", "/admin/buses", {**wanted, "total_seats": coach_seats})
            return str(added["id"])

        sizes = [_COACH_SEATS] * (seats // _COACH_SEATS) + [seats % _COACH_SEATS]
        buses = [await add(size, route_id=route) for size in sizes if size]
        others = [await add(_OTHER_SEATS, name=f"{name}: others") for _ in range(_OTHER_BUSES)]
        decoy = await add(4, name=f"{name}: another room")
        decoy_room = await self.ask("POST", "/admin/rooms", {"bus": decoy, "per_minute": 6_000})
        # allow own-clock: when a room shall open is said as on its staff's clock
        opens_at = (datetime.now(UTC) + timedelta(seconds=opens_in)).isoformat()
        room = await self.ask("POST", "/admin/rooms", {"route": route, "opens_at": opens_at})
        shown = await self._exchange.ask("GET", f"{API}/rooms/{room['id']}")
        for _ in range(_LOOKS):
            if shown.status == 200:
                break
            await asyncio.sleep(_LOOK_SECONDS)
            shown = await self._exchange.ask("GET", f"{API}/rooms/{room['id']}")
        if shown.status != 200:
            raise Unplayable(f"nobody there knows of the new room ({shown.code})")
        return Stage(
            route, (stops[0], stops[1]), f"{departs:%Y-%m-%d}", buses, others,
            str(room["id"]), shown.document["commitment"], decoy, str(decoy_room["id"]),
        )  # fmt: skip

    async def count_entered(self, room: str) -> int:
        """Return how many have come in through a room, as the sales floor shows it."""
        items = (await self.ask("GET", "/admin/rooms"))["items"]
        return next(int(each["entered"]) for each in items if each["id"] == room)

    async def close(self, stage: Stage) -> None:
        """Close both rooms."""
        for room in (stage.room, stage.decoy_room):
            await self.ask("POST", f"/admin/rooms/{room}/close")
