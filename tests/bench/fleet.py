"""Many buses with forty seats each to sell, and the requests that buy them."""

import json
import random
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.world import World

SEATS = 40
_CLONE = Path(__file__).with_name("fleet.sql").read_text()
_ROWS, _PAIRS = 10, (("A", "B"), ("C", "D"))


@dataclass(frozen=True, slots=True)
class Fleet:
    """Buses on sale. Every request buys two neighbouring seats that nobody else wants."""

    world: World
    bus_ids: Sequence[int]

    async def count_booked(self) -> int:
        """Return how many bookings the database knows."""
        rows = await self.world.edit("SELECT count(*) AS found FROM bookings")
        return int(rows[0]["found"])

    def requests(self, *, seed: int) -> Iterator[bytes]:
        """Yield bookings as HTTP requests in random order, each with a key of its own, until all seats are sold."""
        chance = random.Random(seed)
        pairs = [
            (bus, f"{row}{left}", f"{row}{right}")
            for bus in self.bus_ids
            for row in range(1, _ROWS + 1)
            for left, right in _PAIRS
        ]
        chance.shuffle(pairs)
        for bus, first, second in pairs:
            yield _booking(bus, first, second)


@asynccontextmanager
async def open_fleet(database_url: str, buses: int) -> AsyncIterator[Fleet]:
    """Put one bus on sale the usual way and copy it, as no timetable is so even."""
    world = await World.open(database_url)
    try:
        first = await world.bus(seats=SEATS)
        for statement in _CLONE.split(";"):
            await world.edit(statement, buses - 1)
        await world.owner.execute("VACUUM (ANALYZE) buses, bus_stops, seats")
        yield Fleet(world, range(first, first + buses))
    finally:
        await world.close()


def get(path: str, if_none_match: str | None = None) -> bytes:
    """Return a GET as bytes to send."""
    condition = f"if-none-match: {if_none_match}\r\n" if if_none_match else ""
    return f"GET {path} HTTP/1.1\r\nhost: localhost\r\n{condition}\r\n".encode()


def _booking(bus: int, first: str, second: str) -> bytes:
    body = json.dumps(
        {
            "bus_id": str(bus),
            "seats": [first, second],
            "passengers": [
                {"seat": first, "name": "Asha Rao"},
                {"seat": second, "name": "Ben Okri"},
            ],
            "contact": {"email": "asha@rider.example"},
            "payment_method": "demo",
        }
    ).encode()
    head = (
        "POST /api/v1/bookings HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        f"idempotency-key: {uuid.uuid4()}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
