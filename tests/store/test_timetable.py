from datetime import UTC, datetime, timedelta

import pytest

from store.errors import Forbidden, InvalidRequest, NotFound, StoreError
from store.layouts import mini
from store.model import GUEST, Caller, Role
from store.timetable import NewBus, add_layout
from tests.support.world import World

TOMORROW = datetime.now(UTC) + timedelta(days=1)


def new_bus(**changes: object) -> NewBus:
    facts: dict[str, object] = {
        "name": "The 10:05",
        "departs_at": TOMORROW,
        "price": 1999,
        "total_seats": 8,
        "operator_id": 1,
    }
    return NewBus(**(facts | changes))  # type: ignore[arg-type]  # as the test wants them


async def test_a_bus_needs_no_more_than_a_name_a_time_seats_and_a_price(world: World) -> None:
    added = await world.store.timetable.add_bus(world.manager(), new_bus(operator_id=None))
    bus = await world.store.buses.find(added.bus_id)
    assert (len(bus.layout.seats), bus.fares, bus.currency) == (8, (1999,), "EUR")
    assert bus.stops[0].departs_at == TOMORROW
    assert bus.stops[1].arrives_at > TOMORROW
    assert set((await world.states(added.bus_id)).values()) == {"A"}
    (logged,) = await world.edit(
        "SELECT action, subject, actor_id FROM audit_log WHERE operator_id > 0"
    )
    assert tuple(logged) == ("bus.create", f"bus {added.bus_id}", world.manager().user_id)


async def test_the_first_bus_of_an_empty_house_brings_its_operator(world: World) -> None:
    await world.owner.execute("TRUNCATE operators CASCADE")
    added = await world.store.timetable.add_bus(world.admin, new_bus(operator_id=None))
    (operator,) = await world.edit("SELECT name FROM operators")
    assert operator["name"] == "Omnibus"
    assert (await world.store.buses.find(added.bus_id)).operator_id


async def test_a_route_gives_a_bus_its_stops_and_times(world: World) -> None:
    route = await world.line(3, minutes_apart=20)
    added = await world.store.timetable.add_bus(world.admin, new_bus(route_id=route))
    bus = await world.store.buses.find(added.bus_id)
    minutes = [(stop.departs_at - TOMORROW) / timedelta(minutes=1) for stop in bus.stops]
    assert minutes == [0, 20, 40]
    assert bus.fares == (1000, 999)


async def test_the_same_plan_is_stored_once_also_by_many_at_once(world: World) -> None:
    for _ in range(3):
        await world.store.timetable.add_bus(world.admin, new_bus())
    first, again = [
        await world.store.db.transaction([1], lambda connection: add_layout(connection, 1, mini()))
        for _ in range(2)
    ]
    assert first == again
    assert len(await world.edit("SELECT FROM layouts")) == 2


@pytest.mark.parametrize(
    ("caller", "refusal"),
    [
        (GUEST, Forbidden),
        (Caller(9, Role.RIDER), Forbidden),
        (Caller(9, Role.AGENT, 1), Forbidden),
        (Caller(9, Role.OPERATOR, 2), NotFound),
    ],
    ids=["a guest", "a rider", "an agent", "another operator"],
)
async def test_only_the_operators_administrators_put_buses_on_sale(
    world: World, caller: Caller, refusal: type[StoreError]
) -> None:
    with pytest.raises(refusal):
        await world.store.timetable.add_bus(caller, new_bus())
    assert await world.edit("SELECT FROM buses") == []


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"operator_id": 4711}, "operator"),
        ({"route_id": 4711}, "route"),
        ({"layout_id": 4711}, "layout"),
    ],
)
async def test_what_does_not_exist_is_not_found(
    world: World, changes: dict[str, object], what: str
) -> None:
    with pytest.raises(NotFound) as refusal:
        await world.store.timetable.add_bus(world.admin, new_bus(**changes))
    assert refusal.value.what == what


async def test_routes_and_layouts_of_another_operator_are_not_found(world: World) -> None:
    route, bus = await world.line(), await world.bus()
    layout = (await world.store.buses.find(bus)).layout.layout_id
    await world.edit("INSERT INTO operators (name, time_zone, currency) VALUES ('B', 'UTC', 'EUR')")
    for changes in ({"route_id": route}, {"layout_id": layout, "total_seats": None}):
        with pytest.raises(NotFound):
            await world.store.timetable.add_bus(world.admin, new_bus(operator_id=2, **changes))


async def test_what_contradicts_itself_makes_no_sense(world: World) -> None:
    route, bus = await world.line(), await world.bus(seats=40)
    layout = (await world.store.buses.find(bus)).layout.layout_id
    for changes, pointer in (
        ({"total_seats": None}, "/total_seats"),
        ({"layout_id": layout}, "/total_seats"),
        ({"arrives_at": TOMORROW}, "/arrives_at"),
        ({"route_id": route, "arrives_at": TOMORROW + timedelta(hours=2)}, "/arrives_at"),
    ):
        with pytest.raises(InvalidRequest) as refusal:
            await world.store.timetable.add_bus(world.admin, new_bus(**changes))
        assert refusal.value.pointer == pointer
