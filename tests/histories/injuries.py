"""Ways to break the history of one bus in one place, wherever chance finds a place; each makes it wrong for certain."""

import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from tests.histories.checker.history import History, Outcome, is_definite, operations
from tests.histories.records import (
    Answer,
    Attempt,
    BookingRow,
    BusRow,
    ClaimRow,
    EventRow,
    Glimpse,
    HoldRow,
    PaymentRow,
    RefundRow,
    TicketRow,
)

T = TypeVar("T")
Injury = Callable[[History, random.Random], bool]
"""Breaks a history in place; False when there is nothing of that sort to break."""
INJURIES: list[Injury] = []


def injury(break_it: Injury) -> Injury:
    INJURIES.append(break_it)
    return break_it


def copy(history: History) -> History:
    """Return a history of its own to break: records never change, so the lists are enough."""
    return History(history.world, [*history.attempts], [*history.glimpses], [*history.rows])


def _pick(
    found: Sequence[Any],
    kind: type[T],
    chance: random.Random,
    fits: Callable[[T], bool] = lambda _: True,
) -> T | None:
    fitting = [record for record in found if isinstance(record, kind) and fits(record)]
    return chance.choice(fitting) if fitting else None


def _change(found: list[Any], record: Any, **fields: Any) -> bool:
    if record is None:
        return False
    place = next(place for place, one in enumerate(found) if one is record)
    found[place] = msgspec.structs.replace(record, **fields)
    return True


def _drop(found: list[Any], record: Any) -> bool:
    if record is None:
        return False
    del found[next(place for place, one in enumerate(found) if one is record)]
    return True


def _made(history: History, chance: random.Random, *ops: str) -> Attempt | None:
    """Pick the first and only attempt of something that was done."""
    once = [
        one.said
        for one in operations(history.attempts)
        if one.outcome is Outcome.DONE and one.said and not one.said.is_replayed
        if len(one.attempts) == 1 and one.op in ops
    ]
    return _pick(once, Attempt, chance)


# The database.


@injury
def lose_a_booking(history: History, chance: random.Random) -> bool:
    return _drop(history.rows, _pick(history.rows, BookingRow, chance))


@injury
def lose_a_hold(history: History, chance: random.Random) -> bool:
    return _drop(history.rows, _pick(history.rows, HoldRow, chance))


@injury
def lose_a_claim(history: History, chance: random.Random) -> bool:
    return _drop(history.rows, _pick(history.rows, ClaimRow, chance))


@injury
def double_a_claim(history: History, chance: random.Random) -> bool:
    claim = _pick(history.rows, ClaimRow, chance)
    if claim is not None:
        history.rows.append(msgspec.structs.replace(claim, owner="somebody else"))
    return claim is not None


@injury
def lose_a_payment(history: History, chance: random.Random) -> bool:
    return _drop(
        history.rows, _pick(history.rows, PaymentRow, chance, lambda row: row.status == "SUCCEEDED")
    )


@injury
def lose_a_ticket(history: History, chance: random.Random) -> bool:
    return _drop(history.rows, _pick(history.rows, TicketRow, chance))


@injury
def refund_a_cent_too_much(history: History, chance: random.Random) -> bool:
    refund = _pick(history.rows, RefundRow, chance)
    return refund is not None and _change(history.rows, refund, amount=refund.amount + 1)


@injury
def forget_a_refund(history: History, chance: random.Random) -> bool:
    return _drop(history.rows, _pick(history.rows, RefundRow, chance))


@injury
def change_a_price(history: History, chance: random.Random) -> bool:
    row = _pick(history.rows, BookingRow, chance, lambda row: row.confirmed is not None)
    return row is not None and _change(
        history.rows, row, prices=(row.prices[0] + 1, *row.prices[1:])
    )


@injury
def free_a_taken_seat_at_the_end(history: History, chance: random.Random) -> bool:
    bus = _pick(history.rows, BusRow, chance)
    assert bus is not None
    taken = [seat for seat, letters in bus.seats.items() if set(letters) != {"A"}]
    if not taken:
        return False
    seat = chance.choice(taken)
    return _change(history.rows, bus, seats={**bus.seats, seat: "A" * len(bus.seats[seat])})


@injury
def move_a_deadline(history: History, chance: random.Random) -> bool:
    extended = {attempt.of for attempt in history.attempts if attempt.op == "extend"}
    row = _pick(history.rows, HoldRow, chance, lambda row: row.id not in extended)
    return row is not None and _change(history.rows, row, expires=row.expires + 1_000_000)


@injury
def sweep_a_hold_early(history: History, chance: random.Random) -> bool:
    told = {
        row.at: row for row in history.rows if isinstance(row, EventRow) and row.kind == "expired"
    }
    row = _pick(
        history.rows, HoldRow, chance, lambda row: row.state == "EXPIRED" and row.ended in told
    )
    if row is None or row.ended is None:
        return False
    _change(history.rows, told[row.ended], at=row.created + 1)
    return _change(history.rows, row, ended=row.created + 1)


# Revisions.


@injury
def lose_a_revision(history: History, chance: random.Random) -> bool:
    return _drop(history.rows, _pick(history.rows, EventRow, chance))


@injury
def lose_the_last_revision(history: History, chance: random.Random) -> bool:
    last = max((row for row in history.rows if isinstance(row, EventRow)), key=lambda row: row.rev)
    return _drop(history.rows, last)


@injury
def swap_two_revisions(history: History, chance: random.Random) -> bool:
    events = sorted(
        (row for row in history.rows if isinstance(row, EventRow)), key=lambda row: row.rev
    )
    third = len(events) // 3
    if not third:
        return False
    early, late = chance.choice(events[:third]), chance.choice(events[-third:])
    _change(history.rows, early, rev=late.rev)
    return _change(history.rows, late, rev=early.rev)


@injury
def show_another_state(history: History, chance: random.Random) -> bool:
    event = _pick(history.rows, EventRow, chance)
    if event is None:
        return False
    (seat, letters), *others = event.seats
    other = "".join("B" if letter != "B" else "A" for letter in letters)
    return _change(history.rows, event, seats=((seat, other), *others))


@injury
def date_a_revision_otherwise(history: History, chance: random.Random) -> bool:
    event = _pick(history.rows, EventRow, chance, lambda row: row.kind != "held")
    return event is not None and _change(history.rows, event, at=event.at + 1)


@injury
def rebuild_history(history: History, chance: random.Random) -> bool:
    event = _pick(history.rows, EventRow, chance)
    return event is not None and _change(history.rows, event, epoch=event.epoch + 1)


# What was asked and answered.


@injury
def give_another_id(history: History, chance: random.Random) -> bool:
    attempt = _made(history, chance, "hold", "book")
    if attempt is None or attempt.answer is None:
        return False
    answer = msgspec.structs.replace(attempt.answer, id="nothing")
    return _change(history.attempts, attempt, answer=answer)


@injury
def answer_with_a_seat_less(history: History, chance: random.Random) -> bool:
    attempt = _made(history, chance, "hold", "book")
    if attempt is None or attempt.answer is None:
        return False
    answer = msgspec.structs.replace(attempt.answer, seats=attempt.answer.seats[1:])
    return _change(history.attempts, attempt, answer=answer)


@injury
def ask_afterwards(history: History, chance: random.Random) -> bool:
    attempt = _made(history, chance, "hold", "book", "release", "cancel")
    if attempt is None:
        return False
    later = attempt.end + history.world.early_us
    return _change(history.attempts, attempt, start=later, end=later + 1)


@injury
def answer_beforehand(history: History, chance: random.Random) -> bool:
    attempt = _made(history, chance, "hold", "book", "release", "cancel")
    if attempt is None:
        return False
    earlier = attempt.start - history.world.early_us - 1
    return _change(history.attempts, attempt, start=earlier - 1, end=earlier)


@injury
def ask_for_another_leg(history: History, chance: random.Random) -> bool:
    attempt = _made(history, chance, "hold", "book")
    return attempt is not None and _change(history.attempts, attempt, leg=(90, 91))


@injury
def forget_who_asked(history: History, chance: random.Random) -> bool:
    attempt = _made(history, chance, "hold", "book", "release")
    if attempt is None:
        return False
    same = attempt.op, attempt.seats, attempt.leg, attempt.of
    history.attempts[:] = [
        one for one in history.attempts if (one.op, one.seats, one.leg, one.of) != same
    ]
    return True


@injury
def deny_what_was_done(history: History, chance: random.Random) -> bool:
    attempt = _made(history, chance, "hold", "book")
    if attempt is None:
        return False
    same = attempt.op, attempt.seats, attempt.leg, attempt.of
    others = [
        one
        for one in history.attempts
        if (one.op, one.seats, one.leg, one.of) == same and one.outcome == "info"
    ]
    denied = {"outcome": "fail", "status": 503, "code": "overloaded", "answer": None}
    return not others and _change(history.attempts, attempt, **denied)


@injury
def answer_a_replay_otherwise(history: History, chance: random.Random) -> bool:
    replay = _pick(
        [
            answered[-1]
            for one in operations(history.attempts)
            if len(answered := [it for it in one.attempts if is_definite(it)]) > 1
        ],
        Attempt,
        chance,
    )
    return replay is not None and _change(history.attempts, replay, digest="other")


@injury
def break_a_server(history: History, chance: random.Random) -> bool:
    return _change(
        history.attempts,
        _pick(history.attempts, Attempt, chance),
        status=500,
        code="500",
        outcome="info",
    )


# Refusals.


def _refusal(history: History, chance: random.Random, code: str) -> Attempt | None:
    return _pick(
        [
            one.said
            for one in operations(history.attempts)
            if one.said and one.said.code == code and sum(map(is_definite, one.attempts)) == 1
        ],
        Attempt,
        chance,
    )


@injury
def refuse_for_a_block_that_never_was(history: History, chance: random.Random) -> bool:
    attempt = _refusal(history, chance, "seat_unavailable")
    if attempt is None or attempt.answer is None:
        return False
    (seat, _), *others = attempt.answer.hurdles
    answer = Answer(hurdles=((seat, "BLOCKED"), *others))
    return _change(history.attempts, attempt, answer=answer)


@injury
def refuse_for_nothing(history: History, chance: random.Random) -> bool:
    return _change(history.attempts, _refusal(history, chance, "seat_unavailable"), answer=Answer())


@injury
def refuse_before_anything_was_sold(history: History, chance: random.Random) -> bool:
    attempt = _refusal(history, chance, "seat_unavailable")
    return attempt is not None and _change(
        history.attempts, attempt, start=1, end=2, is_replayed=False
    )


@injury
def deny_that_a_hold_exists(history: History, chance: random.Random) -> bool:
    return _change(
        history.attempts, _refusal(history, chance, "hold_expired"), code="hold_not_found"
    )


@injury
def accept_what_was_refused(history: History, chance: random.Random) -> bool:
    attempt = _pick(
        [_refusal(history, chance, "seat_unavailable")],
        Attempt,
        chance,
        lambda one: one.op != "replace",
    )
    if attempt is None:
        return False
    answer = Answer(id="nothing", seats=attempt.seats, leg=attempt.leg)
    return _change(history.attempts, attempt, outcome="ok", status=201, code=None, answer=answer)


# Watchers.


@injury
def show_what_was_never_committed(history: History, chance: random.Random) -> bool:
    glimpse = _pick(history.glimpses, Glimpse, chance, lambda one: bool(one.seats))
    if glimpse is None:
        return False
    (seat, letters), *others = glimpse.seats
    return _change(history.glimpses, glimpse, seats=((seat, "X" * len(letters)), *others))


@injury
def show_a_revision_that_never_was(history: History, chance: random.Random) -> bool:
    glimpse = _pick(history.glimpses, Glimpse, chance)
    return glimpse is not None and _change(history.glimpses, glimpse, rev=glimpse.rev + 1_000_000)


@injury
def show_it_too_early(history: History, chance: random.Random) -> bool:
    glimpse = _pick(history.glimpses, Glimpse, chance, lambda one: one.rev > 0)
    return glimpse is not None and _change(history.glimpses, glimpse, at=1)


@injury
def send_a_watcher_back(history: History, chance: random.Random) -> bool:
    watchers = {one.watcher for one in history.glimpses if one.watcher}
    if not watchers:
        return False
    watcher = chance.choice(sorted(watchers))
    seen = [one for one in history.glimpses if one.watcher == watcher]
    if seen[0].rev == seen[-1].rev:
        return False
    history.glimpses.append(msgspec.structs.replace(seen[0], prev=None))
    return True
