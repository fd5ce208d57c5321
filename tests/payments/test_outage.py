"""A provider that is gone, and one that hangs: a server, a worker, Stripe's stand-in, and a way to it that is cut.

What must hold: whoever wants to pay by it is told so at once, nothing is sold unpaid, other ways of paying go on, and
when it is back everything comes to its end by itself, within two minutes.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

import httpx2
import pytest

from tests.api.answers import problem
from tests.api.served import Served
from tests.api.shop import Json, Shop, new_key, purchase
from tests.cli.test_worker import working
from tests.payments.tills import NEW_SECRET, StripeTill
from tests.support.databases import Databases
from tests.support.provider_way import Fault, ProviderWay
from tests.support.servers import ThrowawayValkey
from tests.support.waiting import wait_until

PRICE = 2000
OPEN = 2.0
BACK_SECONDS = 100
"""Two minutes, less what the rest of a test takes."""
_CIRCUIT = re.compile(r'^omnibus_provider_circuit\{provider="stripe"\} ([\d.]+)$', re.MULTILINE)


@dataclass(slots=True)
class Order:
    """A booking that somebody wants to pay by Stripe: what they ask, under which key, and what they were given."""

    wanted: Json
    key: dict[str, str] = field(default_factory=new_key)
    booking: Json = field(default_factory=dict)

    @property
    def bus(self) -> str:
        return str(self.wanted["bus_id"])

    @property
    def ref(self) -> str:
        """What Stripe calls its payment."""
        secret: str = self.booking["payment"]["action"]["details"]["client_secret"]
        return secret.partition("_secret_")[0]


@dataclass(slots=True)
class Counter:
    """Where tickets are sold by Stripe, and by other ways."""

    shop: Shop
    till: StripeTill
    served: Served

    async def ask(self, order: Order) -> httpx2.Response:
        answer = await self.shop.client().post("/bookings", json=order.wanted, headers=order.key)
        if answer.status_code == 201:
            order.booking = answer.json()
        return answer

    async def is_taken(self, order: Order) -> bool:
        return (await self.ask(order)).status_code == 201

    async def ordered(self, bus: str, seat: str) -> Order:
        """Return an order that was begun at Stripe; which may just be coming back from another test."""
        order = Order(wanted(bus, seat))
        await wait_until(lambda: self.is_taken(order), seconds=BACK_SECONDS, pause=0.2)
        return order

    async def tell(self, order: Order) -> None:
        """Let Stripe's message about a payment arrive."""
        body = self.till.message("payment_intent.succeeded", order.ref)
        signed = self.till.sign(body, NEW_SECRET, datetime.now(UTC))
        headers = {"content-type": "application/json", **signed.headers}
        answer = await self.shop.client().post(
            "/payments/webhooks/stripe", content=body, headers=headers
        )
        assert answer.status_code == 204

    async def status(self, order: Order) -> str:
        headers = {"x-booking-key": order.booking["access_key"]}
        shown = await self.shop.client().get(f"/bookings/{order.booking['ref']}", headers=headers)
        return cast("str", shown.json()["status"])

    async def circuit(self) -> float:
        async with httpx2.AsyncClient(trust_env=False, verify=False) as client:
            text = (await client.get(f"{self.served.url}/metrics")).text
        found = _CIRCUIT.search(text)
        return float(found[1]) if found else 0.0

    async def is_over(self, *orders: tuple[Order, str]) -> bool:
        """Let the clock's moment come for whatever is open, and say whether all has ended as it should."""
        for due in (
            "UPDATE intents SET look_at = clock_timestamp() WHERE look_at > clock_timestamp()",
            "UPDATE jobs SET due_at = created_at WHERE state = 'QUEUED' AND lease IS NULL",
        ):
            await self.shop.owner.execute(due)
        return [await self.status(order) for order, _ in orders] == [end for _, end in orders]

    async def wait_for(self, *orders: tuple[Order, str]) -> None:
        await wait_until(lambda: self.is_over(*orders), seconds=BACK_SECONDS, pause=0.2)

    async def is_not_asked_any_more(self, orders: Sequence[Order]) -> bool:
        """Let all of them ask and be refused, and say whether the breaker is open by now."""
        for order in orders:
            answer = await self.ask(order)
            problem(answer, 503, "provider_unavailable")
            assert int(answer.headers["retry-after"]) >= 1
        return await self.circuit() == OPEN

    async def cancel(self, order: Order) -> None:
        headers = {"x-booking-key": order.booking["access_key"], **new_key()}
        path = f"/bookings/{order.booking['ref']}/cancel"
        answer = await self.shop.client().post(path, json={}, headers=headers)
        assert answer.json()["status"] == "CANCELLED"

    async def are_paid_back(self, *orders: Order) -> bool:
        await self.is_over()
        return all([await self.till.given_back(order.ref) == [PRICE] for order in orders])

    async def sold_unpaid(self) -> int:
        """Return how many seats are sold by Stripe that it has not taken money for, by its own books."""
        rows = await self.shop.owner.fetch(
            "SELECT i.provider_ref, i.amount FROM bookings AS b JOIN intents AS i USING (bus_id, booking_id)"
            " WHERE b.method = 'stripe' AND b.confirmed_at IS NOT NULL"
        )
        return sum([await self.till.captured(ref) != amount for ref, amount in rows])


def wanted(bus: str, seat: str, method: str = "stripe") -> Json:
    return purchase([seat], method) | {"bus_id": bus, "seats": [seat]}


@pytest.fixture(scope="module")
async def counter(
    databases: Databases,
    valkey: ThrowawayValkey,
    stripe_port: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Counter]:
    keys, folder = StripeTill.keys, tmp_path_factory.mktemp("outage")
    async with databases.fresh() as url, ProviderWay(stripe_port, remembers_keys=True) as way:
        settings = {
            "OMNIBUS_DEMO": "on",
            "OMNIBUS_PENDING_SECONDS": "900",
            "OMNIBUS_MAIL_DIR": str(folder),
            "OMNIBUS_STRIPE_SECRET_KEY": keys.secret_key,
            "OMNIBUS_STRIPE_PUBLISHABLE_KEY": keys.publishable_key,
            "OMNIBUS_STRIPE_WEBHOOK_SECRETS": ",".join(keys.webhook_secrets),
            "OMNIBUS_STRIPE_API_BASE": way.url,
        }
        async with await Shop.open(url) as shop, StripeTill(way, stripe_port) as till:
            async with (
                Served(url, valkey.url, settings=settings) as served,
                working(url, valkey.url, folder / "worker.log", settings),
            ):
                shop.url = served.url
                yield Counter(shop, till, served)
                await shop.forget_clients()
                assert [line for line in await served.failures() if "503" not in line] == []
            assert await shop.violations() == {}


async def test_while_it_is_gone_nothing_is_sold_unpaid_and_when_it_is_back_all_ends_by_itself(
    counter: Counter,
) -> None:
    shop, till = counter.shop, counter.till
    bus, own = await shop.bus(), [await shop.bus() for _ in range(2)]
    heard, unheard = await counter.ordered(bus, "1A"), await counter.ordered(bus, "1B")
    given_up, declined = await counter.ordered(bus, "1C"), await counter.ordered(bus, "1D")
    taken, late = [await counter.ordered(each, "1A") for each in own]
    await till.pay(given_up.ref)
    await counter.tell(given_up)
    await counter.wait_for((given_up, "CONFIRMED"))

    await till.way.refuse()
    refused = [Order(wanted(bus, f"{row}A")) for row in range(2, 10)]
    await wait_until(lambda: counter.is_not_asked_any_more(refused), seconds=BACK_SECONDS)
    # The seats are their buyers' for now, and nobody else's; other ways of paying go on.
    assert (await shop.seats(bus))["2A"] == "LOCKED"
    assert (await shop.pay(await shop.book(shop.client(), bus, ["4B"])))["status"] == "CONFIRMED"
    await shop.book(shop.client("agent"), bus, ["4C"], method="cash")
    # Stripe takes money that we do not hear of, or cannot ask about; a refund is due; two run out of time.
    for order in (heard, unheard, taken, late):
        await till.pay(order.ref)
    await till.decline(declined.ref)
    await counter.tell(heard)
    for each in own:
        await shop.let_time_pass(each)
    await shop.book(shop.client("agent"), own[0], ["1A"], method="cash")
    await counter.cancel(given_up)
    assert await counter.status(heard) == await counter.status(unheard) == "PENDING"
    assert await counter.sold_unpaid() == 0

    await till.way.listen()
    ends = ((heard, "CONFIRMED"), (unheard, "CONFIRMED"), (late, "CONFIRMED"), (taken, "EXPIRED"))
    await counter.wait_for(*ends)
    await wait_until(
        lambda: counter.are_paid_back(given_up, taken), seconds=BACK_SECONDS, pause=0.2
    )
    # Whoever was refused goes on under the same key, once this process has found out, too, and pays once.
    again = refused[0]

    async def is_taken() -> bool:
        return (await counter.ask(again)).status_code == 201

    await wait_until(is_taken, seconds=BACK_SECONDS, pause=0.2)
    await till.pay(again.ref)
    await counter.tell(again)
    await counter.wait_for((again, "CONFIRMED"), (declined, "PENDING"))
    for order in (heard, unheard, late, taken, given_up, again):
        assert await till.captured(order.ref) == PRICE, "captured once"
    assert [await till.given_back(order.ref) for order in (heard, unheard, late, again)] == [[]] * 4
    assert await counter.sold_unpaid() == 0


async def test_one_that_hangs_keeps_few_waiting_and_everybody_else_is_told_at_once(
    counter: Counter,
) -> None:
    shop, way = counter.shop, counter.till.way
    bus = await shop.bus()
    way.strike = lambda _: Fault.HANG
    first = [Order(wanted(bus, f"{row}A")) for row in range(1, 7)]
    for answer in await asyncio.gather(*(counter.ask(order) for order in first)):
        problem(answer, 503, "provider_unavailable")
    assert await counter.circuit() == OPEN
    asked = len(way.seen)
    later = [Order(wanted(bus, f"{row}B")) for row in range(1, 4)]
    for order in later:
        problem(await counter.ask(order), 503, "provider_unavailable")
    assert len(way.seen) == asked, "it was not asked again"
    assert (await shop.pay(await shop.book(shop.client(), bus, ["1C"])))["status"] == "CONFIRMED"

    way.strike = lambda _: None
    await wait_until(lambda: counter.is_taken(later[0]), seconds=BACK_SECONDS, pause=0.2)
    # One may have been begun more often than it was answered, and is one payment all the same.
    for order in (*first, *later):
        assert await counter.is_taken(order)
    assert len({order.ref for order in (*first, *later)}) == len(first) + len(later)
    assert await counter.sold_unpaid() == 0
