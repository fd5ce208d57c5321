"""Between our books and payment providers: begins payments, hears what became of them, pays back.

A provider is never asked inside a transaction. Whatever made us ask (a webhook, the clock, a deadline), what is applied
is what the provider says when it is asked, and applying it twice changes nothing.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from realtime.supervise import cancel
from server.payments.breaker import NotAsked
from server.payments.provider import (
    Forged,
    PaymentDue,
    PaymentStage,
    Provider,
    ProviderDown,
    ProviderError,
    ProviderRefused,
    ProviderState,
    RefundState,
    SignsCheckout,
)
from store import Store
from store.captures import Settled, Word
from store.errors import HoldExpired, NotFound, StoreError, WrongState
from store.inbox import EventState, ProviderEvent
from store.intents import LOOK_EVERY, DueIntent, Intent, payment_id_of
from store.model import Booking, BookingStatus, PaymentStatus
from store.payouts import Payout

log = logging.getLogger("omnibus.payments")
_AT_A_TIME = 50
_AT_ONCE = 10
_PAUSE_SECONDS_MAX = 60
_REFUSED_PAUSE = timedelta(hours=1)
_UNKNOWN_AFTER = 5
"""A webhook may be here before we have kept what it is about: so often it is looked for."""
_UNKNOWN_PAUSE = timedelta(seconds=2)
_LAST_WORDS = {
    PaymentStage.SUCCEEDED: PaymentStatus.SUCCEEDED,
    PaymentStage.DECLINED: PaymentStatus.DECLINED,
    PaymentStage.CANCELLED: PaymentStatus.CANCELLED,
}


class Cashier:
    """`address` is where payers come back to."""

    def __init__(self, store: Store, providers: Iterable[Provider], address: str) -> None:
        self._store = store
        self._providers: dict[str, Provider] = {each.method: each for each in providers}
        self._address = address
        self._reading: asyncio.Task[None] | None = None
        self._is_more = False

    @property
    def methods(self) -> tuple[str, ...]:
        return tuple(self._providers)

    def find(self, method: str) -> Provider | None:
        return self._providers.get(method)

    async def begin(self, owned: tuple[int, int]) -> Mapping[str, Any]:
        """Begin to pay a booking (bus, number) at its provider; return what the payer's page needs.

        However often it is asked, the answer is the same. Locks nothing; nothing is kept while the provider is asked:
        whoever dies then is found by the next one who asks. Raises NotFound, HoldExpired, WrongState, ProviderDown,
        ProviderRefused.
        """
        booking = await self._store.lookup.find(*owned)
        provider = self.find(booking.payment.method)
        if provider is None:
            raise NotFound("payment")
        if (intent := await self._store.intents.find(booking)) is not None:
            return intent.action
        _require_unpaid(booking)
        begun = await provider.begin(self._due(booking))
        return (await self._store.intents.add(booking, begun.provider_ref, begun.action)).action

    async def look_due(self) -> int:
        """Ask about payments that have been open for a while, and cancel those whose time is over; return how many.

        This is what finds a payment whose webhooks never came, within a minute; and what closes a payment at its
        provider at the deadline: what was paid until then is paid.
        """
        due = await self._store.intents.take_due(_AT_A_TIME, self.methods)
        await _few_at_once(self._look(each) for each in due)
        return len(due)

    async def read_inbox(self) -> int:
        """Act upon webhooks that are stored; return how many."""
        events = await self._store.inbox.take(_AT_A_TIME, self.methods)
        await _few_at_once(self._read(each) for each in events)
        return len(events)

    def hint(self) -> None:
        """Say that something has come into the inbox: it is read at once, by one task however many hint."""
        if self._reading is not None and not self._reading.done():
            self._is_more = True
            return
        self._reading = asyncio.create_task(self._read_on())

    async def hear_checkout(
        self, owned: tuple[int, int], order_id: str, payment_id: str, signature: str
    ) -> None:
        """Act at once upon what a provider's checkout gave the page of whoever pays a booking (bus, number).

        A hint like a webhook, from whom it concerns most: it is verified, kept, and then the provider is asked. While
        that is away, the clock asks again. Raises NotFound (nothing was begun), Forged.
        """
        booking = await self._store.lookup.find(*owned)
        intent = await self._store.intents.find(booking)
        if intent is None:
            raise NotFound("payment")
        checkout: object = self.find(intent.method)
        if not isinstance(checkout, SignsCheckout):
            raise Forged("its checkout signs nothing")
        event = checkout.read_checkout(order_id, payment_id, signature)
        if event.provider_ref != intent.provider_ref:
            raise Forged("of another payment")
        known = ProviderEvent(intent.method, event.event_id, event.kind, event.provider_ref)
        if await self._store.inbox.note(known):
            await self._read(known)

    async def refund(self, payout: Payout) -> RefundState:
        """Pay back at the provider. Raises ProviderDown, ProviderRefused, NotFound (nobody is set up for that)."""
        provider = self.find(payout.method)
        if provider is None:
            raise NotFound("provider")
        provider_ref = payout.provider_ref or str(payout.payment_id)
        return await provider.refund(provider_ref, payout.refund_id, payout.amount)

    async def close(self) -> None:
        if self._reading is not None:
            await cancel([self._reading])

    async def settle(self, intent: Intent, state: ProviderState) -> Settled | None:
        """Apply what a provider says; None when that is not its last word."""
        status = _LAST_WORDS.get(state.status)
        if status is None:
            return None
        word = Word(
            intent.payment_id,
            intent.method,
            intent.provider_ref,
            status,
            state.amount,
            state.currency,
        )
        settled = await self._store.captures.settle(intent.place, word)
        await self._store.intents.put_off(intent, None)
        if settled in {Settled.RETURNED, Settled.RESUMED}:
            log.info(
                "payment %s of %d %s came late, or otherwise than was asked for: %s",
                *(intent.payment_id, state.amount, state.currency, settled),
            )
        return settled

    def _due(self, booking: Booking) -> PaymentDue:
        assert booking.expires_at is not None
        bus = booking.bus
        return PaymentDue(
            payment_id=payment_id_of(booking),
            amount=booking.total,
            currency=bus.currency,
            reference=booking.ref,
            description=f"{bus.operator}: {bus.name}"[:200],
            return_url=f"{self._address}/bookings/{booking.ref}",
            expires_at=booking.expires_at,
        )

    async def _look(self, due: DueIntent) -> None:
        intent = due.intent
        provider = self._providers[intent.method]
        ask = provider.look if due.is_waiting else provider.cancel
        try:
            settled = await self.settle(intent, await ask(intent.provider_ref))
        except ProviderDown as error:
            log.warning("payment %s not looked at: %s", intent.payment_id, error)
            pause = _pause_after(error, intent.looks)
            await self._store.intents.put_off(intent, _next_look(due, pause))
            return
        except ProviderRefused as error:
            log.error("payment %s cannot be looked at: %s", intent.payment_id, error)  # noqa: TRY400 - said, not broken
            await self._store.intents.put_off(intent, due.now + _REFUSED_PAUSE)
            return
        if settled is None:
            pause = LOOK_EVERY if due.is_waiting else _pause(intent.looks)
            await self._store.intents.put_off(intent, _next_look(due, pause))

    async def _read(self, event: ProviderEvent) -> None:
        intent = await self._find_intent(event)
        if intent is None:
            if event.provider_ref is not None and event.attempts < _UNKNOWN_AFTER:
                await self._store.inbox.put_off(event, _UNKNOWN_PAUSE)
                return
            log.warning("%s tells of a payment that is not ours: %s", event.method, event.event_id)
            await self._store.inbox.finish(event, EventState.UNKNOWN)
            return
        provider = self._providers[event.method]
        try:
            await self.settle(intent, await provider.look(intent.provider_ref))
        except (ProviderDown, ProviderRefused) as error:
            log.warning("%s not looked at: %s", event.event_id, error)
            await self._store.inbox.put_off(event, _pause_after(error, event.attempts))
            return
        await self._store.inbox.finish(event, EventState.APPLIED)

    async def _find_intent(self, event: ProviderEvent) -> Intent | None:
        if event.provider_ref is None:
            return None
        return await self._store.intents.find_by_ref(event.method, event.provider_ref)

    async def _read_on(self) -> None:
        with suppress(StoreError):  # the clock comes around
            while True:
                self._is_more = False
                if not await self.read_inbox() and not self._is_more:
                    return


def _require_unpaid(booking: Booking) -> None:
    if booking.status is BookingStatus.EXPIRED:
        raise HoldExpired
    if booking.status is not BookingStatus.PENDING or booking.total == 0:
        raise WrongState(booking.status, "the booking does not wait for a payment")


def _next_look(due: DueIntent, pause: timedelta) -> datetime:
    """Return when to ask next: after the pause, but at the deadline at the latest if that is still to come."""
    then = due.now + pause
    return min(then, due.expires_at) if due.is_waiting and due.expires_at else then


def _pause_after(error: ProviderError, tries: int) -> timedelta:
    """Return how long to wait with a provider that was away: one that was not even asked, until it may be."""
    if isinstance(error, NotAsked):
        return timedelta(seconds=error.retry_after)
    return _pause(tries)


def _pause(tries: int) -> timedelta:
    return timedelta(seconds=min(_PAUSE_SECONDS_MAX, 2 ** min(tries, 10)))


async def _few_at_once(works: Iterable[Any]) -> None:
    """Wait for all of them, so many at a time; one that fails is logged and comes again when its lease is over."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def run(work: Any) -> None:
        async with room:
            try:
                await work
            except StoreError as error:
                log.warning("put off: %s", error)
            except Exception:
                log.exception("a payment was not dealt with")

    works_now: Sequence[Any] = [run(work) for work in works]
    await asyncio.gather(*works_now)
