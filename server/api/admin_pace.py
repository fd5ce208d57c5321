"""How sales go: today beside yesterday and a week ago."""

import msgspec

from server.api.shapes import Money, parse_operator
from server.contract import Access, Call, Operation
from store.errors import InvalidRequest, NotFound, Overloaded
from store.sales_pace import Day, Pace, Quarter, Takings


class PaceQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    operator: str | None = None


class QuarterShape(msgspec.Struct, frozen=True):
    """A quarter of an hour that begins `minute` minutes after midnight.

    `conflicts` are requests with an Idempotency-Key, as every booking has one, that found a seat taken.
    """

    minute: int
    bookings: int
    seats: int
    revenue: list[Money]
    conflicts: int


class PaceDay(msgspec.Struct, frozen=True):
    """A day so many days ago: what happened by this time of it, and all of it by quarters in which anything did."""

    days_ago: int
    bookings: int
    seats: int
    revenue: list[Money]
    conflicts: int
    quarters: list[QuarterShape]


class PaceShape(msgspec.Struct, frozen=True):
    """Days are today, yesterday and a week ago, each by its operator's own clock; holds are those of this moment."""

    days: list[PaceDay]
    holds: int
    seats_held: int


async def read_sales_pace(call: Call, query: PaceQuery) -> PaceShape:
    """Show how sales go today, beside yesterday and a week ago by the same time, and what is held now."""
    store = call.services.store
    return _shape(await store.sales_pace.of(call.caller, parse_operator(query.operator)))


def _shape(pace: Pace) -> PaceShape:
    return PaceShape([_day(day) for day in pace.days], pace.holds, pace.seats_held)


def _day(day: Day) -> PaceDay:
    told = day.by_now
    return PaceDay(
        day.days_ago,
        told.bookings,
        told.seats,
        _revenue(told),
        day.conflicts_by_now,
        [_quarter(each) for each in day.quarters],
    )


def _quarter(quarter: Quarter) -> QuarterShape:
    told = quarter.takings
    return QuarterShape(
        quarter.minute, told.bookings, told.seats, _revenue(told), quarter.conflicts
    )


def _revenue(takings: Takings) -> list[Money]:
    return [Money(amount, currency) for currency, amount in takings.revenue.items()]


OPERATIONS = (
    Operation(
        "GET",
        "/admin/sales/pace",
        read_sales_pace,
        PaceShape,
        access=Access.OVERSEERS,
        problems=(NotFound, InvalidRequest, Overloaded),
    ),
)
