"""One bus' state machine, input by input. test_model.py tries what nobody thought of."""

from dataclasses import replace

import pytest

from realtime.counters import Counters
from realtime.effects import (
    Answer,
    Broadcast,
    Change,
    Evict,
    Forget,
    Head,
    Load,
    Refuse,
    Resync,
)
from realtime.feed import NEVER, Feed
from realtime.settings import FeedSettings
from store.events import SeatMap

SETTINGS = FeedSettings(waiting_max=2, early_max=4)


def seat_map(rev: int, *, epoch: int = 1, **seats: str) -> SeatMap:
    return SeatMap(7, epoch, rev, tuple({"A": "A", "B": "A", **seats}.items()))


def change(rev: int, *, epoch: int = 1, prev: int | None = None, **seats: str) -> Change:
    return Change(
        epoch, rev - 1 if prev is None else prev, rev, tuple(seats.items()) or (("A", "L"),)
    )


def at(rev: int, epoch: int = 1) -> Head:
    return Head(epoch, rev)


@pytest.fixture
def feed() -> Feed[str]:
    return Feed(SETTINGS, Counters())


@pytest.fixture
def live(feed: Feed[str]) -> Feed[str]:
    """Ann watches it at revision 5."""
    feed.subscribe("ann", 1, None, now=0)
    feed.loaded(seat_map(5), now=0)
    return feed


def tell(feed: Feed[str], *, now: float) -> Change:
    """The one delta that watchers get when the turn of the loop ends."""
    (effect,) = feed.tick(now=now)
    assert isinstance(effect, Broadcast)
    feed.delivered()
    return effect.change


def test_the_first_watchers_share_one_load(feed: Feed[str]) -> None:
    assert feed.subscribe("ann", 1, None, now=0) == [Load()]
    assert feed.subscribe("bob", 2, None, now=0) == []
    answers = feed.loaded(seat_map(5), now=0)
    assert answers == [Answer("ann", 1, is_same=False), Answer("bob", 2, is_same=False)]
    assert feed.subscribe("cleo", 3, at(5), now=0) == [Answer("cleo", 3, is_same=True)]
    assert feed.subscribe("dan", 4, at(4), now=0) == [Answer("dan", 4, is_same=False)]


def test_watchers_are_told_in_the_order_they_came_in(live: Feed[str]) -> None:
    others = [str(number) for number in range(100)]
    for name in others:
        live.subscribe(name, 1, None, now=0)
    live.fell_behind("50")
    live.drained("50", now=0)
    live.apply(six := change(6, A="L"), now=0)
    ordered = ("ann", *(name for name in others if name != "50"), "50")
    assert live.tick(now=0) == [Broadcast(six, ordered)]


def test_deltas_during_the_first_load_are_part_of_the_answer(feed: Feed[str]) -> None:
    feed.subscribe("ann", 1, None, now=0)
    for rev in (5, 7, 6):
        assert feed.apply(change(rev, A=str(rev)), now=0) == []
    assert feed.loaded(seat_map(5, A="5"), now=0) == [Answer("ann", 1, is_same=False)]
    assert (feed.head, feed.seats["A"]) == (at(7), "7")
    assert feed.due == NEVER


def test_a_hole_among_the_deltas_of_the_first_load_is_loaded_again(feed: Feed[str]) -> None:
    feed.subscribe("ann", 1, None, now=0)
    feed.apply(change(8), now=0)
    feed.loaded(seat_map(5), now=1)
    assert feed.due == pytest.approx(1.1)
    assert feed.tick(now=1.1) == [Load()]


def test_a_delta_is_told_once(live: Feed[str]) -> None:
    six = change(6, A="L")
    assert live.apply(six, now=0) == []
    assert live.due == 0
    assert live.tick(now=0) == [Broadcast(six, ("ann",))]
    live.delivered()
    for old in (six, change(5)):
        assert live.apply(old, now=0) == []
        assert live.due == NEVER


def test_a_delta_over_several_revisions_fits_whoever_is_within(live: Feed[str]) -> None:
    live.apply(change(9, prev=3, A="B"), now=0)
    assert tell(live, now=0).rev == 9
    assert live.head == at(9)


def test_deltas_out_of_order_wait_for_each_other(live: Feed[str]) -> None:
    assert live.apply(change(8), now=0) == []
    assert live.apply(change(7), now=0) == []
    assert live.due == pytest.approx(0.1)
    live.apply(change(6), now=0.05)
    told = tell(live, now=0.05)
    assert (told.prev, told.rev) == (5, 8)
    assert live.due == NEVER


def test_a_gap_is_closed_by_one_delta_made_from_a_load(live: Feed[str]) -> None:
    live.apply(change(8, B="X"), now=0)
    assert live.tick(now=0.09) == []
    assert live.tick(now=0.1) == [Load()]
    assert live.tick(now=9) == []
    live.loaded(seat_map(7, A="B"), now=0.2)
    told = tell(live, now=0.2)
    assert (told.prev, told.rev, told.seats) == (5, 8, (("A", "B"), ("B", "X")))
    assert live.due == NEVER


def test_a_repair_says_so_even_when_no_seat_differs(live: Feed[str]) -> None:
    live.learned(at(7), asked_at=at(5), now=0)
    live.tick(now=0.1)
    live.loaded(seat_map(7), now=0.2)
    repair = tell(live, now=0.2)
    assert (repair.prev, repair.rev, repair.seats) == (5, 7, ())


def test_a_position_ahead_gets_a_moment_to_arrive_by_itself(live: Feed[str]) -> None:
    assert live.learned(at(6), asked_at=at(5), now=0) == []
    live.apply(change(6), now=0.05)
    tell(live, now=0.05)
    assert live.due == NEVER


def test_hearsay_is_dropped_when_a_later_load_knows_nothing_of_it(live: Feed[str]) -> None:
    live.apply(change(10**6), now=0)
    assert live.tick(now=0.1) == [Load()]
    assert live.loaded(seat_map(5), now=0.2) == []
    assert live.due == NEVER


def test_what_was_heard_during_a_load_is_judged_by_the_next(live: Feed[str]) -> None:
    live.apply(change(7), now=0)
    live.tick(now=0.1)
    live.apply(change(9), now=0.15)
    live.loaded(seat_map(7), now=0.2)
    tell(live, now=0.2)
    assert live.tick(now=0.3) == [Load()]


def test_a_load_older_than_the_head_changes_nothing(live: Feed[str]) -> None:
    live.suspect()
    live.apply(change(6, A="B"), now=0)
    assert live.loaded(seat_map(5), now=0) == []
    assert (live.head, live.seats["A"]) == (at(6), "B")


def test_another_epoch_is_loaded_at_once_and_sent_whole(live: Feed[str]) -> None:
    assert live.apply(change(1, epoch=2), now=0) == [Load()]
    assert live.loaded(seat_map(0, epoch=2), now=0) == [Resync(("ann",))]
    assert live.head == at(1, 2)  # with the delta that gave the hint
    assert live.apply(change(9, epoch=1), now=0) == []


def test_an_unknown_seat_means_another_layout(live: Feed[str]) -> None:
    assert live.apply(change(6, Z="L"), now=0) == []
    assert live.tick(now=0.1) == [Load()]
    assert live.loaded(seat_map(6, Z="L"), now=0.2) == [Resync(("ann",))]


def test_a_full_socket_is_owed_a_snapshot_and_nothing_else(live: Feed[str]) -> None:
    live.subscribe("bob", 2, None, now=0)
    live.fell_behind("ann")
    six = change(6)
    live.apply(six, now=0)
    assert live.tick(now=0) == [Broadcast(six, ("bob",))]
    live.delivered()
    assert live.drained("ann", now=0) == [Resync(("ann",))]
    assert live.drained("ann", now=0) == []
    live.apply(change(7), now=0)
    (effect,) = live.tick(now=0)
    assert isinstance(effect, Broadcast)
    assert set(effect.watchers) == {"ann", "bob"}


def test_an_answer_pays_what_a_full_socket_is_owed(live: Feed[str]) -> None:
    live.fell_behind("ann")
    live.subscribe("ann", 2, None, now=0)
    assert live.drained("ann", now=0) == []
    live.unsubscribe("ann", now=0)
    live.fell_behind("ann")  # it left while the hub was writing
    assert not live.is_watched


def test_a_client_ahead_is_answered_when_the_delta_comes(live: Feed[str]) -> None:
    assert live.subscribe("bob", 2, at(6), now=0) == []
    six = change(6)
    assert live.apply(six, now=0) == [Answer("bob", 2, is_same=True)]
    assert tell(live, now=0) == six


def test_a_client_ahead_of_the_truth_is_told_the_truth(live: Feed[str]) -> None:
    live.subscribe("bob", 2, at(99), now=0)
    live.tick(now=0.1)
    assert live.loaded(seat_map(5), now=0.2) == [Answer("bob", 2, is_same=False)]


def test_a_failed_load_tells_a_client_ahead_nothing(live: Feed[str]) -> None:
    live.subscribe("bob", 2, at(9), now=0)
    live.tick(now=0.1)
    live.failed(now=0.2)
    assert live.apply(change(6), now=0.3) == []
    assert tell(live, now=0.3).rev == 6
    assert live.tick(now=live.due) == [Load()]


def test_failed_loads_are_tried_again_ever_less_often(feed: Feed[str]) -> None:
    feed.subscribe("ann", 1, None, now=0)
    waits = []
    for _ in range(6):
        feed.failed(now=10)
        waits.append(feed.due - 10)
        assert feed.subscribe("ann", 2, None, now=10) in ([], [Refuse("ann", 2, "overloaded")])
        assert feed.tick(now=feed.due) == [Load()]
    assert waits == [0.25, 0.5, 1.0, 1.0, 1.0, 1.0]
    assert len(feed.loaded(seat_map(5), now=20)) == 2


def test_a_bus_nobody_knows_is_refused_and_forgotten(feed: Feed[str]) -> None:
    feed.subscribe("ann", 1, None, now=0)
    feed.subscribe("ann", 2, None, now=0)
    assert feed.missing() == [
        Refuse("ann", 1, "not_found"),
        Refuse("ann", 2, "not_found"),
        Forget(),
    ]


def test_a_bus_that_vanishes_evicts_its_watchers(live: Feed[str]) -> None:
    live.fell_behind("ann")
    live.subscribe("bob", 2, None, now=0)
    assert live.suspect() == [Load()]
    assert live.suspect() == []
    assert live.missing() == [Evict(("bob", "ann")), Forget()]


def test_history_that_went_backwards_is_believed_the_second_time(live: Feed[str]) -> None:
    assert live.learned(at(4), asked_at=at(5), now=0) == []
    assert live.learned(at(5), asked_at=at(5), now=0) == []
    assert live.learned(at(4), asked_at=at(5), now=0) == []
    live.subscribe("bob", 2, at(9), now=0)
    assert live.learned(at(4), asked_at=at(5), now=0) == [Evict(("ann",)), Load()]
    assert live.loaded(seat_map(4), now=0) == [Answer("bob", 2, is_same=False)]


def test_an_answer_that_was_overtaken_is_no_step_backwards(live: Feed[str]) -> None:
    for rev in (6, 7):
        live.apply(change(rev), now=0)
        assert live.learned(at(rev - 1), asked_at=at(rev - 1), now=0) == []
    assert live.head == at(7)


def test_an_unwatched_bus_stays_warm_and_is_then_forgotten(live: Feed[str]) -> None:
    live.unsubscribe("ann", now=10)
    assert live.is_idle
    assert live.due == 70
    live.apply(change(6), now=20)
    live.unsubscribe("ann", now=50)
    assert live.due == 70
    assert live.tick(now=69) == []
    assert live.subscribe("bob", 2, at(6), now=69) == [Answer("bob", 2, is_same=True)]
    live.unsubscribe("bob", now=69)
    assert live.tick(now=129) == [Forget()]


def test_a_bus_that_cannot_be_read_and_is_not_watched_is_forgotten(feed: Feed[str]) -> None:
    feed.subscribe("ann", 1, None, now=0)
    feed.unsubscribe("ann", now=0)
    assert feed.due == NEVER
    assert feed.failed(now=1) == [Forget()]


def test_more_early_deltas_than_fit_cost_a_load_and_nothing_else(live: Feed[str]) -> None:
    for rev in range(20, 6, -1):
        live.apply(change(rev), now=0)
    live.tick(now=0.1)
    live.loaded(seat_map(20), now=0.2)
    tell(live, now=0.2)
    assert (live.head, live.due) == (at(20), NEVER)


def test_changes_of_one_turn_leave_as_one_delta_with_the_last_word_on_each_seat(
    live: Feed[str],
) -> None:
    for one in (change(6, A="L"), change(7, B="L"), change(8, A="B")):
        live.apply(one, now=0)
    told = tell(live, now=0)
    assert (told.prev, told.rev) == (5, 8)
    assert dict(told.seats) == {"A": "B", "B": "L"}
    assert told.wire is None, "no frame of one of them says it all"


def test_a_calm_bus_tells_at_once_and_a_busy_one_in_ticks(live: Feed[str]) -> None:
    calm = SETTINGS.calm_per_second
    for number in range(1, calm + 1):
        live.apply(change(5 + number), now=0.01 * number)
        assert live.due == pytest.approx(0.01 * number)
        tell(live, now=live.due)
    told_at = 0.01 * calm
    live.apply(change(6 + calm), now=told_at + 0.01)
    assert live.due == pytest.approx(told_at + SETTINGS.tick_seconds)
    live.apply(change(7 + calm), now=told_at + 0.02)
    assert live.due == pytest.approx(told_at + SETTINGS.tick_seconds)
    told = tell(live, now=live.due)
    assert (told.prev, told.rev) == (5 + calm, 7 + calm)
    live.apply(change(8 + calm), now=9.0)
    assert live.due == 9.0, "calm again"


def test_before_many_watchers_the_first_change_goes_at_once_and_the_next_waits_its_tick(
    feed: Feed[str],
) -> None:
    watchers = 8_000
    for number in range(watchers):
        feed.subscribe(str(number), 1, None, now=0)
    feed.loaded(seat_map(5), now=0)
    feed.apply(change(6), now=1.0)
    tell(feed, now=1.0)
    feed.apply(change(7), now=1.001)
    assert feed.due == pytest.approx(1.0 + watchers * SETTINGS.tick_seconds_a_watcher)


def test_while_a_delta_is_on_its_way_the_next_one_gathers(live: Feed[str]) -> None:
    live.apply(change(6), now=0)
    assert len(live.tick(now=0)) == 1
    assert live.told == at(5)
    for rev in (7, 8):
        live.apply(change(rev), now=0)
        assert live.due == NEVER
    live.delivered()
    assert live.told == at(6)
    assert (tell(live, now=0).prev, live.told) == (6, at(8))


def test_what_waits_to_be_told_is_dropped_when_all_get_the_whole_state(live: Feed[str]) -> None:
    live.apply(change(6), now=0)
    live.apply(change(1, epoch=2), now=0)
    live.tick(now=0)
    live.delivered()
    live.apply(change(7), now=0)
    assert live.loaded(seat_map(1, epoch=2), now=0) == [Resync(("ann",))]
    assert (live.told, live.due) == (at(1, 2), NEVER)


def test_nobody_is_told_what_nobody_waits_for(live: Feed[str]) -> None:
    live.apply(change(6), now=0)
    live.unsubscribe("ann", now=0)
    assert live.due == 60
    live.subscribe("bob", 1, None, now=1)
    live.apply(change(7), now=1)
    live.fell_behind("bob")
    assert live.due == NEVER


def test_what_the_bus_has_become_is_told_however_much_comes_with_it(live: Feed[str]) -> None:
    closed, open_again = change(7), change(8)
    live.apply(change(6), now=0)
    live.apply(replace(closed, status="CLOSED"), now=0)
    assert tell(live, now=0).status == "CLOSED"
    live.apply(replace(open_again, status="SCHEDULED"), now=0)
    live.apply(change(9), now=0)
    assert tell(live, now=0).status == "SCHEDULED"
    live.apply(change(10), now=0)
    live.apply(change(11), now=0)
    assert tell(live, now=0).status is None
