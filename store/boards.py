"""What leaves a stop next. Reads only, nothing is locked."""

from dataclasses import dataclass
from datetime import datetime

from store.queries import Queries
from store.reader import Reader

SQL = Queries.beside(__file__)
DEPARTURES_MAX = 20


@dataclass(frozen=True, slots=True)
class BoardLine:
    """One bus at this stop. `bay` and `delay_seconds` are None while nobody has said.

    `seats_left` are those free from here to the end; somebody who leaves earlier may find more.
    """

    bus_id: int
    name: str
    operator: str
    route: str | None
    destination: str
    departs_at: datetime
    delay_seconds: int | None
    bay: str | None
    status: str
    seats_left: int
    seats_total: int


@dataclass(frozen=True, slots=True)
class BoardPage:
    stop_id: int
    name: str
    time_zone: str
    lines: tuple[BoardLine, ...]


class Boards:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def page(self, stop_id: int) -> BoardPage | None:
        """Return the next departures from a stop, or from all stops of a station; None when there is no such stop.

        A bus is on it until it has left, delay included. Raises Overloaded.
        """
        view = await self._reader.view()
        stops = await view.fetch(SQL["stop_with_children"], stop_id)
        itself = next((stop for stop in stops if stop["is_itself"]), None)
        if itself is None:
            return None
        stop_ids = [stop["stop_id"] for stop in stops]
        rows = await view.fetch(SQL["next_departures"], stop_ids, DEPARTURES_MAX)
        lines = tuple(
            BoardLine(
                bus_id=row["bus_id"],
                name=row["name"],
                operator=row["operator"],
                route=row["route"],
                destination=row["destination"],
                departs_at=row["departs_at"],
                delay_seconds=row["delay_seconds"],
                bay=row["bay"],
                status=row["status"],
                seats_left=row["seats_left"],
                seats_total=row["total_seats"],
            )
            for row in rows
        )
        return BoardPage(stop_id, itself["name"], itself["time_zone"], lines)
