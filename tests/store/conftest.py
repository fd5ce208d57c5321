"""Every test of the store that has a world ends with the invariants and with the house rule of events."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import settings

from store.facade import StoreOptions
from store.invariants import find_violations
from store.migrate import migrate
from tests.support.cluster import CLUSTER_URL, ClusterDatabases
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
    "its own UPDATE reckons with times of rows, which Citus refuses": (
        "test_a_buyer_cannot_fill_the_cap_again_while_extending",
        "test_a_hold_made_in_time_is_not_booked_after_departure",
        "test_after_departure_nothing_is_cancelled",
        "test_the_passenger_who_boards_later_may_cancel_after_the_bus_has_started",
        "test_old_events_go_as_whole_beginnings_of_a_history",
        "test_keys_are_kept_for_two_days",
        "test_extending_never_shortens_a_hold",
        "test_extending_never_goes_past_twenty_minutes_after_the_hold_began",
        "test_whoever_takes_over_waits_for_an_extension_under_way_and_sees_it",
    ),
    "deadlocks are counted where they happen, on the workers": (
        "test_twin_seats_locked_in_any_order_do_deadlock",
    ),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reasons = {name: reason for reason, names in ONE_SERVER_ONLY.items() for name in names}
    for item in items if CLUSTER_URL else ():
        if reason := reasons.get(getattr(item, "originalname", "")):
            item.add_marker(pytest.mark.skip(reason=reason))


if CLUSTER_URL:
    # The same tests, on a cluster.
    @pytest.fixture(scope="session")
    async def databases() -> AsyncIterator[ClusterDatabases]:
        made = ClusterDatabases(str(CLUSTER_URL))
        await made.prepare(migrate)
        yield made
        await made.close()


@pytest.fixture
async def world(database_url: str, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    # Hundreds of worlds are opened here, and a connection costs more than most of the tests.
    opened = await World.open(database_url, StoreOptions(pool_size=6))
    yield opened
    violations = await find_violations(opened.store.db)
    is_fault = request.node.get_closest_marker("fault") is not None
    await check_history(opened, is_announced=not is_fault)
    await opened.close()
    assert violations == {}
