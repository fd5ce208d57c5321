"""What the express way needs to book a hold: the hold as this process remembers it."""

import uuid
from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from store.buyers import Buyers
from store.ledger import Changes, Ledger, Row, text_literal
from store.model import AVAILABLE, LOCKED, Bus, Hold, HoldState, SaleStatus
from store.queries import Queries
from store.requests import Reply, Request
from store.rules import with_leg

SQL = Queries.beside(__file__)
_MOST = 20_000
_SECOND = timedelta(seconds=1)


def query() -> str:
    """Return the statement that books holds."""
    return SQL["book_held"]


class RecentHolds:
    """The live holds that this process has seen committed, the latest `most` of them.

    One may have been changed since, or have changed hands: the statement compares, its buyer, too.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._holds: OrderedDict[tuple[int, uuid.UUID], Hold] = OrderedDict()

    def find(self, bus_id: int, hold_id: uuid.UUID) -> Hold | None:
        return self._holds.get((bus_id, hold_id))

    def note(self, holds: Iterable[Hold]) -> None:
        """Remember holds as they are now; those that have ended are forgotten."""
        for hold in holds:
            place = hold.bus.bus_id, hold.hold_id
            self._holds.pop(place, None)
            if hold.state is HoldState.ACTIVE:
                self._holds[place] = hold
        while len(self._holds) > self._most:
            self._holds.popitem(last=False)


def ledger_of(bus: Bus, hold: Hold, now: datetime) -> Ledger:
    """Return the ledger on which the booking of a hold is decided, should the hold be as remembered.

    What its seats are on other segments is not known and decides nothing: the statement tells.
    """
    letters = with_leg(AVAILABLE * len(bus.fares), hold.leg, LOCKED)
    identities = (each for each in (hold.buyer, hold.network) if each is not None)
    return Ledger(
        now=now,
        states={(bus.bus_id, seat): letters for seat in hold.seats},
        facts={bus.bus_id: bus.facts},
        sale_status={bus.bus_id: SaleStatus.SCHEDULED},
        holds={(bus.bus_id, hold.hold_id): hold},
        buyers=Buyers(locked={(bus.bus_id, each) for each in identities}),
    )


def row_of(request: Request[Any], hold: Hold, reply: Reply, changes: Changes) -> Row:
    """Return what `book_held` takes of one booking."""
    bus, key = request.bus, request.ask.key
    _, _, booking_id, ref, _, user_id, sold_by, _, _, _, seats, _, *more = changes.rows[
        "add_bookings"
    ][0]
    names, categories, method, email, phone, _, expires_at, _, _, _, _ = more
    return (
        bus.bus_id,
        bus.facts,
        (expires_at - changes.at) // _SECOND,
        reply.status,
        booking_id,
        user_id,
        sold_by,
        bus.rules_id,
        hold.hold_id,
        hold.expires_at,
        bus.stops[hold.leg.start].departs_at - bus.sales_close,
        seats,
        text_literal(bus.layout.label(seat) for seat in hold.seats),
        key.key_hash if key else None,
        key.request_hash if key else None,
        reply.body,
        ref,
        names,
        categories,
        method,
        email,
        phone,
        hold.buyer,
    )
