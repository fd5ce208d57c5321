"""Buyers, and what they keep from others: how many seats, in how many holds, and which they have just let go.

A buyer is a number of 128 bits: a user's own, a device's own above 2^64, or a guest's keyed digest with the highest bit
set, so that no two kinds ever meet. Pure: a batch locks and counts, requests decide here in order of arrival.

Exact on one bus: whoever adds to what a buyer has there holds the lock of the buyer's count. Across the buses of an
operator holds are counted without foreign locks, so two batches on two buses at the same moment may both find room
for the last one. Harmless: each such race is worth one hold, which ends as all do, and seats on a bus stay capped.
"""

import math
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

import msgspec

from store.errors import AddressFull, SeatCoolingDown, TooManyHolds, TooManySeats
from store.model import Bus, Caller, Hold, Limits

Owner = uuid.UUID | int
"""A hold's id, or the number of a booking that waits to be paid."""
_DEVICES = 64
"""The bit above a device's own number: users have none there, guests the highest."""
VOUCHERS_PER_DEVICE = 10
_PARTY = 6
_SEATS_PER_PARTY = 10
"""Vouchers of a device keep one seat of so many of a bus, rounded up; those of one party in any case."""
_NOTHING: Mapping[tuple[int, Owner], "Kept"] = {}


class Buyer(msgspec.Struct, frozen=True):
    """Who answers for seats; a guest's `network` answers too, for all guests of the address together."""

    buyer_id: uuid.UUID
    network: uuid.UUID | None = None
    is_staff: bool = False

    @property
    def identities(self) -> tuple[uuid.UUID, ...]:
        """Whose counts must be locked."""
        return (self.buyer_id,) if self.network is None else (self.buyer_id, self.network)

    def kind_of(self, identity: uuid.UUID) -> str:
        """Return which of an operator's caps is an identity's."""
        if identity == self.network:
            return "address"
        return "staff" if self.is_staff else "buyer"


def buyer_of_user(user_id: int) -> uuid.UUID:
    return uuid.UUID(int=user_id)


def buyer_of_device(device_id: int) -> uuid.UUID:
    return uuid.UUID(int=1 << _DEVICES | device_id)


def device_of_buyer(buyer: uuid.UUID | None) -> int | None:
    """Return the device that a buyer is; None for everybody else."""
    if buyer is None or buyer.int >> _DEVICES != 1:
        return None
    return buyer.int & (1 << _DEVICES) - 1


def buyer_of_guest(digest: bytes) -> uuid.UUID:
    """Return the number of a guest, or of an address, from a keyed digest of 16 bytes."""
    return uuid.UUID(int=int.from_bytes(digest) | 1 << 127)


def buyer_of(bus: Bus, caller: Caller) -> Buyer | None:
    """Return who answers for what this caller takes; None for nobody that could be named."""
    if caller.user_id is not None:
        return Buyer(buyer_of_user(caller.user_id), is_staff=caller.works_for(bus.operator_id))
    if caller.device_id is not None:
        return Buyer(buyer_of_device(caller.device_id), is_staff=caller.sells_for(bus.operator_id))
    if caller.guest is not None and caller.role is None:
        return Buyer(caller.guest.buyer, caller.guest.network)
    return None


def buyer_of_hold(hold: Hold, caller: Caller) -> Buyer | None:
    """Return who answers for a hold, whoever acts on it: staff does so within its own limits."""
    if hold.buyer is None:
        return None
    return Buyer(hold.buyer, hold.network, is_staff=caller.sells_for(hold.bus.operator_id))


class Kept(msgspec.Struct, frozen=True):
    """A live hold or an unpaid booking: seats that nobody else can have."""

    bus_id: int
    operator_id: int
    owner: Owner
    buyer: Buyer
    seats: tuple[int, ...]
    expires_at: datetime
    is_voucher: bool = False
    """Whether it waits for somebody who may have gone home: nothing but a slip of paper binds them."""


class LetGo(msgspec.Struct, frozen=True):
    """When a buyer let go of a seat, and the hold that it was dropped from, if that one went on."""

    at: datetime
    part_of: uuid.UUID | None = None


class Change(msgspec.Struct, frozen=True):
    """What becomes of an owner: it keeps this from now on, or nothing; and what its buyer has let go."""

    owner: Owner
    kept: Kept | None
    buyer: Buyer
    dropped: tuple[int, ...] = ()


class Buyers(msgspec.Struct):
    """What the buyers of a batch keep, under the locks of their counts, and the limits of their operators."""

    limits: dict[int, Limits] = {}
    locked: set[tuple[int, uuid.UUID]] = msgspec.field(default_factory=set)
    _kept: dict[uuid.UUID, dict[tuple[int, Owner], Kept]] = {}
    _let_go: dict[tuple[int, uuid.UUID, int], LetGo] = {}

    def is_locked(self, bus: Bus, buyer: Buyer) -> bool:
        return all((bus.bus_id, identity) in self.locked for identity in buyer.identities)

    def limits_of(self, bus: Bus) -> Limits:
        """Return the operator's limits of this moment; what is kept in memory with the bus may be older."""
        return self.limits.get(bus.operator_id, bus.limits)

    def keep(self, kept: Kept) -> None:
        """Note what a buyer keeps, in place of what its owner kept before."""
        for identity in kept.buyer.identities:
            self._kept.setdefault(identity, {})[kept.bus_id, kept.owner] = kept

    def drop(self, bus_id: int, buyer_id: uuid.UUID, seats: Iterable[int], let_go: LetGo) -> None:
        """Note that a buyer let go of seats."""
        for seat in seats:
            place = bus_id, buyer_id, seat
            known = self._let_go.get(place)
            if known is None or known.at <= let_go.at:
                self._let_go[place] = let_go

    def apply(self, bus: Bus, change: Change, at: datetime) -> None:
        """Make a decided change part of what the next request sees."""
        goes_on = change.owner if change.kept and isinstance(change.owner, uuid.UUID) else None
        self.drop(bus.bus_id, change.buyer.buyer_id, change.dropped, LetGo(at, goes_on))
        for identity in change.buyer.identities:
            self._kept.get(identity, {}).pop((bus.bus_id, change.owner), None)
        if change.kept is not None:
            self.keep(change.kept)

    def admit(
        self, bus: Bus, buyer: Buyer, seats: int, now: datetime, *, instead_of: Owner | None = None
    ) -> None:
        """Let a buyer keep so many seats of a bus in a hold, new or `instead_of` what an owner keeps now.

        Raises TooManySeats, AddressFull, TooManyHolds.
        """
        limits = self.limits_of(bus)
        most = seats_per_buyer(limits, is_staff=buyer.is_staff)
        here = [k for k in self._of(bus, buyer.buyer_id, now) if k.owner != instead_of]
        on_bus = [k for k in here if k.bus_id == bus.bus_id]
        if _seats(on_bus) + seats > most:
            raise TooManySeats(most, _wait(on_bus, now))
        if buyer.network is not None:
            of_address = [
                k
                for k in self._of(bus, buyer.network, now)
                if k.bus_id == bus.bus_id and k.owner != instead_of
            ]
            if _seats(of_address) + seats > limits.seats_of_address:
                raise AddressFull(limits.seats_of_address, _wait(of_address, now))
        holds_max = holds_per_buyer(limits, is_staff=buyer.is_staff)
        if instead_of is None and len(here) >= holds_max:
            raise TooManyHolds(holds_max, _wait(here, now))

    def admit_voucher(self, bus: Bus, buyer: Buyer, seats: int, now: datetime) -> None:
        """Check that a device may keep that many seats, held or not, for somebody who will bring the cash.

        Raises TooManySeats, TooManyHolds.
        """
        open_now = [k for k in self._of(bus, buyer.buyer_id, now) if k.is_voucher]
        on_bus = [k for k in open_now if k.bus_id == bus.bus_id]
        most = vouchers_per_bus(len(bus.layout.by_number))
        if _seats(on_bus) + seats > most:
            raise TooManySeats(most, _wait(on_bus, now))
        if len(open_now) >= VOUCHERS_PER_DEVICE:
            raise TooManyHolds(VOUCHERS_PER_DEVICE, _wait(open_now, now))

    def require_cool(
        self,
        bus: Bus,
        buyer: Buyer,
        seats: Iterable[int],
        now: datetime,
        *,
        hold_id: uuid.UUID | None = None,
    ) -> None:
        """Raise SeatCoolingDown for seats that this buyer has just let go; staff may take them back at once.

        So may the hold that they were dropped from: its deadline stays, so nothing is kept for longer.
        """
        if buyer.is_staff:
            return
        pause = timedelta(seconds=self.limits_of(bus).cooldown_seconds)
        waits: dict[int, timedelta] = {}
        for seat in seats:
            let_go = self._let_go_of(bus, buyer.buyer_id, seat, now)
            if let_go is None or (hold_id is not None and let_go.part_of == hold_id):
                continue
            if let_go.at + pause > now:
                waits[seat] = let_go.at + pause - now
        if waits:
            labels = tuple(bus.layout.label(seat) for seat in sorted(waits))
            raise SeatCoolingDown(labels, _whole_seconds(max(waits.values())))

    def counts_after(
        self, bus: Bus, change: Change, now: datetime
    ) -> Iterator[tuple[int, uuid.UUID, int, int]]:
        """Return (bus, identity, seats, holds) as they will be on this bus, for every identity of the buyer."""
        for identity in change.buyer.identities:
            kept = [
                k
                for k in self._of(bus, identity, now)
                if k.bus_id == bus.bus_id and k.owner != change.owner
            ]
            if change.kept is not None:
                kept.append(change.kept)
            holds = len(kept) if identity == change.buyer.buyer_id else 0
            yield bus.bus_id, identity, _seats(kept), holds

    def _of(self, bus: Bus, identity: uuid.UUID, now: datetime) -> Iterator[Kept]:
        for kept in self._kept.get(identity, _NOTHING).values():
            if kept.operator_id == bus.operator_id and kept.expires_at > now:
                yield kept

    def _let_go_of(self, bus: Bus, buyer_id: uuid.UUID, seat: int, now: datetime) -> LetGo | None:
        """Return when the buyer last let go of a seat, by word or by letting the time run out, swept or not."""
        times = [
            LetGo(kept.expires_at)
            for kept in self._kept.get(buyer_id, _NOTHING).values()
            if kept.bus_id == bus.bus_id and kept.expires_at <= now and seat in kept.seats
        ]
        if (told := self._let_go.get((bus.bus_id, buyer_id, seat))) is not None:
            times.append(told)
        return max(times, key=lambda each: each.at, default=None)


def seats_per_buyer(limits: Limits, *, is_staff: bool) -> int:
    if is_staff:
        return max(limits.seats_per_staff, limits.seats_per_buyer)
    return limits.seats_per_buyer


def holds_per_buyer(limits: Limits, *, is_staff: bool) -> int:
    if is_staff:
        return max(limits.holds_per_staff, limits.holds_per_buyer)
    return limits.holds_per_buyer


def vouchers_per_bus(places: int) -> int:
    """Return how many seats of a bus the vouchers of a device may keep at a time."""
    return max(_PARTY, math.ceil(places / _SEATS_PER_PARTY))


def _seats(kept: Iterable[Kept]) -> int:
    return sum(len(each.seats) for each in kept)


def _wait(kept: Iterable[Kept], now: datetime) -> int | None:
    """Return the seconds until the first of these ends by itself."""
    soonest = min((each.expires_at for each in kept), default=None)
    return None if soonest is None else _whole_seconds(soonest - now)


def _whole_seconds(wait: timedelta) -> int:
    return max(1, math.ceil(wait.total_seconds()))
