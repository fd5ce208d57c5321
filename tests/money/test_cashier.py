"""Between our books and the provider: begun once, found when nobody told, closed at the deadline, down for a while."""

import logging
import uuid
from dataclasses import dataclass
from datetime import timedelta

import pytest

from server.config import Settings
from server.payments.breaker import NotAsked
from server.payments.cashier import Cashier
from server.payments.demo import DemoProvider, Step, Telling
from server.payments.provider import (
    Begun,
    PaymentDue,
    ProviderDown,
    ProviderState,
    RefundState,
)
from server.work.attempt import attempt
from server.work.handler import Work
from store.errors import HoldExpired, NotFound, WrongState
from store.expiry import PROVIDERS_TIME
from store.inbox import EventState, ProviderEvent
from store.intents import LOOK_EVERY
from store.jobs import Ending, Job, JobKind
from store.model import Booking, BookingStatus
from tests.money.words import balances, find
from tests.support.world import World

ADDRESS = "http://127.0.0.1:8000"
SECRET = "a secret of sixteen letters"
FIVE_MINUTES = timedelta(minutes=5)


@dataclass(slots=True)
class Line:
    """The way to the provider: cut, or not; and `calls` counts what went through it."""

    is_cut: bool = False
    rests: bool = False
    calls: int = 0

    def cross(self) -> None:
        if self.rests:
            raise NotAsked("it does not answer lately", 2.0)
        if self.is_cut:
            raise ProviderDown("unreachable")
        self.calls += 1


class Remote(DemoProvider):
    """The demo provider at the end of a line."""

    def __init__(self, world: World, line: Line) -> None:
        super().__init__(world.store.demo_bank, [SECRET])
        self._line = line

    async def begin(self, payment: PaymentDue) -> Begun:
        self._line.cross()
        return await super().begin(payment)

    async def look(self, provider_ref: str) -> ProviderState:
        self._line.cross()
        return await super().look(provider_ref)

    async def cancel(self, provider_ref: str) -> ProviderState:
        self._line.cross()
        return await super().cancel(provider_ref)

    async def refund(self, provider_ref: str, refund_id: uuid.UUID, amount: int) -> RefundState:
        self._line.cross()
        return await super().refund(provider_ref, refund_id, amount)


@dataclass(slots=True)
class Till:
    world: World
    line: Line
    provider: Remote
    cashier: Cashier

    async def begun(self, booking: Booking) -> str:
        """Begin to pay and return what the provider calls it."""
        action = await self.cashier.begin(_place(booking))
        return str(action["url"]).rpartition("/")[2]

    async def step(self, booking: Booking, step: Step = "approve") -> None:
        provider_ref = await self.begun(booking)
        assert await self.provider.take_step(provider_ref, step, Telling(is_lost=True))

    async def due(self, booking: Booking) -> None:
        """Let the moment come at which the provider is asked."""
        await self.world.edit(
            "UPDATE intents SET look_at = clock_timestamp() WHERE bus_id = $1 AND booking_id = $2"
            " AND look_at IS NOT NULL",
            *_place(booking),
        )

    async def look(self, booking: Booking) -> BookingStatus:
        await self.due(booking)
        await self.cashier.look_due()
        return (await find(self.world, booking)).status


@pytest.fixture
def till(world: World) -> Till:
    line = Line()
    remote = Remote(world, line)
    return Till(world, line, remote, Cashier(world.store, [remote], ADDRESS))


def _place(booking: Booking) -> tuple[int, int]:
    return booking.bus.bus_id, booking.booking_id


async def refund_job(world: World) -> Job:
    """Take the job that pays back, when those before it are done."""
    worker = await world.worker()
    while True:
        (job,) = await worker.jobs.claim(1, timedelta(seconds=10))
        if job.kind is JobKind.REFUND:
            return job
        await world.edit(
            "UPDATE jobs SET state = 'DONE', done_at = now(), lease = NULL, leased_until = NULL WHERE job_id = $1",
            job.job_id,
        )


async def test_a_payment_is_begun_once_however_often_it_is_asked_for(till: Till) -> None:
    booking = await till.world.book(await till.world.bus(), ["1A"])
    first = await till.cashier.begin(_place(booking))
    assert first["type"] == "redirect"
    assert [await till.cashier.begin(_place(booking)) for _ in range(3)] == [first] * 3
    assert till.line.calls == 1


async def test_who_died_while_it_was_begun_finds_the_same_payment_at_the_provider(
    till: Till,
) -> None:
    booking = await till.world.book(await till.world.bus(), ["1A"])
    first = await till.begun(booking)
    await till.world.edit("DELETE FROM intents")
    assert await till.begun(booking) == first


async def test_a_booking_under_the_number_of_one_that_a_restore_has_lost_is_another_payment(
    till: Till,
) -> None:
    booking = await till.world.book(await till.world.bus(), ["1A"])
    await till.step(booking)
    lost = await till.begun(booking)
    await till.world.edit("DELETE FROM intents")
    await till.world.edit("UPDATE bookings SET ref = 'N3W234'")
    assert await till.begun(await find(till.world, booking)) != lost


async def test_what_is_paid_or_over_is_not_begun(till: Till) -> None:
    bus = await till.world.bus()
    paid = await till.world.pay(await till.world.book(bus, ["1A"]))
    with pytest.raises(WrongState):
        await till.cashier.begin(_place(paid))
    late = await till.world.book(bus, ["1B"])
    await till.world.let_time_pass(late)
    with pytest.raises(HoldExpired):
        await till.cashier.begin(_place(late))
    cash = await till.world.book(bus, ["1C"], caller=till.world.agent(), method="cash")
    with pytest.raises(NotFound):
        await till.cashier.begin(_place(cash))


async def test_a_payment_whose_messages_are_all_lost_is_found_within_five_minutes(
    till: Till,
) -> None:
    booking = await till.world.book(await till.world.bus(), ["1A"])
    await till.step(booking)
    (row,) = await till.world.edit("SELECT look_at - created_at AS wait FROM intents")
    assert row["wait"] <= LOOK_EVERY <= FIVE_MINUTES
    assert await till.look(booking) is BookingStatus.CONFIRMED
    (row,) = await till.world.edit("SELECT look_at FROM intents")
    assert row["look_at"] is None


async def test_a_payment_that_is_still_open_is_looked_at_again_at_its_deadline_at_the_latest(
    till: Till,
) -> None:
    booking = await till.world.book(await till.world.bus(), ["1A"])
    await till.begun(booking)
    assert await till.look(booking) is BookingStatus.PENDING
    (row,) = await till.world.edit(
        "SELECT i.look_at > now() AND i.look_at <= b.expires_at AS is_in_time"
        " FROM intents AS i JOIN bookings AS b USING (bus_id, booking_id)"
    )
    assert row["is_in_time"]


async def test_at_the_deadline_it_is_cancelled_at_the_provider_before_anybody_is_told(
    till: Till,
) -> None:
    bus = await till.world.bus()
    booking = await till.world.book(bus, ["1A"])
    provider_ref = await till.begun(booking)
    await let_deadline_pass(till.world, booking)
    await till.world.store.expiry.sweep()
    assert (await till.world.states(bus))["1A"] == "L"
    await till.look(booking)
    payment = await till.provider.find(provider_ref)
    assert payment is not None
    assert payment.status == "cancelled"
    await till.world.store.expiry.sweep()
    assert (await till.world.states(bus))["1A"] == "A"


async def test_what_was_paid_at_the_last_moment_is_confirmed_instead_of_cancelled(
    till: Till,
) -> None:
    booking = await till.world.book(await till.world.bus(), ["1A"])
    await till.step(booking)
    await let_deadline_pass(till.world, booking)
    await till.world.store.expiry.sweep()
    assert await till.look(booking) is BookingStatus.CONFIRMED


async def test_after_the_deadline_others_may_have_the_seats_whatever_the_provider_does(
    till: Till,
) -> None:
    bus = await till.world.bus()
    booking = await till.world.book(bus, ["1A"])
    await till.step(booking)
    await let_deadline_pass(till.world, booking)
    await till.world.book(bus, ["1A"], caller=till.world.agent(), method="cash")
    assert await till.look(booking) is BookingStatus.EXPIRED
    assert (await find(till.world, booking)).refunded == booking.total


async def test_a_provider_that_is_down_sells_nothing_and_keeps_no_seat_for_ever(
    till: Till, caplog: pytest.LogCaptureFixture
) -> None:
    bus = await till.world.bus()
    booking = await till.world.book(bus, ["1A"])
    till.line.is_cut = True
    with pytest.raises(ProviderDown):
        await till.cashier.begin(_place(booking))
    till.line.is_cut = False
    await till.step(booking)
    till.line.is_cut = True
    await let_deadline_pass(till.world, booking)
    with caplog.at_level(logging.WARNING):
        assert await till.look(booking) is BookingStatus.EXPIRED
    assert "not looked at" in caplog.text
    await till.world.let_time_pass(booking)
    await till.world.store.expiry.sweep()
    assert (await till.world.states(bus))["1A"] == "A"
    assert await balances(till.world) == {}
    (row,) = await till.world.edit(
        "SELECT look_at < now() + interval '2 minutes' AS is_soon FROM intents"
    )
    assert row["is_soon"], "who was down is asked again soon"
    # It answers again: the seats are still free, so the late money has them.
    till.line.is_cut = False
    assert await till.look(booking) is BookingStatus.CONFIRMED


async def test_one_that_is_left_alone_for_a_moment_is_asked_right_after_it(till: Till) -> None:
    booking = await till.world.book(await till.world.bus(), ["1A"])
    await till.begun(booking)
    await till.world.edit("UPDATE intents SET looks = 10")
    await let_deadline_pass(till.world, booking)
    till.line.rests = True
    await till.look(booking)
    (row,) = await till.world.edit(
        "SELECT look_at <= clock_timestamp() + interval '2 seconds' AS is_soon FROM intents"
    )
    assert row["is_soon"]


async def test_messages_have_one_effect_whatever_their_order_and_number(till: Till) -> None:
    booking = await till.world.book(await till.world.bus(), ["1A"])
    await till.step(booking)
    provider_ref = await till.begun(booking)
    inbox = till.world.store.inbox
    kinds = ("payment.succeeded", "payment.created", "payment.succeeded", "payment.processing")
    news = [
        await inbox.note(ProviderEvent("demo", f"evt_{kind}", kind, provider_ref)) for kind in kinds
    ]
    assert news == [True, True, False, True]
    assert await till.cashier.read_inbox() == 3
    assert await till.cashier.read_inbox() == 0
    assert [event.kind for event in till.world.events] == ["booked", "confirmed"]
    assert (await balances(till.world))["sales"] == -booking.total


async def test_a_message_about_nobodys_payment_is_kept_and_told_and_given_up(
    till: Till, caplog: pytest.LogCaptureFixture
) -> None:
    await till.world.store.inbox.note(ProviderEvent("demo", "evt_1", "payment.created", "demo_x"))
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            await till.world.edit("UPDATE provider_events SET due_at = clock_timestamp()")
            assert await till.cashier.read_inbox() == 1
    (row,) = await till.world.edit("SELECT state FROM provider_events")
    assert row["state"] == EventState.UNKNOWN
    assert "not ours" in caplog.text


async def test_two_processes_never_ask_about_one_payment_at_once(till: Till) -> None:
    booking = await till.world.book(await till.world.bus(), ["1A"])
    await till.begun(booking)
    await till.due(booking)
    other = await till.world.open_store()
    taken = [
        *await till.world.store.intents.take_due(10, ["demo"]),
        *await other.intents.take_due(10, ["demo"]),
    ]
    assert len(taken) == 1


async def test_a_refund_is_paid_back_once_though_its_worker_dies_or_the_provider_is_away(
    till: Till,
) -> None:
    world = till.world
    booking = await world.book(await world.bus(), ["1A"])
    await till.step(booking)
    await till.look(booking)
    await world.cancel(booking)
    worker = await world.worker()
    remote = Remote(world, till.line)
    work = Work(worker, Settings(), Cashier(worker, [remote], ADDRESS))
    job = await refund_job(world)
    till.line.is_cut = True
    assert (await attempt(job, work)).ending is Ending.PUT_OFF
    till.line.is_cut = False
    # One that died when the provider had paid, and had told nobody.
    (refund,) = await world.edit("SELECT refund_id FROM refunds")
    await remote.refund(await till.begun(booking), refund["refund_id"], booking.total)
    for _ in range(2):
        assert (await attempt(job, work)).ending is Ending.DONE
    rows = await world.edit("SELECT amount FROM demo_refunds")
    assert [row["amount"] for row in rows] == [booking.total]
    assert await balances(world) == {}


async def test_money_of_another_currency_is_paid_back_by_itself_to_the_last_cent(
    till: Till, caplog: pytest.LogCaptureFixture
) -> None:
    world = till.world
    booking = await world.book(await world.bus(), ["1A"])
    await till.begun(booking)
    # Somebody at the provider has made something else of it than we asked for.
    await world.edit("UPDATE demo_payments SET currency = 'JPY', amount = 3141")
    await till.step(booking)
    with caplog.at_level(logging.INFO):
        assert await till.look(booking) is BookingStatus.PENDING
    assert "3141 JPY" in caplog.text
    worker = await world.worker()
    work = Work(worker, Settings(), Cashier(worker, [Remote(world, till.line)], ADDRESS))
    assert (await attempt(await refund_job(world), work)).ending is Ending.DONE
    (row,) = await world.edit("SELECT amount FROM demo_refunds")
    assert row["amount"] == 3141
    assert await balances(world) == {}


async def test_cash_waits_for_whoever_comes_to_the_counter(till: Till) -> None:
    world = till.world
    booking = await world.book(await world.bus(), ["1A"], caller=world.agent(), method="cash")
    await world.cancel(booking)
    worker = await world.worker()
    work = Work(worker, Settings(), Cashier(worker, [], ADDRESS))
    assert (await attempt(await refund_job(world), work)).ending is Ending.DONE
    assert await balances(world) == {"cash_drawer": booking.total, "refunds_due": -booking.total}


async def test_more_than_was_captured_is_not_paid_back_and_somebody_is_told(till: Till) -> None:
    world = till.world
    booking = await world.book(await world.bus(), ["1A"])
    await till.step(booking)
    await till.look(booking)
    await world.cancel(booking)
    provider_ref = await till.begun(booking)
    await till.provider.refund(provider_ref, uuid.uuid4(), booking.total)
    worker = await world.worker()
    work = Work(worker, Settings(), Cashier(worker, [Remote(world, till.line)], ADDRESS))
    assert (await attempt(await refund_job(world), work)).ending is Ending.DEAD
    rows = await world.edit("SELECT status, reason FROM refund_attempts")
    assert [tuple(row) for row in rows] == [("FAILED", "more than was captured")]


async def let_deadline_pass(world: World, booking: Booking) -> None:
    """Let the time to pay be over for a second: less than what providers have for their last word."""
    assert timedelta(seconds=3) < PROVIDERS_TIME
    await world.edit(
        "UPDATE bookings SET created_at = created_at - interval '1 day', expires_at = clock_timestamp()"
        " WHERE bus_id = $1 AND booking_id = $2",
        *_place(booking),
    )
