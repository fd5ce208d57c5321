"""Histories that are wrong in one place each, with the reason that a checker must name first."""

from collections.abc import Callable
from typing import Any

import msgspec

from tests.histories.checker.history import History
from tests.histories.records import (
    Answer,
    Attempt,
    BookingRow,
    BusRow,
    ClaimRow,
    EventRow,
    HoldRow,
    PaymentRow,
    RefundRow,
    TicketRow,
)
from tests.histories.stories import BUS, HOLD_US, LABELS, WHOLE, Story, good_story

Break = Callable[[], History]
BROKEN: dict[str, tuple[str, Break]] = {}
"""By what has happened: the reason, and how it comes about."""


def broken(reason: str) -> Callable[[Break], Break]:
    def note(make: Break) -> Break:
        BROKEN[make.__name__] = reason, make
        return make

    return note


def edit(
    found: list[Any], kind: type[msgspec.Struct], /, *, by: dict[str, Any], to: dict[str, Any]
) -> None:
    """Change the fields of the first record of a kind with these values."""
    for place, record in enumerate(found):
        if isinstance(record, kind) and all(getattr(record, name) == by[name] for name in by):
            found[place] = msgspec.structs.replace(record, **to)
            return
    raise AssertionError(f"no such {kind.__name__}: {by}")


def drop(found: list[Any], kind: type[msgspec.Struct], /, **by: Any) -> Any:
    """Take out the first record of a kind with these values."""
    for place, record in enumerate(found):
        if isinstance(record, kind) and all(getattr(record, name) == by[name] for name in by):
            return found.pop(place)
    raise AssertionError(f"no such {kind.__name__}: {by}")


@broken("double-owner")
def a_seat_is_sold_twice() -> History:
    story = Story()
    story.book(1, "b1", ("1A",))
    story.pay(1, "b1")
    story.book(2, "b2", ("1A",))
    return story.history()


@broken("double-owner")
def a_seat_is_sold_twice_on_one_of_its_segments() -> History:
    story = Story()
    story.book(1, "b1", ("1A",), (0, 1))
    story.book(2, "b2", ("1A",), (0, 2))
    return story.history()


@broken("double-owner")
def a_live_hold_is_taken_over() -> History:
    story = Story()
    story.hold(1, "h1", ("1A",))
    story.book(2, "b1", ("1A",))
    return story.history()


@broken("double-owner")
def an_extended_hold_is_taken_over_at_its_first_deadline() -> History:
    story = Story()
    story.hold(1, "h1", ("1A",))
    story.wait_for_end_of("h1")
    first_deadline = story.time
    story.time -= 1_000
    story.extend(1, "h1")
    story.time = first_deadline
    story.book(2, "b1", ("1A",))
    return story.history()


@broken("double-owner")
def two_buyers_are_given_the_same_booking() -> History:
    history = good_story().history()
    mine = next(one for one in history.attempts if one.op == "book")
    history.attempts.append(msgspec.structs.replace(mine, process=99, key="another"))
    return history


@broken("double-owner")
def a_seat_has_two_claims_in_the_database() -> History:
    history = good_story().history()
    history.rows.append(ClaimRow(BUS, "1B", 0, "b4"))
    return history


@broken("lost")
def an_acknowledged_booking_is_not_there() -> History:
    story = Story()
    story.book(1, "b1", ("1A",))
    booked = story.attempts
    story = Story()
    story.attempts = booked
    return story.history()


@broken("lost")
def an_acknowledged_payment_is_not_there() -> History:
    story = Story()
    story.book(1, "b1", ("1A",))
    row = story.bookings["b1"]
    answer = Answer(id="b1", seats=row.seats, leg=row.leg, total=sum(row.prices))
    story.say(1, "pay", answer, of="b1")
    return story.history()


@broken("lost")
def an_acknowledged_release_is_not_there() -> History:
    story = Story()
    story.hold(1, "h1", ("1A",))
    story.say(1, "release", None, of="h1")
    return story.history()


@broken("lost")
def an_acknowledged_replacement_is_not_there() -> History:
    story = Story()
    story.hold(1, "h1", ("1A",))
    row = story.holds["h1"]
    answer = Answer(id="h1", seats=("2A",), leg=WHOLE, expires=row.expires)
    story.say(1, "replace", answer, of="h1", seats=("2A",), leg=WHOLE)
    return story.history()


@broken("unasked")
def a_booking_is_there_that_nobody_asked_for() -> History:
    story = Story()
    story.book(1, "b1", ("1A",))
    story.attempts.clear()
    return story.history()


@broken("unasked")
def a_hold_is_released_by_nobody() -> History:
    history = good_story().history()
    drop(history.attempts, Attempt, op="release", of="h3")
    return history


@broken("refused-but-done")
def what_was_called_overload_was_done() -> History:
    story = Story()
    story.hold(1, "h1", ("1A",))
    edit(
        story.attempts,
        Attempt,
        by={"op": "hold"},
        to={"outcome": "fail", "status": 503, "code": "overloaded", "answer": None},
    )
    return story.history()


@broken("two-effects")
def a_key_makes_two_bookings() -> History:
    story = Story()
    story.book(1, "b1", ("1A",))
    story.book(1, "b2", ("2A",))
    first = story.attempts[0]
    edit(
        story.attempts,
        Attempt,
        by={"number": 2},
        to={"number": 1, "key": first.key, "is_replayed": True, "digest": first.digest},
    )
    return story.history()


@broken("two-effects")
def a_retry_does_the_work_again() -> History:
    story = Story()
    story.hold(1, "h1", ("1A",), outcome="info")
    story.release(2, "h1")
    story.hold(1, "h2", ("1A",))
    edit(
        story.attempts, Attempt, by={"op": "hold", "number": 2}, to={"number": 1, "key": "key 1/1"}
    )
    return story.history()


@broken("replay-differs")
def a_replay_brings_another_answer() -> History:
    history = good_story().history()
    edit(history.attempts, Attempt, by={"op": "book", "is_replayed": True}, to={"digest": "other"})
    return history


@broken("replay-unmarked")
def a_replay_pretends_to_be_the_first_answer() -> History:
    history = good_story().history()
    edit(
        history.attempts, Attempt, by={"op": "book", "is_replayed": True}, to={"is_replayed": False}
    )
    return history


@broken("key-crossed")
def a_key_is_accepted_for_another_request() -> History:
    history = good_story().history()
    edit(
        history.attempts,
        Attempt,
        by={"op": "misuse"},
        to={"outcome": "ok", "status": 201, "code": None},
    )
    return history


@broken("out-of-window")
def a_hold_was_made_before_it_was_asked_for() -> History:
    history = good_story().history()
    hold = next(one for one in history.attempts if one.op == "hold" and one.seats == ("2B",))
    edit(
        history.attempts,
        Attempt,
        by={"op": "hold", "seats": ("2B",)},
        to={"start": hold.end - 5},
    )
    return history


@broken("out-of-window")
def a_cancellation_was_answered_before_it_was_decided() -> History:
    history = good_story().history()
    cancel = next(one for one in history.attempts if one.op == "cancel")
    edit(history.attempts, Attempt, by={"op": "cancel"}, to={"end": cancel.start + 1})
    return history


@broken("partial")
def a_hold_gets_one_seat_of_two() -> History:
    history = good_story().history()
    edit(history.attempts, Attempt, by={"op": "hold", "seats": ("2B",)}, to={"seats": ("2A", "2B")})
    return history


@broken("partial")
def a_booking_shows_one_seat_of_two() -> History:
    history = good_story().history()
    event = next(row for row in history.rows if isinstance(row, EventRow) and row.kind == "booked")
    edit(history.rows, EventRow, by={"kind": "booked"}, to={"seats": event.seats[:1]})
    return history


@broken("mismatch")
def a_hold_is_for_another_leg() -> History:
    history = good_story().history()
    edit(history.attempts, Attempt, by={"op": "hold", "seats": ("2B",)}, to={"leg": (1, 2)})
    return history


@broken("revived")
def a_released_hold_is_booked() -> History:
    story = Story()
    story.hold(1, "h1", ("1A",))
    story.release(1, "h1")
    released = story.holds["h1"]
    story.book(2, "b1", ("1A",), of="h1")
    story.holds["h1"] = released
    return story.history()


@broken("after-deadline")
def a_hold_is_booked_after_its_deadline() -> History:
    story = Story()
    story.hold(1, "h1", ("1A",))
    story.wait_for_end_of("h1")
    story.book(1, "b1", ("1A",), of="h1")
    return story.history()


@broken("after-deadline")
def a_booking_is_paid_after_its_deadline() -> History:
    story = Story()
    story.book(1, "b1", ("1A",))
    story.time = (story.bookings["b1"].expires or 0) + 1_000
    story.pay(1, "b1")
    return story.history()


@broken("expired-early")
def a_hold_is_swept_before_its_deadline() -> History:
    story = Story()
    story.hold(1, "h1", ("1A",))
    row = story.holds["h1"]
    story.holds["h1"] = msgspec.structs.replace(row, expires=row.created)
    story.expire_hold("h1")
    story.holds["h1"] = msgspec.structs.replace(story.holds["h1"], expires=row.expires)
    return story.history()


@broken("left-over")
def an_expired_hold_is_never_swept() -> History:
    story = Story()
    story.hold(1, "h1", ("1A",))
    story.time += 10 * HOLD_US
    return story.history()


@broken("deadline-moved")
def a_replacement_moves_the_deadline() -> History:
    history = good_story().history()
    hold = next(row for row in history.rows if isinstance(row, HoldRow) and row.id == "h4")
    edit(history.rows, HoldRow, by={"id": "h4"}, to={"expires": hold.expires + 5_000})
    return history


@broken("no-cause")
def a_free_seat_is_refused() -> History:
    story = good_story()
    story.refuse(2, "hold", "seat_unavailable", ("3A", "LOCKED"), seats=("3A",), leg=(0, 1))
    return story.history()


@broken("no-cause")
def a_seat_that_is_taken_on_another_segment_is_refused() -> History:
    story = Story()
    story.book(1, "b1", ("1A",), (0, 1))
    story.refuse(2, "hold", "seat_unavailable", ("1A", "LOCKED"), seats=("1A",), leg=(1, 2))
    return story.history()


@broken("no-cause")
def a_held_seat_is_called_booked() -> History:
    history = good_story().history()
    hurdles = Answer(hurdles=(("1A", "BOOKED"),))
    edit(history.attempts, Attempt, by={"code": "seat_unavailable"}, to={"answer": hurdles})
    return history


@broken("no-cause")
def a_live_hold_is_called_expired() -> History:
    story = Story()
    story.hold(1, "h1", ("1A",))
    story.refuse(1, "extend", "hold_expired", of="h1")
    return story.history()


@broken("no-cause")
def a_booking_that_waits_for_money_is_not_let_pay() -> History:
    story = Story()
    story.book(1, "b1", ("1A",))
    story.refuse(1, "pay", "wrong_state", of="b1")
    return story.history()


@broken("vanished")
def a_live_hold_is_said_not_to_exist() -> History:
    story = Story()
    story.hold(1, "h1", ("1A",))
    story.refuse(1, "release", "hold_not_found", of="h1")
    return story.history()


@broken("rev-gap")
def a_revision_is_missing() -> History:
    history = good_story().history()
    drop(history.rows, EventRow, rev=6)
    return history


@broken("epoch-changed")
def history_was_rebuilt() -> History:
    history = good_story().history()
    edit(history.rows, EventRow, by={"rev": 1}, to={"epoch": 2})
    return history


def _swap(history: History, one: int, other: int) -> None:
    """Let two revisions change places."""
    edit(history.rows, EventRow, by={"rev": one}, to={"rev": -1})
    edit(history.rows, EventRow, by={"rev": other}, to={"rev": one})
    edit(history.rows, EventRow, by={"rev": -1}, to={"rev": other})


@broken("real-time-order")
def two_holds_have_their_revisions_in_the_wrong_order() -> History:
    story = Story()
    story.hold(1, "h1", ("1A",))
    story.hold(2, "h2", ("2A",))
    history = story.history()
    _swap(history, 1, 2)
    return history


@broken("unexplained-event")
def a_revision_tells_of_what_nobody_did() -> History:
    history = good_story().history()
    bus = next(row for row in history.rows if isinstance(row, BusRow))
    history.rows.append(EventRow(BUS, 1, bus.rev + 1, "held", (("3A", "LL"),), bus.read_at))
    edit(history.rows, BusRow, by={"bus": BUS}, to={"rev": bus.rev + 1})
    return history


@broken("missing-event")
def a_booking_is_told_by_no_revision() -> History:
    story = Story()
    story.book(1, "b1", ("1A",))
    story.events.clear()
    return story.history()


@broken("wrong-event")
def a_revision_shows_a_held_seat_as_booked() -> History:
    history = good_story().history()
    edit(history.rows, EventRow, by={"rev": 1}, to={"seats": (("1A", "BB"), ("1B", "LL"))})
    return history


@broken("wrong-end")
def a_sold_seat_is_free_at_the_end() -> History:
    history = good_story().history()
    bus = next(row for row in history.rows if isinstance(row, BusRow))
    edit(history.rows, BusRow, by={"bus": BUS}, to={"seats": {**bus.seats, "1B": "AA"}})
    return history


@broken("wrong-claims")
def a_sold_seat_has_no_claim() -> History:
    history = good_story().history()
    drop(history.rows, ClaimRow, seat="1B", segment=1)
    return history


@broken("uncommitted-state")
def a_watcher_sees_a_change_that_was_rolled_back() -> History:
    story = good_story()
    seen = story.glimpses[0]
    story.glimpses[0] = msgspec.structs.replace(
        seen, seats=tuple((label, "LL" if label == "3B" else "AA") for label in LABELS)
    )
    return story.history()


@broken("uncommitted-state")
def a_watcher_is_not_told_of_one_seat() -> History:
    story = good_story()
    story.glimpses[1] = msgspec.structs.replace(
        story.glimpses[1], seats=story.glimpses[1].seats[:1]
    )
    return story.history()


@broken("uncommitted-state")
def a_reader_sees_a_revision_that_never_was() -> History:
    history = good_story().history()
    history.glimpses.append(msgspec.structs.replace(history.glimpses[0], watcher=0, rev=99))
    return history


@broken("seen-too-early")
def a_watcher_sees_a_state_before_it_is_decided() -> History:
    story = good_story()
    story.glimpses[1] = msgspec.structs.replace(story.glimpses[1], at=story.glimpses[0].at)
    return story.history()


@broken("watcher-went-back")
def a_watcher_is_sent_back() -> History:
    story = good_story()
    story.glimpses.insert(2, story.glimpses[0])
    return story.history()


@broken("watcher-behind")
def a_watcher_never_hears_the_end() -> History:
    story = good_story()
    story.glimpses.pop()
    return story.history()


@broken("money")
def a_payment_is_booked_without_a_ticket() -> History:
    history = good_story().history()
    drop(history.rows, TicketRow, booking="b4")
    return history


@broken("money")
def a_refund_is_less_than_was_paid_for_the_seat() -> History:
    history = good_story().history()
    edit(history.rows, RefundRow, by={"booking": "b1"}, to={"amount": 1})
    return history


@broken("money")
def money_is_taken_for_a_booking_that_failed() -> History:
    history = good_story().history()
    history.rows.append(PaymentRow(BUS, "b2", "SUCCEEDED", 500))
    return history


@broken("refund-exceeds-payment")
def more_is_paid_back_than_was_paid() -> History:
    history = good_story().history()
    edit(history.rows, RefundRow, by={"booking": "b1"}, to={"amount": 5_000})
    return history


@broken("server-error")
def a_server_breaks() -> History:
    story = good_story()
    story.say(9, "hold", outcome="info", status=500, code="500", seats=("1A",), leg=WHOLE)
    return story.history()


@broken("mismatch")
def a_booking_names_other_seats_than_were_asked_for() -> History:
    history = good_story().history()
    booked = next(row for row in history.rows if isinstance(row, BookingRow) and row.id == "b2")
    edit(history.attempts, Attempt, by={"op": "book", "seats": ("2A",)}, to={"leg": (0, 1)})
    assert booked.leg == (1, 2)
    return history


@broken("clock-order")
def a_seat_changes_against_the_clock() -> History:
    story = Story()
    story.say(2, "release", outcome="info", status=0, of="h1")
    story.hold(1, "h1", ("1A",))
    row = story.holds["h1"]
    story.release(2, "h1")
    story.attempts.pop()
    story.holds["h1"] = msgspec.structs.replace(story.holds["h1"], ended=row.created - 1)
    history = story.history()
    edit(history.rows, EventRow, by={"rev": 2}, to={"at": row.created - 1})
    return history
