"""Whatever a provider or the network does, it is ProviderDown or ProviderRefused; and nothing is done twice."""

import asyncio
import logging
import traceback
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from server.payments.outside import Outside
from server.payments.provider import (
    PaymentStage,
    ProviderDown,
    ProviderError,
    ProviderRefused,
    RefundStage,
)
from tests.payments.tills import Till
from tests.support.provider_way import Fault

Ask = Callable[[Outside], Awaitable[object]]

_SLOW = (Fault.HANG, Fault.TRICKLE)
_QUICK = tuple(fault for fault in Fault if fault not in _SLOW)
_REQUESTS_MOST = 8


async def _asks(till: Till) -> dict[str, Ask]:
    """Return every operation, each on a payment of its own where it finds something to do."""
    due, unpaid, paid = till.due(), await till.opened(), await till.paid()
    waiting = await till.opened()
    await till.pay(waiting)
    refund_id = uuid.uuid4()
    return {
        "begin": lambda provider: provider.begin(due),
        "look": lambda provider: provider.look(waiting),
        "cancel": lambda provider: provider.cancel(unpaid),
        "refund": lambda provider: provider.refund(paid, refund_id, 990),
        "check": lambda provider: provider.check(),
    }


async def _error_of(call: Awaitable[object]) -> ProviderError | None:
    """Return what went wrong, if it is one of the errors that are allowed."""
    try:
        await call
    except (ProviderDown, ProviderRefused) as error:
        return error
    return None


@pytest.mark.parametrize("fault", _QUICK)
async def test_a_fault_at_any_request_of_any_operation_is_one_of_two_errors(
    till: Till, fault: Fault
) -> None:
    for name, ask in (await _asks(till)).items():
        for place in range(_REQUESTS_MOST):
            struck = len(till.way.seen) + place + 1
            till.way.arm(fault, skip=place)
            error = await _error_of(ask(till.provider))
            assert error is None or str(error), (name, place)
            was_struck = len(till.way.seen) >= struck
            till.way.calm()
            if not was_struck:
                break
        else:
            pytest.fail(f"{name} makes more requests than {_REQUESTS_MOST}")
        await ask(till.provider)


@pytest.mark.parametrize("fault", [fault for fault in _QUICK if fault is not Fault.LOSE_ANSWER])
async def test_what_says_nothing_of_the_request_is_down_and_not_refused(
    till: Till, fault: Fault
) -> None:
    for ask in (await _asks(till)).values():
        till.way.arm(fault)
        with pytest.raises(ProviderDown):
            await ask(till.provider)


@pytest.mark.parametrize("fault", _SLOW)
async def test_nobody_waits_longer_than_the_bound(till: Till, fault: Fault) -> None:
    hasty = till.open(call_seconds=0.4)
    for ask in (await _asks(till)).values():
        till.way.arm(fault)
        with pytest.raises(ProviderDown):
            await ask(hasty)


async def test_nobody_listening_is_down_until_somebody_listens_again(till: Till) -> None:
    asks = await _asks(till)
    await till.way.refuse()
    for ask in asks.values():
        with pytest.raises(ProviderDown):
            await ask(till.provider)
    await till.way.listen()
    for ask in asks.values():
        await ask(till.provider)


@pytest.mark.parametrize("place", range(_REQUESTS_MOST))
async def test_a_refund_whose_answer_is_lost_is_made_once(till: Till, place: int) -> None:
    ref, refund_id = await till.paid(1990), uuid.uuid4()
    till.way.arm(Fault.LOSE_ANSWER, skip=place)
    with suppress(ProviderDown):
        await till.provider.refund(ref, refund_id, 700)
    till.way.calm()
    assert (await till.provider.refund(ref, refund_id, 700)).status is RefundStage.DONE
    assert await till.given_back(ref) == [700]


@pytest.mark.parametrize("place", range(_REQUESTS_MOST))
async def test_a_look_or_a_cancel_whose_answer_is_lost_captures_no_second_time(
    till: Till, place: int
) -> None:
    for ask in (till.provider.look, till.provider.cancel):
        ref = await till.opened(1990)
        await till.pay(ref)
        till.way.arm(Fault.LOSE_ANSWER, skip=place)
        with suppress(ProviderDown):
            await ask(ref)
        till.way.calm()
        assert (await ask(ref)).status is PaymentStage.SUCCEEDED
        assert await till.captured(ref) == 1990


async def test_an_answer_without_end_is_not_kept_in_memory(till: Till) -> None:
    till.way.arm(Fault.ENDLESS)
    with pytest.raises(ProviderDown, match="no end"):
        await till.provider.check()


async def test_nobody_is_followed_to_another_address(till: Till) -> None:
    till.way.arm(Fault.REDIRECT)
    with pytest.raises(ProviderDown, match="302"):
        await till.provider.check()


async def test_connections_are_kept_from_one_call_to_the_next(till: Till) -> None:
    for _ in range(5):
        await till.provider.check()
    assert till.way.connections == 1


async def test_no_secret_is_told_in_logs_errors_or_shown_objects(
    till: Till, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []
    providers = [till.provider, till.open(**till.wrong_key)]
    with caplog.at_level(logging.DEBUG):
        for fault in (None, *_QUICK):
            for ask in (await _asks(till)).values():
                for provider in providers:
                    if fault is not None:
                        till.way.arm(fault)
                    try:
                        told.append(repr(await ask(provider)))
                    except ProviderError as error:
                        told += traceback.format_exception(error)
                    till.way.calm()
    told += [repr(each) + repr(vars(each).get("_keys")) for each in providers]
    logged = [record.getMessage() for record in caplog.records] + [*capfd.readouterr()]
    for secret in (*till.secrets, *till.wrong_key.values()):
        assert secret not in "\n".join(told + logged)
    for payers in ("_secret_", "gaurav.kumar@example.com"):
        assert payers not in "\n".join(logged)


async def test_many_calls_at_once_are_all_answered(till: Till) -> None:
    amounts = [100 * (1 + number) for number in range(40)]
    refs = await asyncio.gather(*(till.opened(amount) for amount in amounts))
    states = await asyncio.gather(*(till.provider.look(ref) for ref in refs))
    assert [state.amount for state in states] == amounts
