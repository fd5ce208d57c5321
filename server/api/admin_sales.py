"""What was sold of the buses of some days."""

import datetime as dt
from typing import Literal

import msgspec

from server.api.shapes import Money, parse_operator, require_calendar
from server.contract import Access, Call, Operation
from store.errors import InvalidRequest, NotFound, Overloaded
from store.sales_report import LINES_MAX, Group, SalesLine, SalesPeriod


class SalesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Buses that leave on the days `from` to `to`, both included, at most 366."""

    from_: dt.date = msgspec.field(name="from")
    to: dt.date
    group: Literal["day", "route", "bus", "channel"] = "day"
    operator: str | None = None


class SalesLineShape(msgspec.Struct, frozen=True):
    """`key` is a day, the id of a route or bus, or a channel (`online`, `counter`, `kiosk`).

    Bookings and seats are paid for and not cancelled; revenue is what was paid less what was paid back. `occupancy` is
    the share of all seats on all segments that is somebody's; null where there is none: by channel, and of cancelled
    buses. `departs_at` is told by bus, as a bus of every day may have the same name.
    """

    key: str | None
    name: str | None
    buses: int
    bookings: int
    seats: int
    revenue: list[Money]
    occupancy: float | None
    departs_at: dt.datetime | None = None


class SalesReportShape(msgspec.Struct, frozen=True):
    """`complete` is false when there are more lines than are told: ask for fewer days."""

    group: str
    items: list[SalesLineShape]
    complete: bool


async def report_sales(call: Call, query: SalesQuery) -> SalesReportShape:
    """Sum up what was sold of the buses of some days: by day, route, bus or channel."""
    require_calendar(query.from_, "/from")
    require_calendar(query.to, "/to")
    lines = await call.services.store.sales_report.of(
        call.caller,
        SalesPeriod(query.from_, query.to, parse_operator(query.operator), Group(query.group)),
    )
    return SalesReportShape(
        query.group, [_line(line) for line in lines[:LINES_MAX]], len(lines) <= LINES_MAX
    )


def _line(line: SalesLine) -> SalesLineShape:
    return SalesLineShape(
        key=line.key,
        name=line.name,
        buses=line.buses,
        bookings=line.bookings,
        seats=line.seats,
        revenue=[Money(each.amount, each.currency) for each in line.revenue],
        occupancy=line.occupancy,
        departs_at=line.departs_at,
    )


OPERATIONS = (
    Operation(
        "GET",
        "/admin/sales",
        report_sales,
        SalesReportShape,
        access=Access.OVERSEERS,
        problems=(NotFound, InvalidRequest, Overloaded),
    ),
)
