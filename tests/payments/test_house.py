"""A house that sells by Stripe and by Razorpay: booked, paid at the provider's stand-in, told by webhook, confirmed."""

import importlib.util
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from tests.api.answers import problem
from tests.api.served import Served
from tests.api.shop import Shop, new_key, purchase
from tests.payments.test_settings import settings_of
from tests.payments.tills import NEW_SECRET, Till
from tests.support.databases import Databases
from tests.support.servers import ThrowawayValkey
from tests.support.waiting import wait_until

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("server.payments.cashier") is None,
    reason="nobody here begins payments at providers yet",
)


@pytest.fixture
async def house(
    till: Till, databases: Databases, valkey: ThrowawayValkey
) -> AsyncIterator[tuple[Shop, Served]]:
    async with databases.fresh() as url, await Shop.open(url) as shop:
        async with Served(url, valkey.url, settings=settings_of(till)) as served:
            shop.url = served.url
            yield shop, served
            await shop.forget_clients()
            assert [secret for secret in till.secrets if secret in served.log()] == []
        assert await shop.violations() == {}


async def book(shop: Shop, till: Till, seat: str) -> httpx2.Response:
    wanted = purchase([seat], till.provider.method)
    body = wanted | {"bus_id": await shop.bus(), "seats": [seat]}
    return await shop.client("rider").post("/bookings", json=body, headers=new_key())


def ref_of(action: dict[str, Any]) -> str:
    """Return what the provider calls the payment, from what the page is given."""
    details = action["details"]
    ref: str = details.get("order_id") or details["client_secret"].partition("_secret_")[0]
    return ref


async def test_what_is_paid_is_confirmed_by_webhook_and_while_the_provider_is_down_nothing_is(
    till: Till, house: tuple[Shop, Served]
) -> None:
    shop, served = house
    booked = (await book(shop, till, "1A")).json()
    assert booked["status"] == "PENDING"
    ref = ref_of(booked["payment"]["action"])
    await till.pay(ref)
    signed = till.sign(till.message(till.kinds[0], ref), NEW_SECRET, datetime.now(UTC))
    webhooks = f"{served.url}/api/v1/payments/webhooks/{till.provider.method}"
    headers = {"content-type": "application/json", **signed.headers}
    async with httpx2.AsyncClient(trust_env=False, verify=False) as provider:
        forged = await provider.post(webhooks, content=signed.body + b" ", headers=headers)
        assert forged.status_code == 400
        told = await provider.post(webhooks, content=signed.body, headers=headers)
        assert told.status_code == 204

    async def is_confirmed() -> bool:
        shown = await shop.client("rider").get(f"/bookings/{booked['ref']}")
        return bool(shown.json()["status"] == "CONFIRMED")

    await wait_until(is_confirmed)
    assert await till.captured(ref) == booked["total"]["amount"]

    await till.way.refuse()
    problem(await book(shop, till, "1A"), 503, "provider_unavailable")
    bookings = (await shop.client("rider").get("/bookings")).json()["items"]
    assert sorted(each["status"] for each in bookings) == ["CONFIRMED", "PENDING"]
    await till.way.listen()
