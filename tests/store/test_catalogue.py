from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from store.catalogue import Departure, Search
from store.errors import NotFound
from store.model import Leg
from tests.support.world import World


async def search(world: World, **question: object) -> list[Departure]:
    return await world.store.catalogue.search(Search(**question))  # type: ignore[arg-type]  # as asked


async def test_a_search_finds_the_leg_its_times_its_price_and_its_free_seats(world: World) -> None:
    bus = await world.bus(segments=3, price=3000, seats=8)
    stops = await world.stops(bus)
    await world.hold(bus, ["1A"], leg=(0, 2))
    await world.book(bus, ["1B"], leg=(2, 3), method="cash")
    (found,) = await search(world, from_stop=stops[1], to_stop=stops[2])
    assert (found.bus_id, found.leg, found.price) == (bus, Leg(1, 2), 1000)
    assert (found.seats_total, found.seats_available) == (8, 7)
    assert found.arrives_at - found.departs_at == timedelta(minutes=30)
    assert (found.from_stop.stop_id, found.to_stop.stop_id) == (stops[1], stops[2])
    assert await search(world, from_stop=stops[2], to_stop=stops[1]) == []


async def test_without_stops_a_search_finds_whole_journeys_in_order_of_time(world: World) -> None:
    late = await world.bus(departs_in=timedelta(hours=5))
    early = await world.bus(segments=2, departs_in=timedelta(hours=3))
    await world.bus(departs_in=-timedelta(hours=1))
    found = await search(world)
    assert [(departure.bus_id, departure.leg) for departure in found] == [
        (early, Leg(0, 2)),
        (late, Leg(0, 1)),
    ]


async def test_pages_follow_each_other_without_gap_or_repetition(world: World) -> None:
    buses = [await world.bus(departs_in=timedelta(hours=1 + number // 2)) for number in range(5)]
    seen: list[int] = []
    after = None
    while page := await search(world, limit=2, after=after):
        seen += [departure.bus_id for departure in page]
        after = (page[-1].departs_at, page[-1].bus_id)
    assert sorted(seen) == sorted(buses)


async def test_a_day_is_a_day_at_the_boarding_stop(world: World) -> None:
    bus = await world.bus(departs_in=timedelta(days=2))
    stops = await world.stops(bus)
    departs_at = (await world.store.buses.find(bus)).stops[0].departs_at
    local = departs_at.astimezone(ZoneInfo("Europe/Berlin")).date()
    assert len(await search(world, from_stop=stops[0], on=local)) == 1
    for other in (local - timedelta(days=1), local + timedelta(days=1)):
        assert await search(world, from_stop=stops[0], on=other) == []


async def test_a_station_finds_the_buses_of_all_its_stops(world: World) -> None:
    buses = [await world.bus(segments=2) for _ in range(2)]
    (station,) = await world.edit(
        "INSERT INTO stops (source, code, name, time_zone) VALUES ('test', 'hub', 'Hub', 'Europe/Berlin')"
        " RETURNING stop_id"
    )
    for bus in buses:
        first = (await world.stops(bus))[0]
        await world.edit("UPDATE stops SET parent_id = $1 WHERE stop_id = $2", station[0], first)
    found = await search(world, from_stop=station[0])
    assert {departure.bus_id for departure in found} == set(buses)


async def test_an_operator_can_be_asked_for(world: World) -> None:
    await world.bus()
    assert len(await search(world, operator_id=world.operator_id)) == 1
    with pytest.raises(NotFound):
        await search(world, operator_id=4711)
    with pytest.raises(NotFound):
        await search(world, from_stop=4711)


async def test_what_a_search_finds_is_what_is_sold(world: World) -> None:
    """A bus that calls twice at a stop, and has left it once."""
    bus = await world.bus(segments=3, departs_in=-timedelta(minutes=45))
    stops = await world.stops(bus)
    await world.edit("UPDATE bus_stops SET stop_id = $1 WHERE idx = 2", stops[0])
    await world.edit("UPDATE buses SET facts = facts + 1")
    for found in await search(world, from_stop=stops[0], to_stop=stops[3]):
        hold = await world.hold(bus, ["1A"], leg=(0, 3))
        assert hold.leg == found.leg


async def test_a_bus_in_full_has_its_stops_and_what_is_free_from_end_to_end(world: World) -> None:
    bus = await world.bus(segments=2, seats=8)
    await world.hold(bus, ["1A"], leg=(1, 2))
    card = await world.store.catalogue.bus(bus)
    assert [stop.stop_id for stop in card.stops] == await world.stops(bus)
    assert (card.seats_total, card.seats_available, card.status) == (8, 7, "SCHEDULED")
    with pytest.raises(NotFound):
        await world.store.catalogue.bus(4711)


async def test_a_bus_that_has_arrived_is_said_to_have_departed(world: World) -> None:
    bus = await world.bus(departs_in=-timedelta(hours=3))
    assert (await world.store.catalogue.bus(bus)).status == "DEPARTED"
    await world.edit("UPDATE buses SET status = 'CANCELLED'")
    assert (await world.store.catalogue.bus(bus)).status == "CANCELLED"


async def test_a_bus_in_full_shows_the_stops_it_has_now(world: World) -> None:
    bus = await world.bus(segments=2)
    stops = await world.stops(bus)
    await world.edit("UPDATE bus_stops SET stop_id = $1 WHERE idx = 1", stops[2])
    await world.edit("UPDATE buses SET facts = facts + 1")
    card = await world.store.catalogue.bus(bus)
    assert [stop.stop_id for stop in card.stops] == [stops[0], stops[2], stops[2]]


@pytest.mark.parametrize(
    ("text", "found"),
    [("cent", 2), ("CENT", 2), ("100%", 1), ("%", 1), ("_", 0), ("\\", 0), ("", 3)],
)
async def test_stops_are_found_by_part_of_their_name_taken_literally(
    world: World, text: str, found: int
) -> None:
    for name in ("Central", "North Central", "Plaza 100%"):
        await world.edit(
            "INSERT INTO stops (source, code, name, time_zone) VALUES ('test', $1::text, $1::text, 'UTC')",
            name,
        )
    stops = await world.store.catalogue.find_stops(text, limit=10)
    assert len(stops) == found
    if text.lower() == "cent":
        assert [stop.name for stop in stops] == ["Central", "North Central"]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("malaga", "Málaga María Zambrano"),
        ("MÁLAGA", "Málaga María Zambrano"),
        ("Ma\u0301laga", "Málaga María Zambrano"),
        ("zambrano  malaga", "Málaga María Zambrano"),
        ("koln", "Köln Hbf"),
        ("gross", "Groß-Gerau"),
        ("groß", "Groß-Gerau"),
        ("lodz", "Łódź Fabryczna"),
        ("arhus", "ÅRHUS"),
        ("istanbul", "İstanbul"),
        ("aeroskobing", "Ærøskøbing"),
        ("ÆRØSKØBING", "Ærøskøbing"),
        ("thorshofn", "Þórshöfn"),
        ("ΠΕΙΡΑΙΑΣ", "Πειραιάς"),
        ("пушкин", "ПУШКИН"),
        ("दिल्ली", "नई दिल्ली"),
        ("القاهرة", "القاهرة"),
    ],
)
async def test_stops_are_found_however_their_name_is_typed(
    world: World, typed: str, found: str
) -> None:
    for name in (
        "Málaga María Zambrano",
        "Köln Hbf",
        "Groß-Gerau",
        "Łódź Fabryczna",
        "ÅRHUS",
        "İstanbul",
        "Ærøskøbing",
        "Þórshöfn",
        "Πειραιάς",
        "ПУШКИН",
        "नई दिल्ली",
        "القاهرة",
    ):
        await world.edit(
            "INSERT INTO stops (source, code, name, time_zone) VALUES ('test', md5($1), $1::text, 'UTC')",
            name,
        )
    assert [s.name for s in await world.store.catalogue.find_stops(typed, limit=10)] == [found]
    if " " not in typed:
        assert [s.name for s in await world.store.stops.list(typed, after=0, limit=10)] == [found]


async def test_names_that_begin_with_what_was_typed_come_first_then_words_that_do(
    world: World,
) -> None:
    for name in ("Alcorton", "Puerto Real (Cor)", "San Corral", "Corral", "Zubicor"):
        await world.edit(
            "INSERT INTO stops (source, code, name, time_zone) VALUES ('test', $1::text, $1::text, 'UTC')",
            name,
        )
    found = await world.store.catalogue.find_stops("cor", limit=10)
    assert [stop.name for stop in found] == [
        "Corral",
        "Puerto Real (Cor)",
        "San Corral",
        "Alcorton",
        "Zubicor",
    ]


async def test_moments_are_aware(world: World) -> None:
    bus = await world.bus()
    card = await world.store.catalogue.bus(bus)
    assert card.departs_at.utcoffset() is not None
    assert card.departs_at > datetime.now(UTC)
