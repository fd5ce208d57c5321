import asyncio

import httpx2
import pytest

from tests.api.answers import bad_input, problem
from tests.api.back_office import fresh, if_match, logged, make
from tests.api.shop import Json, Shop, new_key

Client = httpx2.AsyncClient


def line(shop: Shop, *seconds: int) -> list[Json]:
    """Return a pattern over the shop's stops with these arrivals."""
    return [
        {"stop": stop, "arrival_seconds": at}
        for stop, at in zip(shop.stops, seconds or (0, 600, 1200), strict=False)
    ]


async def test_a_route_is_added_renamed_given_other_stops_and_removed(
    shop: Shop, manager: Client
) -> None:
    name = fresh("Coast")
    stops = line(shop)
    stops[1]["departure_seconds"] = 660
    made = await make(manager, "routes", name=name, stops=stops)
    assert made["name"] == name
    assert [(each["stop"]["name"], each["arrival_seconds"]) for each in made["stops"]] == [
        ("Ahorn", 0),
        ("Birke", 600),
        ("Eiche", 1200),
    ]
    assert [each["departure_seconds"] for each in made["stops"]] == [0, 660, 1200]
    path = f"/admin/routes/{made['id']}"
    seen = await manager.get(path)
    assert seen.json() == made
    renamed = await manager.patch(path, json={"name": name + "!"}, headers=if_match(seen))
    assert (renamed.json()["name"], renamed.headers["etag"]) == (name + "!", '"2"')
    other = await manager.put(path + "/stops", json={"stops": line(shop, 0, 60)})
    assert [each["arrival_seconds"] for each in other.json()["stops"]] == [0, 60]
    assert (await manager.delete(path)).status_code == 204
    problem(await manager.get(path), 404, "not_found")
    assert await logged(shop, f"route {made['id']}") == [
        "route.create",
        "route.change",
        "route.stops",
        "route.remove",
    ]


async def test_a_route_that_buses_go_by_keeps_its_stops(shop: Shop, manager: Client) -> None:
    made = await make(manager, "routes", name=fresh("Used"), stops=line(shop))
    bus = await shop.bus(route_id=made["id"])
    path = f"/admin/routes/{made['id']}"
    refused = await manager.put(path + "/stops", json={"stops": line(shop, 0, 60)})
    problem(refused, 409, "in_use")
    problem(await manager.delete(path), 409, "in_use")
    assert (await manager.get(path)).json() == made
    name = fresh("Renamed")
    assert (await manager.patch(path, json={"name": name})).status_code == 200
    assert (await manager.get(f"/buses/{bus}")).json()["route"]["name"] == name


@pytest.mark.parametrize(
    ("seconds", "pointer"),
    [
        ((60, 120), "/stops/0/arrival_seconds"),
        ((0, 600, 599), "/stops/2/arrival_seconds"),
        ((0, 0), "/stops/1/arrival_seconds"),
        ((0, -1), "/stops/1/arrival_seconds"),
        ((0, 864_001), "/stops/1/arrival_seconds"),
        ((0, 2**63), "/stops/1/arrival_seconds"),
        ((0,), "/stops"),
    ],
)
async def test_times_that_run_backwards_make_no_route(
    shop: Shop, manager: Client, seconds: tuple[int, ...], pointer: str
) -> None:
    body = {"name": fresh("Odd"), "stops": line(shop, *seconds)}
    assert bad_input(await manager.post("/admin/routes", json=body)) == [pointer]
    route = await make(manager, "routes", name=fresh("Good"), stops=line(shop))
    answer = await manager.put(f"/admin/routes/{route['id']}/stops", json={"stops": body["stops"]})
    assert bad_input(answer) == [pointer]


async def test_stops_that_make_no_sense_make_no_route(shop: Shop, manager: Client) -> None:
    stops = line(shop)
    stops[1]["departure_seconds"] = 599
    answer = await manager.post("/admin/routes", json={"name": "R", "stops": stops})
    assert bad_input(answer) == ["/stops/1/departure_seconds"]
    many = [{"stop": shop.stops[0], "arrival_seconds": n} for n in range(201)]
    answer = await manager.post("/admin/routes", json={"name": "R", "stops": many})
    assert bad_input(answer) == ["/stops"]
    flood = [{"stop": "1", "arrival_seconds": 1}] * 10_000
    answer = await manager.post("/admin/routes", json={"name": "R", "stops": flood})
    problem(answer, 413, "too_large")
    for stop, status in (("x", 422), ("999999", 404)):
        stops = [*line(shop), {"stop": stop, "arrival_seconds": 9000}]
        answer = await manager.post("/admin/routes", json={"name": "R", "stops": stops})
        assert answer.status_code == status
    longest = [{"stop": shop.stops[n % 2], "arrival_seconds": n * 60} for n in range(200)]
    assert len((await make(manager, "routes", name=fresh("L"), stops=longest))["stops"]) == 200


async def test_a_route_sent_twice_with_one_key_is_one_route(shop: Shop, manager: Client) -> None:
    key, body = new_key(), {"name": fresh("Once"), "stops": line(shop)}
    answers = await asyncio.gather(
        *(manager.post("/admin/routes", json=body, headers=key) for _ in "12")
    )
    assert {answer.status_code for answer in answers} == {201}
    assert answers[0].json() == answers[1].json()


async def test_stale_edits_of_a_route_are_refused(shop: Shop, manager: Client) -> None:
    made = await make(manager, "routes", name=fresh("R"), stops=line(shop))
    path = f"/admin/routes/{made['id']}"
    seen = if_match(await manager.get(path))
    await manager.put(path + "/stops", json={"stops": line(shop, 0, 90)}, headers=seen)
    for answer in (
        await manager.patch(path, json={"name": "Late"}, headers=seen),
        await manager.put(path + "/stops", json={"stops": line(shop)}, headers=seen),
        await manager.delete(path, headers=seen),
    ):
        problem(answer, 412, "precondition_failed")


async def test_another_operators_route_is_not_there(
    shop: Shop, manager: Client, rival: Client
) -> None:
    listed: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await rival.get("/admin/routes", params=cursor)).json()
        listed += [route["operator"] for route in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert set(listed) <= {shop.operators["Southline"]}
    path = f"/admin/routes/{shop.route}"
    assert (await manager.get(path)).status_code == 200
    for method, where, body in (
        ("GET", path, None),
        ("PATCH", path, {"name": "Mine"}),
        ("PUT", path + "/stops", {"stops": line(shop)}),
        ("DELETE", path, None),
    ):
        problem(await rival.request(method, where, json=body), 404, "not_found")
    theirs = {"name": "R", "stops": line(shop), "operator": shop.operators["Northline"]}
    problem(await rival.post("/admin/routes", json=theirs), 404, "not_found")
    nobodys = {"name": "R", "stops": line(shop)}
    assert bad_input(await shop.client("admin").post("/admin/routes", json=nobodys)) == [
        "/operator"
    ]
