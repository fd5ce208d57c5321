"""Copies of a bus on other days: the same stops, seats and fares at the same time of the local clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from store.authority import note, require_manager, scope_of, sees
from store.db import Connection, Database, Record
from store.errors import InvalidRequest, NotFound
from store.model import Caller, SaleStatus
from store.once import answer_once
from store.queries import Queries
from store.requests import Ask, Reply

SQL = Queries.beside(__file__)
COPIES_MAX = 366
_AT_A_TIME = 50


@dataclass(frozen=True, slots=True)
class Copy:
    bus_id: int
    on: date
    departs_at: datetime
    status: SaleStatus


class BusCopies:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def copy(
        self,
        caller: Caller,
        bus_id: int,
        dates: Sequence[date],
        ask: Ask[Sequence[Copy]],
        *,
        is_draft: bool,
    ) -> Reply:
        """Make a bus like this one on each of the days, all or none, and write the audit log.

        Days are those of the first stop's clock. A copy has no vehicle and no delays, and is a draft if that is asked
        for or the bus is one. Locks nothing: nobody knows the copies yet. Raises NotFound, Forbidden, KeyReused,
        InvalidRequest (a day twice, in the past, or one whose clock skips that hour).
        """

        async def work(connection: Connection) -> Reply:
            row = await connection.fetchrow(SQL["find_source"], bus_id)
            if row is None or not sees(caller, row["operator_id"]):
                raise NotFound("bus")
            await require_manager(connection, caller, row["operator_id"])

            async def make() -> Sequence[Copy]:
                return await _add(connection, caller, row, dates, is_draft=is_draft)

            return await answer_once(connection, ask, row["operator_id"], make)

        return await self._db.transaction(scope_of(caller), work)


def departures_on(
    departs_at: datetime, zone: ZoneInfo, dates: Sequence[date], now: datetime
) -> list[datetime]:
    """Return when a bus leaves on other days of a clock that may skip hours; raise InvalidRequest."""
    at = departs_at.astimezone(zone).time()
    found: list[datetime] = []
    for index, day in enumerate(dates):
        local = datetime.combine(day, at, tzinfo=zone)
        moment = local.astimezone(UTC)
        pointer = f"/dates/{index}"
        if moment.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
            raise InvalidRequest(pointer, "no_such_time", "the clock skips that hour on this day")
        if moment in found:
            raise InvalidRequest(pointer, "duplicate_date", "this day is named twice")
        if moment <= now:
            raise InvalidRequest(pointer, "in_the_past", "that moment has passed")
        found.append(moment)
    return found


async def _add(
    connection: Connection,
    caller: Caller,
    source: Record,
    dates: Sequence[date],
    *,
    is_draft: bool,
) -> Sequence[Copy]:
    stop_zone, home_zone = ZoneInfo(source["stop_zone"]), ZoneInfo(source["time_zone"])
    moments = departures_on(source["departs_at"], stop_zone, dates, source["now"])
    is_draft = is_draft or source["status"] == SaleStatus.DRAFT
    status = SaleStatus.DRAFT if is_draft else SaleStatus.SCHEDULED
    rows = await connection.fetch(SQL["take_numbers"], source["operator_id"], len(moments))
    copies = [
        Copy(row["bus_id"], day, moment, status)
        for row, day, moment in zip(rows, dates, moments, strict=True)
    ]
    for first in range(0, len(copies), _AT_A_TIME):
        some = copies[first : first + _AT_A_TIME]
        ids = [each.bus_id for each in some]
        leaving = [each.departs_at for each in some]
        days = [moment.astimezone(home_zone).date() for moment in leaving]
        bus_id = source["bus_id"]
        await connection.execute(SQL["add_buses"], bus_id, ids, leaving, days, status)
        await connection.execute(SQL["add_stops"], bus_id, ids, leaving)
        await connection.execute(SQL["add_seats"], bus_id, ids)
        await connection.execute(SQL["add_fares"], bus_id, ids)
    told = {"copies": len(copies), "from": dates[0], "until": dates[-1]}
    operator_id, subject = source["operator_id"], f"bus {source['bus_id']}"
    await note(connection, caller, operator_id, "bus.copy", subject, **told)
    return copies
