"""What is shown is what is paid: quotes stand for ten minutes, or until the rules give less, and nobody writes one."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from store.cancellations import Wish
from store.errors import InvalidRequest, QuoteExpired, Refusal, WrongState
from store.model import Booking, BookingStatus
from store.refund_quotes import Because, RefundQuote, Shown, read_quote
from store.refund_rules import QUOTE_LIFETIME, Initiator, Term
from store.seals import Seals
from tests.store.tariffs import BANDS, HALF, leave_in, sell_under
from tests.support.world import World, value

_HOUR = timedelta(hours=1)


async def quote_of(
    world: World, booking: Booking, seats: list[str] | None = None
) -> tuple[RefundQuote, Shown]:
    quote = await world.store.cancellations.quote(booking.bus.bus_id, booking.booking_id, seats)
    shown = read_quote(world.store.seals, quote.quote_id)
    assert shown is not None
    assert shown.valid_until == quote.valid_until
    return quote, shown


async def cancel_as_shown(
    world: World, booking: Booking, shown: Shown, seats: list[str] | None = None
) -> Booking:
    place = booking.bus.bus_id, booking.booking_id
    wish = Wish(shown.initiator, shown)
    return await value(lambda ask: world.store.cancellations.cancel(*place, seats, ask, wish))


async def test_a_quote_tells_each_passenger_and_adds_up(world: World) -> None:
    await sell_under(world, (Term(0, 33),))
    booking = await world.book(await world.bus(price=1999), ["1A", "1B"], method="cash")
    quote, _ = await quote_of(world, booking)
    assert [(share.paid, share.amount, share.kept) for share in quote.shares] == [
        (1999, 660, 1339)
    ] * 2
    assert quote.amount == 1320
    assert quote.rules is not None
    assert (quote.rules.name, quote.rules.version, quote.term) == ("Saver", 1, Term(0, 33))
    assert (await world.cancel(booking)).refunded == 1320


async def test_what_was_shown_is_paid_though_the_bus_was_moved_into_a_poorer_band(
    world: World,
) -> None:
    await sell_under(world, BANDS)
    bus = await world.bus(departs_in=timedelta(days=2))
    booking = await world.book(bus, ["1A", "1B"], method="cash")
    quote, shown = await quote_of(world, booking, ["1B"])
    assert quote.amount == 2000
    await leave_in(world, bus, 2 * _HOUR)
    assert (await quote_of(world, booking, ["1B"]))[0].amount == 800
    partly = await cancel_as_shown(world, booking, shown)
    assert (partly.status, partly.refunded) == (BookingStatus.PARTIALLY_CANCELLED, 2000)
    with pytest.raises(WrongState):
        await cancel_as_shown(world, booking, shown)


async def test_a_quote_stands_ten_minutes_or_until_the_rules_give_less(world: World) -> None:
    await sell_under(world, BANDS)
    bus = await world.bus()
    booking = await world.book(bus, ["1A"], method="cash")
    for ahead, expected in (
        (30 * _HOUR, QUOTE_LIFETIME),
        (24 * _HOUR + timedelta(minutes=4), timedelta(minutes=4)),
        (_HOUR + timedelta(minutes=3), timedelta(minutes=3)),
        (timedelta(minutes=2), timedelta(minutes=2)),
    ):
        await leave_in(world, bus, ahead)
        quote, _ = await quote_of(world, booking)
        stands = quote.valid_until - datetime.now(UTC)
        assert expected - timedelta(seconds=30) < stands <= expected


async def test_a_quote_whose_time_is_over_is_refused_with_the_one_that_counts_now(
    world: World,
) -> None:
    await sell_under(world, BANDS)
    bus = await world.bus(departs_in=timedelta(days=2))
    booking = await world.book(bus, ["1A"], method="cash")
    _, shown = await quote_of(world, booking)
    await leave_in(world, bus, 2 * _HOUR)
    with pytest.raises(QuoteExpired) as refusal:
        await cancel_as_shown(world, booking, replace(shown, until=shown.until - 600_000))
    fresh = refusal.value.quote
    assert fresh.amount == 800
    again = read_quote(world.store.seals, fresh.quote_id)
    assert again is not None
    assert (await world.states(bus))["1A"] == "B", "nothing was done"
    assert (await cancel_as_shown(world, booking, again)).refunded == 800


async def test_what_was_shown_before_payment_promises_nothing_about_the_money(world: World) -> None:
    bus = await world.bus()
    booking = await world.book(bus, ["1A"])
    quote, shown = await quote_of(world, booking)
    assert (quote.amount, quote.because) == (0, Because.UNPAID)
    paid = await world.pay(booking)
    with pytest.raises(QuoteExpired) as refusal:
        await cancel_as_shown(world, paid, shown)
    assert refusal.value.quote.amount == 2000
    assert (await world.states(bus))["1A"] == "B", "nothing was done"
    again = read_quote(world.store.seals, refusal.value.quote.quote_id)
    assert again is not None
    assert (await cancel_as_shown(world, paid, again)).refunded == 2000


async def test_a_quote_is_for_its_seats(world: World) -> None:
    booking = await world.book(await world.bus(), ["1A", "1B"], method="cash")
    _, shown = await quote_of(world, booking, ["1A"])
    with pytest.raises(InvalidRequest):
        await cancel_as_shown(world, booking, shown, ["1B"])
    assert (await cancel_as_shown(world, booking, shown, ["1A"])).refunded == 2000


async def test_nobody_writes_a_quote_but_the_house(world: World) -> None:
    booking = await world.book(await world.bus(), ["1A"], method="cash")
    quote, shown = await quote_of(world, booking)
    seals = world.store.seals
    assert read_quote(Seals(b"another house"), quote.quote_id) is None
    for forged in (
        *("", "x" * 40, "A" * 2001, quote.quote_id[:-4], quote.quote_id + "AAAA", "é" * 30),
        *(
            quote.quote_id[:at]
            + ("B" if quote.quote_id[at] == "A" else "A")
            + quote.quote_id[at + 1 :]
            for at in range(0, len(quote.quote_id) - 1, 7)
        ),
    ):
        assert read_quote(seals, forged) is None
    assert read_quote(seals, quote.quote_id) == shown


async def test_a_rider_with_a_quote_gets_everything_back_once_the_bus_is_cancelled(
    world: World,
) -> None:
    await sell_under(world, HALF)
    bus = await world.bus()
    booking = await world.book(bus, ["1A"], method="cash")
    _, shown = await quote_of(world, booking)
    await world.cancel_bus(bus)
    assert (await quote_of(world, booking))[0].because == "bus_cancelled"
    assert (await cancel_as_shown(world, booking, shown)).refunded == booking.total


async def test_before_payment_a_quote_says_that_nothing_is_to_come_back(world: World) -> None:
    booking = await world.book(await world.bus(), ["1A"])
    quote, shown = await quote_of(world, booking)
    assert (quote.amount, quote.because, quote.term) == (0, "unpaid", None)
    assert booking.expires_at is not None
    assert quote.valid_until <= booking.expires_at
    ended = await cancel_as_shown(world, booking, shown)
    assert ended.status is BookingStatus.CANCELLED


async def test_what_the_operator_cancels_is_in_the_log_with_its_reason(world: World) -> None:
    bus = await world.bus()
    await sell_under(world, (Term(0, 0),))
    booking = await world.book(bus, ["1A", "1B"], method="cash")
    wish = Wish(Initiator.OPERATOR, reason="wrong coach", actor_id=501)
    cancel = world.store.cancellations.cancel
    done: Booking = await value(lambda ask: cancel(bus, booking.booking_id, ["1A"], ask, wish))
    assert done.refunded == 2000
    (row,) = await world.edit(
        "SELECT actor_id, detail->>'reason' AS reason, detail->>'amount' AS amount FROM audit_log"
        " WHERE action = 'booking.cancel' AND subject = $1",
        f"booking {booking.ref}",
    )
    assert tuple(row) == (501, "wrong coach", "2000")


async def test_an_expired_quote_is_a_refusal_that_its_key_repeats() -> None:
    assert issubclass(QuoteExpired, Refusal)
