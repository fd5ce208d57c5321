"""One bus' state machine, input by input. test_model.py tries what nobody thought of."""

import pytest

from realtime.counters import Counters
from realtime.effects import (
    Answer,
    Broadcast,
    Change,
    Effects,
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


def broadcast(effects: Effects[str]) -> list[Change]:
    (effect,) = effects
    assert isinstance(effect, Broadcast)
    return list(effect.changes)


def test_the_first_watchers_share_one_load(feed: Feed[str]) -> None:
    assert feed.subscribe("ann", 1, None, now=0) == [Load()]
    assert feed.subscribe("bob", 2, None, now=0) == []
    answers = feed.loaded(seat_map(5), now=0)
    assert answers == [Answer("ann", 1, is_same=False), Answer("bob", 2, is_same=False)]
    assert feed.subscribe("cleo", 3, at(5), now=0) == [Answer("cleo", 3, is_same=True)]
    assert feed.subscribe("dan", 4, at(4), now=0) == [Answer("dan", 4, is_same=False)]


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
    assert live.apply(six, now=0) == [Broadcast([six], ("ann",))]
    assert live.apply(six, now=0) == []
    assert live.apply(change(5), now=0) == []


def test_a_delta_over_several_revisions_fits_whoever_is_within(live: Feed[str]) -> None:
    assert broadcast(live.apply(change(9, prev=3, A="B"), now=0))[0].rev == 9
    assert live.head == at(9)


def test_deltas_out_of_order_wait_for_each_other(live: Feed[str]) -> None:
    assert live.apply(change(8), now=0) == []
    assert live.apply(change(7), now=0) == []
    assert live.due == pytest.approx(0.1)
    assert [one.rev for one in broadcast(live.apply(change(6), now=0.05))] == [6, 7, 8]
    assert live.due == NEVER


def test_a_gap_is_closed_by_one_delta_made_from_a_load(live: Feed[str]) -> None:
    live.apply(change(8, B="X"), now=0)
    assert live.tick(now=0.09) == []
    assert live.tick(now=0.1) == [Load()]
    assert live.tick(now=9) == []
    told = broadcast(live.loaded(seat_map(7, A="B"), now=0.2))
    assert [(one.prev, one.rev, one.seats) for one in told] == [
        (5, 7, (("A", "B"),)),
        (7, 8, (("B", "X"),)),
    ]
    assert live.due == NEVER


def test_a_repair_says_so_even_when_no_seat_differs(live: Feed[str]) -> None:
    live.learned(at(7), asked_at=at(5), now=0)
    live.tick(now=0.1)
    (repair,) = broadcast(live.loaded(seat_map(7), now=0.2))
    assert (repair.prev, repair.rev, repair.seats) == (5, 7, ())


def test_a_position_ahead_gets_a_moment_to_arrive_by_itself(live: Feed[str]) -> None:
    assert live.learned(at(6), asked_at=at(5), now=0) == []
    live.apply(change(6), now=0.05)
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
    broadcast(live.loaded(seat_map(7), now=0.2))
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
    assert live.apply(six, now=0) == [Broadcast([six], ("bob",))]
    assert live.drained("ann", now=0) == [Resync(("ann",))]
    assert live.drained("ann", now=0) == []
    (effect,) = live.apply(change(7), now=0)
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
    effects = live.apply(six, now=0)
    assert effects == [Broadcast([six], ("ann",)), Answer("bob", 2, is_same=True)]


def test_a_client_ahead_of_the_truth_is_told_the_truth(live: Feed[str]) -> None:
    live.subscribe("bob", 2, at(99), now=0)
    live.tick(now=0.1)
    assert live.loaded(seat_map(5), now=0.2) == [Answer("bob", 2, is_same=False)]


def test_a_failed_load_tells_a_client_ahead_nothing(live: Feed[str]) -> None:
    live.subscribe("bob", 2, at(9), now=0)
    live.tick(now=0.1)
    live.failed(now=0.2)
    assert broadcast(live.apply(change(6), now=0.3))
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
    broadcast(live.loaded(seat_map(20), now=0.2))
    assert (live.head, live.due) == (at(20), NEVER)
