"""Days: what a journey costs on each of them."""

import datetime as dt
from typing import Annotated

import msgspec

from server import wire
from server.api.shapes import Money, parse_id, parse_operator, require_calendar
from server.caching import DAYS_CACHE, JSON
from server.contract import Access, Answer, Call, Operation
from server.policies import Rate
from server.problems import bad_field
from store.day_prices import DayPrice, DayWish
from store.errors import InvalidRequest, NotFound, Overloaded


class DaysQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many days from `date` on, which is today if it is left out."""

    from_: str | None = msgspec.field(name="from", default=None)
    to: str | None = None
    date: dt.date | None = None
    days: Annotated[int, msgspec.Meta(ge=1, le=31)] = 7
    operator: str | None = None


class DayShape(msgspec.Struct, frozen=True):
    """`buses` can be booked, with a seat free on the whole way; `price` is that of the cheapest seat of any of them."""

    date: dt.date
    buses: int
    price: Money | None


class DayList(msgspec.Struct, frozen=True):
    items: list[DayShape]


async def price_days(call: Call, query: DaysQuery) -> Answer:
    """Show what a journey costs on each of some days, local to the boarding stop; up to twenty seconds old."""
    from_stop = parse_id(query.from_, "/from")
    if from_stop is None:
        raise bad_field("/from", "required", "say where from: days are those of a stop")
    if query.date is not None:
        require_calendar(query.date, "/date")
    wish = DayWish(
        from_stop,
        parse_id(query.to, "/to"),
        query.date,
        query.days,
        parse_operator(query.operator),
    )
    found = await call.services.store.day_prices.of(wish)
    body = wire.encode(DayList([_day_shape(each) for each in found]))
    return Answer(200, body, (JSON, DAYS_CACHE))


def _day_shape(day: DayPrice) -> DayShape:
    return DayShape(day.on, day.buses, day.price and Money(*day.price))


OPERATIONS = (
    Operation(
        "GET",
        "/days",
        price_days,
        DayList,
        access=Access.READERS,
        problems=(NotFound, InvalidRequest, Overloaded),
        rate=Rate.SEARCH,
    ),
)
