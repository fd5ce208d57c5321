"""What a provider's checkout has signed for the payer's page, handed on over HTTP: faster than a webhook, no more."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2
import pytest

from tests.api.answers import problem
from tests.api.served import Served
from tests.api.shop import Json, Shop
from tests.payments.tills import RazorpayTill
from tests.support.databases import Databases
from tests.support.provider_way import ProviderWay
from tests.support.servers import ThrowawayValkey
from tests.support.waiting import wait_until

PRICE = 2000


@dataclass(frozen=True, slots=True)
class Desk:
    """A server whose payers pay by Razorpay."""

    shop: Shop
    till: RazorpayTill

    async def paid(self, bus: str, seat: str) -> tuple[Json, Json]:
        """Book a seat and pay for it; return the booking, and what checkout then gives the page."""
        booking = await self.shop.book(self.shop.client(), bus, [seat], method="razorpay")
        order: str = booking["payment"]["action"]["details"]["order_id"]
        made = await self.till.act(order, "authorized")
        return booking, {
            "order_id": order,
            "payment_id": made["id"],
            "signature": made["checkout_signature"],
        }

    async def hand_on(self, booking: Json, result: Json) -> httpx2.Response:
        path = f"/payments/{booking['payment']['id']}/checkout"
        return await self.shop.client().post(path, json=result)

    async def status(self, booking: Json) -> str:
        headers = {"x-booking-key": booking["access_key"]}
        shown = await self.shop.client().get(f"/bookings/{booking['ref']}", headers=headers)
        return str(shown.json()["status"])


@pytest.fixture(scope="module")
async def desk(
    databases: Databases, valkey: ThrowawayValkey, razorpay_port: int
) -> AsyncIterator[Desk]:
    async with (
        ProviderWay(razorpay_port) as way,
        RazorpayTill(way, razorpay_port) as till,
        databases.fresh() as url,
        _selling(url, valkey, till) as desk,
    ):
        yield desk


@asynccontextmanager
async def _selling(url: str, valkey: ThrowawayValkey, till: RazorpayTill) -> AsyncIterator[Desk]:
    keys = till.keys
    settings = {
        "OMNIBUS_RAZORPAY_KEY_ID": keys.key_id,
        "OMNIBUS_RAZORPAY_KEY_SECRET": keys.key_secret,
        "OMNIBUS_RAZORPAY_WEBHOOK_SECRETS": ",".join(keys.webhook_secrets),
        "OMNIBUS_RAZORPAY_API_BASE": till.way.url,
    }
    async with await Shop.open(url) as shop:
        async with Served(url, valkey.url, settings=settings) as served:
            shop.url = served.url
            yield Desk(shop, till)
            await shop.forget_clients()
        assert await shop.violations() == {}


async def test_what_checkout_has_signed_confirms_at_once_and_nothing_else_does(desk: Desk) -> None:
    bus = await desk.shop.bus()
    booking, result = await desk.paid(bus, "1A")
    other, of_other = await desk.paid(bus, "1B")
    for forged in (
        result | {"signature": "0" * 64},
        result | {"payment_id": "pay_of_somebody"},
        result | {"order_id": of_other["order_id"]},
        of_other,
    ):
        problem(await desk.hand_on(booking, forged), 400, "forged")
    assert await desk.status(booking) == await desk.status(other) == "PENDING"
    for _ in range(2):
        answer = await desk.hand_on(booking, result)
        assert (answer.status_code, answer.json()["status"]) == (200, "CONFIRMED"), answer.text
        assert "access_key" not in answer.json()
    assert await desk.till.captured(result["order_id"]) == PRICE
    assert await desk.status(other) == "PENDING"
    unknown = other | {"payment": {"id": booking["payment"]["id"][:-1]}}
    problem(await desk.hand_on(unknown, result), 404, "not_found")


async def test_while_the_provider_is_away_it_is_kept_and_acted_upon_when_that_is_back(
    desk: Desk,
) -> None:
    booking, result = await desk.paid(await desk.shop.bus(), "1A")
    await desk.till.way.refuse()
    answer = await desk.hand_on(booking, result)
    assert (answer.status_code, answer.json()["status"]) == (200, "PENDING")
    await desk.till.way.listen()

    async def is_confirmed() -> bool:
        return await desk.status(booking) == "CONFIRMED"

    await wait_until(is_confirmed, seconds=60, pause=0.1)
    assert await desk.till.captured(result["order_id"]) == PRICE
