"""Blocks: staff takes seats off sale, with a reason, and puts them back."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from store.db import Connection
from store.engine import Ask, Engine, Outcome, Reply
from store.errors import Forbidden, NotFound, WrongState
from store.holds import SeatRequest
from store.locking import (
    changed,
    drop_expired,
    find_expired,
    lock_seats,
    wire_json,
    wire_seats,
)
from store.model import AVAILABLE, BLOCKED, Bus, Caller, Leg
from store.queries import Queries
from store.rules import Wanted, find_leg, require_free, seats_by_label, set_leg

SQL = Queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class Block:
    bus: Bus
    block_id: uuid.UUID
    leg: Leg
    seats: tuple[int, ...]
    reason: str
    created_at: datetime


class Blocks:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def block(
        self, caller: Caller, request: SeatRequest, reason: str, ask: Ask[Block]
    ) -> Reply:
        """Take seats off sale on a leg; all must be free.

        Locks: the seats, expired owners of them, the bus row last. Raises Forbidden, SeatUnavailable, InvalidRequest,
        NotFound. Emits `blocked`, writes the audit log.
        """
        block_id = uuid.uuid4()

        async def attempt(connection: Connection, bus: Bus) -> Outcome[Block]:
            _require_manager(caller, bus)
            leg = find_leg(bus, request.from_stop, request.to_stop)
            wanted = Wanted(bus, leg, seats_by_label(bus, request.seats))
            locked = await lock_seats(connection, bus, wanted.seats, ask)
            found = await find_expired(connection, wanted, locked)
            require_free(wanted, found.states)
            await drop_expired(connection, bus, found)
            states = set_leg(wanted.seats, found.states, leg, BLOCKED)
            seats = wire_seats(bus, states)
            row = await connection.fetchrow(
                SQL["write_block"],
                bus.bus_id,
                bus.operator_id,
                list(states),
                list(states.values()),
                locked.now,
                wire_json(seats),
                "blocked",
                block_id,
                wanted.seats,
                leg.start,
                leg.end,
                reason,
                caller.user_id,
            )
            block = Block(bus, block_id, leg, wanted.seats, reason, locked.now)
            return Outcome(block, changed(bus, row, seats, locked.now, "blocked"))

        return await self._engine.run(request.bus_id, ask, attempt)

    async def lift(self, caller: Caller, owned: tuple[int, uuid.UUID], ask: Ask[Block]) -> Reply:
        """Put blocked seats back on sale.

        Locks: the seats, the block, the bus row last. Raises Forbidden, NotFound, WrongState (lifted before).
        Emits `unblocked`, writes the audit log.
        """
        bus_id, block_id = owned

        async def attempt(connection: Connection, bus: Bus) -> Outcome[Block]:
            _require_manager(caller, bus)
            row = await connection.fetchrow(SQL["find_block"], bus_id, block_id)
            if row is None:
                raise NotFound("block")
            seats_blocked = tuple(row["seats"])
            block = Block(
                bus,
                block_id,
                Leg(row["from_idx"], row["to_idx"]),
                seats_blocked,
                row["reason"],
                row["created_at"],
            )
            locked = await lock_seats(connection, bus, seats_blocked, ask)
            if await connection.fetchval(SQL["lock_block"], bus_id, block_id) is not None:
                raise WrongState("lifted", "these seats are on sale again already")
            states = set_leg(seats_blocked, locked.states, block.leg, AVAILABLE)
            seats = wire_seats(bus, states)
            written = await connection.fetchrow(
                SQL["write_lifted"],
                bus.bus_id,
                bus.operator_id,
                list(states),
                list(states.values()),
                locked.now,
                wire_json(seats),
                "unblocked",
                block_id,
                caller.user_id,
            )
            return Outcome(block, changed(bus, written, seats, locked.now, "unblocked"))

        return await self._engine.run(bus_id, ask, attempt)


def _require_manager(caller: Caller, bus: Bus) -> None:
    if not caller.manages(bus.operator_id):
        raise Forbidden("only the operator's administrators block seats")
