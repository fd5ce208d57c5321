"""Everything the store offers, opened and closed together."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

from store.accounts import Accounts
from store.audit import Audit
from store.audit_chain import AuditChains
from store.blocks import Blocks
from store.boards import Boards
from store.bookings import Bookings
from store.bus_copies import BusCopies
from store.bus_edits import BusEdits
from store.bus_list import BusList
from store.bus_status import BusStatus
from store.buses import Buses
from store.catalogue import Catalogue
from store.citus.lanes import ShardLanes
from store.db import Database
from store.devices import Devices
from store.directory import Directory
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
from store.mails import LINKS, Mails
from store.manifests import Manifests
from store.operators import Operators
from store.pairing import Pairing
from store.personal import Personal
from store.profiles import Profiles
from store.retention import Retention
from store.roles import APP, WORKER
from store.routes import Routes
from store.sales import Sales
from store.sales_report import SalesReport
from store.scans import Scans
from store.seals import Seals
from store.seat_plans import SeatPlans
from store.second_factors import SecondFactors
from store.session_ends import SessionEnd, SessionEnds
from store.sessions import Sessions
from store.settlement import Settlement
from store.stops import Stops
from store.tenancy import Tenancy
from store.tills import Tills
from store.timetable import Timetable
from store.vehicles import Vehicles
from store.watch import Watch


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """`pool_size` connections at most; a hold lives `hold_seconds`, an unpaid booking `pending_seconds`.

    `role` is what connections become: a worker ends, forgets and verifies, and can sell nothing.
    """

    pool_size: int = 10
    hold_seconds: int = 300
    pending_seconds: int = 120
    role: str = APP
    lane: LaneOptions = field(default_factory=LaneOptions)


def _nobody(_news: Sequence[SeatsChanged] | Sequence[SessionEnd]) -> None:
    """For those who work without telling: imports, tests of the store alone."""


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
    profiles: Profiles
    personal: Personal
    mails: Mails
    limits: OperatorLimits
    sessions: Sessions
    ends: SessionEnds
    second_factors: SecondFactors
    directory: Directory
    house_keys: HouseKeys
    seals: Seals
    audit: Audit
    audit_chains: AuditChains
    tenancy: Tenancy
    lane: Lane
    watch: Watch
    boards: Boards
    sales: Sales
    sales_report: SalesReport
    operators: Operators
    stops: Stops
    routes: Routes
    seat_plans: SeatPlans
    vehicles: Vehicles
    bus_list: BusList
    bus_edits: BusEdits
    bus_status: BusStatus
    bus_copies: BusCopies
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
        ended: Callable[[Sequence[SessionEnd]], None] = _nobody,
    ) -> Self:
        """Connect to a migrated database.

        `announce` hears of a batch's changes, `ended` of sessions that this process has ended, each after the COMMIT.
        """
        db = await Database.connect(dsn, size=options.pool_size, role=options.role)
        house_keys = HouseKeys(db)
        try:
            scatter, seal = await _find_keys(house_keys, options)
            links = (await house_keys.find_or_make(LINKS, _new_key))[0]
        except BaseException:
            await db.close()
            raise
        buses = Buses(db)
        tenancy = Tenancy(db)
        lane = (ShardLanes if db.is_spread else Lane)(db, buses, announce, options.lane)
        seals = Seals(bytes.fromhex(seal.secret))
        ends = SessionEnds(db, ended)
        refs = RefCodec(bytes.fromhex(scatter.secret))
        return cls(
            db=db,
            buses=buses,
            catalogue=Catalogue(db, buses),
            holds=Holds(lane, tenancy, hold_seconds=options.hold_seconds),
            bookings=Bookings(lane, tenancy, refs, pending_seconds=options.pending_seconds),
            lookup=Lookup(db, buses),
            settlement=Settlement(lane),
            blocks=Blocks(lane, tenancy),
            fares=Fares(db, buses, tenancy, announce),
            expiry=Expiry(lane),
            retention=Retention(db),
            timetable=Timetable(db, tenancy),
            accounts=Accounts(db),
            profiles=Profiles(db, ends),
            personal=Personal(db, ends),
            mails=Mails(db, Seals(bytes.fromhex(links.secret))),
            limits=OperatorLimits(db, tenancy),
            sessions=Sessions(db, ends),
            ends=ends,
            second_factors=SecondFactors(db, ends),
            directory=Directory(db, ends),
            house_keys=house_keys,
            seals=seals,
            audit=Audit(db),
            audit_chains=AuditChains(db),
            tenancy=tenancy,
            lane=lane,
            watch=Watch(db),
            boards=Boards(db),
            sales=Sales(db),
            sales_report=SalesReport(db),
            operators=Operators(db),
            stops=Stops(db),
            routes=Routes(db),
            seat_plans=SeatPlans(db),
            vehicles=Vehicles(db),
            bus_list=BusList(db),
            bus_edits=BusEdits(db, buses, announce),
            bus_status=BusStatus(db, buses, announce),
            bus_copies=BusCopies(db),
            devices=Devices(db),
            pairing=Pairing(db, house_keys, tenancy),
            handover=Handover(db, buses, seals),
            manifests=Manifests(db, buses, tenancy),
            scans=Scans(db, buses, tenancy),
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


async def _find_keys(house_keys: HouseKeys, options: StoreOptions) -> tuple[HouseKey, HouseKey]:
    """Return what scatters refs and what seals bookings; a worker, who makes neither, gets two that open nothing."""
    if options.role == WORKER:
        return _new_key(), _new_key()
    scatter = await house_keys.find_or_make("booking_refs", _new_key)
    seal = await house_keys.find_or_make("booking_seals", _new_key)
    return scatter[-1], seal[-1]


def _new_key() -> HouseKey:
    return HouseKey("1", secrets.token_hex(32))
