"""Layouts as people keep them: made once, copied, removed while nothing is built like them; never changed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import asyncpg

from store.authority import (
    note,
    operator_asked_for,
    operator_to_add_to,
    require_manager,
    scope_of,
    sees,
)
from store.db import Connection, Database, Record
from store.errors import AlreadyExists, InUse, InvalidRequest, NotFound
from store.layouts import SeatPlan
from store.model import Caller, LayoutSeat
from store.once import answer_once
from store.queries import Queries
from store.reader import Reader
from store.requests import Ask, Reply

SQL = Queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class LayoutCard:
    """A layout; in lists without its seats, only their number."""

    layout_id: int
    operator_id: int
    name: str
    seats_total: int
    seats: tuple[LayoutSeat, ...] = ()


class SeatPlans:
    def __init__(self, db: Database, reader: Reader) -> None:
        self._db = db
        self._reader = reader

    async def list(
        self, caller: Caller, operator_id: int | None, *, after: int, limit: int
    ) -> list[LayoutCard]:
        """Return layouts in the order they came, without seats; raise NotFound for another's operator."""
        mine = operator_asked_for(caller, operator_id)
        rows = await self._reader.fetch(SQL["list_layouts"], mine, after, limit)
        return [
            LayoutCard(row["layout_id"], row["operator_id"], row["name"], row["seats_total"])
            for row in rows
        ]

    async def find(self, caller: Caller, layout_id: int) -> LayoutCard:
        """Return one layout with its seats; raise NotFound, also for another's."""
        rows = await self._db.fetch(SQL["find_layout"], layout_id)
        if not rows or not sees(caller, rows[0]["operator_id"]):
            raise NotFound("layout")
        return _card(rows)

    async def add(
        self, caller: Caller, plan: SeatPlan, operator_id: int | None, ask: Ask[LayoutCard]
    ) -> Reply:
        """Store a layout and write the audit log. Locks nothing.

        Raises NotFound, Forbidden, AlreadyExists (the name), InvalidRequest (labels or places twice), KeyReused.
        """
        require_sound(plan.seats)

        async def work(connection: Connection) -> Reply:
            owner = await operator_to_add_to(connection, caller, operator_id)
            return await answer_once(
                connection, ask, owner, lambda: _add(connection, caller, owner, plan)
            )

        return await self._db.transaction(scope_of(caller), work)

    async def copy(
        self,
        caller: Caller,
        layout_id: int,
        name: str,
        without: Sequence[str],
        ask: Ask[LayoutCard],
    ) -> Reply:
        """Store a layout like another one but for some seats, and write the audit log. Locks nothing.

        Raises NotFound, Forbidden, AlreadyExists (the name), InvalidRequest (seats it has not), KeyReused.
        """

        async def work(connection: Connection) -> Reply:
            rows = await connection.fetch(SQL["find_layout"], layout_id)
            if not rows or not sees(caller, rows[0]["operator_id"]):
                raise NotFound("layout")
            source = _card(rows)
            await require_manager(connection, caller, source.operator_id)
            plan = SeatPlan(name, _without(source.seats, without))
            return await answer_once(
                connection,
                ask,
                source.operator_id,
                lambda: _add(connection, caller, source.operator_id, plan),
            )

        return await self._db.transaction(scope_of(caller), work)

    async def remove(self, caller: Caller, layout_id: int) -> None:
        """Remove a layout that no bus and no vehicle has, and write the audit log. Locks its seats.

        Raises NotFound, Forbidden, InUse.
        """

        async def work(connection: Connection) -> None:
            row = await connection.fetchrow(SQL["find_owner"], layout_id)
            if row is None or not sees(caller, row["operator_id"]):
                raise NotFound("layout")
            operator_id = row["operator_id"]
            await require_manager(connection, caller, operator_id)
            await connection.execute(SQL["drop_seats"], layout_id)
            try:
                removed = await connection.fetchval(SQL["remove_layout"], layout_id)
            except asyncpg.ForeignKeyViolationError:
                raise InUse("layout", "buses or vehicles have it") from None
            if removed is None:
                raise NotFound("layout")  # somebody else was faster
            subject = f"layout {layout_id}"
            await note(connection, caller, operator_id, "layout.remove", subject, name=row["name"])

        await self._db.transaction(scope_of(caller), work)


def require_sound(seats: Sequence[LayoutSeat]) -> None:
    """Refuse seats of the same label, or at the same place."""
    labels: set[str] = set()
    places: set[tuple[int, int, int]] = set()
    for index, seat in enumerate(seats):
        place = seat.deck, seat.row, seat.column
        if seat.label in labels:
            raise InvalidRequest(
                f"/seats/{index}/seat", "duplicate_seat", "another seat has this label"
            )
        if place in places:
            raise InvalidRequest(f"/seats/{index}", "place_taken", "another seat stands there")
        labels.add(seat.label)
        places.add(place)


def _without(seats: Sequence[LayoutSeat], labels: Sequence[str]) -> tuple[LayoutSeat, ...]:
    known = {seat.label for seat in seats}
    for index, label in enumerate(labels):
        if label not in known:
            raise InvalidRequest(
                f"/without/{index}", "unknown_seat", "the layout has no seat of that label"
            )
    kept = [seat for seat in seats if seat.label not in labels]
    if not kept:
        raise InvalidRequest("/without", "no_seats", "a layout has at least one seat")
    return tuple(replace(seat, seat_no=number) for number, seat in enumerate(kept, start=1))


async def _add(
    connection: Connection, caller: Caller, operator_id: int, plan: SeatPlan
) -> LayoutCard:
    layout_id = await connection.fetchval(SQL["add_layout"], operator_id, plan.name)
    if layout_id is None:
        raise AlreadyExists("name")
    await connection.execute(
        SQL["add_seats"],
        layout_id,
        operator_id,
        [seat.seat_no for seat in plan.seats],
        [seat.label for seat in plan.seats],
        [seat.deck for seat in plan.seats],
        [seat.row for seat in plan.seats],
        [seat.column for seat in plan.seats],
        [seat.seat_class for seat in plan.seats],
        [",".join(seat.attributes) for seat in plan.seats],
        [seat.price_percent for seat in plan.seats],
    )
    await note(connection, caller, operator_id, "layout.create", f"layout {layout_id}")
    return LayoutCard(layout_id, operator_id, plan.name, len(plan.seats), tuple(plan.seats))


def _card(rows: Sequence[Record]) -> LayoutCard:
    first = rows[0]
    seats = tuple(
        LayoutSeat(
            seat_no=row["seat_no"],
            label=row["label"],
            deck=row["deck"],
            row=row["row_no"],
            column=row["column_no"],
            seat_class=row["seat_class"],
            attributes=tuple(row["attributes"]),
            price_percent=row["price_percent"],
        )
        for row in rows
    )
    return LayoutCard(first["layout_id"], first["operator_id"], first["name"], len(seats), seats)
