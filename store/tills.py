"""What a kiosk took in cash on a day, for whoever empties it. Reads only."""

from dataclasses import dataclass
from datetime import date, datetime

from store.db import Connection, Database
from store.errors import NotFound
from store.model import Caller
from store.queries import Queries

SQL = Queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class Taking:
    """One booking that was paid here; `refunded` is what has been paid back of it since, wherever that was."""

    bus_id: int
    bus: str
    ref: str
    status: str
    seats: int
    amount: int
    refunded: int
    currency: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Day:
    day: date
    time_zone: str
    currency: str
    takings: tuple[Taking, ...]


class Tills:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def day(self, caller: Caller, day: date | None) -> Day:
        """Return what the calling device took on a day, today without one, as its operator's clock has it.

        Locks nothing; raises NotFound.
        """
        assert caller.operator_id is not None

        async def read(connection: Connection) -> Day:
            about = await connection.fetchrow(SQL["today"], caller.operator_id)
            if about is None:
                raise NotFound("operator")
            chosen: date = day or about["today"]
            rows = await connection.fetch(SQL["taken"], caller.device_id, chosen)
            takings = tuple(
                Taking(
                    bus_id=row["bus_id"],
                    bus=row["bus"],
                    ref=row["ref"],
                    status=row["status"],
                    seats=len(row["seats"]),
                    amount=row["amount"],
                    refunded=row["refunded"],
                    currency=row["currency"],
                    at=row["at"],
                )
                for row in rows
            )
            return Day(chosen, about["time_zone"], about["currency"], takings)

        return await self._db.read([caller.operator_id], read)
