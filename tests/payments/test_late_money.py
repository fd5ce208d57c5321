"""Money that comes late, unheard of, often, out of order or from forgers: two servers and a worker, over HTTP.

The payer pays at the demo provider's own page, which tells nobody; what is told is signed and sent from here.
"""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx2
import pytest

from server.payments.demo_signing import HEADER, sign
from tests.api.served import Served
from tests.api.shop import Json, Shop
from tests.cli.test_worker import working
from tests.support.databases import Databases
from tests.support.servers import ThrowawayValkey
from tests.support.waiting import wait_until

PRICE = 2000
ROUNDS = 4
ENDS_SECONDS = 60
SECRET = "the secret of the demo's letters"
_KINDS = ("payment.created", "payment.processing", "payment.succeeded")
_DUE = "UPDATE intents SET look_at = clock_timestamp() WHERE look_at > clock_timestamp()"


@dataclass(slots=True)
class Town:
    """Two servers of one house, by their doors."""

    shop: Shop
    doors: tuple[httpx2.AsyncClient, ...]

    async def paid(self, bus: str, *seats: str, is_late: bool = True) -> Json:
        """Book seats and pay for them, after their time is over if nothing else is said; nobody is told."""
        shop = self.shop
        booking = await shop.book(shop.client(), bus, seats)
        begun = await shop.client().post(f"/payments/{booking['payment']['id']}/begin")
        booking["paid_as"] = begun.json()["url"].rpartition("/")[2]
        if is_late:
            await shop.let_time_pass(bus)
        page, step = f"/demo/payments/{booking['paid_as']}", {"step": "approve"}
        told = await shop.client().post(page, json=step | {"webhooks": {"is_lost": True}})
        assert told.json()["status"] == "succeeded", told.text
        return booking

    async def tell(self, *bookings: Json) -> None:
        """Let the servers hear of all of them at once, each by a door of its own."""
        letters = [letter(booking) for booking in bookings]
        doors = [self.doors[place % len(self.doors)] for place in range(len(letters))]
        answers = await asyncio.gather(*map(post, doors, letters))
        assert {answer.status_code for answer in answers} == {204}

    async def ends(self, *bookings: Json) -> list[tuple[str, int]]:
        """Return what has become of each: its status, and how much the provider has paid back."""
        return [(await self.status(each), sum(await self.paid_back(each))) for each in bookings]

    async def status(self, booking: Json) -> str:
        headers = {"x-booking-key": booking["access_key"]}
        shown = await self.shop.client().get(f"/bookings/{booking['ref']}", headers=headers)
        return str(shown.json()["status"])

    async def paid_back(self, booking: Json) -> list[int]:
        """Return what went back, by the provider's own books."""
        rows = await self.shop.owner.fetch(
            "SELECT amount FROM demo_refunds WHERE provider_ref = $1", booking["paid_as"]
        )
        return [row["amount"] for row in rows]

    async def wait_for(self, bookings: Iterable[Json], *expected: tuple[str, int]) -> None:
        each = tuple(bookings)

        async def is_so() -> bool:
            return await self.ends(*each) == list(expected)

        await wait_until(is_so, seconds=ENDS_SECONDS, pause=0.1)


def letter(booking: Json, kind: str = "payment.succeeded") -> tuple[bytes, dict[str, str]]:
    ref = booking["paid_as"]
    body = json.dumps({"id": f"evt_{kind}_{ref}", "type": kind, "payment": ref}).encode()
    return body, {HEADER: sign(SECRET, body, int(time.time()))}


async def post(
    door: httpx2.AsyncClient, message: tuple[bytes, Mapping[str, str]]
) -> httpx2.Response:
    """Send a message, again while its door is too busy to keep it: as providers do."""
    body, headers = message
    given = {"content-type": "application/json", **headers}
    while True:
        answer = await door.post("/api/v1/payments/webhooks/demo", content=body, headers=given)
        if answer.status_code != 503:
            return answer
        await asyncio.sleep(0.1)


@pytest.fixture(scope="module")
async def open_town(
    databases: Databases, valkey: ThrowawayValkey, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Town]:
    folder = tmp_path_factory.mktemp("late")
    settings = {
        "OMNIBUS_DEMO": "on",
        "OMNIBUS_DEMO_WEBHOOK_SECRETS": SECRET,
        "OMNIBUS_MAIL_DIR": str(folder),
    }
    async with databases.fresh() as url, AsyncExitStack() as stack, await Shop.open(url) as shop:
        served = [Served(url, valkey.url, settings=settings) for _ in range(2)]
        for each in served:
            await stack.enter_async_context(each)
        await stack.enter_async_context(working(url, valkey.url, folder / "log", settings))
        shop.url = served[0].url
        doors = [
            await stack.enter_async_context(
                httpx2.AsyncClient(base_url=each.url, trust_env=False, verify=False)
            )
            for each in served
        ]
        yield Town(shop, tuple(doors))


@pytest.fixture
async def town(open_town: Town) -> AsyncIterator[Town]:
    yield open_town
    await open_town.shop.forget_clients()
    assert await open_town.shop.violations() == {}


async def test_of_two_expired_bookings_that_are_paid_at_once_for_a_seat_one_has_it_and_one_its_money(
    town: Town,
) -> None:
    for _ in range(ROUNDS):
        bus = await town.shop.bus()
        both = [await town.paid(bus, "1A") for _ in range(2)]
        await town.tell(*both)

        async def are_over(both: list[Json] = both) -> bool:
            return sorted(await town.ends(*both)) == [("CONFIRMED", 0), ("EXPIRED", PRICE)]

        await wait_until(are_over, seconds=ENDS_SECONDS, pause=0.1)
        assert (await town.shop.seats(bus))["1A"] == "BOOKED"
        sold = await town.shop.owner.fetchval(
            "SELECT count(*) FROM tickets WHERE bus_id = $1 AND status = 'VALID'", int(bus)
        )
        assert sold == 1


@pytest.mark.parametrize(
    ("taken", "end"),
    [
        ((), ("CONFIRMED", 0)),
        (("1A", "1B"), ("EXPIRED", 2 * PRICE)),
        (("1B",), ("EXPIRED", 2 * PRICE)),
    ],
    ids=["free", "taken", "partly taken"],
)
async def test_late_money_takes_all_of_its_seats_again_or_goes_back_once(
    town: Town, taken: tuple[str, ...], end: tuple[str, int]
) -> None:
    shop = town.shop
    bus = await shop.bus()
    booking = await town.paid(bus, "1A", "1B")
    if taken:
        await shop.book(shop.client("agent"), bus, taken, method="cash")
    await town.tell(booking, booking, booking)
    await town.wait_for([booking], end)
    is_resumed = end[0] == "CONFIRMED"
    expected = {
        seat: "BOOKED" if is_resumed or seat in taken else "AVAILABLE" for seat in ("1A", "1B")
    }

    async def are_as_expected() -> bool:
        # What was not taken is free for all to see when the sweep has come by.
        seats = await shop.seats(bus)
        return {seat: seats[seat] for seat in expected} == expected

    await wait_until(are_as_expected, seconds=ENDS_SECONDS, pause=0.1)
    assert len(await town.paid_back(booking)) == (0 if is_resumed else 1)


async def test_what_nobody_is_ever_told_of_the_clock_finds(town: Town) -> None:
    booking = await town.paid(await town.shop.bus(), "1A", is_late=False)

    async def is_found() -> bool:
        # A minute, and every minute again, is not waited for here: its moment is now.
        await town.shop.owner.execute(_DUE)
        return await town.status(booking) == "CONFIRMED"

    await wait_until(is_found, seconds=ENDS_SECONDS, pause=0.1)
    heard = await town.shop.owner.fetchval(
        "SELECT count(*) FROM provider_events WHERE provider_ref = $1", booking["paid_as"]
    )
    assert heard == 0


async def test_messages_have_one_effect_in_any_order_and_number_and_forgers_have_none(
    town: Town,
) -> None:
    shop, chance = town.shop, random.Random(20)
    bus = await shop.bus()
    booking = await town.paid(bus, "1A", is_late=False)
    letters = [letter(booking, kind) for kind in _KINDS for _ in range(chance.randint(1, 20))]
    forged = [(body, forge(body, headers, chance)) for body, headers in letters]
    sent = [*letters, *forged]
    chance.shuffle(sent)
    answers = await asyncio.gather(*(post(chance.choice(town.doors), each) for each in sent))
    by_letter = zip(sent, answers, strict=True)
    assert {answer.status_code for each, answer in by_letter if each in letters} == {204}
    assert [answer.status_code for answer in answers].count(400) == len(forged)
    await town.wait_for([booking], ("CONFIRMED", 0))
    kinds = await shop.owner.fetch(
        "SELECT kind FROM events WHERE bus_id = $1 ORDER BY rev", int(bus)
    )
    assert [row["kind"] for row in kinds if row["kind"] == "confirmed"] == ["confirmed"]
    kept = await shop.owner.fetchval(
        "SELECT count(*) FROM provider_events WHERE provider_ref = $1", booking["paid_as"]
    )
    assert kept == len(_KINDS)


def forge(body: bytes, headers: Mapping[str, str], chance: random.Random) -> dict[str, str]:
    at = int(time.time())
    lies: tuple[str | None, ...] = (
        None,
        sign("somebody else's secret", body, at),
        sign(SECRET, body + b" ", at),
        sign(SECRET, body, at - 3 * 86_400),
        headers[HEADER].replace("v1=", "v0="),
    )
    lie = chance.choice(lies)
    return {} if lie is None else {HEADER: lie}
