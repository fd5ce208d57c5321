"""The express way: requests for fresh seats are decided before they are locked, and written in one round trip.

Most sales want seats that nothing speaks against. So the same rules decide on the assumption that the seats are free on
the leg and the bus is as remembered; one statement then locks the seats, looks whether that is so, and writes only the
requests for which it is. All others are none the worse: they go the general way (`store/batch.py`), which locks first.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from store.db import Database, Record
from store.events import SeatsChanged
from store.ledger import Changes, Ledger, Row, literal, text_literal
from store.model import AVAILABLE, Leg, SaleStatus
from store.queries import Queries
from store.requests import Needs, Reply, Request

SQL = Queries.beside(__file__)
_EXPRESS_ROWS = ({"add_bookings"}, {"add_holds"})
_COUNTS = {"set_held"}
_SECOND = timedelta(seconds=1)
_LATELY_SECONDS = 10.0
_SET_BACK_SECONDS = 0.4
_read_seats = msgspec.json.Decoder(tuple[tuple[str, str], ...]).decode


class DatabaseClock:
    """The database's clock as far as it is known here: how far it is ahead of this process's own.

    Its word is old when it arrives, so the furthest ahead that was heard lately is the nearest to the truth. Good for
    what the database checks again: the statement writes nothing when this is off by half a second.
    """

    def __init__(self) -> None:
        self._ahead: float | None = None
        self._ahead_before = -math.inf
        self._since = 0.0

    def hear(self, now: datetime) -> None:
        """Take the database's word for the time; one that is far behind means that its clock was set back."""
        here = asyncio.get_running_loop().time()
        ahead = now.timestamp() - here
        best = self._best()
        if best is not None and best - ahead > _SET_BACK_SECONDS:
            self._ahead, self._ahead_before, self._since = ahead, -math.inf, here
        elif here - self._since > _LATELY_SECONDS:
            self._ahead_before = -math.inf if self._ahead is None else self._ahead
            self._ahead, self._since = ahead, here
        else:
            self._ahead = ahead if self._ahead is None else max(ahead, self._ahead)

    def now(self) -> datetime | None:
        """Return the time, or None before the first word."""
        best = self._best()
        if best is None:
            return None
        return datetime.fromtimestamp(asyncio.get_running_loop().time() + best, UTC)

    def _best(self) -> float | None:
        return None if self._ahead is None else max(self._ahead, self._ahead_before)


@dataclass(frozen=True, slots=True)
class Assumed:
    """A request with its answer and its changes, should its seats be free."""

    request: Request[Any]
    reply: Reply
    changes: Changes
    row: Row


def assume(
    requests: Sequence[Request[Any]], needs: Sequence[Needs], now: datetime
) -> list[Assumed | None]:
    """Decide requests as if their seats were free at `now`; None stands for those that must go the general way.

    Those are: whatever is about more than fresh seats, would be refused, is staff's on account of a buyer's count, or
    wants a seat or counts for a buyer as another one of these does.
    """
    wanted: Counter[tuple[int, object]] = Counter()
    for request, need in zip(requests, needs, strict=True):
        wanted.update((request.bus_id, each) for each in _claims(need))
    return [
        _assume(request, need, now)
        if _wants_fresh_seats(need)
        and all(wanted[request.bus_id, each] == 1 for each in _claims(need))
        else None
        for request, need in zip(requests, needs, strict=True)
    ]


async def sell(
    db: Database, batch: Sequence[Assumed], now: datetime
) -> tuple[dict[int, SeatsChanged], datetime]:
    """Write every request whose assumption holds and return their news by place in the batch, and the time.

    Locks new counts of buyers, the seats by (bus, number), then the bus rows; reads the clock; writes; commits. Raises
    CommitUnknown when no answer came, Overloaded when no connection was to be had, and passes on what the database
    refused: then nothing was written.
    """
    operators = sorted({assumed.request.bus.operator_id for assumed in batch})
    columns = zip(*(assumed.row for assumed in batch), strict=True)
    row = await db.commit_statement(SQL["sell"], literal(operators), now, *columns)
    return _events(batch, row), row["now"]


def _claims(needs: Needs) -> tuple[object, ...]:
    """Return what may be asked for once in a batch: seats, and counts of buyers."""
    return (*needs.seats, *needs.buyer.identities) if needs.buyer else needs.seats


def _wants_fresh_seats(needs: Needs) -> bool:
    return (
        needs.leg is not None
        and needs.hold_id is None
        and needs.booking_id is None
        and needs.block_id is None
        and (needs.buyer is None or not needs.buyer.is_staff)
    )


def _assume(request: Request[Any], needs: Needs, now: datetime) -> Assumed | None:
    bus, leg = request.bus, needs.leg
    assert leg is not None
    free = AVAILABLE * len(bus.fares)
    ledger = Ledger(
        now=now,
        states={(bus.bus_id, seat): free for seat in needs.seats},
        facts={bus.bus_id: bus.facts},
        sale_status={bus.bus_id: SaleStatus.SCHEDULED},
    )
    changes = Changes(bus, now)
    try:
        value = request.decide(ledger, changes)
        if changes.rows.keys() - _COUNTS not in _EXPRESS_ROWS:
            return None
        reply = request.ask.encode(value)
    except Exception:  # noqa: BLE001 - a refusal or a mistake of ours: the general way meets it again and tells
        return None
    return Assumed(request, reply, changes, _row(request, leg, changes, reply))


def _row(request: Request[Any], leg: Leg, changes: Changes, reply: Reply) -> Row:
    bus, key = request.bus, request.ask.key
    hold_id = booking_id = user_id = ref = status = sold_by = None
    names = categories = method = email = phone = None
    lasts_until: datetime | None
    if added := changes.rows.get("add_bookings"):
        _, _, booking_id, ref, status, user_id, sold_by, _, _, _, seats, prices, *more = added[0]
        names, categories, method, email, phone, _, lasts_until, _, buyer, network = more
    else:
        added = changes.rows["add_holds"]
        _, _, hold_id, user_id, seats, _, _, prices, _, lasts_until, buyer, network, _ = added[0]
    return (
        bus.bus_id,
        bus.facts,
        bus.stops[leg.start].departs_at - bus.sales_close,
        leg.start,
        leg.end,
        len(changes.states),
        seats,
        text_literal(bus.layout.label(seat) for seat in changes.states),
        prices,
        changes.kind,
        next(iter(changes.states.values()))[leg.start],
        key.key_hash if key else None,
        key.request_hash if key else None,
        reply.status,
        reply.body,
        hold_id,
        booking_id,
        user_id,
        (lasts_until - changes.at) // _SECOND if lasts_until else None,
        ref,
        status,
        sold_by,
        names,
        categories,
        method,
        email,
        phone,
        bus.operator_id,
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
