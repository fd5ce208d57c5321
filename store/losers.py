"""Losers: who wants a seat that is known to be taken is refused in one round trip, with all who want the same.

When thousands race for a seat, a batch decides who wins; from it everyone else learns that they have lost. What batches
left behind is remembered here. The rules refuse on the assumption that it is still so; one statement then looks, and
stores the answers of those for whom it is (`store/losers.sql`). All others are none the worse: they go the general way.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from store.db import Database
from store.errors import Refusal, SeatUnavailable
from store.ledger import Changes, Ledger, Place, Row, literal, text_literal
from store.model import AVAILABLE, SaleStatus
from store.queries import Queries
from store.requests import Needs, Reply, Request

SQL = Queries.beside(__file__)
MOST = 256
"""Refused at a time: for as long as their answers are encoded, nothing else is done."""
_REMEMBERED = 50_000


class Memory:
    """The letters of seats as batches left them, of those that were not free. A hint: the database is asked again."""

    def __init__(self) -> None:
        self._states: OrderedDict[Place, str] = OrderedDict()

    def learn(self, states: Mapping[Place, str]) -> None:
        """Take what a batch has seen under lock, or written."""
        known = self._states
        for place, letters in states.items():
            known.pop(place, None)
            if letters.strip(AVAILABLE):
                known[place] = letters
        while len(known) > _REMEMBERED:
            known.popitem(last=False)

    def forget(self, bus_id: int, needs: Needs) -> None:
        for seat in needs.seats:
            self._states.pop((bus_id, seat), None)

    def is_lost(self, bus_id: int, needs: Needs) -> bool:
        """Whether a request for fresh seats wants one that is taken on its leg, as far as is known here."""
        leg = needs.leg
        if leg is None or needs.hold_id or needs.booking_id is not None or needs.block_id:
            return False
        for seat in needs.seats:
            letters = self._states.get((bus_id, seat))
            if letters is not None and letters[leg.start : leg.end].strip(AVAILABLE):
                return True
        return False

    def recall(self, bus_id: int, needs: Needs, segments: int) -> dict[Place, str]:
        """Return the seats' letters; what is not remembered is taken for free."""
        free = AVAILABLE * segments
        return {(bus_id, seat): self._states.get((bus_id, seat), free) for seat in needs.seats}


@dataclass(frozen=True, slots=True)
class _Fate:
    refusal: SeatUnavailable | None
    want: Row


@dataclass(frozen=True, slots=True)
class Lost:
    """A request with its refusal, should the seats be as remembered; `want` is what it has in common with others."""

    request: Request[Any]
    refusal: SeatUnavailable
    reply: Reply
    want: Row


def foresee(
    memory: Memory, requests: Sequence[Request[Any]], needs: Sequence[Needs], now: datetime
) -> list[Lost | None]:
    """Decide requests on what is remembered; None stands for those that are not refused for their seats.

    Whoever wants the same in the same way is told the same: it is decided once.
    """
    decided: dict[tuple[object, ...], _Fate] = {}
    found: list[Lost | None] = []
    for request, need in zip(requests, needs, strict=True):
        bus = request.bus
        alike = (type(request), bus.bus_id, bus.facts, need.seats, need.leg)
        if (fate := decided.get(alike)) is None:
            fate = decided[alike] = _decide(memory, request, need, now)
        found.append(
            Lost(request, fate.refusal, request.ask.encode(fate.refusal), fate.want)
            if fate.refusal
            else None
        )
    return found


async def refuse(db: Database, batch: Sequence[Lost]) -> list[Reply | Refusal | None]:
    """Store the refusals that are still true; return what each is told, None for those who go the general way.

    Locks nothing but the keys it stores. Raises CommitUnknown when no answer came, Overloaded when no connection was to
    be had, and passes on what the database refused: then nothing was stored.
    """
    places: dict[Row, int] = {}
    answers = [_answer(lost, places.setdefault(lost.want, len(places) + 1)) for lost in batch]
    operators = sorted({lost.request.bus.operator_id for lost in batch})
    row = await db.commit_statement(
        SQL["refuse"],
        literal(operators),
        *zip(*places, strict=True),
        *zip(*answers, strict=True),
    )
    taken = {*(row["places"] or ())}
    stored = {*zip(row["buses"] or (), row["key_hashes"] or (), strict=True)}
    told: list[Reply | Refusal | None] = []
    for lost in batch:
        key = lost.request.ask.key
        if places[lost.want] not in taken:
            told.append(None)
        elif key is None:
            told.append(SeatUnavailable(lost.refusal.seats))  # raised once for each
        else:
            told.append(lost.reply if (lost.request.bus_id, key.key_hash) in stored else None)
    return told


def _decide(memory: Memory, request: Request[Any], needs: Needs, now: datetime) -> _Fate:
    bus, leg = request.bus, needs.leg
    assert leg is not None
    states = memory.recall(request.bus_id, needs, len(bus.fares))
    ledger = Ledger(
        now=now,
        states=states,
        facts={bus.bus_id: bus.facts},
        sale_status={bus.bus_id: SaleStatus.SCHEDULED},
    )
    want = (
        bus.bus_id,
        bus.facts,
        bus.stops[leg.start].departs_at - bus.sales_close,
        leg.start,
        leg.end,
        literal(needs.seats),
        text_literal(letters[leg.start : leg.end] for letters in states.values()),
    )
    refusal: SeatUnavailable | None = None
    try:
        request.decide(ledger, Changes(bus, now))
    except SeatUnavailable as error:
        refusal = error.with_traceback(None)
    except Exception:  # noqa: BLE001 - another refusal, or a mistake of ours: the general way meets it again and tells
        refusal = None
    return _Fate(refusal, want)


def _answer(lost: Lost, place: int) -> Row:
    bus, key = lost.request.bus, lost.request.ask.key
    return (
        place,
        bus.bus_id,
        bus.operator_id,
        key.key_hash if key else None,
        key.request_hash if key else None,
        lost.reply.status,
        lost.reply.body,
    )
