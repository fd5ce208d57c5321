"""Every test of the store that has a world ends with the invariants and with the house rule of events."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import settings

from store.facade import StoreOptions
from store.invariants import find_violations
from tests.support.cluster import CLUSTER_URL
from tests.support.history import check_history
from tests.support.world import World

# Nothing here is timed, examples neither.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


# What is not asked of a cluster, by why.
ONE_SERVER_ONLY = {
    "its buses lie in lanes of their own": (
        "test_buses_of_two_operators_share_a_batch",
        "test_a_sweep_locks_in_the_same_order",
    ),
    "there is no express statement on a cluster": (
        "test_free_seats_are_held_and_booked_in_one_statement",
        "test_what_is_announced_is_what_is_stored",
        "test_a_seat_is_sold_on_one_leg_and_keeps_what_it_is_on_others",
        "test_one_that_must_go_the_general_way_does_not_hold_up_its_neighbours",
        "test_a_clock_that_is_off_sells_nothing_until_it_is_set_right",
        "test_a_buyer_who_is_new_on_a_bus_is_counted_there",
        "test_before_the_databases_clock_was_heard_the_general_way_is_taken",
        "test_a_session_that_ends_under_the_statement_leaves_the_outcome_to_the_key",
        "test_an_answer_that_was_lost_is_not_called_a_refusal",
        "test_a_process_that_remembers_the_kiosks_hold_does_not_book_it_for_the_kiosk",
        "test_fresh_seats_are_looked_up_once_for_each_request",
        "test_holds_are_looked_up_once_for_each_booking",
        "test_twin_that_joins_them_compares_each_request_with_all_others",
    ),
    "its plans are those of its workers": (
        "test_departures_and_their_seats_are_found_by_indexes",
        "test_a_day_is_found_without_looking_through_all_others",
        "test_the_seats_of_a_days_buses_are_found_by_indexes",
        "test_a_report_goes_by_indexes",
        "test_a_search_from_a_stop_goes_by_the_stop_and_the_time",
        "test_a_search_from_now_on_reads_no_more_than_its_page",
        "test_all_that_leaves_on_a_day_is_read_in_order_of_time",
        "test_days_are_priced_by_the_stop_and_the_time",
        "test_the_buses_of_a_page_are_read_by_their_numbers",
        "test_no_month_is_looked_at_that_is_not_asked_for",
        "test_what_is_over_is_not_looked_at",
    ),
    "there are no months: each server searches its own part of the stops": (
        "test_a_bus_is_found_from_the_moment_it_is_there",
        "test_a_bus_that_is_late_is_not_written_anew",
        "test_a_bus_that_is_moved_over_a_months_end_is_found_there_only",
        "test_stops_that_change_their_places_and_go_take_their_calls_along",
        "test_twin_stops_that_are_changed_while_triggers_sleep_are_found_out",
        "test_whoever_sells_reads_calls_and_nothing_more",
        "test_a_clusters_view_of_the_stops_is_searched_by_their_index",
        "test_an_invariant_that_is_broken_is_named[searches_find_every_call]",
        "test_months_are_made_once_with_the_calls_that_waited_for_them",
        "test_months_long_over_are_dropped_and_only_searches_notice",
        "test_what_may_still_be_asked_for_cannot_be_dropped",
        "test_several_who_keep_months_at_once_make_each_once",
        "test_a_long_search_is_not_waited_for",
        "test_buses_that_are_added_and_moved_meanwhile_lose_no_call",
        "test_a_bus_that_is_added_while_its_month_is_made_waits_and_lies_there",
        "test_twin_with_less_of_a_lock_it_is_refused",
        "test_whatever_is_done_to_buses_searches_go_by_what_they_are",
    ),
    "two who lock rows of a copied table are never in it together, locks or no locks of ours": (
        "test_twin_without_the_lock_and_without_the_key_both_do",
    ),
    "a worker does not tell what a trigger calls its refusal": (
        "test_published_rules_are_never_changed_not_even_past_the_store",
    ),
    "deadlocks are counted where they happen, on the workers": (
        "test_twin_seats_locked_in_any_order_do_deadlock",
    ),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reasons = {name: reason for reason, names in ONE_SERVER_ONLY.items() for name in names}
    for item in items if CLUSTER_URL else ():
        if reason := reasons.get(getattr(item, "originalname", "")) or reasons.get(item.name):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
async def world(database_url: str, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    # Hundreds of worlds are opened here, and a connection costs more than most of the tests.
    opened = await World.open(database_url, StoreOptions(pool_size=6))
    try:
        yield opened
        violations = await find_violations(opened.store.db)
        is_fault = request.node.get_closest_marker("fault") is not None
        await check_history(opened, is_announced=not is_fault)
    finally:
        await opened.close()
    assert violations == {}
