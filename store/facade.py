"""Everything the store offers, opened and closed together."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

from store.accounts import Accounts
from store.answered import Answered
from store.audit import Audit
from store.audit_chain import AuditChains
from store.blocks import Blocks
from store.boards import Boards
from store.booking_search import BookingSearch
from store.bookings import Bookings
from store.bus_cancellation import BusRefunds
from store.bus_copies import BusCopies
from store.bus_edits import BusEdits
from store.bus_list import BusList
from store.bus_status import BusStatus
from store.buses import Buses
from store.cancellations import Cancellations
from store.captures import Captures
from store.carriage import Carriage
from store.cash_payouts import CashPayouts
from store.catalogue import Catalogue
from store.citus.lanes import ShardLanes
from store.day_prices import DayPrices
from store.db import Database
from store.demo_bank import DemoBank
from store.devices import Devices
from store.directory import Directory
from store.events import SeatsChanged
from store.expiry import Expiry
from store.fares import Fares
from store.handover import Handover
from store.holds import Holds
from store.house_keys import HouseKey, HouseKeys
from store.ids import RefCodec
from store.imports import Imports
from store.inbox import Inbox
from store.intents import Intents
from store.job_inbox import JobInbox
from store.jobs import Jobs
from store.lane import Lane, LaneOptions
from store.letters import Letters
from store.limits import OperatorLimits
from store.lookup import Lookup
from store.mails import LINKS, Mails
from store.manifests import Manifests
from store.months import Months
from store.no_shows import NoShows
from store.operators import Operators
from store.outbox import Outbox
from store.pairing import Pairing
from store.passenger_moves import PassengerMoves
from store.payouts import Payouts
from store.personal import Personal
from store.profiles import Profiles
from store.reader import Reader
from store.refund_terms import RefundTerms
from store.regions import Regions
from store.resends import Resends
from store.retention import Retention
from store.roles import APP, WORKER
from store.room_places import RoomPlaces
from store.rooms import Rooms
from store.routes import Routes
from store.sales import Sales
from store.sales_pace import SalesPace
from store.sales_report import SalesReport
from store.scans import Scans
from store.seals import Seals
from store.seat_plans import SeatPlans
from store.second_factors import SecondFactors
from store.session_ends import SessionEnd, SessionEnds
from store.sessions import Sessions
from store.settlement import Settlement
from store.shifts import Shifts
from store.standbys import StandbyOptions, Standbys
from store.stops import Stops
from store.tenancy import Tenancy
from store.tills import Tills
from store.timetable import Timetable
from store.unboarding import Unboarding
from store.vehicles import Vehicles
from store.watch import Watch
from store.webhook_log import WebhookLog
from store.webhook_outbox import WebhookOutbox
from store.webhooks import Secrets, Webhooks


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """`pool_size` connections at most, and `warm` of them, or a quarter, from the start.

    A hold lives `hold_seconds`, an unpaid booking `pending_seconds`, one to be paid at a counter `voucher_seconds`.
    `role` is what connections become: a worker ends, forgets and verifies, and can sell nothing.
    """

    pool_size: int = 10
    hold_seconds: int = 300
    pending_seconds: int = 120
    role: str = APP
    lane: LaneOptions = field(default_factory=LaneOptions)
    standbys: StandbyOptions = field(default_factory=StandbyOptions)
    warm: int | None = None
    voucher_seconds: int = 900


def _nobody(_news: Sequence[SeatsChanged] | Sequence[SessionEnd]) -> None:
    """For those who work without telling: imports, tests of the store alone."""


@dataclass(frozen=True, slots=True)
class Store:
    db: Database
    reader: Reader
    standbys: Standbys
    buses: Buses
    catalogue: Catalogue
    day_prices: DayPrices
    holds: Holds
    bookings: Bookings
    lookup: Lookup
    booking_search: BookingSearch
    settlement: Settlement
    intents: Intents
    captures: Captures
    inbox: Inbox
    payouts: Payouts
    demo_bank: DemoBank
    cancellations: Cancellations
    refund_terms: RefundTerms
    blocks: Blocks
    fares: Fares
    expiry: Expiry
    retention: Retention
    months: Months
    timetable: Timetable
    accounts: Accounts
    profiles: Profiles
    personal: Personal
    mails: Mails
    letters: Letters
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
    sales_pace: SalesPace
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
    unboarding: Unboarding
    no_shows: NoShows
    passenger_moves: PassengerMoves
    resends: Resends
    tills: Tills
    shifts: Shifts
    cash_payouts: CashPayouts
    bus_refunds: BusRefunds
    jobs: Jobs
    webhooks: Webhooks
    webhook_secrets: Secrets
    webhook_outbox: WebhookOutbox
    webhook_log: WebhookLog
    carriage: Carriage
    job_inbox: JobInbox
    outbox: Outbox
    imports: Imports
    regions: Regions
    rooms: Rooms
    answered: Answered
    room_places: RoomPlaces

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
        db = await Database.connect(
            dsn, size=options.pool_size, warm=options.warm, role=options.role
        )
        house_keys = HouseKeys(db)
        try:
            scatter, seal = await _find_keys(house_keys, options)
            links = [
                bytes.fromhex(each.secret)
                for each in await house_keys.find_or_make(LINKS, _new_key)
            ]
            standbys = Standbys(db, options.standbys)
            await standbys.start()
        except BaseException:
            await db.close()
            raise
        reader = Reader(db, standbys)
        buses = Buses(db)
        catalogue = Catalogue(db, reader, buses)
        tenancy = Tenancy(db)
        lane = (ShardLanes if db.is_spread else Lane)(db, buses, announce, options.lane)
        seals = Seals(bytes.fromhex(seal.secret), mailed=links)
        ends = SessionEnds(db, ended)
        terms = RefundTerms(db)
        refs = RefCodec(bytes.fromhex(scatter.secret))
        webhook_secrets = Secrets(house_keys)
        return cls(
            db=db,
            reader=reader,
            standbys=standbys,
            buses=buses,
            catalogue=catalogue,
            day_prices=DayPrices(reader, catalogue),
            holds=Holds(lane, tenancy, hold_seconds=options.hold_seconds),
            bookings=Bookings(
                lane,
                tenancy,
                refs,
                pending_seconds=options.pending_seconds,
                voucher_seconds=options.voucher_seconds,
            ),
            lookup=Lookup(db, buses),
            booking_search=BookingSearch(db, reader, buses),
            settlement=Settlement(lane),
            intents=Intents(db),
            captures=Captures(lane),
            inbox=Inbox(db),
            payouts=Payouts(db),
            demo_bank=DemoBank(db),
            cancellations=Cancellations(lane, terms, seals),
            refund_terms=terms,
            blocks=Blocks(lane, tenancy),
            fares=Fares(db, buses, tenancy, announce),
            expiry=Expiry(lane),
            retention=Retention(db),
            months=Months(db),
            timetable=Timetable(db, tenancy),
            accounts=Accounts(db),
            profiles=Profiles(db, ends),
            personal=Personal(db, ends),
            mails=Mails(db, Seals(links[0])),
            letters=Letters(db, buses),
            limits=OperatorLimits(db, tenancy),
            sessions=Sessions(db, ends),
            ends=ends,
            second_factors=SecondFactors(db, ends),
            directory=Directory(db, ends),
            house_keys=house_keys,
            seals=seals,
            audit=Audit(db, reader),
            audit_chains=AuditChains(db),
            tenancy=tenancy,
            lane=lane,
            watch=Watch(db),
            boards=Boards(reader),
            sales=Sales(reader),
            sales_report=SalesReport(reader),
            sales_pace=SalesPace(reader),
            operators=Operators(db, reader),
            stops=Stops(db, reader),
            routes=Routes(db, reader),
            seat_plans=SeatPlans(db, reader),
            vehicles=Vehicles(db, reader),
            bus_list=BusList(db, reader),
            bus_edits=BusEdits(db, buses, announce),
            bus_status=BusStatus(db, buses, announce),
            bus_copies=BusCopies(db),
            devices=Devices(db),
            pairing=Pairing(db, house_keys, tenancy),
            handover=Handover(db, buses, seals),
            manifests=Manifests(reader, buses, tenancy),
            scans=Scans(db, buses, tenancy),
            unboarding=Unboarding(db, buses, tenancy),
            no_shows=NoShows(lane, tenancy),
            passenger_moves=PassengerMoves(lane, tenancy),
            resends=Resends(db, tenancy),
            tills=Tills(db),
            shifts=Shifts(db),
            cash_payouts=CashPayouts(db),
            bus_refunds=BusRefunds(db),
            jobs=Jobs(db),
            webhooks=Webhooks(db, webhook_secrets),
            webhook_secrets=webhook_secrets,
            webhook_outbox=WebhookOutbox(db),
            webhook_log=WebhookLog(db),
            carriage=Carriage(db),
            job_inbox=JobInbox(db),
            outbox=Outbox(db),
            imports=Imports(db),
            regions=Regions(db),
            rooms=Rooms(db),
            answered=Answered(db),
            room_places=RoomPlaces(db),
        )

    async def close(self) -> None:
        """Finish what is queued, then close the connections."""
        await self.lane.close()
        await self.standbys.close()
        await self.db.close()

    async def is_primary(self) -> bool:
        """Whether the database answers, and as one that takes writes; raises Overloaded when it does not answer."""
        row = await self.db.fetchrow("SELECT NOT pg_is_in_recovery() AS is_primary")
        is_primary = bool(row and row["is_primary"])
        if not is_primary:  # a standby by now: another host may be the primary
            await self.db.expire()
        return is_primary


async def _find_keys(house_keys: HouseKeys, options: StoreOptions) -> tuple[HouseKey, HouseKey]:
    """Return what scatters refs and what seals bookings; a worker, who makes neither, gets two that open nothing."""
    if options.role == WORKER:
        return _new_key(), _new_key()
    scatter = await house_keys.find_or_make("booking_refs", _new_key)
    seal = await house_keys.find_or_make("booking_seals", _new_key)
    return scatter[-1], seal[-1]


def _new_key() -> HouseKey:
    return HouseKey("1", secrets.token_hex(32))
