"""Every captured amount is a confirmed booking or a refund, and no ticket is without its price."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import accumulate

from tests.histories.checker.deeds import Bus
from tests.histories.checker.history import Outcome
from tests.histories.checker.verdict import Violation
from tests.histories.records import BookingRow, PaymentRow, Row, TicketRow

_SOLD = {"CONFIRMED", "PARTIALLY_CANCELLED"}


def check_money(bus: Bus, rows: Iterable[Row]) -> Iterator[Violation]:
    """Yield bookings whose payments, refunds, tickets, prices and answers do not agree."""
    paid: defaultdict[str, list[int]] = defaultdict(list)
    tickets: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        if isinstance(row, PaymentRow) and row.status == "SUCCEEDED":
            paid[row.booking].append(row.amount)
        elif isinstance(row, TicketRow):
            tickets[row.booking][row.seat] = row.status
    for booking in bus.bookings:
        wrong = _wrong_with(bus, booking, paid[booking.id], tickets[booking.id])
        if wrong:
            reason, what = wrong
            yield Violation(reason, bus.name, f"{booking.id} is {booking.status}: {what}")
    yield from _check_answers(bus)


def _wrong_with(
    bus: Bus, booking: BookingRow, paid: list[int], tickets: dict[str, str]
) -> tuple[str, str] | None:
    """Return the reason and what is wrong with the money of a booking."""
    refunds = bus.refunds.get(booking.id, [])
    price = dict(zip(booking.seats, booking.prices, strict=True))
    expected = [sum(booking.prices)] if booking.confirmed is not None else []
    gone = [seat for refund in refunds for seat in refund.seats]
    states = {seat: "CANCELLED" if seat in gone else "VALID" for seat in booking.seats}
    is_sold = booking.status in _SOLD
    if sum(refund.amount for refund in refunds) > sum(paid) or len(gone) != len(set(gone)):
        return "refund-exceeds-payment", f"paid {paid}, refunded {refunds}"
    faults = {
        f"paid {paid}, price {expected}": paid != expected,
        f"refunds {refunds}, prices {price}": any(
            refund.amount != sum(price[seat] for seat in refund.seats) for refund in refunds
        ),
        f"tickets {tickets}": tickets != (states if booking.confirmed is not None else {}),
        f"cancelled {gone}": booking.confirmed is not None and is_sold != (len(gone) < len(states)),
    }
    return next((("money", fault) for fault, is_so in faults.items() if is_so), None)


def _check_answers(bus: Bus) -> Iterator[Violation]:
    """Yield answers that name another sum than the one that counts."""
    rows = {row.id: row for row in bus.bookings}
    for operation in bus.operations:
        said = operation.said
        if operation.outcome is not Outcome.DONE or said is None or said.answer is None:
            continue
        row = rows.get(said.answer.id or "")
        if row is None:
            continue
        # In the order of revisions: two parts may have been cancelled at the same instant.
        price = dict(zip(row.seats, row.prices, strict=True))
        parts = bus.owners[row.id].cancelled
        sums = {0, *accumulate(sum(price[seat] for seat in seats) for _, seats in parts)}
        if said.answer.total != sum(row.prices) or said.answer.refunded not in sums:
            yield Violation("money", bus.name, f"{operation} was answered {said.answer}")
