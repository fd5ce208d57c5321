"""Values of the domain: what a bus is, who calls, what is held and booked. No I/O."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

AVAILABLE, LOCKED, BOOKED, BLOCKED = "A", "L", "B", "X"
STATUS_NAMES = {"A": "AVAILABLE", "L": "LOCKED", "B": "BOOKED", "X": "BLOCKED"}


class Role(StrEnum):
    RIDER = "rider"
    AGENT = "agent"
    OPERATOR = "operator"
    SUPPORT = "support"
    ADMIN = "admin"


class DeviceKind(StrEnum):
    """What stands in for a role where a device calls: what may do what is said for each by name, or it may not."""

    KIOSK = "kiosk"
    BOARD = "board"
    SCANNER = "scanner"


@dataclass(frozen=True, slots=True)
class Guest:
    """How a caller who has not signed in is told from others: by digests, never by what they are made of.

    `buyer` is a browser, or all callers of an address who show none; `network` all guests of that address.
    """

    buyer: uuid.UUID
    network: uuid.UUID


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a user, a device, or a guest, who is neither. Agents, operators and devices belong to one operator.

    A guest of whom nothing is known is bound by no count: the edge knows every guest unless limits are off.
    """

    user_id: int | None = None
    role: Role | DeviceKind | None = None
    operator_id: int | None = None
    guest: Guest | None = None
    device_id: int | None = None

    @property
    def is_guest(self) -> bool:
        return self.user_id is None and self.device_id is None

    @property
    def scope(self) -> str:
        """What an idempotency key is private to. Guests share one: their keys are random and bound to the body."""
        if self.device_id is not None:
            return f"device:{self.device_id}"
        return "guest" if self.user_id is None else f"user:{self.user_id}"

    @property
    def reach(self) -> tuple[int, ...] | None:
        """The operators whose private rows row security shows to this caller: its own, or None for all of them."""
        if self.role is Role.ADMIN or self.role is Role.SUPPORT:
            return None
        return () if self.operator_id is None else (self.operator_id,)

    def scope_at(self, operator_id: int) -> tuple[int, ...]:
        """Return the scope in which the caller works on something of this operator: never more than its reach."""
        return (operator_id,) if self.reach is None else self.reach

    def works_for(self, operator_id: int) -> bool:
        """Whether the caller may act for this operator: its own staff, or the platform's admin."""
        if self.role is Role.ADMIN:
            return True
        role = self.role
        return (role is Role.AGENT or role is Role.OPERATOR) and self.operator_id == operator_id

    def sells_for(self, operator_id: int) -> bool:
        """Whether the caller sells in this operator's name, and takes its cash: its staff, or one of its kiosks."""
        if self.device_id is None:
            return self.works_for(operator_id)
        return self.role is DeviceKind.KIOSK and self.operator_id == operator_id

    def boards_for(self, operator_id: int) -> bool:
        """Whether the caller may look at this operator's tickets at the door: its staff, or one of its scanners."""
        if self.device_id is None:
            return self.works_for(operator_id)
        return self.role is DeviceKind.SCANNER and self.operator_id == operator_id

    def manages(self, operator_id: int) -> bool:
        """Whether the caller may change what this operator sells."""
        if self.role is Role.ADMIN:
            return True
        return self.role is Role.OPERATOR and self.operator_id == operator_id


GUEST = Caller()


@dataclass(frozen=True, slots=True)
class Limits:
    """What an operator lets a buyer keep from others. `seats_per_address` is of all guests of an address together."""

    seats_per_buyer: int = 6
    seats_per_address: int | None = None
    seats_per_staff: int = 100
    holds_per_buyer: int = 2
    holds_per_staff: int = 100
    cooldown_seconds: int = 120
    extension_seconds: int = 300
    hold_seconds_max: int = 1200

    @property
    def seats_of_address(self) -> int:
        """The seats of all guests of an address: as many as one buyer's, unless the operator says otherwise."""
        return self.seats_per_address or self.seats_per_buyer


class Leg(msgspec.Struct, frozen=True):
    """A run of segments: from stop `start` (boarding) up to stop `end` (alighting), as indexes of the bus's stops."""

    start: int
    end: int

    @property
    def segments(self) -> range:
        return range(self.start, self.end)


@dataclass(frozen=True, slots=True)
class LayoutSeat:
    seat_no: int
    label: str
    deck: int
    row: int
    column: int
    seat_class: str
    attributes: tuple[str, ...]
    price_percent: int


@dataclass(frozen=True, slots=True)
class Layout:
    layout_id: int
    name: str
    seats: tuple[LayoutSeat, ...]
    by_label: dict[str, LayoutSeat]
    by_number: dict[int, LayoutSeat]

    def label(self, seat_no: int) -> str:
        return self.by_number[seat_no].label


@dataclass(frozen=True, slots=True)
class BusStop:
    stop_id: int
    name: str
    time_zone: str
    station_id: int | None
    arrives_at: datetime
    departs_at: datetime
    can_board: bool
    can_alight: bool

    def is_at(self, stop_id: int) -> bool:
        return stop_id in (self.stop_id, self.station_id)


PairFares = Mapping[tuple[int, int], int]
"""What legs cost that have a fare of their own, by the places of their ends among the stops."""


@dataclass(frozen=True, slots=True)
class Bus:
    """The facts of a bus that sales need and that change rarely; `facts` numbers their edition.

    `fares` are those of its segments, and what a leg costs is their sum unless `pair_fares` has it. While its operator
    is disabled it `is_suspended`: nothing is sold, and the operator's staff changes nothing.
    """

    bus_id: int
    operator_id: int
    name: str
    operator: str
    facts: int
    layout: Layout
    stops: tuple[BusStop, ...]
    fares: tuple[int, ...]
    currency: str
    sales_close: timedelta
    limits: Limits = Limits()
    pair_fares: PairFares = field(default_factory=dict)
    is_suspended: bool = False
    rules_id: int | None = None
    """The cancellation rules that it is sold under; None: those of the house."""
    cash_needs_shift: bool = False
    locale: str = "en"
    """The language of its operator."""

    @property
    def whole_route(self) -> Leg:
        return Leg(0, len(self.fares))


class SaleStatus(StrEnum):
    """A bus nobody may know of yet, one on sale, one that is not, one that does not go."""

    DRAFT = "DRAFT"
    SCHEDULED = "SCHEDULED"
    CLOSED = "CLOSED"
    CANCELLED = "CANCELLED"


class HoldState(StrEnum):
    ACTIVE = "ACTIVE"
    BOOKED = "BOOKED"
    RELEASED = "RELEASED"
    EXPIRED = "EXPIRED"


class BookingStatus(StrEnum):
    PENDING = "PENDING"
    CONFIRMED = "CONFIRMED"
    CANCELLED = "CANCELLED"
    PARTIALLY_CANCELLED = "PARTIALLY_CANCELLED"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"


class PaymentStatus(StrEnum):
    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    DECLINED = "DECLINED"
    CANCELLED = "CANCELLED"
    RETURNED = "RETURNED"
    """Captured, but too late for its seats, or a second time: all of it goes back."""


class Hold(msgspec.Struct, frozen=True):
    bus: Bus
    hold_id: uuid.UUID
    state: HoldState
    user_id: int | None
    leg: Leg
    seats: tuple[int, ...]
    prices: tuple[int, ...]
    created_at: datetime
    expires_at: datetime
    buyer: uuid.UUID | None = None
    network: uuid.UUID | None = None
    is_extended: bool = False


class Passenger(msgspec.Struct, frozen=True):
    seat_no: int
    name: str
    category: str


class Contact(msgspec.Struct, frozen=True):
    """How a buyer is reached; `locale` is the language for it, None for that of their account or of the operator."""

    email: str | None = None
    phone: str | None = None
    locale: str | None = None


class Payment(msgspec.Struct, frozen=True):
    """What has come of paying a booking; `payment_id` only when something has, `device_id` is who took the cash.

    `provider_ref` is what its provider calls it, if one was asked; `taken_by` who was paid for what had been reserved.
    """

    method: str
    status: PaymentStatus
    amount: int
    payment_id: uuid.UUID | None = None
    device_id: int | None = None
    provider_ref: str | None = None
    taken_by: int | None = None


class Ticket(msgspec.Struct, frozen=True):
    seat_no: int
    code: uuid.UUID
    status: str
    is_boarded: bool = False


class Booking(msgspec.Struct, frozen=True):
    bus: Bus
    booking_id: int
    ref: str
    status: BookingStatus
    user_id: int | None
    leg: Leg
    seats: tuple[int, ...]
    prices: tuple[int, ...]
    passengers: tuple[Passenger, ...]
    contact: Contact
    created_at: datetime
    expires_at: datetime | None
    payment: Payment
    confirmed_at: datetime | None = None
    tickets: tuple[Ticket, ...] = ()
    refunded: int = 0
    attempts: tuple[tuple[uuid.UUID, PaymentStatus], ...] = ()
    """Every attempt to pay that has come to something; `payment` is the one that counts, or else the last."""
    sold_by: int | None = None
    """Whoever of the staff sold it, if anybody did."""
    rules_id: int | None = None
    """The cancellation rules in force when it was sold; None: those of the house."""

    @property
    def total(self) -> int:
        return sum(self.prices)
