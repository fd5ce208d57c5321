"""The store and its model side by side: hypothesis thinks of what to do, and after every step both must agree.

Rules are synchronous; the stores live in an event loop of their own, in a thread, for as long as the tests run.
"""

import itertools
import json
import uuid
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from store.blocks import Block
from store.errors import KeyReused, Refusal, SeatUnavailable
from store.invariants import find_violations
from store.model import GUEST, Booking, Caller, Hold
from store.requests import Ask, Key, Reply
from tests.store.ownership import Disagreement, Held, Model, ModelBus, Owner, Refusals, Sold
from tests.store.rig import (
    BOOKINGS,
    BUYERS,
    FARES,
    LOOK,
    METHODS,
    RIDERS,
    WAYS,
    WHICH,
    WISHES,
    Deed,
    Rig,
    Run,
    Way,
    Wish,
)
from tests.support.world import key, purchase_of

T = TypeVar("T")


class StoreMachine(RuleBasedStateMachine):
    """`rig` is set by whoever runs it; `tally` counts over all examples how things ended."""

    rig: Rig
    tally: Counter[str]

    def __init__(self) -> None:
        super().__init__()
        self._keys = itertools.count()
        rig = self.rig
        rig.run(rig.start_over())
        buses = [
            ModelBus(number, rig.labels, list(fares))
            for number, fares in zip(rig.buses, FARES, strict=True)
        ]
        self.model = Model(buses)
        self.seen = [bus.letters() for bus in buses]
        self.deeds: list[Deed] = []
        self.has_failed = False

    # Holds.

    @rule(wish=WISHES, way=WAYS)
    def hold_as_a_guest(self, wish: Wish, way: Way) -> None:
        self._hold(wish, GUEST, way)

    @rule(wish=WISHES, buyer=st.sampled_from(RIDERS), way=WAYS)
    def hold_as_a_rider(self, wish: Wish, buyer: Caller, way: Way) -> None:
        self._hold(wish, buyer, way)

    @rule(first=WISHES, second=WISHES, buyer=st.sampled_from(BUYERS))
    def hold_twice(self, first: Wish, second: Wish, buyer: Caller) -> None:
        for wish in (first, second):
            self._hold(wish, buyer, Way())

    def _hold(self, wish: Wish, buyer: Caller, way: Way) -> None:
        bus, seats, leg, request = self._read(wish)
        refusals = self.model.may_hold(bus, buyer.user_id, seats, leg)
        hold = self._ask(
            lambda store, ask: store.holds.hold(buyer, request, ask),
            way,
            refusals,
            (bus, seats, leg),
            self.model.excuses(bus, buyer.user_id, seats),
        )
        if isinstance(hold, Hold):
            held = self.model.hold(bus, buyer.user_id, seats, leg, str(hold.hold_id))
            self._compare_hold(hold, held)

    @precondition(lambda self: self.model.holds)
    @rule(which=WHICH, wish=WISHES, way=WAYS)
    def replace(self, which: int, wish: Wish, way: Way) -> None:
        held = self._pick(self.model.holds, which)
        seats = [self.rig.labels[seat] for seat in wish.seats]
        caller = self._buyer_of(held)
        refusals = self.model.may_replace(held, caller.user_id, seats)
        added = [seat for seat in seats if seat not in held.seats]
        hold = self._ask(
            lambda store, ask: store.holds.replace(caller, self._owned(held), seats, ask),
            way,
            refusals,
            (held.bus, added, held.leg),
            self.model.excuses(held.bus, held.buyer, added),
        )
        if isinstance(hold, Hold):
            self.model.replace(held, seats)
            self._compare_hold(hold, held)

    @precondition(lambda self: self.model.holds)
    @rule(which=WHICH, way=WAYS)
    def extend(self, which: int, way: Way) -> None:
        held = self._pick(self.model.holds, which)
        caller = self._buyer_of(held)
        hold = self._ask(
            lambda store, ask: store.holds.extend(caller, self._owned(held), ask),
            way,
            self.model.may_use(held, caller.user_id),
            excuses={"AlreadyExtended"} if held.is_extended else (),
        )
        if isinstance(hold, Hold):
            held.is_extended = True
            self._compare_hold(hold, held)
            self._require(
                (hold.expires_at - hold.created_at).total_seconds() <= 1200, "held too long"
            )

    @precondition(lambda self: any(held.buyer for held in self.model.holds))
    @rule(which=WHICH, way=WAYS)
    def release_as_a_stranger(self, which: int, way: Way) -> None:
        held = self._pick([held for held in self.model.holds if held.buyer], which)
        self._release(held, next(rider for rider in RIDERS if rider.user_id != held.buyer), way)

    @precondition(lambda self: self.model.holds)
    @rule(which=WHICH, way=WAYS)
    def release(self, which: int, way: Way) -> None:
        held = self._pick(self.model.holds, which)
        self._release(held, self._buyer_of(held), way)

    def _release(self, held: Held, caller: Caller, way: Way) -> None:
        refusals = self.model.may_use(held, caller.user_id)
        hold = self._ask(
            lambda store, ask: store.holds.release(caller, self._owned(held), ask), way, refusals
        )
        if isinstance(hold, Hold):
            self.model.release(held)

    # Bookings.

    @rule(wish=WISHES, buyer=st.sampled_from(BUYERS), method=METHODS, way=WAYS)
    def book(self, wish: Wish, buyer: Caller, method: str, way: Way) -> None:
        bus, seats, leg, request = self._read(wish)
        purchase = purchase_of(seats, method)
        booking = self._ask(
            lambda store, ask: store.bookings.book(buyer, request, purchase, ask),
            way,
            self.model.may_book(bus, seats, leg),
            (bus, seats, leg),
            self.model.excuses(bus, buyer.user_id, seats),
        )
        if isinstance(booking, Booking):
            number = str(booking.booking_id)
            sold = self.model.book(bus, buyer.user_id, seats, leg, number)
            if method == "cash":
                self.model.settle(sold)
            self._compare_booking(booking, sold)

    @precondition(lambda self: self.model.holds)
    @rule(which=WHICH, method=METHODS, way=WAYS)
    def book_hold(self, which: int, method: str, way: Way) -> None:
        held = self._pick(self.model.holds, which)
        caller = self._buyer_of(held)
        purchase = purchase_of(sorted(held.seats), method)
        booking = self._ask(
            lambda store, ask: store.bookings.book_hold(caller, self._owned(held), purchase, ask),
            way,
            self.model.may_book_hold(held, caller.user_id),
        )
        if isinstance(booking, Booking):
            sold = self.model.book_hold(held, str(booking.booking_id))
            if method == "cash":
                self.model.settle(sold)
            self._compare_booking(booking, sold)

    @precondition(lambda self: self.model.bookings)
    @rule(which=WHICH, way=WAYS)
    def pay(self, which: int, way: Way) -> None:
        """Once, twice, late, or for what is over."""
        sold = self._pick(self.model.bookings, which)
        booking = self._ask(
            lambda store, ask: store.settlement.confirm(self._sale(sold), ask, method="demo"),
            way,
            self.model.may_pay(sold),
        )
        if isinstance(booking, Booking):
            self.model.pay(sold)
            self._compare_booking(booking, sold)

    @precondition(lambda self: any(not sold.is_paid for sold in self.model.bookings))
    @rule(which=WHICH, way=WAYS)
    def decline(self, which: int, way: Way) -> None:
        sold = self._pick([sold for sold in self.model.bookings if not sold.is_paid], which)
        booking = self._ask(
            lambda store, ask: store.settlement.decline(self._sale(sold), ask, method="demo"),
            way,
            self.model.may_decline(sold),
        )
        if isinstance(booking, Booking):
            self.model.decline(sold)
            self._compare_booking(booking, sold)

    @precondition(lambda self: self.model.bookings)
    @rule(which=WHICH, some=st.one_of(st.none(), st.integers(1, 7)), way=WAYS)
    def cancel(self, which: int, some: int | None, way: Way) -> None:
        sold = self._pick(self.model.bookings, which)
        part = [seat for bit, seat in enumerate(sold.seats) if some and some >> bit & 1]
        seats = part or None
        booking = self._ask(
            lambda store, ask: store.cancellations.cancel(*self._sale(sold), seats, ask),
            way,
            self.model.may_cancel(sold, seats),
        )
        if isinstance(booking, Booking):
            self.model.cancel(sold, seats)
            self._compare_booking(booking, sold)

    # Staff, and the clock.

    @rule(wish=WISHES, way=WAYS)
    def block(self, wish: Wish, way: Way) -> None:
        bus, seats, leg, request = self._read(wish)
        manager = self.rig.world.manager()
        block = self._ask(
            lambda store, ask: store.blocks.block(manager, request, "wet", ask),
            way,
            self.model.may_block(bus, seats, leg),
            (bus, seats, leg),
        )
        if isinstance(block, Block):
            self.model.block(bus, seats, leg, str(block.block_id))

    @precondition(lambda self: self.model.blocks)
    @rule(which=WHICH, way=WAYS)
    def unblock(self, which: int, way: Way) -> None:
        block = self._pick(self.model.blocks, which)
        manager = self.rig.world.manager()
        outcome = self._ask(
            lambda store, ask: store.blocks.lift(manager, self._owned(block), ask),
            way,
            self.model.may_lift(block),
        )
        if isinstance(outcome, Block):
            self.model.lift(block)

    @rule(bus=st.integers(0, 1), fares=st.lists(st.integers(0, 3000), min_size=3, max_size=3))
    def edit_bus(self, bus: int, fares: list[int]) -> None:
        edited = self.model.buses[bus]
        edited.fares = fares[: len(edited.fares)]
        self.rig.run(self.rig.set_fares(edited.number, edited.fares))

    @rule(bus=st.integers(0, 1), is_on_sale=st.sampled_from([True, True, False]))
    def close_or_open_bus(self, bus: int, *, is_on_sale: bool) -> None:
        edited = self.model.buses[bus]
        edited.is_on_sale = is_on_sale
        status = "SCHEDULED" if edited.is_on_sale else "CLOSED"
        edit = "UPDATE buses SET status = $2 WHERE bus_id = $1"
        self.rig.run(self.rig.world.edit(edit, edited.number, status))

    @precondition(lambda self: self.model.holds or self.model.bookings)
    @rule(which=WHICH, is_booking=st.booleans())
    def let_time_pass(self, which: int, *, is_booking: bool) -> None:
        things: Sequence[Held | Sold] = self.model.bookings if is_booking else self.model.holds
        things = things or self.model.holds or self.model.bookings
        thing = self._pick(things, which)
        self.rig.run(self._make_late(thing))
        self.model.let_time_pass(thing)

    @rule(is_far=st.booleans())
    def sweep(self, *, is_far: bool) -> None:
        store = self.rig.far if is_far else self.rig.near
        told, found = self.model.sweep(), self.rig.run(store.expiry.sweep())
        self._require(found == told, f"the sweep ended {found}, not {told}")

    # Keys.

    @precondition(lambda self: self.deeds)
    @rule(which=WHICH, is_far=st.booleans())
    def ask_again(self, which: int, *, is_far: bool) -> None:
        deed = self._pick(self.deeds, which)
        outcome, reply = self.rig.run(self._send(deed.run, Way(is_far=is_far), deed.key))
        self._require(outcome is None, f"decided again: {outcome}")
        self.tally["replayed"] += 1
        same = reply is not None and reply.is_replayed and reply.body == deed.reply.body
        self._require(same, f"answered otherwise than before: {reply}")

    @precondition(lambda self: self.deeds)
    @rule(which=WHICH, is_far=st.booleans())
    def ask_for_something_else_with_the_same_key(self, which: int, *, is_far: bool) -> None:
        deed = self._pick(self.deeds, which)
        other = Key(deed.key.key_hash, key("", "another").request_hash)
        outcome, _ = self.rig.run(self._send(deed.run, Way(is_far=is_far), other))
        self._require(isinstance(outcome, KeyReused), f"a key stood for two things: {outcome}")
        self.tally["KeyReused"] += 1

    # What must agree.

    @invariant()
    def agree(self) -> None:
        numbers, revs = self.rig.buses, [bus.rev for bus in self.model.buses]
        known = [getattr(self, "_told", [0] * len(revs))[index] for index in range(len(revs))]
        rows = self.rig.run(self.rig.world.edit(LOOK, numbers, known))
        for index, (bus, row) in enumerate(zip(self.model.buses, rows, strict=True)):
            self._compare_bus(bus, row, self.seen[index])
        self._told = [row["rev"] for row in rows]

    def teardown(self) -> None:
        if self.has_failed:
            return
        found = self.rig.run(find_violations(self.rig.near.db))
        self._require(found == {}, f"invariants: {found}")
        rows = self.rig.run(self.rig.world.edit(BOOKINGS))
        told = {row["number"]: (row["status"], set(row["valid"])) for row in rows}
        by_number = {
            key: sold for sold in self.model.bookings for key in sold.keys if key.isdigit()
        }
        model = {number: (sold.status, sold.valid) for number, sold in by_number.items()}
        self._require(told == model, f"bookings: {told}, not {model}")

    def _compare_bus(self, bus: ModelBus, row: Any, seen: dict[str, str]) -> None:
        claims = {
            (self.rig.labels[int(seat) - 1], int(at)): name for seat, at, name in row["claims"]
        }
        for place in bus.doubtful - claims.keys():
            del bus.owners[place]
        bus.doubtful.clear()
        self._require(row["rev"] == bus.rev, f"revision {row['rev']}, not {bus.rev}")
        self._require(claims.keys() == bus.owners.keys(), f"claims {claims}, not {bus.owners}")
        for place, name in claims.items():
            self._require(
                name in bus.owners[place].keys, f"{place} is {name}'s, not {bus.owners[place]}"
            )
        shown = dict(zip(self.rig.labels, row["states"], strict=True))
        self._require(shown == bus.letters(), f"seats {shown}, not {bus.letters()}")
        for seats in row["news"]:
            seen |= dict(json.loads(seats))
        self._require(seen == shown, f"events lead to {seen}, not {shown}")
        money, sums = (
            (row["captured"], row["refunded"]),
            (self.model.captured(bus), self.model.refunded(bus)),
        )
        self._require(money == sums, f"captured and refunded {money}, not {sums}")

    def _compare_hold(self, hold: Hold, held: Held) -> None:
        prices = {
            hold.bus.layout.label(seat): price
            for seat, price in zip(hold.seats, hold.prices, strict=True)
        }
        self._require(prices == held.prices, f"held at {prices}, not {held.prices}")

    def _compare_booking(self, booking: Booking, sold: Sold) -> None:
        label = booking.bus.layout.label
        prices = {
            label(seat): price for seat, price in zip(booking.seats, booking.prices, strict=True)
        }
        valid = {label(ticket.seat_no) for ticket in booking.tickets if ticket.status == "VALID"}
        told = (booking.status.value, prices, valid, booking.refunded)
        model = (sold.status, sold.prices, sold.valid, sold.refunded)
        self._require(told == model, f"booking {told}, not {model}")

    # How it is asked.

    def _ask(
        self,
        run: Run,
        way: Way,
        refusals: Refusals,
        wanted: tuple[ModelBus, Sequence[str], tuple[int, int]] | None = None,
        excuses: Collection[str] = (),
    ) -> object:
        """Ask the store, and see that it does what is right or refuses for a right reason; return the outcome."""
        asked = key(f"{id(self)} {next(self._keys)}") if way.is_keyed else None
        outcome, reply = self.rig.run(self._send(run, way, asked))
        self.tally[type(outcome).__name__] += 1
        if isinstance(outcome, Exception):
            is_right = type(outcome) in refusals or type(outcome).__name__ in excuses
            self._require(
                is_right, f"refused with {outcome!r}; right would be {refusals or 'to do it'}"
            )
        else:
            self._require(not refusals, f"done, but right would be {refusals}: {outcome}")
        if isinstance(outcome, SeatUnavailable) and wanted is not None:
            bus, seats, leg = wanted
            taken = bus.taken(seats, leg)
            self._require(outcome.seats == taken, f"in the way are {taken}, not {outcome.seats}")
        if asked is not None and reply is not None:
            self.deeds.append(Deed(run, asked, reply))
        return outcome

    async def _send(self, run: Run, way: Way, asked: Key | None) -> tuple[object, Reply | None]:
        """Return what was decided, and the answer; an answer that none of these decisions gave has None."""
        decided: list[object] = []

        def encode(result: object) -> Reply:
            decided.append(result)
            return Reply(409 if isinstance(result, Refusal) else 200, repr(result).encode())

        proxy = self.rig.proxy
        if way.fault is not None:
            proxy.arm(way.fault)
        try:
            reply = await run(self.rig.far if way.is_far else self.rig.near, Ask(encode, asked))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the outcome, and must be right
            return error, None
        finally:
            proxy.calm()
        # Some is decided on an assumption, and counts only if that was right.
        said = (each for each in reversed(decided) if repr(each).encode() == reply.body)
        return next(said, None), reply

    async def _make_late(self, thing: Held | Sold) -> None:
        table, column, live = (
            ("holds", "hold_id", "state = 'ACTIVE'")
            if isinstance(thing, Held)
            else ("bookings", "booking_id", "status = 'PENDING'")
        )
        number = next(iter(thing.keys)) if isinstance(thing, Held) else str(self._sale(thing)[1])
        await self.rig.world.edit(
            f"UPDATE {table} SET created_at = created_at - interval '1 day',"  # noqa: S608 - of constants
            f" expires_at = expires_at - interval '1 day'"
            f" WHERE bus_id = $1 AND {column}::text = $2 AND {live}",
            thing.bus.number,
            number,
        )

    def _read(self, wish: Wish) -> tuple[ModelBus, list[str], tuple[int, int], Any]:
        bus = self.model.buses[wish.bus]
        seats = [self.rig.labels[seat] for seat in wish.seats]
        start = wish.start % len(bus.fares)
        leg = start, min(len(bus.fares), start + wish.length)
        return bus, seats, leg, self.rig.run(self.rig.world.request(bus.number, seats, leg))

    def _pick(self, things: Sequence[T], which: int) -> T:
        return things[-1 - which % len(things)]

    def _buyer_of(self, held: Held) -> Caller:
        return next(buyer for buyer in BUYERS if buyer.user_id == held.buyer)

    def _owned(self, owner: Owner) -> tuple[int, uuid.UUID]:
        (name,) = owner.keys
        return owner.bus.number, uuid.UUID(name)

    def _sale(self, sold: Sold) -> tuple[int, int]:
        return sold.bus.number, next(int(name) for name in sold.keys if name.isdigit())

    def _require(self, is_so: bool, what: str) -> None:  # noqa: FBT001 - reads like an assertion
        if not is_so:
            self.has_failed = True
            raise Disagreement(what)
