"""A small world to sell in: two operators, lines with stops on the way, one coach of every kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg

from store import Store
from store.layouts import SeatPlan, double_deck, sleeper, two_plus_two
from store.model import Caller, Role
from store.timetable import NewBus, add_layout

ADMIN = Caller(None, Role.ADMIN)
_MINUTE = 60


@dataclass(frozen=True, slots=True)
class World:
    """Buses by kind, one a day, as the ids that pages carry; stops by name."""

    coaches: tuple[str, ...]
    double_decks: tuple[str, ...]
    sleepers: tuple[str, ...]
    stops: dict[str, str]


async def build_world(url: str, *, days: int = 1) -> World:
    """Fill a migrated, empty database and return what is in it."""
    connection = await asyncpg.connect(url)
    try:
        nord = await _operator(connection, "Nordlicht", "Europe/Berlin")
        danube = await _operator(connection, "Danube Night", "Europe/Vienna")
        await connection.execute(f"SET omnibus.operators = '{{{nord},{danube}}}'")
        stops = {
            name: await _stop(connection, name, zone, place)
            for name, zone, place in (
                ("Berlin ZOB", "Europe/Berlin", (52.507, 13.279)),
                ("Leipzig Hauptbahnhof", "Europe/Berlin", (51.345, 12.381)),
                ("Nürnberg ZOB", "Europe/Berlin", (49.447, 11.085)),
                ("München ZOB", "Europe/Berlin", (48.142, 11.550)),
                ("Praha Florenc", "Europe/Prague", (50.089, 14.440)),
                ("Wien Hauptbahnhof", "Europe/Vienna", (48.185, 16.376)),
                ("Budapest Népliget", "Europe/Budapest", (47.475, 19.098)),
                ("London Victoria", "Europe/London", (51.493, -0.149)),
            )
        }
        south = await _route(
            connection,
            nord,
            "Berlin - München",
            [stops[name] for name in list(stops)[:4]],
            [0, 135, 310, 450],
        )
        night = await _route(
            connection,
            danube,
            "Berlin - Budapest by night",
            [stops[name] for name in ("Berlin ZOB", "Praha Florenc", "Wien Hauptbahnhof")]
            + [stops["Budapest Népliget"]],
            [0, 270, 540, 720],
        )
        west = await _route(
            connection,
            nord,
            "Berlin - London",
            [stops["Berlin ZOB"], stops["London Victoria"]],
            [0, 1020],
        )
        layouts = {
            plan.name: await add_layout(connection, operator, plan)
            for operator, plan in _plans(nord, danube)
        }
    finally:
        await connection.close()
    names = {name: str(stop_id) for name, stop_id in stops.items()}
    lines = [
        (nord, south, layouts["Double deck, 62 seats"], "N1 Southern Star", 3900, 3),
        (nord, south, layouts["Coach 2+2, 49 seats"], "N3 Valley Coach", 2900, 5),
        (danube, night, layouts["Sleeper 1+2, 30 berths"], "D7 Night Line", 4900, 9),
        (nord, west, layouts["Double deck, 62 seats"], "N9 Channel Express", 7900, 7),
    ]
    ids = await _put_on_sale(url, lines, days)
    each = len(lines)
    return World(tuple(ids[1::each]), tuple(ids[0::each]), tuple(ids[2::each]), names)


def _plans(nord: int, danube: int) -> list[tuple[int, SeatPlan]]:
    return [(nord, two_plus_two(49)), (nord, double_deck()), (danube, sleeper())]


async def _put_on_sale(
    url: str, lines: Sequence[tuple[int, int, int, str, int, int]], days: int
) -> list[str]:
    """Put each line on sale every day, at an hour of its own; return the ids, day by day."""
    store = await Store.open(url)
    ids: list[str] = []
    try:
        morning = datetime.now(UTC).replace(minute=5, second=0, microsecond=0) + timedelta(days=1)
        for day in range(days):
            for operator, route, layout, name, price, hours in lines:
                new = NewBus(
                    name=name,
                    departs_at=morning + timedelta(days=day, hours=hours),
                    price=price,
                    operator_id=operator,
                    route_id=route,
                    layout_id=layout,
                )
                ids.append(str((await store.timetable.add_bus(ADMIN, new)).bus_id))
    finally:
        await store.close()
    return ids


async def _operator(connection: "asyncpg.Connection[asyncpg.Record]", name: str, zone: str) -> int:
    number: int = await connection.fetchval(
        "INSERT INTO operators (name, time_zone, currency) VALUES ($1, $2, 'EUR')"
        " RETURNING operator_id",
        name,
        zone,
    )
    return number


async def _stop(
    connection: "asyncpg.Connection[asyncpg.Record]",
    name: str,
    zone: str,
    place: tuple[float, float],
) -> int:
    number: int = await connection.fetchval(
        "INSERT INTO stops (source, code, name, latitude, longitude, time_zone)"
        " VALUES ('world', $1, $2, $3, $4, $5) RETURNING stop_id",
        name,
        name,
        *place,
        zone,
    )
    return number


async def _route(
    connection: "asyncpg.Connection[asyncpg.Record]",
    operator: int,
    name: str,
    stops: Sequence[int],
    minutes: Sequence[int],
) -> int:
    route: int = await connection.fetchval(
        "INSERT INTO routes (operator_id, name) VALUES ($1, $2) RETURNING route_id", operator, name
    )
    await connection.executemany(
        "INSERT INTO route_stops"
        " (route_id, idx, operator_id, stop_id, arrival_seconds, departure_seconds)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        [
            (
                route,
                index,
                operator,
                stop,
                at * _MINUTE,
                (at + (10 if 0 < index < len(stops) - 1 else 0)) * _MINUTE,
            )
            for index, (stop, at) in enumerate(zip(stops, minutes, strict=True))
        ],
    )
    return route
