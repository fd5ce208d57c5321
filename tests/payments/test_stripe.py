"""Stripe alone: its currencies, its idempotency keys, its webhooks, and answers that localstripe does not give."""

import asyncio
import json
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from server.payments.provider import (
    PaymentStage,
    ProviderDown,
    ProviderRefused,
    ProviderState,
    RefundStage,
)
from server.payments.stripe import StripeProvider, from_stripe, to_stripe
from tests.payments.tills import NEW_SECRET, NOW, Signed, StripeTill
from tests.support.provider_way import Fault
from tests.support.waiting import wait_until


@pytest.fixture
def provider(stripe_till: StripeTill) -> StripeProvider:
    assert isinstance(stripe_till.provider, StripeProvider)
    return stripe_till.provider


async def test_the_page_gets_what_stripes_elements_need(
    stripe_till: StripeTill, provider: StripeProvider
) -> None:
    begun = await provider.begin(stripe_till.due())
    assert begun.action["client_secret"].startswith(f"{begun.provider_ref}_secret_")
    assert begun.action["publishable_key"] == stripe_till.keys.publishable_key


async def test_keys_and_metadata_name_the_payment_and_the_booking(
    stripe_till: StripeTill, provider: StripeProvider
) -> None:
    due = stripe_till.due()
    await provider.begin(due)
    (made,) = [each for each in stripe_till.way.seen if each.method == "POST"]
    assert made.headers["idempotency-key"] == f"payment-{due.payment_id}"
    sent = made.body.decode()
    assert f"metadata[payment]={due.payment_id}" in sent
    assert f"metadata[booking]={due.reference}" in sent
    assert "stripe-version" in made.headers


async def test_a_payment_whose_first_answer_was_lost_is_found_by_its_key(
    stripe_till: StripeTill, provider: StripeProvider
) -> None:
    due = stripe_till.due()
    stripe_till.way.arm(Fault.LOSE_ANSWER)
    with pytest.raises(ProviderDown):
        await provider.begin(due)
    first = await provider.begin(due)
    assert (await provider.begin(due)).provider_ref == first.provider_ref
    assert await stripe_till.intents(due.payment_id) == [first.provider_ref]


async def test_many_refunds_of_one_payment_are_all_seen(
    stripe_till: StripeTill, provider: StripeProvider
) -> None:
    ref = await stripe_till.paid(10_000)
    refund_ids = [uuid.uuid4() for _ in range(12)]
    for refund_id in refund_ids:
        await provider.refund(ref, refund_id, 10)
    stripe_till.way.forget_keys()
    for refund_id in refund_ids:
        await provider.refund(ref, refund_id, 10)
    assert (await provider.refund(ref, uuid.uuid4(), 9_880)).status is RefundStage.DONE
    with pytest.raises(ProviderRefused):
        await provider.refund(ref, uuid.uuid4(), 1)


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [
        (1990, "EUR", 1990),
        (1990, "JPY", 1990),
        (1990, "XOF", 1990),
        (1990, "ISK", 199_000),
        (1990, "UGX", 199_000),
        (199_000, "MGA", 1990),
        (1990, "KWD", 1990),
        (1990, "HUF", 1990),
    ],
)
def test_amounts_are_told_in_stripes_own_units(amount: int, currency: str, units: int) -> None:
    assert to_stripe(amount, currency) == units
    assert from_stripe(units, currency) == amount


@pytest.mark.parametrize(("amount", "currency"), [(1990, "MGA"), (1995, "KWD"), (1, "TND")])
def test_amounts_that_stripe_has_no_coin_for_are_refused(amount: int, currency: str) -> None:
    with pytest.raises(ProviderRefused, match=currency):
        to_stripe(amount, currency)


@pytest.mark.parametrize("currency", ["JPY", "UGX", "ISK"])
async def test_a_payment_without_cents_is_paid_and_paid_back_in_full(
    stripe_till: StripeTill, provider: StripeProvider, currency: str
) -> None:
    ref = (await provider.begin(stripe_till.due(1990, currency=currency))).provider_ref
    await stripe_till.pay(ref)
    assert await provider.look(ref) == ProviderState(PaymentStage.SUCCEEDED, 1990, currency)
    assert (await provider.refund(ref, uuid.uuid4(), 1990)).status is RefundStage.DONE
    assert sum(await stripe_till.given_back(ref)) == await stripe_till.captured(ref)


async def test_webhooks_as_localstripe_sends_them_are_read(
    stripe_till: StripeTill, provider: StripeProvider
) -> None:
    arrived: list[Signed] = []
    server = await asyncio.start_server(_receiver(arrived), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        await stripe_till.send_webhooks_to(f"http://127.0.0.1:{port}/", NEW_SECRET)
        paid, declined = await stripe_till.opened(), await stripe_till.opened()
        await stripe_till.pay(paid)
        await stripe_till.decline(declined)

        def told() -> set[tuple[str, str | None]]:
            now = datetime.now(UTC)
            events = [provider.read_webhook(each.headers, each.body, now) for each in arrived]
            return {(event.kind, event.provider_ref) for event in events}

        expected = {
            ("payment_intent.succeeded", paid),
            ("payment_intent.payment_failed", declined),
        }
        await wait_until(lambda: expected <= told())


@pytest.mark.parametrize(
    ("kind", "about"),
    [
        ("payment_intent.canceled", {"object": "payment_intent", "id": "pi_3O"}),
        ("charge.refunded", {"object": "charge", "id": "ch_3O", "payment_intent": "pi_3O"}),
        ("refund.created", {"object": "refund", "id": "re_3O", "payment_intent": "pi_3O"}),
        ("refund.updated", {"object": "refund", "id": "re_3O", "payment_intent": "pi_3O"}),
        ("refund.failed", {"object": "refund", "id": "re_3O", "payment_intent": "pi_3O"}),
        ("charge.refund.updated", {"object": "refund", "id": "re_3O", "payment_intent": "pi_3O"}),
        ("charge.dispute.created", {"object": "dispute", "id": "du_3", "payment_intent": "pi_3O"}),
    ],
)
def test_events_that_localstripe_does_not_send_name_their_payment(
    stripe_till: StripeTill, kind: str, about: dict[str, Any]
) -> None:
    event = {"id": "evt_1", "object": "event", "livemode": False, "type": kind}
    body = json.dumps({**event, "data": {"object": about, "previous_attributes": {}}}).encode()
    signed = stripe_till.sign(body, NEW_SECRET)
    read = stripe_till.provider.read_webhook(signed.headers, signed.body, NOW)
    assert (read.event_id, read.kind, read.provider_ref) == ("evt_1", kind, "pi_3O")


_INTENT = {
    "id": "pi_3OqXYZ",
    "object": "payment_intent",
    "amount": 1990,
    "amount_received": 0,
    "currency": "eur",
    "client_secret": "pi_3OqXYZ_secret_abc",
    "last_payment_error": None,
    "metadata": {},
}


@pytest.mark.parametrize(
    ("status", "received", "stage"),
    [
        ("requires_payment_method", 0, PaymentStage.OPEN),
        ("requires_confirmation", 0, PaymentStage.OPEN),
        ("requires_action", 0, PaymentStage.OPEN),
        ("processing", 0, PaymentStage.OPEN),
        ("requires_capture", 0, PaymentStage.OPEN),
        ("canceled", 0, PaymentStage.CANCELLED),
        ("succeeded", 1990, PaymentStage.SUCCEEDED),
        ("a_status_of_tomorrow", 0, PaymentStage.OPEN),
    ],
)
async def test_every_documented_status_of_an_intent_has_its_stage(
    stripe_till: StripeTill,
    provider: StripeProvider,
    status: str,
    received: int,
    stage: PaymentStage,
) -> None:
    stripe_till.way.answer_with(200, {**_INTENT, "status": status, "amount_received": received})
    state = await provider.look("pi_3OqXYZ")
    assert state == ProviderState(stage, 1990, "EUR")


async def test_what_was_received_counts_and_not_what_was_asked(
    stripe_till: StripeTill, provider: StripeProvider
) -> None:
    stripe_till.way.answer_with(200, {**_INTENT, "status": "succeeded", "amount_received": 1000})
    assert (await provider.look("pi_3OqXYZ")).amount == 1000


async def test_cancelling_what_is_being_processed_leaves_it_open(
    stripe_till: StripeTill, provider: StripeProvider
) -> None:
    message = "You cannot cancel this PaymentIntent because it has a status of processing."
    error = {"type": "invalid_request_error", "code": "payment_intent_unexpected_state"}
    stripe_till.way.answer_with(400, {"error": {**error, "message": message}})
    stripe_till.way.answer_with(200, {**_INTENT, "status": "processing"})
    assert (await provider.cancel("pi_3OqXYZ")).status is PaymentStage.OPEN


@pytest.mark.parametrize(
    ("status", "stage"),
    [
        ("succeeded", RefundStage.DONE),
        ("pending", RefundStage.PENDING),
        ("requires_action", RefundStage.PENDING),
        ("failed", RefundStage.FAILED),
        ("canceled", RefundStage.FAILED),
    ],
)
async def test_every_documented_status_of_a_refund_has_its_stage(
    stripe_till: StripeTill, provider: StripeProvider, status: str, stage: RefundStage
) -> None:
    refund = {
        "id": "re_3OqXYZ",
        "object": "refund",
        "amount": 700,
        "currency": "eur",
        "status": status,
        "failure_reason": "lost_or_stolen_card" if status == "failed" else None,
        "metadata": {},
    }
    paid = {**_INTENT, "status": "succeeded", "amount_received": 1990}
    none = {"object": "list", "data": [], "has_more": False, "url": "/v1/refunds"}
    for answer in (paid, none, refund):
        stripe_till.way.answer_with(200, answer)
    state = await provider.refund("pi_3OqXYZ", uuid.uuid4(), 700)
    assert (state.status, state.provider_refund) == (stage, "re_3OqXYZ")
    assert state.reason == refund["failure_reason"]


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, {"type": "idempotency_error", "message": "other parameters"}, ProviderRefused),
        (400, {"type": "invalid_request_error", "code": "rate_limit"}, ProviderDown),
        (401, {"type": "invalid_request_error", "message": "Invalid API Key"}, ProviderRefused),
        (402, {"type": "card_error", "code": "card_declined", "message": "no"}, ProviderRefused),
        (403, {"type": "invalid_request_error", "message": "no permission"}, ProviderRefused),
        (404, {"type": "invalid_request_error", "code": "resource_missing"}, ProviderRefused),
        (409, {"type": "idempotency_error", "code": "idempotency_key_in_use"}, ProviderDown),
        (424, {"type": "api_error", "message": "external dependency failed"}, ProviderDown),
        (429, {"type": "invalid_request_error", "code": "lock_timeout"}, ProviderDown),
        (500, {"type": "api_error", "message": "sorry"}, ProviderDown),
        (502, {"type": "api_error", "message": "sorry"}, ProviderDown),
    ],
)
async def test_every_documented_error_is_refused_or_down(
    stripe_till: StripeTill,
    provider: StripeProvider,
    status: int,
    error: dict[str, str],
    kind: type[Exception],
) -> None:
    stripe_till.way.answer_with(status, {"error": error})
    with pytest.raises(kind):
        await provider.begin(stripe_till.due())


async def test_what_looks_like_a_key_in_stripes_words_is_struck_out(
    stripe_till: StripeTill, provider: StripeProvider
) -> None:
    words = "Invalid API Key provided: sk_test_51SecretOfOurs0 \n\x1b[31m for pi_3O_secret_abc"
    stripe_till.way.answer_with(401, {"error": {"message": words}})
    with pytest.raises(ProviderRefused) as refusal:
        await provider.check()
    assert refusal.value.reason == "Invalid API Key provided: [key] [31m for [key]"


def _receiver(arrived: list[Signed]) -> Any:
    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = (line.partition(": ") for line in head[1:] if line)
        headers = {name.lower(): value for name, _, value in pairs}
        body = await reader.readexactly(int(headers["content-length"]))
        arrived.append(Signed(headers, body))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        with suppress(ConnectionError):
            await writer.drain()
        writer.close()

    return receive


async def test_a_payer_whose_bank_asks_first_pays_after_it(
    stripe_till: StripeTill, provider: StripeProvider
) -> None:
    ref = await stripe_till.opened(1990)
    await stripe_till.begin_secure_step(ref)
    assert (await provider.look(ref)).status is PaymentStage.OPEN
    await stripe_till.end_secure_step(ref)
    assert (await provider.look(ref)).status is PaymentStage.SUCCEEDED


async def test_a_payer_who_is_in_the_secure_step_can_still_be_cancelled(
    stripe_till: StripeTill, provider: StripeProvider
) -> None:
    ref = await stripe_till.opened(1990)
    await stripe_till.begin_secure_step(ref)
    assert (await provider.cancel(ref)).status is PaymentStage.CANCELLED
    with pytest.raises(httpx2.HTTPStatusError):
        await stripe_till.end_secure_step(ref)
    assert await stripe_till.captured(ref) == 0
