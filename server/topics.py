"""What the store knows of boards and sales, in the words of the live layer."""

from collections.abc import Mapping
from typing import cast

from realtime import frames
from realtime.protocol import (
    Board,
    BoardDeparture,
    BusStatus,
    Money,
    OperatorSales,
    Sales,
    SalesHour,
    SalesRoute,
)
from realtime.topics import SALES, Scope
from store import Store
from store.boards import BoardLine
from store.reader import EVERYTHING, seeing
from store.sales import DayOfSales


class StoreTopics:
    """The live layer's source of topics."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def board(self, stop_id: int) -> Board | None:
        with seeing(EVERYTHING):  # something has happened: that is why it is read
            page = await self._store.boards.page(stop_id)
        if page is None:
            return None
        return Board(
            topic=f"board:{stop_id}",
            stop=str(stop_id),
            name=page.name,
            time_zone=page.time_zone,
            departures=tuple(map(_departure, page.lines)),
            at=frames.timestamp_now(),
        )

    async def sales(self, operators: Scope, watching: Mapping[int, int]) -> Sales:
        given = None if operators is None else sorted(operators)
        with seeing(EVERYTHING):
            days = await self._store.sales.today(given, watching)
        return Sales(topic=SALES, operators=tuple(map(_day, days)), at=frames.timestamp_now())


def _departure(line: BoardLine) -> BoardDeparture:
    return BoardDeparture(
        bus=str(line.bus_id),
        name=line.name,
        operator=line.operator,
        route=line.route,
        destination=line.destination,
        departs_at=frames.timestamp(line.departs_at),
        delay_seconds=line.delay_seconds,
        bay=line.bay,
        status=cast("BusStatus", line.status),
        seats_left=line.seats_left,
        seats_total=line.seats_total,
    )


def _day(day: DayOfSales) -> OperatorSales:
    currency = day.currency
    return OperatorSales(
        operator=str(day.operator_id),
        name=day.name,
        date=day.today.isoformat(),
        seats=sum(hour.seats for hour in day.hours),
        revenue=Money(sum(hour.revenue for hour in day.hours), currency),
        hours=tuple(
            SalesHour(frames.timestamp(hour.at), hour.seats, Money(hour.revenue, currency))
            for hour in day.hours
        ),
        holds=day.holds,
        holds_paid=day.holds_paid,
        conversion=round(day.holds_paid / day.holds, 3) if day.holds else None,
        conflicts=day.conflicts,
        routes=tuple(
            SalesRoute(
                route=None if route.route_id is None else str(route.route_id),
                name=route.name,
                buses=route.buses,
                occupancy=round(route.booked / route.places, 3),
            )
            for route in day.routes
        ),
        watchers=day.watchers,
    )
