"""A provider behind its breaker: bounded calls, bounded time, an answer at once when it is down."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from prometheus_client import generate_latest

from server.metrics import REGISTRY
from server.payments.breaker import Breaker, BreakerRules, Guarded, NotAsked
from server.payments.provider import (
    PaymentStage,
    ProviderDown,
    ProviderError,
    ProviderRefused,
    RefundStage,
)
from tests.payments.tills import NEW_SECRET, NOW, Till
from tests.support.provider_way import Fault
from tests.support.waiting import wait_until


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def guarded(till: Till, clock: Clock) -> AsyncIterator[Guarded]:
    made = Guarded(till.provider, Breaker(BreakerRules(calls_min=4)), calls_at_once=4, clock=clock)
    yield made
    await made.close()


def figure(line: str) -> float:
    """Return a metric by its name and labels."""
    lines = generate_latest(REGISTRY).decode().splitlines()
    return next((float(each.split()[-1]) for each in lines if each.startswith(line)), 0.0)


async def take_down(till: Till, guarded: Guarded, *, calls: int = 4) -> None:
    """Let so many calls fail, which must be what opens the circuit."""
    for _ in range(calls):
        till.way.arm(Fault.UNAVAILABLE_503)
        with pytest.raises(ProviderDown, match="503"):
            await guarded.look(ref_of(till))


def ref_of(till: Till) -> str:
    return {"stripe": "pi_3Any", "razorpay": "order_Any"}[till.provider.method]


async def test_it_does_all_that_the_provider_does(till: Till, guarded: Guarded) -> None:
    begun = await guarded.begin(till.due(1990))
    await till.pay(begun.provider_ref)
    assert (await guarded.look(begun.provider_ref)).status is PaymentStage.SUCCEEDED
    assert (await guarded.cancel(begun.provider_ref)).status is PaymentStage.SUCCEEDED
    refund = await guarded.refund(begun.provider_ref, uuid.uuid4(), 1990)
    assert refund.status is RefundStage.DONE
    signed = till.sign(till.message(till.kinds[0], begun.provider_ref), NEW_SECRET)
    event = guarded.read_webhook(signed.headers, signed.body, NOW)
    assert event.provider_ref == begun.provider_ref
    assert guarded.method == till.provider.method


async def test_who_is_down_is_asked_no_more_until_it_has_rested(
    till: Till, guarded: Guarded, clock: Clock
) -> None:
    ref = await till.opened()
    await take_down(till, guarded)
    asked = len(till.way.seen)
    for call in (
        guarded.begin(till.due()),
        guarded.look(ref),
        guarded.cancel(ref),
        guarded.refund(ref, uuid.uuid4(), 1),
    ):
        with pytest.raises(NotAsked) as refusal:
            await call
        assert 0 < refusal.value.retry_after <= 5
    assert len(till.way.seen) == asked
    clock.now += 5
    for _ in range(3):
        assert (await guarded.look(ref)).status is PaymentStage.OPEN


async def test_while_it_is_down_webhooks_are_still_read(till: Till, guarded: Guarded) -> None:
    await take_down(till, guarded)
    signed = till.sign(till.message(till.kinds[0], ref_of(till)), NEW_SECRET)
    assert guarded.read_webhook(signed.headers, signed.body, NOW).provider_ref


async def test_refusals_are_answers_and_open_nothing(till: Till, guarded: Guarded) -> None:
    for _ in range(10):
        with pytest.raises(ProviderRefused):
            await guarded.look("nobody's")
    assert (await guarded.look(await till.opened())).status is PaymentStage.OPEN


async def test_slow_answers_open_it_as_failures_do(
    till: Till, guarded: Guarded, clock: Clock
) -> None:
    ref = await till.opened()
    for _ in range(4):
        till.way.hold()
        call = asyncio.create_task(guarded.look(ref))
        await wait_until(lambda: till.way.waiting == 1)
        clock.now += 4
        till.way.let_go()
        await call
    with pytest.raises(NotAsked):
        await guarded.look(ref)


async def test_no_more_than_so_many_ask_at_a_time_and_the_rest_is_told_at_once(
    till: Till, guarded: Guarded
) -> None:
    ref = await till.opened()
    till.way.hold()
    inside = [asyncio.create_task(guarded.look(ref)) for _ in range(4)]
    await wait_until(lambda: till.way.waiting == 4)
    for _ in range(10):
        with pytest.raises(NotAsked, match="too many"):
            await guarded.look(ref)
    till.way.let_go()
    states = await asyncio.gather(*inside)
    assert [state.status for state in states] == [PaymentStage.OPEN] * 4
    assert (await guarded.look(ref)).status is PaymentStage.OPEN


async def test_a_call_that_takes_too_long_keeps_its_place_until_it_ends(till: Till) -> None:
    ref = await till.opened()
    guarded = Guarded(till.provider, calls_at_once=1, call_seconds=0.05)
    till.way.hold()
    with pytest.raises(ProviderDown, match="in time"):
        await guarded.look(ref)
    with pytest.raises(NotAsked):
        await guarded.look(ref)
    till.way.let_go()

    async def has_answered() -> bool:
        try:
            return (await guarded.look(ref)).status is PaymentStage.OPEN
        except ProviderError:
            return False

    await wait_until(has_answered)
    await guarded.close()


async def test_whoever_stops_waiting_stops_nobody_else_and_nothing_of_what_was_begun(
    till: Till, guarded: Guarded
) -> None:
    ref, refund_id = await till.paid(1990), uuid.uuid4()
    till.way.hold()
    leaving = asyncio.create_task(guarded.refund(ref, refund_id, 700))
    await wait_until(lambda: till.way.waiting == 1)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    till.way.let_go()

    async def is_given_back() -> bool:
        return await till.given_back(ref) == [700]

    await wait_until(is_given_back)
    assert (await guarded.refund(ref, refund_id, 700)).status is RefundStage.DONE
    assert await till.given_back(ref) == [700]


async def test_what_becomes_of_calls_is_counted(till: Till, guarded: Guarded, clock: Clock) -> None:
    provider = till.provider.method

    def calls(outcome: str) -> float:
        labels = f'call="look",outcome="{outcome}",provider="{provider}"'
        return figure(f"omnibus_provider_calls_total{{{labels}}}")

    circuit = f'omnibus_provider_circuit{{provider="{provider}"}}'
    before = {each: calls(each) for each in ("answered", "refused", "down", "not_asked")}
    ref = await till.opened()
    await guarded.look(ref)
    with pytest.raises(ProviderRefused):
        await guarded.look("nobody's")
    assert figure(circuit) == 0
    await take_down(till, guarded, calls=2)  # half of four
    with pytest.raises(NotAsked):
        await guarded.look(ref)
    assert figure(circuit) == 2
    clock.now += 5
    await guarded.look(ref)
    assert figure(circuit) == 1
    await guarded.look(ref)
    assert figure(circuit) == 0
    added = {each: calls(each) - count for each, count in before.items()}
    assert added == {"answered": 3, "refused": 1, "down": 2, "not_asked": 1}
    seconds = f'omnibus_provider_call_duration_seconds_count{{call="look",provider="{provider}"}}'
    assert figure(seconds) >= 6
