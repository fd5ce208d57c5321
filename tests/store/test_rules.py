"""The rules of a sale, as properties: whatever the seats look like, these hold."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from store.errors import Departed, InvalidRequest, SalesClosed, SeatUnavailable
from store.layouts import two_plus_two
from store.model import Bus, BusStop, Caller, Layout, Leg, Limits, Role
from store.rules import (
    Wanted,
    find_leg,
    leg_fare,
    require_allowed,
    require_free,
    require_on_sale,
    seat_price,
    seats_allowed,
    seats_by_label,
    set_leg,
    status_on,
    with_leg,
)
from store.timetable import split_fare

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
letters = st.sampled_from("ABLX")


def make_bus(stops: list[BusStop] | int, *, seats: int = 40, **changes: Any) -> Bus:
    if isinstance(stops, int):
        times = [NOON + number * timedelta(hours=1) for number in range(stops)]
        stops = [
            BusStop(number, f"Stop {number}", "UTC", None, at, at, can_board=True, can_alight=True)
            for number, at in enumerate(times, start=1)
        ]
    places = two_plus_two(seats).seats
    layout = Layout(
        1,
        "plan",
        places,
        {place.label: place for place in places},
        {place.seat_no: place for place in places},
    )
    facts: dict[str, Any] = {
        "bus_id": 1,
        "operator_id": 1,
        "name": "The 10:05",
        "operator": "Northline",
        "facts": 1,
        "layout": layout,
        "stops": tuple(stops),
        "fares": (500,) * (len(stops) - 1),
        "currency": "EUR",
        "sales_close": timedelta(0),
        "limits": Limits(),
    }
    return Bus(**facts | changes)


@st.composite
def seats_and_legs(draw: st.DrawFn) -> tuple[str, Leg]:
    states = draw(st.text("ABLX", min_size=1, max_size=20))
    start = draw(st.integers(0, len(states) - 1))
    return states, Leg(start, draw(st.integers(start + 1, len(states))))


@given(seats_and_legs())
def test_the_status_on_a_leg_is_its_worst_segment(seat: tuple[str, Leg]) -> None:
    states, leg = seat
    order = "ALXB"
    assert status_on(states, leg) == max(states[leg.start : leg.end], key=order.index)


@given(seats_and_legs(), letters)
def test_setting_a_leg_touches_its_segments_only(seat: tuple[str, Leg], letter: str) -> None:
    states, leg = seat
    after = with_leg(states, leg, letter)
    assert len(after) == len(states)
    for segment, (old, new) in enumerate(zip(states, after, strict=True)):
        assert new == (letter if segment in leg.segments else old)


@given(st.dictionaries(st.integers(1, 40), st.text("ABLX", min_size=3, max_size=3), min_size=1))
def test_seats_are_free_exactly_when_every_segment_is(states: dict[int, str]) -> None:
    bus, leg = make_bus(4), Leg(0, 2)
    taken = {seat for seat, on in states.items() if on[:2] != "AA"}
    wanted = Wanted(bus, leg, tuple(sorted(states)))
    if not taken:
        require_free(wanted, states)
        return
    with pytest.raises(SeatUnavailable) as refusal:
        require_free(wanted, states)
    assert {bus.layout.by_label[label].seat_no for label, _ in refusal.value.seats} == taken
    assert all(letter in "BXL" for _, letter in refusal.value.seats)


@given(st.integers(0, 10**9), st.integers(1, 199))
def test_a_split_fare_adds_up_and_is_even(price: int, segments: int) -> None:
    fares = split_fare(price, segments)
    assert len(fares) == segments
    assert sum(fares) == price
    assert max(fares) - min(fares) <= 1
    assert fares == sorted(fares, reverse=True)


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=30), st.data())
def test_legs_that_follow_each_other_cost_what_the_whole_does(
    fares: list[int], data: st.DataObject
) -> None:
    middle = data.draw(st.integers(1, len(fares) - 1))
    whole = leg_fare(fares, {}, Leg(0, len(fares)))
    parts = Leg(0, middle), Leg(middle, len(fares))
    assert sum(leg_fare(fares, {}, part) for part in parts) == whole


@given(
    st.lists(st.integers(0, 10**6), min_size=1, max_size=8),
    st.dictionaries(st.tuples(st.integers(0, 8), st.integers(0, 8)), st.integers(0, 10**8)),
)
def test_a_fare_of_its_own_is_what_its_leg_costs_and_no_other_leg(
    fares: list[int], pairs: dict[tuple[int, int], int]
) -> None:
    for start in range(len(fares)):
        for end in range(start + 1, len(fares) + 1):
            fare = leg_fare(fares, pairs, Leg(start, end))
            assert fare == pairs.get((start, end), sum(fares[start:end]))


@given(st.integers(0, 10**8), st.integers(0, 1000))
def test_a_price_is_the_percentage_to_the_nearest_unit(fare: int, percent: int) -> None:
    price = seat_price(fare, percent)
    assert abs(price * 100 - fare * percent) <= 50
    assert price * 100 - fare * percent > -50


@st.composite
def journeys(draw: st.DrawFn) -> Bus:
    """Buses that may call twice at a stop, and not always let people on or off."""
    calls = draw(
        st.lists(
            st.tuples(
                st.integers(1, 4), st.none() | st.integers(8, 9), st.booleans(), st.booleans()
            ),
            min_size=2,
            max_size=8,
        )
    )
    return make_bus(
        [
            BusStop(stop, f"Stop {stop}", "UTC", station, NOON, NOON, on, off)
            for stop, station, on, off in calls
        ]
    )


some_stop = st.none() | st.integers(1, 10)


@given(journeys(), some_stop, some_stop)
def test_a_leg_goes_forward_between_the_stops_that_were_named(
    bus: Bus, from_stop: int | None, to_stop: int | None
) -> None:
    try:
        leg = find_leg(bus, from_stop, to_stop)
    except InvalidRequest:
        return
    assert 0 <= leg.start < leg.end < len(bus.stops)
    first, last = bus.stops[leg.start], bus.stops[leg.end]
    assert first.can_board
    assert last.can_alight
    assert leg.start == 0 if from_stop is None else first.is_at(from_stop)
    assert leg.end == len(bus.stops) - 1 if to_stop is None else last.is_at(to_stop)
    if from_stop is not None:
        before = bus.stops[: leg.start]
        assert not any(stop.is_at(from_stop) and stop.can_board for stop in before)
    if to_stop is not None:
        between = bus.stops[leg.start + 1 : leg.end]
        assert not any(stop.is_at(to_stop) and stop.can_alight for stop in between)


@given(st.lists(st.integers(1, 40), unique=True, max_size=10), st.randoms())
def test_labels_become_numbers_in_lock_order(seats: list[int], chance: Any) -> None:
    bus = make_bus(2)
    chance.shuffle(seats)
    labels = [bus.layout.label(seat) for seat in seats]
    assume(labels)
    assert seats_by_label(bus, labels) == tuple(sorted(seats))


@pytest.mark.parametrize("seconds", [-3600, -1, 0, 1, 3600])
@pytest.mark.parametrize("close", [0, 1, 1800])
def test_sales_end_first_by_the_operators_rule_then_by_departure(seconds: int, close: int) -> None:
    bus = make_bus(3, sales_close=timedelta(seconds=close))
    now = bus.stops[1].departs_at + timedelta(seconds=seconds)

    def sell() -> None:
        require_on_sale(bus, Leg(1, 2), "SCHEDULED", now)

    if seconds >= 0:
        with pytest.raises(Departed):
            sell()
    elif seconds >= -close:
        with pytest.raises(SalesClosed):
            sell()
    else:
        sell()
    for status in ("CLOSED", "CANCELLED"):
        with pytest.raises(SalesClosed):
            require_on_sale(bus, Leg(1, 2), status, now)


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (None, 6),
        (Role.RIDER, 6),
        (Role.SUPPORT, 6),
        (Role.AGENT, 100),
        (Role.OPERATOR, 100),
        (Role.ADMIN, 100),
    ],
)
def test_staff_may_sell_more_seats_at_a_time_than_riders(role: Role | None, allowed: int) -> None:
    bus, caller = make_bus(2), Caller(1, role, 1)
    assert seats_allowed(bus, caller) == allowed
    require_allowed(bus, caller, allowed)
    with pytest.raises(InvalidRequest):
        require_allowed(bus, caller, allowed + 1)


def test_setting_a_leg_of_many_seats_is_setting_it_of_each() -> None:
    states = {1: "AAA", 2: "BLA"}
    assert set_leg([1, 2], states, Leg(2, 3), "X") == {1: "AAX", 2: "BLX"}
