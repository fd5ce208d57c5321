"""Regions: which servers of a cluster sell for which part of the country, and which operators sell there.

A rule of placement and nothing else: a bus lies where its number says, and the number of an operator's new bus is taken
so that it lies on a server of the operator's region (`next_bus_of` in `store/citus/distribute.sql`). No request asks
for a region. On one PostgreSQL all of this is kept, and changes nothing.
"""

import re
from dataclasses import dataclass
from typing import Any

import msgspec

from store.db import Connection, Database
from store.errors import InvalidRequest, NotFound
from store.queries import Queries

SQL = Queries.beside(__file__)
_REGION = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}")
_LARGEST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class RegionServer:
    host: str
    port: int
    region: str


@dataclass(frozen=True, slots=True)
class PinnedOperator:
    operator_id: int
    name: str
    region: str


class Regions:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def list_servers(self) -> list[RegionServer]:
        """Return the servers that sell for a region, by region."""
        return [RegionServer(**dict(row)) for row in await self._db.fetch(SQL["list_servers"])]

    async def list_operators(self) -> list[PinnedOperator]:
        """Return the operators that sell in a region, by region."""
        return [PinnedOperator(**dict(row)) for row in await self._db.fetch(SQL["list_pinned"])]

    async def place(self, server: RegionServer) -> None:
        """Have a server sell for a region from now on, whatever it sold for before; buses stay where they are.

        Writes the audit log. Raises InvalidRequest for what cannot be a server or a region.
        """
        _require(_HOST.fullmatch(server.host), "/host", "must be a host's name or address")
        _require(0 < server.port <= _LARGEST_PORT, "/port", "must be between 1 and 65535")
        _require_region(server.region)

        async def work(connection: Connection) -> None:
            await connection.execute(SQL["place"], server.host, server.port, server.region)
            await _log(
                connection,
                None,
                "region.place",
                _name(server.host, server.port),
                region=server.region,
            )

        await self._db.transaction([], work)

    async def withdraw(self, host: str, port: int) -> None:
        """Have a server sell for no region in particular. Writes the audit log. Raises NotFound."""

        async def work(connection: Connection) -> None:
            region = await connection.fetchval(SQL["withdraw"], host, port)
            if region is None:
                raise NotFound("server")
            await _log(connection, None, "region.withdraw", _name(host, port), region=region)

        await self._db.transaction([], work)

    async def pin(self, operator_id: int, region: str | None) -> None:
        """Have an operator's new buses lie in a region, or, with None, anywhere; those it has stay where they are.

        Locks the operator; writes the audit log. Raises NotFound, and InvalidRequest for a region without a server.
        """
        if region is not None:
            _require_region(region)

        async def work(connection: Connection) -> None:
            if region is not None and not await connection.fetchval(SQL["has_server"], region):
                raise InvalidRequest("/region", "unknown", f"no server sells for {region}")
            if await connection.fetchval(SQL["pin"], operator_id, region) is None:
                raise NotFound("operator")
            subject = f"operator {operator_id}"
            await _log(connection, operator_id, "operator.region", subject, region=region)

        await self._db.transaction([operator_id], work)


def _require_region(region: str) -> None:
    _require(
        _REGION.fullmatch(region),
        "/region",
        "must be small letters, digits and hyphens, 40 at most",
    )


def _require(is_right: object, place: str, detail: str) -> None:
    if not is_right:
        raise InvalidRequest(place, "invalid", detail)


def _name(host: str, port: int) -> str:
    return f"server {host}:{port}"


async def _log(
    connection: Connection, operator_id: int | None, action: str, subject: str, **detail: Any
) -> None:
    told = msgspec.json.encode(detail).decode()
    await connection.execute(SQL["log"], operator_id, action, subject, told)
