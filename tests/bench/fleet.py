"""Many buses with forty seats each to sell, and the requests that buy them."""

import itertools
import json
import random
import re
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import asyncpg

from server.tokens import Tokens, new_signing_key
from store.accounts import User
from store.house_keys import HouseKey
from store.model import Role
from tests.bench.connection import body_of
from tests.bench.rig import Rig
from tests.support.world import World

SEATS = 40
PAIRS = SEATS // 2
# Enough that nobody keeps more than a few dozen bookings, few enough that all have signed in before it counts.
BUYERS = 4_000
_HOLDS_PER_BUYER = 1_000
_CLONE = Path(__file__).with_name("fleet.sql").read_text()
_LABELS = [f"{row}{letter}" for row in range(1, SEATS // 4 + 1) for letter in "ABCD"]
_TOKEN = re.compile(rb"\r\nauthorization: ([^\r]+)")


@dataclass(frozen=True, slots=True)
class Fleet:
    """Buses on sale, numbered from `first`. Every request buys two neighbouring seats that nobody else wants.

    Buyers are signed in, each request with the token of the next of `BUYERS` people.
    """

    url: str
    superuser_url: str
    first: int
    buses: int
    operator_id: int

    @property
    def bus_ids(self) -> Sequence[int]:
        return range(self.first, self.first + self.buses)

    async def count_booked(self) -> int:
        """Return how many bookings the database knows."""
        return int(await self.ask("SELECT count(*) FROM bookings"))

    async def ask(self, query: str) -> Any:
        connection = await asyncpg.connect(self.superuser_url)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    async def sign_in(self, count: int = BUYERS, *, role: Role = Role.RIDER) -> list[bytes]:
        """Return access tokens of that many people, as the server would issue them: good for ten minutes."""
        connection = await asyncpg.connect(self.superuser_url)
        try:
            row = await connection.fetchrow(
                "SELECT key_id, secret FROM house_keys WHERE purpose = 'access_tokens'"
            )
        finally:
            await connection.close()
        assert row is not None
        tokens = Tokens([HouseKey(row["key_id"], row["secret"])])
        operator = None if role is Role.RIDER else self.operator_id
        return [
            tokens.issue(
                User(
                    number,
                    "",
                    "",
                    role,
                    operator,
                    is_disabled=False,
                    is_verified=True,
                    password_hash="",
                ),
                str(uuid.uuid4()),
            ).encode()
            for number in range(1, count + 1)
        ]

    async def bookings(self, *, seed: int) -> Iterator[bytes]:
        """Return requests for bookings in random order, each with a key of its own, until all seats are sold."""
        tokens = itertools.cycle(await self.sign_in())
        return (
            book(token, f"{seed}-{number}", bus, seats)
            for (number, (bus, seats)), token in zip(self._pairs(seed), tokens, strict=False)
        )

    async def cash_sales(self, *, seed: int) -> Iterator[bytes]:
        """Return the same as sales of the operator's agents, which are paid at once."""
        tokens = itertools.cycle(await self.sign_in(role=Role.AGENT))
        return (
            book(token, f"{seed}-{number}", bus, seats, method="cash")
            for (number, (bus, seats)), token in zip(self._pairs(seed), tokens, strict=False)
        )

    async def holds(self, *, seed: int) -> Iterator[bytes]:
        """Return the same as requests for holds; `book_held` makes what follows of an answer."""
        tokens = itertools.cycle(await self.sign_in())
        return (
            hold(token, f"{seed}-{number}", bus, seats)
            for (number, (bus, seats)), token in zip(self._pairs(seed), tokens, strict=False)
        )

    def _pairs(self, seed: int) -> Iterator[tuple[int, tuple[int, Sequence[str]]]]:
        pairs = list(range(self.buses * PAIRS))
        random.Random(seed).shuffle(pairs)
        for number, place in enumerate(pairs):
            bus, pair = divmod(place, PAIRS)
            yield number, (self.first + bus, _LABELS[2 * pair : 2 * pair + 2])


@dataclass(slots=True)
class Fleets:
    """Makes a fleet of each kind once and lends copies of its database."""

    rig: Rig
    buses: int
    _made: dict[int, tuple[str, Fleet]] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    @asynccontextmanager
    async def lend(self, *, segments: int = 1) -> AsyncIterator[Fleet]:
        """Lend a database of its own with the whole fleet unsold; it is dropped afterwards."""
        template, fleet = await self._find(segments)
        name = f"bench_{next(self._numbers)}"
        url = await self.rig.databases.create(name, template)
        yield replace(fleet, url=url, superuser_url=self.rig.as_superuser(url))
        await self.rig.databases.drop(name)

    async def _find(self, segments: int) -> tuple[str, Fleet]:
        if segments not in self._made:
            name = f"bench_fleet_{segments}"
            url = await self.rig.databases.create(name, "omnibus_template")
            fleet = await _make(url, self.rig.as_superuser(url), self.buses, segments)
            self._made[segments] = name, fleet
        return self._made[segments]


async def _make(url: str, superuser_url: str, buses: int, segments: int) -> Fleet:
    """Put one bus on sale the usual way and copy it, as no timetable is so even."""
    world = await World.open(url)
    try:
        first = await world.bus(seats=SEATS, segments=segments)
        await world.store.house_keys.find_or_make("access_tokens", new_signing_key)
        # A sale every minute for each of them: their limits are for people.
        await world.owner.execute(
            "UPDATE operators SET seats_per_buyer = 100, holds_per_buyer = $1", _HOLDS_PER_BUYER
        )
        for statement in _CLONE.split(";"):
            await world.edit(statement, buses - 1)
        await world.owner.execute("VACUUM (ANALYZE) buses, bus_stops, seats")
        return Fleet(url, superuser_url, first, buses, world.operator_id)
    finally:
        await world.close()


def get(path: str, if_none_match: str | None = None) -> bytes:
    """Return a GET as bytes to send."""
    condition = f"if-none-match: {if_none_match}\r\n" if if_none_match else ""
    return f"GET {path} HTTP/1.1\r\nhost: localhost\r\n{condition}\r\n".encode()


def book(token: bytes, key: str, bus: int, seats: Sequence[str], *, method: str = "demo") -> bytes:
    """Return a booking of seats as bytes to send."""
    sold = b'"bus_id":"%d","seats":%b' % (bus, _json(seats))
    return _post(b"/api/v1/bookings", token, key, _purchase(sold, seats, method))


def hold(token: bytes, key: str, bus: int, seats: Sequence[str]) -> bytes:
    """Return a hold of seats as bytes to send."""
    path = b"/api/v1/buses/%d/holds" % bus
    return _post(path, token, f"hold-{key}", b'{"seats":%b}' % _json(seats))


def book_held(request: bytes, answer: bytes) -> bytes | None:
    """Return the booking that follows when a hold was answered; None when the sale is over."""
    if request.startswith(b"POST /api/v1/bookings ") or answer[9:12] != b"201":
        return None
    held = json.loads(body_of(answer))
    token = _TOKEN.search(request)
    assert token is not None
    sold = b'"hold_id":"%b"' % held["id"].encode()
    purchase = _purchase(sold, held["seats"], "demo")
    return _post(b"/api/v1/bookings", token[1].removeprefix(b"Bearer "), held["id"], purchase)


def _purchase(sold: bytes, seats: Sequence[str], method: str) -> bytes:
    passengers = b",".join(b'{"seat":"%b","name":"Asha Rao"}' % seat.encode() for seat in seats)
    return (
        b'{%b,"passengers":[%b],"contact":{"email":"asha@rider.example"},"payment_method":"%b"}'
        % (sold, passengers, method.encode())
    )


def _json(seats: Sequence[str]) -> bytes:
    return b'["%b"]' % '","'.join(seats).encode()


def _post(path: bytes, token: bytes, key: str, body: bytes) -> bytes:
    return (
        b"POST %b HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        b"authorization: Bearer %b\r\nidempotency-key: %b\r\ncontent-length: %d\r\n\r\n%b"
        % (path, token, key.encode(), len(body), body)
    )
