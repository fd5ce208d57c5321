"""A model of the store: who owns which seat on which segment, what was paid, how often it was told.

Plain data and plain rules, written from the contract and not from the code; it knows no lock, batch or statement.
Every question `may_...` returns the refusals that would be right: none means that it must be done, unless one of the
`excuses` for a buyer who keeps much comes first. How exactly those limits are counted is for their own tests.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from store.errors import (
    HoldExpired,
    HoldNotFound,
    SalesClosed,
    SeatUnavailable,
    StoreError,
    TooManySeats,
    WrongState,
)

Refusals = set[type[StoreError]]
SEATS_PER_BUYER = 3
"""So few that the cap is met."""
HOLDS_PER_BUYER = 2


class Disagreement(AssertionError):
    """The store and the model do not say the same."""


@dataclass(slots=True, eq=False)
class Owner:
    """Somebody's seats on a leg of a bus. `keys` are the names that the database may know it by."""

    bus: "ModelBus"
    seats: list[str]
    leg: tuple[int, int]
    keys: set[str]
    letter: str = "L"
    is_overdue: bool = False
    is_over: bool = False
    buyer: int | None = None

    @property
    def is_live(self) -> bool:
        return not (self.is_over or self.is_overdue)


@dataclass(slots=True, eq=False)
class Held(Owner):
    is_extended: bool = False
    prices: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Sold(Owner):
    status: str = "PENDING"
    prices: dict[str, int] = field(default_factory=dict)
    valid: set[str] = field(default_factory=set)
    is_paid: bool = False
    refunded: int = 0


@dataclass(slots=True, eq=False)
class ModelBus:
    number: int
    labels: Sequence[str]
    fares: list[int]
    is_on_sale: bool = True
    rev: int = 0
    owners: dict[tuple[str, int], Owner] = field(default_factory=dict)
    doubtful: set[tuple[str, int]] = field(default_factory=set)
    """Overdue and taken beside: the store may leave such a claim to the sweep, or take the seat whole."""

    def letters(self) -> dict[str, str]:
        """Return what everybody is shown."""
        return {
            label: "".join(
                self.owners[label, segment].letter if (label, segment) in self.owners else "A"
                for segment in range(len(self.fares))
            )
            for label in self.labels
        }

    def price(self, leg: tuple[int, int]) -> int:
        return sum(self.fares[leg[0] : leg[1]])

    def taken(self, seats: Iterable[str], leg: tuple[int, int]) -> tuple[tuple[str, str], ...]:
        """Return the seats that are in the way, each with its worst letter; what is overdue is not."""
        found: list[tuple[str, str]] = []
        for label in sorted(seats, key=self.labels.index):
            owners = [self.owners.get((label, segment)) for segment in range(*leg)]
            letters = {owner.letter for owner in owners if owner and not owner.is_overdue}
            if letters:
                found.append((label, min(letters, key="BXL".index)))
        return tuple(found)

    def take(self, owner: Owner, seats: Iterable[str]) -> None:
        for label in seats:
            for segment in range(*owner.leg):
                self.owners[label, segment] = owner
            self.doubtful |= {
                (label, segment)
                for segment in range(len(self.fares))
                if (other := self.owners.get((label, segment))) and other.is_overdue
            }

    def give_up(self, owner: Owner, seats: Iterable[str]) -> bool:
        """Free what the owner still has of these seats; say whether that was anything."""
        places = [(label, segment) for label in seats for segment in range(*owner.leg)]
        mine = [place for place in places if self.owners.get(place) is owner]
        for place in mine:
            del self.owners[place]
        return bool(mine)

    def tell(self) -> None:
        self.rev += 1


@dataclass(slots=True)
class Model:
    buses: list[ModelBus]
    holds: list[Held] = field(default_factory=list)
    bookings: list[Sold] = field(default_factory=list)
    blocks: list[Owner] = field(default_factory=list)
    let_go: set[tuple[int, int | None, str]] = field(default_factory=set)
    """Seats that buyers have let go, by word or by time: (bus, buyer, seat)."""

    # Holds.

    def may_hold(
        self, bus: ModelBus, buyer: int | None, seats: Sequence[str], leg: tuple[int, int]
    ) -> Refusals:
        return self._may_sell(bus, seats, leg) | self._cap(bus, buyer, len(seats))

    def hold(
        self, bus: ModelBus, buyer: int | None, seats: Sequence[str], leg: tuple[int, int], key: str
    ) -> Held:
        held = Held(bus, list(seats), leg, {key}, buyer=buyer)
        held.prices = dict.fromkeys(seats, bus.price(leg))
        bus.take(held, seats)
        bus.tell()
        self.holds.append(held)
        return held

    def may_use(self, held: Held, caller: int | None) -> Refusals:
        if held.buyer not in (None, caller):
            return {HoldNotFound}
        return set() if held.is_live else {HoldExpired}

    def may_replace(self, held: Held, caller: int | None, seats: Sequence[str]) -> Refusals:
        if refusals := self.may_use(held, caller):
            return refusals
        added = [seat for seat in seats if seat not in held.seats]
        refusals = self._may_sell(held.bus, added, held.leg)
        return refusals | self._cap(held.bus, held.buyer, len(seats) - len(held.seats))

    def replace(self, held: Held, seats: Sequence[str]) -> None:
        """A seat that stays keeps its price."""
        bus = held.bus
        added = [seat for seat in seats if seat not in held.seats]
        dropped = [seat for seat in held.seats if seat not in seats]
        bus.give_up(held, dropped)
        self._let_go(held, dropped)
        bus.take(held, added)
        now = dict.fromkeys(added, bus.price(held.leg))
        held.prices = {seat: held.prices.get(seat, now.get(seat, 0)) for seat in seats}
        held.seats = list(seats)
        if added or dropped:
            bus.tell()

    def release(self, held: Held) -> None:
        held.bus.give_up(held, held.seats)
        self._let_go(held, held.seats)
        held.is_over = True
        held.bus.tell()

    # Bookings.

    def may_book(self, bus: ModelBus, seats: Sequence[str], leg: tuple[int, int]) -> Refusals:
        return self._may_sell(bus, seats, leg)

    def book(
        self, bus: ModelBus, buyer: int | None, seats: Sequence[str], leg: tuple[int, int], key: str
    ) -> Sold:
        prices = dict.fromkeys(seats, bus.price(leg))
        return self._open(Sold(bus, list(seats), leg, {key}, buyer=buyer, prices=prices))

    def may_book_hold(self, held: Held, caller: int | None) -> Refusals:
        closed: Refusals = set() if held.bus.is_on_sale else {SalesClosed}
        return self.may_use(held, caller) or closed

    def book_hold(self, held: Held, key: str) -> Sold:
        held.is_over = True
        sold = Sold(held.bus, held.seats, held.leg, {key, *held.keys}, prices=held.prices)
        sold.buyer = held.buyer
        return self._open(sold)

    def _open(self, sold: Sold) -> Sold:
        sold.bus.take(sold, sold.seats)
        sold.bus.tell()
        self.bookings.append(sold)
        return sold

    def settle(self, sold: Sold) -> None:
        """Take the money; the seats are sold."""
        sold.status, sold.is_paid, sold.valid, sold.letter = "CONFIRMED", True, set(sold.seats), "B"

    def may_pay(self, sold: Sold) -> Refusals:
        """Paying twice is paying once."""
        return set() if sold.is_paid else self._may_settle(sold)

    def pay(self, sold: Sold) -> None:
        if not sold.is_paid:
            self.settle(sold)
            sold.bus.tell()

    def may_decline(self, sold: Sold) -> Refusals:
        return set() if sold.status == "FAILED" else self._may_settle(sold)

    def decline(self, sold: Sold) -> None:
        if sold.status != "FAILED":
            self._end(sold, "FAILED")
            sold.bus.tell()

    def _may_settle(self, sold: Sold) -> Refusals:
        if sold.status == "EXPIRED" or (sold.status == "PENDING" and sold.is_overdue):
            return {HoldExpired}
        return set() if sold.status == "PENDING" else {WrongState}

    def may_cancel(self, sold: Sold, seats: Sequence[str] | None) -> Refusals:
        if sold.is_over or sold.is_overdue:
            return {WrongState}
        whole = sold.valid if sold.is_paid else set(sold.seats)
        wanted = whole if seats is None else set(seats)
        is_fine = wanted <= whole if sold.is_paid else wanted == whole
        return set() if is_fine else {WrongState}

    def cancel(self, sold: Sold, seats: Sequence[str] | None) -> None:
        """What was paid for the seats is paid back; what was not paid ends."""
        sold.bus.tell()
        if not sold.is_paid:
            self._end(sold, "CANCELLED")
            return
        gone = sold.valid if seats is None else set(seats)
        sold.refunded += sum(sold.prices[seat] for seat in gone)
        sold.valid = sold.valid - gone
        sold.bus.give_up(sold, gone)
        sold.is_over = not sold.valid
        sold.status = "PARTIALLY_CANCELLED" if sold.valid else "CANCELLED"

    def _end(self, sold: Sold, status: str) -> bool:
        sold.status, sold.is_over, sold.is_overdue = status, True, False
        self._let_go(sold, sold.seats)
        return sold.bus.give_up(sold, sold.seats)

    # Blocks.

    def may_block(self, bus: ModelBus, seats: Sequence[str], leg: tuple[int, int]) -> Refusals:
        return {SeatUnavailable} if bus.taken(seats, leg) else set()

    def block(self, bus: ModelBus, seats: Sequence[str], leg: tuple[int, int], key: str) -> None:
        block = Owner(bus, list(seats), leg, {key}, letter="X")
        bus.take(block, seats)
        bus.tell()
        self.blocks.append(block)

    def may_lift(self, block: Owner) -> Refusals:
        return {WrongState} if block.is_over else set()

    def lift(self, block: Owner) -> None:
        block.is_over = True
        block.bus.give_up(block, block.seats)
        block.bus.tell()

    # Time.

    def let_time_pass(self, thing: Held | Sold) -> None:
        if not thing.is_over and not (isinstance(thing, Sold) and thing.is_paid):
            thing.is_overdue = True
            self._let_go(thing, thing.seats)

    def sweep(self) -> int:
        """End what is overdue; say how many. What has lost all its seats to others ends without news."""
        overdue = [thing for thing in (*self.holds, *self.bookings) if thing.is_overdue]
        for thing in overdue:
            if isinstance(thing, Sold):
                had_seats = self._end(thing, "EXPIRED")
            else:
                had_seats = thing.bus.give_up(thing, thing.seats)
                thing.is_over, thing.is_overdue = True, False
            if had_seats:
                thing.bus.tell()
        return len(overdue)

    # Money.

    def captured(self, bus: ModelBus) -> int:
        paid = (sold for sold in self.bookings if sold.bus is bus and sold.is_paid)
        return sum(sum(sold.prices.values()) for sold in paid)

    def refunded(self, bus: ModelBus) -> int:
        return sum(sold.refunded for sold in self.bookings if sold.bus is bus)

    # Limits.

    def excuses(self, bus: ModelBus, buyer: int | None, seats: Sequence[str]) -> set[str]:
        """Return what the operator's limits may have to say when a buyer asks for so many seats more."""
        if buyer is None:
            return set()
        kept = [
            thing
            for thing in (*self.holds, *self.bookings)
            if thing.buyer == buyer and thing.is_live and thing.letter == "L"
        ]
        on_bus = sum(len(thing.seats) for thing in kept if thing.bus is bus)
        found = {"TooManySeats"} if on_bus + len(seats) > SEATS_PER_BUYER else set()
        found |= {"TooManyHolds"} if len(kept) >= HOLDS_PER_BUYER else set()
        just_had = any((bus.number, buyer, seat) in self.let_go for seat in seats)
        return found | ({"SeatCoolingDown"} if just_had else set())

    def _let_go(self, thing: Owner, seats: Iterable[str]) -> None:
        self.let_go |= {(thing.bus.number, thing.buyer, seat) for seat in seats}

    def _may_sell(self, bus: ModelBus, seats: Sequence[str], leg: tuple[int, int]) -> Refusals:
        refusals: Refusals = set() if bus.is_on_sale else {SalesClosed}
        return refusals | ({SeatUnavailable} if bus.taken(seats, leg) else set())

    def _cap(self, bus: ModelBus, buyer: int | None, more: int) -> Refusals:
        """Only who is signed in is counted."""
        if buyer is None:
            return set()
        mine = [held for held in self.holds if held.bus is bus and held.buyer == buyer]
        held = sum(len(held.seats) for held in mine if held.is_live)
        return {TooManySeats} if held + more > SEATS_PER_BUYER else set()
