"""Which payment methods a house offers: those that it has set up, and said before anybody chooses."""

from collections.abc import AsyncIterator

import pytest

from tests.api.answers import bad_input
from tests.api.served import Served
from tests.api.shop import Shop, new_key, purchase
from tests.support.databases import Databases
from tests.support.servers import ThrowawayValkey

NOBODY = "http://127.0.0.1:9"
SETTINGS = {
    "OMNIBUS_STRIPE_SECRET_KEY": "sk_test_51SecretOfOurs0",
    "OMNIBUS_STRIPE_PUBLISHABLE_KEY": "pk_test_51Published0",
    "OMNIBUS_STRIPE_WEBHOOK_SECRETS": "whsec_0123456789",
    "OMNIBUS_STRIPE_API_BASE": NOBODY,
}


@pytest.fixture
async def selling(databases: Databases, valkey: ThrowawayValkey) -> AsyncIterator[Shop]:
    """A house that takes cards by Stripe."""
    async with (
        databases.fresh() as url,
        await Shop.open(url) as shop,
        Served(url, valkey.url, settings=SETTINGS) as served,
    ):
        shop.url = served.url
        yield shop
        await shop.forget_clients()
        assert SETTINGS["OMNIBUS_STRIPE_SECRET_KEY"] not in served.log()


async def test_a_bus_tells_how_it_can_be_paid_for(shop: Shop) -> None:
    shown = (await shop.client().get(f"/buses/{await shop.bus()}")).json()
    assert shown["payment_methods"] == ["demo", "cash"]


async def test_where_people_pay_with_money_nobody_pays_in_a_demos(selling: Shop) -> None:
    bus = await selling.bus()
    shown = (await selling.client().get(f"/buses/{bus}")).json()
    assert shown["payment_methods"] == ["cash", "stripe"]
    for method in ("demo", "razorpay"):
        wanted = purchase(["1A"], method) | {"bus_id": bus, "seats": ["1A"]}
        answer = await selling.client().post("/bookings", json=wanted, headers=new_key())
        assert bad_input(answer) == ["/payment_method"]
        assert "there is cash, stripe" in answer.json()["detail"]
    assert (await selling.seats(bus))["1A"] == "AVAILABLE"
