"""Handing a device's hold over to the phone of whoever stands before it: by a link that its screen shows.

The link's token is a keyed digest of the hold, the device and a moment, stored nowhere. It is good once because a hold
changes hands once: what it opens is a hold of that device, and afterwards there is none.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from store.batch import SQL as BATCH
from store.batch import read_hold
from store.buses import Buses
from store.buyers import Buyer, Buyers, Change, Kept, buyer_of, buyer_of_device, device_of_buyer
from store.counts import lock_counts
from store.db import Connection, Database
from store.errors import HoldNotFound
from store.holds import SQL as HOLDS
from store.holds import require_live, require_owner
from store.model import Caller, Hold
from store.queries import Queries
from store.seals import Seals

SQL = Queries.beside(__file__)
LIFETIME = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Link:
    """What a phone needs to take over a hold."""

    token: str
    expires_at: datetime


class Handover:
    def __init__(self, db: Database, buses: Buses, seals: Seals) -> None:
        self._db = db
        self._buses = buses
        self._seals = seals

    async def offer(self, caller: Caller, owned: tuple[int, uuid.UUID]) -> Link:
        """Let whoever gets the link take over a hold of the calling device, for two minutes at most.

        Locks nothing, changes nothing. Raises HoldNotFound (also for a hold of anybody else), HoldExpired.
        """
        bus_id, hold_id = owned
        assert caller.device_id is not None
        bus = await self._buses.find(bus_id)

        async def read(connection: Connection) -> tuple[Hold, datetime]:
            row = await connection.fetchrow(HOLDS["find_hold"], bus_id, hold_id)
            if row is None:
                raise HoldNotFound
            hold = read_hold(bus, row)
            if device_of_buyer(hold.buyer) != caller.device_id:
                raise HoldNotFound
            return require_live(hold, row["now"]), row["now"]

        hold, now = await self._db.read(caller.scope_at(bus.operator_id), read)
        until = int(min(hold.expires_at, now + LIFETIME).timestamp())
        token = self._seals.handover(bus_id, hold_id, caller.device_id, until)
        return Link(token, datetime.fromtimestamp(until, UTC))

    async def claim(self, caller: Caller, owned: tuple[int, uuid.UUID], token: str) -> Hold:
        """Make a device's hold the caller's, if the token is one for it; the deadline stays, and nobody sees a change.

        Claiming what one has claimed already changes nothing, whatever the token says by then: an answer may be lost.
        Locks: the counts of both buyers, the hold. Raises HoldNotFound (also for any token but the right one, and for
        one that somebody else has used), HoldExpired, LimitReached, SeatCoolingDown. Emits nothing.
        """
        bus_id, hold_id = owned
        bus = await self._buses.find(bus_id)
        taker = buyer_of(bus, caller)

        async def work(connection: Connection) -> Hold:
            device_id = device_of_buyer(await connection.fetchval(SQL["find_holder"], *owned))
            both = [each for each in (taker, _giver(device_id)) if each is not None]
            buyers = await lock_counts(connection, [(bus, buyer) for buyer in both])
            row = await connection.fetchrow(BATCH["lock_holds"], [bus_id], [hold_id])
            if row is None:
                raise HoldNotFound
            hold = read_hold(bus, row)
            if device_of_buyer(hold.buyer) is None:
                return require_live(_require_claimed(hold, caller, taker), row["now"])
            self._require_token(token, hold, row["now"])
            require_live(hold, row["now"])
            return await _change_hands(connection, buyers, hold, (caller, taker), row["now"])

        return await self._db.transaction([bus.operator_id], work)

    def _require_token(self, token: str, hold: Hold, now: datetime) -> None:
        device_id = device_of_buyer(hold.buyer)
        assert device_id is not None
        until = self._seals.is_handover(token, hold.bus.bus_id, hold.hold_id, device_id)
        if until is None or until <= now.timestamp():
            raise HoldNotFound


def _giver(device_id: int | None) -> Buyer | None:
    return None if device_id is None else Buyer(buyer_of_device(device_id), is_staff=True)


def _require_claimed(hold: Hold, caller: Caller, taker: Buyer | None) -> Hold:
    """Return a hold that is nobody's device's (any more) to those only who have claimed it."""
    require_owner(caller, hold)
    if hold.buyer != (taker.buyer_id if taker else None):
        raise HoldNotFound
    return hold


async def _change_hands(
    connection: Connection,
    buyers: Buyers,
    hold: Hold,
    taken_by: tuple[Caller, Buyer | None],
    now: datetime,
) -> Hold:
    bus, (caller, taker) = hold.bus, taken_by
    assert hold.buyer is not None
    if taker is not None:
        buyers.require_cool(bus, taker, hold.seats, now)
        buyers.admit(bus, taker, len(hold.seats), now)
    claimed = replace(
        hold,
        user_id=caller.user_id,
        buyer=taker.buyer_id if taker else None,
        network=taker.network if taker else None,
    )
    await connection.execute(
        SQL["hand_over"], bus.bus_id, hold.hold_id, claimed.user_id, claimed.buyer, claimed.network
    )
    for change in _changes(hold, taker):
        for row in buyers.counts_after(bus, change, now):
            await connection.execute(SQL["set_count"], *row)
        buyers.apply(bus, change, now)
    return claimed


def _changes(hold: Hold, taker: Buyer | None) -> Iterator[Change]:
    """Yield what becomes of both counts: the device keeps that much less, without having let anything go."""
    assert hold.buyer is not None
    yield Change(hold.hold_id, None, Buyer(hold.buyer))
    if taker is not None:
        bus = hold.bus
        yield Change(
            hold.hold_id,
            Kept(bus.bus_id, bus.operator_id, hold.hold_id, taker, hold.seats, hold.expires_at),
            taker,
        )
