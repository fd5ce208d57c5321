"""Payments over HTTP: begun at a provider, heard of by signed messages, and the demo provider's own page."""

import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from typing import cast

import httpx2
import pytest

from server.payments.demo_signing import HEADER, TOLERANCE_SECONDS, sign
from tests.api.answers import problem
from tests.api.served import Served
from tests.api.shop import Json, Shop, new_key, purchase
from tests.support.databases import Databases
from tests.support.servers import ThrowawayValkey
from tests.support.waiting import wait_until

NEW_SECRET, OLD_SECRET = "the new secret of the demo", "the old secret of the demo"
DOOR = "/payments/webhooks/demo"


@pytest.fixture(scope="module")
async def open_till(
    databases: Databases, valkey: ThrowawayValkey
) -> AsyncIterator[tuple[Served, Shop]]:
    settings = {
        "OMNIBUS_DEMO": "on",
        "OMNIBUS_DEMO_WEBHOOK_SECRETS": f"{NEW_SECRET},{OLD_SECRET}",
        # So that the method is offered; who answers for it is the server's own.
        "OMNIBUS_STRIPE_SECRET_KEY": "sk_test_of_nobody",
        "OMNIBUS_STRIPE_PUBLISHABLE_KEY": "pk_test_of_nobody",
        "OMNIBUS_STRIPE_WEBHOOK_SECRETS": "whsec_of_nobody",
    }
    async with databases.fresh() as url, await Shop.open(url) as shop:
        module = ("tests.api.shaky_server", "serve")
        async with Served(url, valkey.url, module=module, settings=settings) as served:
            shop.url = served.url
            yield served, shop


@pytest.fixture
async def till(open_till: tuple[Served, Shop]) -> AsyncIterator[Shop]:
    served, shop = open_till
    yield shop
    await shop.forget_clients()
    assert [line for line in await served.failures() if 'status="503"' not in line] == []
    assert await shop.violations() == {}


async def begin(shop: Shop, booking: Json) -> str:
    """Begin to pay; return the address of the payment at the demo provider."""
    action = (await shop.client().post(f"/payments/{booking['payment']['id']}/begin")).json()
    assert action["kind"] == "redirect"
    return f"/demo/payments/{action['url'].rpartition('/')[2]}"


async def status(shop: Shop, booking: Json) -> str:
    shown = await shop.client().get(
        f"/bookings/{booking['ref']}", headers={"x-booking-key": booking["access_key"]}
    )
    return str(shown.json()["status"])


async def wait_for(shop: Shop, booking: Json, wanted: str) -> None:
    async def is_so() -> bool:
        return await status(shop, booking) == wanted

    await wait_until(is_so, seconds=20)


def letter(provider_ref: str, **more: object) -> bytes:
    event = {"id": f"evt_{uuid.uuid4()}", "type": "payment.succeeded", "payment": provider_ref}
    return json.dumps(event | more).encode()


async def post(shop: Shop, body: bytes, headers: Mapping[str, str]) -> httpx2.Response:
    given = {"content-type": "application/json", **headers}
    return await shop.client().post(DOOR, content=body, headers=given)


async def stored(shop: Shop) -> int:
    return cast("int", await shop.owner.fetchval("SELECT count(*) FROM provider_events"))


@pytest.mark.parametrize(
    "webhooks",
    [{}, {"copies": 5, "is_reordered": True}, {"delay_seconds": 1, "copies": 3}],
    ids=["at once", "doubled and reordered", "late"],
)
async def test_what_is_approved_at_the_providers_page_is_heard_of_and_confirmed(
    till: Shop, webhooks: Json
) -> None:
    booking = await till.book(till.client(), await till.bus(), ["1A"])
    page = await begin(till, booking)
    assert await begin(till, booking) == page
    shown = (await till.client().get(page)).json()
    assert (shown["reference"], shown["status"]) == (booking["ref"], "open")
    assert shown["amount"] == booking["total"]
    for step, then in (("challenge", "challenged"), ("approve", "succeeded")):
        told = await till.client().post(page, json={"step": step, "webhooks": webhooks})
        assert told.json()["status"] == then, told.text
    await wait_for(till, booking, "CONFIRMED")
    problem(await till.client().post(page, json={"step": "decline"}), 409, "wrong_state")


async def test_what_is_declined_at_the_providers_page_frees_the_seats(till: Shop) -> None:
    bus = await till.bus()
    booking = await till.book(till.client(), bus, ["1A"])
    page = await begin(till, booking)
    await till.client().post(page, json={"step": "decline"})
    await wait_for(till, booking, "FAILED")
    assert (await till.seats(bus))["1A"] == "AVAILABLE"


async def test_the_till_of_the_demo_works_as_ever_beside_it(till: Shop) -> None:
    booking = await till.book(till.client(), await till.bus(), ["1A"])
    action = booking["payment"]["action"]
    assert action["kind"] == "post"
    assert action["url"] == f"/api/v1/payments/{booking['payment']['id']}/demo"
    assert action["begin_url"] == f"/api/v1/payments/{booking['payment']['id']}/begin"
    assert (await till.pay(booking))["status"] == "CONFIRMED"


@pytest.mark.parametrize("secret", [NEW_SECRET, OLD_SECRET])
async def test_while_secrets_take_turns_both_are_good(till: Shop, secret: str) -> None:
    body = letter("demo_of_nobody")
    before = await stored(till)
    signed = {HEADER: sign(secret, body, int(time.time()))}
    for _ in range(3):
        assert (await post(till, body, signed)).status_code == 204
    assert await stored(till) == before + 1


FORGERIES: dict[str, Callable[[bytes, int], dict[str, str]]] = {
    "unsigned": lambda _body, _now: {},
    "signed by another": lambda body, now: {HEADER: sign("somebody else's secret", body, now)},
    "of another body": lambda body, now: {HEADER: sign(NEW_SECRET, body + b" ", now)},
    "too old": lambda body, now: {HEADER: sign(NEW_SECRET, body, now - TOLERANCE_SECONDS - 5)},
    "of the future": lambda body, now: {
        HEADER: sign(NEW_SECRET, body, now + TOLERANCE_SECONDS + 5)
    },
    "of another moment": lambda body, now: {
        HEADER: sign(NEW_SECRET, body, now).replace(f"t={now}", f"t={now + 1}")
    },
    "half a signature": lambda body, now: {HEADER: sign(NEW_SECRET, body, now)[:-1]},
    "not a signature": lambda _body, _now: {HEADER: "t=now,v1=trust me"},
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_what_is_forged_is_refused_and_nothing_of_it_is_stored(
    till: Shop, forgery: str
) -> None:
    booking = await till.book(till.client(), await till.bus(), ["1A"])
    page = await begin(till, booking)
    body = letter(page.rpartition("/")[2])
    before = await stored(till)
    headers = FORGERIES[forgery](body, int(time.time()))
    problem(await post(till, body, headers), 400, "forged")
    assert await stored(till) == before
    assert await status(till, booking) == "PENDING"


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[1]", b"\xff", b'{"id": "a b", "type": "x", "payment": "y"}']
)
async def test_what_is_signed_and_says_nothing_is_refused(till: Shop, body: bytes) -> None:
    before = await stored(till)
    answer = await post(till, body, {HEADER: sign(NEW_SECRET, body, int(time.time()))})
    problem(answer, 400, "forged")
    assert await stored(till) == before


async def test_a_message_is_bounded_and_its_provider_known(till: Shop) -> None:
    body = letter("x", padding="x" * 70_000)
    answer = await post(till, body, {HEADER: sign(NEW_SECRET, body, int(time.time()))})
    problem(answer, 413, "too_large")
    nobody = await till.client().post("/payments/webhooks/paypenny", content=letter("x"))
    problem(nobody, 404, "not_found")


async def test_a_provider_that_is_down_is_said_to_be_and_the_same_key_goes_on(till: Shop) -> None:
    bus = await till.bus()
    wanted = purchase(["1A"], "stripe") | {"bus_id": bus, "seats": ["1A"]}
    key, client = new_key(), till.client()
    refused = await client.post("/bookings", json=wanted, headers=key)
    problem(refused, 503, "provider_unavailable")
    assert int(refused.headers["retry-after"]) >= 1
    # The seats are this buyer's for now, and sold to nobody.
    assert (await till.seats(bus))["1A"] == "LOCKED"
    first = await client.post("/bookings", json=wanted, headers=key)
    again = await client.post("/bookings", json=wanted, headers=key)
    assert first.status_code == again.status_code == 201
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == first.json()
    assert first.json()["payment"]["action"] == {
        "kind": "client_secret",
        "details": {"client_secret": "cs_1"},
    }
    assert (
        await till.owner.fetchval("SELECT count(*) FROM bookings WHERE bus_id = $1", int(bus)) == 1
    )


async def test_what_a_provider_does_not_take_is_said(till: Shop) -> None:
    bus = await till.bus(price=9000)
    wanted = purchase(["1A"], "stripe") | {"bus_id": bus, "seats": ["1A"]}
    answer = await till.client().post("/bookings", json=wanted, headers=new_key())
    assert "too dear" in problem(answer, 409, "payment_refused")["detail"]


async def test_where_there_is_no_demo_there_is_no_page_of_it(shop: Shop) -> None:
    booking = await shop.book(shop.client(), await shop.bus(), ["1A"])
    page = await begin(shop, booking)
    problem(await shop.client().get(page), 404, "not_found")
    problem(await shop.client().post(page, json={"step": "approve"}), 404, "not_found")
