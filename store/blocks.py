"""Blocks: staff takes seats off sale, with a reason, and puts them back."""

import uuid
from dataclasses import dataclass
from datetime import datetime

import msgspec

from store.authority import require_in_business, sees
from store.db import Connection, Record
from store.errors import NotFound, WrongState
from store.holds import SeatRequest
from store.lane import Lane
from store.ledger import Changes, Ledger, literal
from store.model import AVAILABLE, BLOCKED, Bus, Caller, Leg
from store.queries import Queries
from store.requests import Ask, Needs, Reply, Request
from store.rules import Wanted, find_leg, require_free, seats_by_label, set_leg
from store.tenancy import Tenancy

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
    def __init__(self, lane: Lane, tenancy: Tenancy) -> None:
        self._lane = lane
        self._tenancy = tenancy

    async def block(
        self, caller: Caller, request: SeatRequest, reason: str, ask: Ask[Block]
    ) -> Reply:
        """Take seats off sale on a leg; all must be free.

        Locks: the seats, expired owners of them, the bus row last. Raises Forbidden, SeatUnavailable, InvalidRequest,
        NotFound. Emits `blocked`, writes the audit log.
        """
        bus = await self._lane.buses.find(request.bus_id)
        await self._require_manager(caller, bus, "bus")
        return await self._lane.submit(BlockSeats(request.bus_id, ask, caller, request, reason))

    async def list(self, caller: Caller, bus_id: int) -> list[Block]:
        """Return what keeps seats of a bus off sale; raise NotFound, also for another operator's."""
        bus = await self._lane.buses.find(bus_id)
        if not sees(caller, bus.operator_id):
            raise NotFound("bus")

        async def read(connection: Connection) -> list[Block]:
            rows = await connection.fetch(SQL["list_blocks"], bus_id)
            return [_block(bus, row) for row in rows]

        return await self._lane.db.read([bus.operator_id], read)

    async def lift(self, caller: Caller, owned: tuple[int, uuid.UUID], ask: Ask[Block]) -> Reply:
        """Put blocked seats back on sale.

        Locks: the seats, the bus row last. Raises Forbidden, NotFound, WrongState (lifted before).
        Emits `unblocked`, writes the audit log.
        """
        bus_id, block_id = owned
        bus = await self._lane.buses.find(bus_id)
        await self._require_manager(caller, bus, "block")

        async def read(connection: Connection) -> Block:
            row = await connection.fetchrow(SQL["find_block"], bus_id, block_id)
            if row is None:
                raise NotFound("block")
            return _block(bus, row)

        # What a block is of never changes; whether it was lifted is decided under lock.
        block = await self._lane.db.read(caller.scope_at(bus.operator_id), read)
        return await self._lane.submit(LiftBlock(bus_id, ask, caller, block))

    async def _require_manager(self, caller: Caller, bus: Bus, what: str) -> None:
        await self._tenancy.require_manager(
            caller,
            bus.operator_id,
            what=what,
            why="only the operator's administrators block seats",
        )
        require_in_business(caller, is_suspended=bus.is_suspended)


@dataclass(slots=True)
class BlockSeats(Request[Block]):
    caller: Caller
    request: SeatRequest
    reason: str
    wanted: Wanted | None = None

    def needs(self) -> Needs:
        leg = find_leg(self.bus, self.request.from_stop, self.request.to_stop)
        self.wanted = Wanted(self.bus, leg, seats_by_label(self.bus, self.request.seats))
        return Needs(self.wanted.seats, leg)

    def decide(self, ledger: Ledger, changes: Changes) -> Block:
        wanted = self.wanted
        assert wanted is not None
        states = ledger.for_sale(self.bus, wanted.seats)
        require_free(wanted, states)
        block = Block(self.bus, uuid.uuid4(), wanted.leg, wanted.seats, self.reason, ledger.now)
        ledger.take_over(self.bus, wanted.seats, changes)
        changes.claim(block.seats, block.leg, block_id=block.block_id)
        changes.write("add_blocks", _added(block, self.caller))
        labels = [self.bus.layout.label(seat) for seat in block.seats]
        _log(changes, self.caller, "seats.block", {"seats": labels, "reason": self.reason})
        changes.show("blocked", set_leg(block.seats, states, block.leg, BLOCKED))
        return block


@dataclass(slots=True)
class LiftBlock(Request[Block]):
    caller: Caller
    block: Block

    def needs(self) -> Needs:
        return Needs(self.block.seats, block_id=self.block.block_id)

    def decide(self, ledger: Ledger, changes: Changes) -> Block:
        block = self.block
        # Only lifting takes seats from a block, and all of them.
        if not ledger.owned.get((self.bus_id, block.block_id)):
            raise WrongState("lifted", "these seats are on sale again already")
        changes.give_up(block.seats, block.leg)
        changes.write("lift_blocks", (self.bus.bus_id, block.block_id, ledger.now))
        _log(changes, self.caller, "seats.unblock", {})
        states = ledger.shown(self.bus, block.seats)
        changes.show("unblocked", set_leg(block.seats, states, block.leg, AVAILABLE))
        return block


def _block(bus: Bus, row: Record) -> Block:
    leg = Leg(row["from_idx"], row["to_idx"])
    return Block(bus, row["block_id"], leg, tuple(row["seats"]), row["reason"], row["created_at"])


def _added(block: Block, caller: Caller) -> tuple[object, ...]:
    return (
        block.bus.bus_id,
        block.bus.operator_id,
        block.block_id,
        literal(block.seats),
        block.leg.start,
        block.leg.end,
        block.reason,
        caller.user_id,
        block.created_at,
    )


def _log(changes: Changes, caller: Caller, action: str, detail: dict[str, object]) -> None:
    bus = changes.bus
    text = msgspec.json.encode(detail).decode()
    changes.write("add_audit", (bus.operator_id, caller.user_id, action, f"bus {bus.bus_id}", text))
