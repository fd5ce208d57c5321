"""What every payment provider must do, asked of each of them in the same words."""

import asyncio
import json
import uuid
from contextlib import suppress

import httpx2
import pytest

from server.payments.provider import (
    PaymentStage,
    ProviderDown,
    ProviderRefused,
    ProviderState,
    RefundStage,
)
from tests.payments.tills import Till
from tests.support.waiting import wait_until

_NOT_THEIRS = ("pi_3Nobody", "order_DovNobody", "", "../v1/balance", "pi_1/cancel", "order_1?x=1")


async def test_a_payment_that_has_begun_is_open_for_the_amount_that_is_due(any_till: Till) -> None:
    begun = await any_till.provider.begin(any_till.due(1990))
    state = await any_till.provider.look(begun.provider_ref)
    assert state == ProviderState(PaymentStage.OPEN, 1990, any_till.currency)
    assert begun.action["type"] in {"client_secret", "order", "redirect"}


async def test_what_the_page_is_given_holds_no_secret_of_ours(any_till: Till) -> None:
    begun = await any_till.provider.begin(any_till.due())
    told = json.dumps(dict(begun.action))
    assert [secret for secret in any_till.secrets if secret in told] == []


async def test_nothing_that_may_name_a_person_is_sent(till: Till) -> None:
    await till.provider.begin(till.due(description="Ada Lovelace"))
    sent = b"".join(request.body for request in till.way.seen)
    assert b"K7QX" in sent
    assert b"Lovelace" not in sent
    assert b"tickets.example" not in sent


async def test_a_payment_begun_again_is_the_same_payment(any_till: Till) -> None:
    due = any_till.due()
    first, second = await any_till.provider.begin(due), await any_till.provider.begin(due)
    assert first == second
    assert (await any_till.provider.begin(any_till.due())).provider_ref != first.provider_ref


async def test_two_who_begin_at_once_get_the_same_payment_or_are_told_to_ask_again(
    any_till: Till,
) -> None:
    due = any_till.due()
    both = await asyncio.gather(
        any_till.provider.begin(due), any_till.provider.begin(due), return_exceptions=True
    )
    for each in both:
        again = each if not isinstance(each, ProviderDown) else await any_till.provider.begin(due)
        assert again == await any_till.provider.begin(due)


async def test_another_amount_under_the_same_payment_is_never_due(any_till: Till) -> None:
    due = any_till.due(1990)
    begun = await any_till.provider.begin(due)
    changed = any_till.due(2990, payment_id=due.payment_id, reference=due.reference)
    with suppress(ProviderRefused):  # or it is the payment that was begun
        assert (await any_till.provider.begin(changed)) == begun
    assert (await any_till.provider.look(begun.provider_ref)).amount == 1990


async def test_a_payment_that_was_paid_has_succeeded(any_till: Till) -> None:
    ref = await any_till.opened(1990)
    await any_till.pay(ref)
    state = await any_till.provider.look(ref)
    assert state == ProviderState(PaymentStage.SUCCEEDED, 1990, any_till.currency)
    assert await any_till.captured(ref) == 1990


async def test_looking_many_times_at_once_captures_once(any_till: Till) -> None:
    ref = await any_till.opened(1990)
    await any_till.pay(ref)
    states = await asyncio.gather(*(any_till.provider.look(ref) for _ in range(5)))
    assert {state.status for state in states} == {PaymentStage.SUCCEEDED}
    assert await any_till.captured(ref) == 1990


async def test_what_was_declined_took_nothing_and_may_be_tried_again_where_it_stays_open(
    any_till: Till,
) -> None:
    ref = await any_till.opened(1990)
    await any_till.decline(ref)
    declined = await any_till.provider.look(ref)
    assert declined.status in {PaymentStage.OPEN, PaymentStage.DECLINED}
    cancelled = await any_till.provider.cancel(ref)
    if declined.status is PaymentStage.OPEN:
        assert cancelled.status is PaymentStage.CANCELLED
    assert await any_till.captured(ref) == 0


async def test_nobody_can_pay_what_was_cancelled(any_till: Till) -> None:
    ref = await any_till.opened(1990)
    cancelled = ProviderState(PaymentStage.CANCELLED, 1990, any_till.currency)
    assert await any_till.provider.cancel(ref) == cancelled
    with suppress(httpx2.HTTPStatusError):
        await any_till.pay(ref)
    assert await any_till.provider.look(ref) == cancelled
    assert await any_till.provider.cancel(ref) == cancelled
    assert await any_till.captured(ref) == 0


async def test_already_succeeded_is_an_answer_to_whoever_cancels(any_till: Till) -> None:
    ref = await any_till.opened(1990)
    await any_till.pay(ref)  # and nobody has looked
    state = await any_till.provider.cancel(ref)
    assert state == ProviderState(PaymentStage.SUCCEEDED, 1990, any_till.currency)
    assert await any_till.captured(ref) == 1990


@pytest.mark.parametrize("order", [0, 1])
async def test_paying_and_cancelling_at_once_ends_as_one_of_the_two(
    any_till: Till, order: int
) -> None:
    ref = await any_till.opened(1990)
    race = [any_till.provider.cancel(ref), any_till.pay(ref)]
    await asyncio.gather(*race[:: 1 - 2 * order], return_exceptions=True)
    state = await any_till.provider.look(ref)
    taken = {PaymentStage.SUCCEEDED: 1990, PaymentStage.CANCELLED: 0}
    assert await any_till.captured(ref) == taken[state.status]


async def test_a_refund_gives_back_what_was_asked_and_says_under_which_name(any_till: Till) -> None:
    ref = await any_till.paid(1990)
    state = await any_till.provider.refund(ref, uuid.uuid4(), 1990)
    assert state.status is RefundStage.DONE
    assert state.provider_refund
    assert await any_till.given_back(ref) == [1990]
    assert (await any_till.provider.look(ref)).status is PaymentStage.SUCCEEDED


async def test_a_refund_asked_for_again_is_the_same_refund(any_till: Till) -> None:
    ref, refund_id = await any_till.paid(1990), uuid.uuid4()
    states = [await any_till.provider.refund(ref, refund_id, 700) for _ in range(3)]
    assert states[0] == states[1] == states[2]
    assert await any_till.given_back(ref) == [700]


async def test_a_refund_is_known_also_when_its_key_is_forgotten(till: Till) -> None:
    ref, refund_id = await till.paid(1990), uuid.uuid4()
    till.way.drops_keys = True
    first = await till.provider.refund(ref, refund_id, 700)
    assert await till.provider.refund(ref, refund_id, 700) == first
    assert await till.given_back(ref) == [700]


async def test_several_refunds_of_a_payment_add_up(any_till: Till) -> None:
    ref = await any_till.paid(1990)
    for amount in (500, 500, 990):
        state = await any_till.provider.refund(ref, uuid.uuid4(), amount)
        assert state.status is RefundStage.DONE
    assert sorted(await any_till.given_back(ref)) == [500, 500, 990]


@pytest.mark.parametrize("before", [(), (1500,), (1990,)])
async def test_no_more_is_given_back_than_was_paid(any_till: Till, before: tuple[int, ...]) -> None:
    ref = await any_till.paid(1990)
    for amount in before:
        await any_till.provider.refund(ref, uuid.uuid4(), amount)
    with suppress(ProviderRefused):
        state = await any_till.provider.refund(ref, uuid.uuid4(), 1990 - sum(before) + 1)
        assert state.status is RefundStage.FAILED
    assert sum(await any_till.given_back(ref)) == sum(before)


async def test_what_nobody_paid_is_not_given_back(any_till: Till) -> None:
    ref = await any_till.opened(1990)
    with suppress(ProviderRefused):
        state = await any_till.provider.refund(ref, uuid.uuid4(), 1990)
        assert state.status is RefundStage.FAILED
    assert await any_till.given_back(ref) == []


async def refund_at_once(till: Till, ref: str, refund_id: uuid.UUID) -> list[object]:
    """Refund by four workers, each of whom has seen that nobody has before; return what they are told."""
    till.way.hold(on=till.refund_line)
    workers = [asyncio.create_task(till.provider.refund(ref, refund_id, 700)) for _ in range(4)]
    await wait_until(lambda: till.way.waiting == len(workers))
    till.way.let_go()
    return await asyncio.gather(*workers, return_exceptions=True)


async def test_several_workers_who_refund_at_once_refund_once(till: Till) -> None:
    ref, refund_id = await till.paid(2990), uuid.uuid4()
    told = await refund_at_once(till, ref, refund_id)
    done = await till.provider.refund(ref, refund_id, 700)
    assert done.status is RefundStage.DONE
    assert all(each == done or isinstance(each, ProviderDown) for each in told), told
    assert await till.given_back(ref) == [700]


async def test_without_their_key_they_refund_several_times(till: Till) -> None:
    ref = await till.paid(2990)
    till.way.drops_keys = True
    await refund_at_once(till, ref, uuid.uuid4())
    assert len(await till.given_back(ref)) > 1


@pytest.mark.parametrize("ref", _NOT_THEIRS)
async def test_a_payment_that_the_provider_does_not_know_is_refused(
    any_till: Till, ref: str
) -> None:
    with pytest.raises(ProviderRefused):
        await any_till.provider.look(ref)
    with pytest.raises(ProviderRefused):
        await any_till.provider.cancel(ref)


@pytest.mark.parametrize("ref", _NOT_THEIRS)
async def test_a_payment_that_the_provider_does_not_know_is_not_paid_back(
    till: Till, ref: str
) -> None:
    with pytest.raises(ProviderRefused):
        await till.provider.refund(ref, uuid.uuid4(), 100)


async def test_keys_that_are_taken_pass_the_check(till: Till) -> None:
    await till.provider.check()
    assert till.provider.is_live is False


async def test_wrong_keys_are_refused_in_words_that_do_not_repeat_them(till: Till) -> None:
    provider = till.open(**till.wrong_key)
    for call in (provider.check(), provider.begin(till.due()), provider.look(await till.opened())):
        with pytest.raises(ProviderRefused) as refusal:
            await call
        assert refusal.value.reason
        assert not any(key in refusal.value.reason for key in till.wrong_key.values())
