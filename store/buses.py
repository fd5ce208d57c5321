"""The facts of buses and what their seats look like: read often, changed rarely, kept in memory by edition.

Facts may be stale in memory and never hurt: every sale compares their edition under lock and decides again, and what
makes no sense by stale facts is looked at once more.
"""

import sys
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from types import MappingProxyType

from store.db import Database, Record
from store.errors import NotFound
from store.events import Position, SeatMap
from store.gather import Gather
from store.limits import read_limits
from store.model import Bus, BusStop, Layout, LayoutSeat, PairFares
from store.queries import Queries

SQL = Queries.beside(__file__)
BUSES_KEPT = 20_000
LAYOUTS_KEPT = 2_000
_DRAFTS_TOO = True


@dataclass(frozen=True, slots=True)
class SeatStates:
    """Every seat of a bus by number, at one revision."""

    bus: Bus
    epoch: int
    rev: int
    status: str
    states: dict[int, str]


class Buses:
    def __init__(self, db: Database) -> None:
        self._db = db
        self._facts: OrderedDict[int, Bus] = OrderedDict()
        self._layouts: OrderedDict[int, Layout] = OrderedDict()
        self._facts_gather = Gather(self._read_facts)
        self._states_gather = Gather(self._read_states)

    async def find(self, bus_id: int) -> Bus:
        """Return the facts of a bus, from memory when they are there; raise NotFound, also for a draft.

        That is why drafts are sold to nobody: whatever sells asks here first, and no bus becomes a draft again.
        """
        if (known := self._facts.get(bus_id)) is not None:
            self._facts.move_to_end(bus_id)
            return known
        found = await self._facts_gather.find(bus_id)
        if found is None:
            raise NotFound("bus")
        return found

    async def find_edition(self, bus_id: int, facts: int) -> Bus:
        """Return the facts of a bus in this edition, just seen in the database, or in a later one; raise NotFound."""
        bus = await self.find(bus_id)
        if bus.facts == facts:
            return bus
        self.forget(bus_id)
        return await self.find(bus_id)

    async def read(self, bus_id: int) -> Bus:
        """Return the facts of a bus as the database has them now, be it a draft; raise NotFound.

        For those who edit it. What they get is not remembered: only what is public may be.
        """
        rows = await self._db.fetch(SQL["find_facts"], [bus_id], _DRAFTS_TOO)
        if not rows:
            raise NotFound("bus")
        return _bus(rows[0], await self._layout(rows[0]["layout_id"]))

    def forget(self, *bus_ids: int) -> None:
        """Have the facts of buses read anew: they were edited."""
        for bus_id in bus_ids:
            self._facts.pop(bus_id, None)

    async def seat_states(self, bus_id: int) -> SeatStates:
        """Return every seat's states with the revision they belong to, from one snapshot; raise NotFound."""
        row = await self._states_gather.find(bus_id)
        if row is None:
            raise NotFound("bus")
        bus = await self.find_edition(bus_id, row["facts"])
        states = dict(zip(row["seat_nos"], row["states"], strict=True))
        return SeatStates(bus, row["epoch"], row["rev"], row["status"], states)

    async def seat_maps(self, bus_ids: Sequence[int]) -> list[SeatMap]:
        """Return whole maps for observers; unknown buses are absent."""
        rows = await self._db.fetch(SQL["seat_maps"], list(bus_ids))
        return [
            SeatMap(
                row["bus_id"],
                row["epoch"],
                row["rev"],
                tuple(zip(row["labels"], row["states"], strict=True)),
            )
            for row in rows
        ]

    async def positions(self, bus_ids: Sequence[int]) -> list[Position]:
        """Return how far each bus has come; unknown buses are absent."""
        rows = await self._db.fetch(SQL["positions"], list(bus_ids))
        return [Position(row["bus_id"], row["epoch"], row["rev"]) for row in rows]

    async def _read_facts(self, bus_ids: list[int]) -> dict[int, Bus]:
        found: dict[int, Bus] = {}
        for row in await self._db.fetch(SQL["find_facts"], bus_ids, not _DRAFTS_TOO):
            bus = _bus(row, await self._layout(row["layout_id"]))
            found[bus.bus_id] = self._facts[bus.bus_id] = bus
        while len(self._facts) > BUSES_KEPT:
            self._facts.popitem(last=False)
        return found

    async def _read_states(self, bus_ids: list[int]) -> dict[int, Record]:
        rows = await self._db.fetch(SQL["seat_states"], bus_ids)
        return {row["bus_id"]: row for row in rows}

    async def _layout(self, layout_id: int) -> Layout:
        if (known := self._layouts.get(layout_id)) is not None:
            return known
        rows = await self._db.fetch(SQL["find_layout"], layout_id)
        seats = tuple(_layout_seat(row) for row in rows)
        layout = Layout(
            layout_id,
            rows[0]["name"],
            seats,
            {seat.label: seat for seat in seats},
            {seat.seat_no: seat for seat in seats},
        )
        self._layouts[layout_id] = layout
        if len(self._layouts) > LAYOUTS_KEPT:
            self._layouts.popitem(last=False)
        return layout


def _layout_seat(row: Record) -> LayoutSeat:
    return LayoutSeat(
        seat_no=row["seat_no"],
        label=row["label"],
        deck=row["deck"],
        row=row["row_no"],
        column=row["column_no"],
        seat_class=row["seat_class"],
        attributes=tuple(row["attributes"]),
        price_percent=row["price_percent"],
    )


def _bus(row: Record, layout: Layout) -> Bus:
    stops = zip(
        row["stop_ids"],
        map(sys.intern, row["names"]),
        map(sys.intern, row["zones"]),
        row["station_ids"],
        row["arrivals"],
        row["departures"],
        row["boardings"],
        row["alightings"],
        strict=True,
    )
    return Bus(
        bus_id=row["bus_id"],
        operator_id=row["operator_id"],
        name=sys.intern(row["name"]),
        operator=sys.intern(row["operator"]),
        facts=row["facts"],
        layout=layout,
        stops=tuple(BusStop(*stop) for stop in stops),
        fares=tuple(row["fares"]),
        currency=row["currency"],
        sales_close=timedelta(seconds=row["sales_close_seconds"]),
        limits=read_limits(row),
        pair_fares=read_pairs(row),
        is_suspended=row["is_suspended"],
        rules_id=row["rules_id"],
        cash_needs_shift=row["cash_needs_shift"],
        locale=row["locale"],
    )


def read_pairs(row: Record) -> PairFares:
    """Return the fares of pairs of stops from a row that has them as parallel arrays, or NULL for none."""
    return _pairs(*(tuple(row[name] or ()) for name in ("starts", "ends", "amounts")))


@lru_cache(maxsize=LAYOUTS_KEPT)
def _pairs(starts: tuple[int, ...], ends: tuple[int, ...], amounts: tuple[int, ...]) -> PairFares:
    # The buses of a line cost the same, day after day: thousands of them share one table.
    return MappingProxyType(dict(zip(zip(starts, ends, strict=True), amounts, strict=True)))
