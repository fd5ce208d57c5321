"""The express way: requests are decided before anything is locked, and written in one round trip.

Most sales want seats that nothing speaks against, or book a hold just as it was made. So the same rules decide on an
assumption: the seats are free on the leg, or the hold is as this process remembers it, and the bus is as remembered.
One statement then locks, looks whether that is so, and writes only the requests for which it is. All others are none
the worse: they go the general way (`store/batch.py`), which locks first.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import msgspec

from store import express_held
from store.db import Database, Record
from store.events import SeatsChanged
from store.express_held import RecentHolds
from store.ledger import Changes, Ledger, Row, literal, text_literal
from store.model import AVAILABLE, Bus, Leg, SaleStatus
from store.queries import Queries
from store.requests import Needs, Reply, Request

SQL = Queries.beside(__file__)
_COUNTS = {"set_held"}
_SECOND = timedelta(seconds=1)
_read_seats = msgspec.json.Decoder(tuple[tuple[str, str], ...]).decode


class Way(Enum):
    """The statements of the express way: what a request may write to go it, how many columns of numbers come first."""

    FRESH = ({"add_bookings"}, {"add_holds"}), 12
    HELD = ({"add_bookings", "end_holds"},), 8

    def __init__(self, writes: tuple[set[str], ...], numbers: int) -> None:
        self.writes = writes
        self.numbers = numbers

    @property
    def query(self) -> str:
        return SQL["sell"] if self is Way.FRESH else express_held.query()


class Assumed(msgspec.Struct, frozen=True):
    """A request with its answer and its changes, should the assumption hold."""

    way: Way
    request: Request[Any]
    reply: Reply
    changes: Changes
    row: Row


def assume(
    requests: Sequence[Request[Any]], needs: Sequence[Needs], now: datetime, held: RecentHolds
) -> list[Assumed | None]:
    """Decide requests as if their seats were free, or their holds as remembered, at `now`.

    None stands for those that must go the general way: whatever is about more than that, would be refused, is staff's
    on account of a buyer's count, or wants a seat or a hold or counts for a buyer as another one of these does.
    """
    wanted: Counter[tuple[int, object]] = Counter()
    for request, need in zip(requests, needs, strict=True):
        wanted.update((request.bus_id, each) for each in _claims(need))
    return [
        _assume(request, need, now, held)
        if all(wanted[request.bus_id, each] == 1 for each in _claims(need))
        else None
        for request, need in zip(requests, needs, strict=True)
    ]


async def sell(
    db: Database, way: Way, batch: Sequence[Assumed], now: datetime
) -> tuple[dict[int, SeatsChanged], datetime]:
    """Write every request of one way whose assumption holds; return their news by place in the batch, and the time.

    Locks new counts of buyers (those of fresh seats), the seats by (bus, number), the holds, then the bus rows; reads
    the clock; writes; commits. Raises CommitUnknown when no answer came, Overloaded when no connection was to be had,
    and passes on what the database refused: then nothing was written.
    """
    operators = sorted({assumed.request.bus.operator_id for assumed in batch})
    row = await db.commit_statement(way.query, literal(operators), now, *_columns(way, batch))
    return _events(batch, row), row["now"]


def _columns(way: Way, batch: Sequence[Assumed]) -> list[object]:
    """Return rows as columns. Numbers as one text each: in an array the driver looks long at every element."""
    columns = [*zip(*(assumed.row for assumed in batch), strict=True)]
    numbers = (literal(column).replace("None", "NULL") for column in columns[: way.numbers])
    return [*numbers, *columns[way.numbers :]]


def _claims(needs: Needs) -> tuple[object, ...]:
    """Return what may be asked for once in a batch: seats, a hold, and counts of buyers."""
    claims: tuple[object, ...] = needs.seats
    if needs.hold_id is not None:
        claims = (*claims, needs.hold_id)
    return (*claims, *needs.buyer.identities) if needs.buyer else claims


def _assume(
    request: Request[Any], needs: Needs, now: datetime, held: RecentHolds
) -> Assumed | None:
    bus, leg = request.bus, needs.leg
    if needs.booking_id is not None or needs.block_id is not None:
        return None
    if needs.hold_id is None:
        if leg is None or (needs.buyer is not None and needs.buyer.is_staff):
            return None
        decided = _decide(request, _all_free(bus, needs, now), Way.FRESH)
        return decided and Assumed(Way.FRESH, request, *decided, _row(request, leg, *decided))
    hold = held.find(bus.bus_id, needs.hold_id)
    if hold is None or needs.seats or needs.is_ending or needs.counts_kept:
        return None
    decided = _decide(request, express_held.ledger_of(bus, hold, now), Way.HELD)
    return decided and Assumed(
        Way.HELD, request, *decided, express_held.row_of(request, hold, *decided)
    )


def _all_free(bus: Bus, needs: Needs, now: datetime) -> Ledger:
    free = AVAILABLE * len(bus.fares)
    return Ledger(
        now=now,
        states={(bus.bus_id, seat): free for seat in needs.seats},
        facts={bus.bus_id: bus.facts},
        sale_status={bus.bus_id: SaleStatus.SCHEDULED},
    )


def _decide(request: Request[Any], ledger: Ledger, way: Way) -> tuple[Reply, Changes] | None:
    changes = Changes(request.bus, ledger.now)
    try:
        value = request.decide(ledger, changes)
        if changes.rows.keys() - _COUNTS not in way.writes:
            return None
        return request.ask.encode(value), changes
    except Exception:  # noqa: BLE001 - a refusal or a mistake of ours: the general way meets it again and tells
        return None


def _row(request: Request[Any], leg: Leg, reply: Reply, changes: Changes) -> Row:
    bus, key = request.bus, request.ask.key
    hold_id = booking_id = user_id = ref = sold_by = None
    names = categories = method = email = phone = None
    lasts_until: datetime
    if added := changes.rows.get("add_bookings"):
        _, _, booking_id, ref, _, user_id, sold_by, _, _, _, seats, prices, *more = added[0]
        names, categories, method, email, phone, _, lasts_until, _, buyer, network, _ = more
    else:
        added = changes.rows["add_holds"]
        _, _, hold_id, user_id, seats, _, _, prices, _, lasts_until, buyer, network, _ = added[0]
    return (
        bus.bus_id,
        bus.operator_id,
        bus.facts,
        leg.start,
        leg.end,
        len(changes.states),
        (lasts_until - changes.at) // _SECOND,
        reply.status,
        booking_id,
        user_id,
        sold_by,
        bus.rules_id,
        bus.stops[leg.start].departs_at - bus.sales_close,
        seats,
        text_literal(bus.layout.label(seat) for seat in changes.states),
        prices,
        key.key_hash if key else None,
        key.request_hash if key else None,
        reply.body,
        hold_id,
        ref,
        names,
        categories,
        method,
        email,
        phone,
        buyer,
        network,
    )


def _events(batch: Sequence[Assumed], row: Record) -> dict[int, SeatsChanged]:
    if row["places"] is None:
        return {}
    told = zip(row["buses"], row["told_revs"], row["seats"], strict=True)
    seats = {(bus_id, rev): text for bus_id, rev, text in told}
    events: dict[int, SeatsChanged] = {}
    for place, epoch, rev in zip(row["places"], row["epochs"], row["revs"], strict=True):
        changes = batch[place - 1].changes
        bus_id = changes.bus.bus_id
        assert changes.kind is not None
        events[place - 1] = SeatsChanged(
            *(bus_id, epoch, rev - 1, rev),
            seats=_read_seats(seats[bus_id, rev]),
            at=changes.at,
            kind=changes.kind,
        )
    return events
