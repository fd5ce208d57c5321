"""Everything the store offers, opened and closed together."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

from store.accounts import Accounts
from store.blocks import Blocks
from store.boards import Boards
from store.bookings import Bookings
from store.buses import Buses
from store.catalogue import Catalogue
from store.citus.lanes import ShardLanes
from store.db import Database
from store.devices import Devices
from store.events import SeatsChanged
from store.expiry import Expiry
from store.fares import Fares
from store.handover import Handover
from store.holds import Holds
from store.house_keys import HouseKey, HouseKeys
from store.ids import RefCodec
from store.lane import Lane, LaneOptions
from store.limits import OperatorLimits
from store.lookup import Lookup
from store.manifests import Manifests
from store.pairing import Pairing
from store.retention import Retention
from store.sales import Sales
from store.scans import Scans
from store.seals import Seals
from store.sessions import Sessions
from store.settlement import Settlement
from store.tills import Tills
from store.timetable import Timetable
from store.watch import Watch


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """`pool_size` connections at most; a hold lives `hold_seconds`, an unpaid booking `pending_seconds`."""

    pool_size: int = 10
    hold_seconds: int = 300
    pending_seconds: int = 120
    lane: LaneOptions = field(default_factory=LaneOptions)


def _nobody(_events: Sequence[SeatsChanged]) -> None:
    """For those who sell without telling: imports, tests of the store alone."""


@dataclass(frozen=True, slots=True)
class Store:
    db: Database
    buses: Buses
    catalogue: Catalogue
    holds: Holds
    bookings: Bookings
    lookup: Lookup
    settlement: Settlement
    blocks: Blocks
    fares: Fares
    expiry: Expiry
    retention: Retention
    timetable: Timetable
    accounts: Accounts
    limits: OperatorLimits
    sessions: Sessions
    house_keys: HouseKeys
    seals: Seals
    lane: Lane
    watch: Watch
    boards: Boards
    sales: Sales
    devices: Devices
    pairing: Pairing
    handover: Handover
    manifests: Manifests
    scans: Scans
    tills: Tills

    @classmethod
    async def open(
        cls,
        dsn: str,
        options: StoreOptions = StoreOptions(),
        announce: Callable[[Sequence[SeatsChanged]], None] = _nobody,
    ) -> Self:
        """Connect to a migrated database. `announce` hears of a batch's changes, after its COMMIT."""
        db = await Database.connect(dsn, size=options.pool_size)
        try:
            house_keys = HouseKeys(db)
            scatter = await house_keys.find_or_make("booking_refs", _new_key)
            seal = await house_keys.find_or_make("booking_seals", _new_key)
        except BaseException:
            await db.close()
            raise
        buses = Buses(db)
        lane = (ShardLanes if db.is_spread else Lane)(db, buses, announce, options.lane)
        refs = RefCodec(bytes.fromhex(scatter[-1].secret))
        seals = Seals(bytes.fromhex(seal[-1].secret))
        return cls(
            db=db,
            buses=buses,
            catalogue=Catalogue(db, buses),
            holds=Holds(lane, hold_seconds=options.hold_seconds),
            bookings=Bookings(lane, refs, pending_seconds=options.pending_seconds),
            lookup=Lookup(db, buses),
            settlement=Settlement(lane),
            blocks=Blocks(lane),
            fares=Fares(db, buses, announce),
            expiry=Expiry(lane),
            retention=Retention(db),
            timetable=Timetable(db),
            accounts=Accounts(db),
            limits=OperatorLimits(db),
            sessions=Sessions(db),
            house_keys=house_keys,
            seals=seals,
            lane=lane,
            watch=Watch(db),
            boards=Boards(db),
            sales=Sales(db),
            devices=Devices(db),
            pairing=Pairing(db, house_keys),
            handover=Handover(db, buses, seals),
            manifests=Manifests(db, buses),
            scans=Scans(db, buses),
            tills=Tills(db),
        )

    async def close(self) -> None:
        """Finish what is queued, then close the connections."""
        await self.lane.close()
        await self.db.close()

    async def is_primary(self) -> bool:
        """Whether the database answers, and as one that takes writes; raises Overloaded when it does not answer."""
        row = await self.db.fetchrow("SELECT NOT pg_is_in_recovery() AS is_primary")
        return bool(row and row["is_primary"])


def _new_key() -> HouseKey:
    return HouseKey("1", secrets.token_hex(32))
