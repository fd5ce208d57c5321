"""Razorpay alone: orders, what is captured and when, both signatures, and its refunds that take their time."""

import uuid

import pytest

from server.payments.provider import (
    Forged,
    PaymentStage,
    ProviderRefused,
    RefundStage,
)
from server.payments.razorpay import RazorpayProvider
from tests.payments.tills import NOW, RazorpayTill
from tests.support.provider_way import Fault
from tests.support.razorpay_server import SLOW_PAISE, WEBHOOK_SECRET


@pytest.fixture
def provider(razorpay_till: RazorpayTill) -> RazorpayProvider:
    assert isinstance(razorpay_till.provider, RazorpayProvider)
    return razorpay_till.provider


async def test_the_page_gets_what_razorpays_checkout_needs(
    razorpay_till: RazorpayTill, provider: RazorpayProvider
) -> None:
    begun = await provider.begin(razorpay_till.due(29500))
    assert begun.action == {
        "type": "order",
        "order_id": begun.provider_ref,
        "key_id": razorpay_till.keys.key_id,
        "amount": 29500,
        "currency": "INR",
    }


async def test_after_a_lost_answer_the_eldest_order_is_the_one(
    razorpay_till: RazorpayTill, provider: RazorpayProvider
) -> None:
    due = razorpay_till.due()
    razorpay_till.way.arm(Fault.LOSE_ANSWER)
    with pytest.raises(Exception, match="no answer"):
        await provider.begin(due)
    begun = await provider.begin(due)
    orders = await razorpay_till.orders(due.payment_id)
    assert begun.provider_ref == orders[-1]["id"], "the newest comes first"
    assert {each["amount_paid"] for each in orders} == {0}


async def test_what_is_authorised_is_captured_by_whoever_looks(
    razorpay_till: RazorpayTill, provider: RazorpayProvider
) -> None:
    ref = await razorpay_till.opened(1990)
    await razorpay_till.act(ref, "authorized")
    assert await razorpay_till.captured(ref) == 0
    assert (await provider.look(ref)).status is PaymentStage.SUCCEEDED
    assert await razorpay_till.captured(ref) == 1990


async def test_a_payer_who_was_declined_pays_at_the_second_attempt(
    razorpay_till: RazorpayTill, provider: RazorpayProvider
) -> None:
    ref = await razorpay_till.opened(1990)
    await razorpay_till.decline(ref)
    assert (await provider.look(ref)).status is PaymentStage.OPEN
    await razorpay_till.pay(ref)
    assert (await provider.look(ref)).status is PaymentStage.SUCCEEDED


async def test_of_two_payments_for_one_order_one_is_captured(
    razorpay_till: RazorpayTill, provider: RazorpayProvider
) -> None:
    ref = await razorpay_till.opened(1990)
    await razorpay_till.act(ref, "authorized")
    await razorpay_till.act(ref, "authorized")
    for _ in range(3):
        assert (await provider.look(ref)).status is PaymentStage.SUCCEEDED
    assert await razorpay_till.captured(ref) == 1990


async def test_an_authorisation_of_another_amount_is_not_captured(
    razorpay_till: RazorpayTill, provider: RazorpayProvider
) -> None:
    ref = await razorpay_till.opened(1990)
    await razorpay_till.act(ref, "authorized", amount=190)
    assert (await provider.look(ref)).status is PaymentStage.OPEN
    assert await razorpay_till.captured(ref) == 0


async def test_what_is_captured_in_spite_of_a_cancellation_is_told(
    razorpay_till: RazorpayTill, provider: RazorpayProvider
) -> None:
    ref = await razorpay_till.opened(1990)
    assert (await provider.cancel(ref)).status is PaymentStage.CANCELLED
    await razorpay_till.act(ref, "captured")  # direct settlement
    assert (await provider.look(ref)).status is PaymentStage.SUCCEEDED
    assert (await provider.cancel(ref)).status is PaymentStage.SUCCEEDED
    state = await provider.refund(ref, uuid.uuid4(), 1990)
    assert state.status is RefundStage.DONE


@pytest.mark.parametrize(
    ("end", "stage"), [("processed", RefundStage.DONE), ("failed", RefundStage.FAILED)]
)
async def test_a_refund_may_be_pending_first(
    razorpay_till: RazorpayTill, provider: RazorpayProvider, end: str, stage: RefundStage
) -> None:
    ref, refund_id = await razorpay_till.paid(1990), uuid.uuid4()
    assert (await provider.refund(ref, refund_id, SLOW_PAISE)).status is RefundStage.PENDING
    await razorpay_till.end_refunds(end)
    assert (await provider.refund(ref, refund_id, SLOW_PAISE)).status is stage
    assert await razorpay_till.given_back(ref) == [SLOW_PAISE]


async def test_webhooks_as_razorpay_sends_them_are_read(
    razorpay_till: RazorpayTill, provider: RazorpayProvider
) -> None:
    listening = razorpay_till.open(webhook_secrets=(WEBHOOK_SECRET,))
    await razorpay_till.events()
    ref = await razorpay_till.opened(1990)
    await razorpay_till.decline(ref)
    await razorpay_till.pay(ref)
    await provider.look(ref)
    await provider.refund(ref, uuid.uuid4(), 1990)
    sent = [
        listening.read_webhook(each.headers, each.body, NOW)
        for each in await razorpay_till.events()
    ]
    assert [event.kind for event in sent if event.provider_ref == ref] == [
        "payment.failed",
        "payment.authorized",
        "payment.captured",
        "order.paid",
        "refund.created",
    ]
    assert len({event.event_id for event in sent}) == len(sent)


async def test_what_checkout_gives_the_page_is_a_hint_when_it_is_signed(
    razorpay_till: RazorpayTill, provider: RazorpayProvider
) -> None:
    ref = await razorpay_till.opened(1990)
    paid = await razorpay_till.act(ref, "authorized")
    event = provider.read_checkout(ref, paid["id"], paid["checkout_signature"])
    assert event.provider_ref == ref
    assert event == provider.read_checkout(ref, paid["id"], paid["checkout_signature"])
    other = await razorpay_till.opened(1990)
    for forged in (
        (other, paid["id"], paid["checkout_signature"]),
        (ref, "pay_other", paid["checkout_signature"]),
        (ref, paid["id"], ""),
        (ref, paid["id"], "0" * 64),
        (f"{ref}|{paid['id']}", "", paid["checkout_signature"]),
        ("\ud800", "\ud800", "\ud800"),
    ):
        with pytest.raises(Forged):
            provider.read_checkout(*forged)


async def test_the_sdk_keeps_nothing_from_one_capture_to_the_next(
    razorpay_till: RazorpayTill, provider: RazorpayProvider
) -> None:
    for amount in (1990, 2990, 500):
        ref = await razorpay_till.paid(amount)
        assert (await provider.look(ref)).amount == amount


async def test_an_amount_below_razorpays_least_is_refused_in_its_words(
    razorpay_till: RazorpayTill, provider: RazorpayProvider
) -> None:
    with pytest.raises(ProviderRefused, match=r"at least INR 1\.00"):
        await provider.begin(razorpay_till.due(99))
