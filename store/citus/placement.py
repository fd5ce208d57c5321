"""Where a cluster keeps what: servers, their regions, and how many parts of the data each holds."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from store.citus.distribute import is_citus
from store.queries import Queries

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection

SQL = Queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class Place:
    """A server that holds so many parts of the data, and the region it sells for."""

    host: str
    port: int
    region: str | None
    parts: int


@dataclass(frozen=True, slots=True)
class Spread:
    """How the data lies: on so many `workers`, of which so many are out of use."""

    version: str
    workers: int
    workers_away: int
    tables: int
    groups_of_tables: int
    prepared_max: int
    places: tuple[Place, ...] = ()


async def find_spread(connection: Connection) -> Spread | None:
    """Return how the data lies on a cluster; None on a plain PostgreSQL."""
    if not await is_citus(connection):
        return None
    row = await connection.fetchrow(SQL["look_around"])
    assert row is not None
    places = [Place(**dict(place)) for place in await connection.fetch(SQL["find_places"])]
    return Spread(**dict(row), places=tuple(places))
