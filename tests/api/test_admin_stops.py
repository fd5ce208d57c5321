"""Stops are everybody's to use and their source's to change."""

import asyncio

import httpx2
import pytest

from tests.api.answers import bad_input, problem
from tests.api.back_office import fresh, if_match, logged, make
from tests.api.shop import Json, Shop, new_key

Client = httpx2.AsyncClient


def place(**more: object) -> Json:
    return {"code": fresh("code"), "name": fresh("Oak"), "time_zone": "Europe/Lisbon"} | more


async def test_a_stop_is_added_found_moved_and_removed(shop: Shop, manager: Client) -> None:
    wanted = place(latitude=38.7, longitude=-9.1)
    made = await make(manager, "stops", **wanted)
    north = shop.operators["Northline"]
    assert made | wanted == made
    assert (made["operator"], made["source"], made["station"]) == (north, f"operator:{north}", None)
    path = f"/admin/stops/{made['id']}"
    seen = await manager.get(path)
    assert (seen.json(), seen.headers["etag"]) == (made, '"1"')
    moved = await manager.patch(
        path, json={"latitude": 1.5, "longitude": 2}, headers=if_match(seen)
    )
    assert (moved.json()["latitude"], moved.json()["version"]) == (1.5, 2)
    nowhere = await manager.patch(path, json={"latitude": None, "longitude": None})
    assert nowhere.json()["longitude"] is None
    gone = await manager.delete(path)
    assert (gone.status_code, gone.content) == (204, b"")
    problem(await manager.get(path), 404, "not_found")
    problem(await manager.delete(path), 404, "not_found")
    assert await logged(shop, f"stop {made['id']}") == [
        "stop.create",
        "stop.change",
        "stop.change",
        "stop.remove",
    ]


async def test_stops_are_found_by_part_of_their_name_page_by_page(manager: Client) -> None:
    name = fresh("Plaza%_Mayor")
    ids = [(await make(manager, "stops", **place(name=f"{name} {n}")))["id"] for n in range(3)]
    query = {"q": name.upper(), "limit": "2"}
    first = (await manager.get("/admin/stops", params=query)).json()
    rest = await manager.get("/admin/stops", params=query | {"cursor": first["next_cursor"]})
    assert [stop["id"] for stop in first["items"] + rest.json()["items"]] == ids
    assert rest.json()["next_cursor"] is None


async def test_a_stop_belongs_to_a_station_and_not_to_another_stop(
    shop: Shop, manager: Client
) -> None:
    station = await make(manager, "stops", **place())
    stop = await make(manager, "stops", **place(station=station["id"]))
    assert stop["station"] == station["id"]
    answer = await manager.post("/admin/stops", json=place(station=stop["id"]))
    assert bad_input(answer) == ["/station"]
    problem(await manager.post("/admin/stops", json=place(station="999999")), 404, "not_found")
    problem(await manager.delete(f"/admin/stops/{station['id']}"), 409, "in_use")


async def test_a_stop_that_something_calls_at_stays(shop: Shop, manager: Client) -> None:
    stop = await make(manager, "stops", **place())
    pattern = [
        {"stop": stop["id"], "arrival_seconds": 0},
        {"stop": shop.stops[0], "arrival_seconds": 60},
    ]
    route = await make(manager, "routes", name=fresh("R"), stops=pattern)
    path = f"/admin/stops/{stop['id']}"
    problem(await manager.delete(path), 409, "in_use")
    bus = await shop.bus(route_id=route["id"])
    problem(await manager.delete(path), 409, "in_use")
    found = await shop.client().get(f"/buses/{bus}")
    assert found.json()["stops"][0]["stop"]["id"] == stop["id"]


async def test_riders_see_a_stops_new_name_and_clock_on_what_they_book(
    shop: Shop, manager: Client, rider: Client
) -> None:
    stop = await make(manager, "stops", **place())
    pattern = [
        {"stop": stop["id"], "arrival_seconds": 0},
        {"stop": shop.stops[0], "arrival_seconds": 60},
    ]
    route = await make(manager, "routes", name=fresh("R"), stops=pattern)
    bus = await shop.bus(route_id=route["id"])
    before = await shop.book(rider, bus, ["1A"])
    name = fresh("Elm")
    edit = {"name": name, "time_zone": "Asia/Kolkata"}
    changed = await manager.patch(f"/admin/stops/{stop['id']}", json=edit)
    assert changed.json() | edit == changed.json()
    after = await shop.book(rider, bus, ["1B"])
    for booking in (before, after):
        assert name in (await rider.get(f"/bookings/{booking['ref']}")).text


async def test_stops_are_changed_by_those_whose_source_they_are_of(
    shop: Shop, manager: Client, rival: Client, admin: Client
) -> None:
    mine = await make(manager, "stops", **place())
    house = await make(admin, "stops", **place())
    given = await make(admin, "stops", **place(operator=shop.operators["Northline"]))
    assert (house["operator"], house["source"]) == (None, "platform")
    assert given["operator"] == mine["operator"]
    for client, stop in ((rival, mine), (rival, house), (manager, house)):
        path = f"/admin/stops/{stop['id']}"
        assert (await client.get(path)).json() == stop
        problem(await client.patch(path, json={"name": "Mine"}), 403, "forbidden")
        problem(await client.delete(path), 403, "forbidden")
    imported = shop.stops[0]
    problem(await manager.patch(f"/admin/stops/{imported}", json={}), 403, "forbidden")
    theirs = place(operator=shop.operators["Northline"])
    problem(await rival.post("/admin/stops", json=theirs), 404, "not_found")
    for client, stop in ((manager, given), (admin, mine), (admin, house)):
        assert (await client.delete(f"/admin/stops/{stop['id']}")).status_code == 204


async def test_a_code_is_one_stops_of_its_source(manager: Client, rival: Client) -> None:
    wanted = place()
    await make(manager, "stops", **wanted)
    again = await manager.post("/admin/stops", json=wanted | {"name": "Other"})
    problem(again, 409, "already_exists")
    await make(rival, "stops", **wanted)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"code": ""}, "/code"),
        ({"name": " "}, "/name"),
        ({"name": "x" * 121}, "/name"),
        ({"name": "a\u202eb"}, "/name"),
        ({"time_zone": "Nowhere/Land"}, "/time_zone"),
        ({"time_zone": "UTC+25"}, "/time_zone"),
        ({"latitude": 90.1, "longitude": 0}, "/latitude"),
        ({"latitude": 0, "longitude": -180.1}, "/longitude"),
        ({"latitude": "0", "longitude": 0}, "/latitude"),
        ({"latitude": 1}, "/longitude"),
        ({"station": "x"}, "/station"),
        ({"source": "gtfs:1"}, "/source"),
    ],
)
async def test_a_stop_that_makes_no_sense_is_neither_added_nor_made(
    manager: Client, changes: Json, pointer: str
) -> None:
    assert bad_input(await manager.post("/admin/stops", json=place(**changes))) == [pointer]
    if not {"code", "station", "source"} & changes.keys():
        stop = await make(manager, "stops", **place())
        answer = await manager.patch(f"/admin/stops/{stop['id']}", json=changes)
        assert bad_input(answer) == [pointer]


async def test_stops_are_added_once_for_one_key_by_the_platform_too(
    manager: Client, admin: Client
) -> None:
    for client in (manager, admin):
        key, wanted = new_key(), place()
        answers = await asyncio.gather(
            *(client.post("/admin/stops", json=wanted, headers=key) for _ in "12")
        )
        assert {answer.status_code for answer in answers} == {201}
        assert answers[0].json() == answers[1].json()


async def test_of_editors_who_saw_the_same_stop_one_wins(manager: Client) -> None:
    stop = await make(manager, "stops", **place())
    path = f"/admin/stops/{stop['id']}"
    seen = if_match(await manager.get(path))
    answers = await asyncio.gather(
        manager.delete(path, headers=seen),
        *(manager.patch(path, json={"name": fresh("E")}, headers=seen) for _ in range(3)),
    )
    done = [answer for answer in answers if answer.status_code < 300]
    assert len(done) == 1
    assert {answer.status_code for answer in answers} <= {200, 204, 404, 412}
