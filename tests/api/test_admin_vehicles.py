import httpx2
import pytest

from tests.api.answers import bad_input, problem
from tests.api.back_office import fresh, if_match, logged, make
from tests.api.shop import Json, Shop, new_key

Client = httpx2.AsyncClient


async def test_a_vehicle_is_added_renamed_and_retired(shop: Shop, manager: Client) -> None:
    plate = fresh("b-om").lower()
    made = await make(manager, "vehicles", registration=plate, layout_id=shop.layout)
    assert (made["registration"], made["name"]) == (plate.upper(), plate.upper())
    assert (made["layout"]["id"], made["retired"], made["version"]) == (shop.layout, False, 1)
    path = f"/admin/vehicles/{made['id']}"
    seen = await manager.get(path)
    assert seen.json() == made
    changed = await manager.patch(
        path, json={"name": "Old Betty", "retired": True}, headers=if_match(seen)
    )
    assert changed.json() == made | {"name": "Old Betty", "retired": True, "version": 2}
    stale = await manager.patch(path, json={"retired": False}, headers=if_match(seen))
    problem(stale, 412, "precondition_failed")
    assert (await manager.patch(path, json={"retired": False})).json()["retired"] is False
    assert await logged(shop, f"vehicle {made['id']}") == [
        "vehicle.create",
        "vehicle.change",
        "vehicle.change",
    ]


async def test_a_registration_is_one_vehicles_of_its_operator(
    shop: Shop, manager: Client, rival: Client
) -> None:
    wanted = {"registration": fresh("TWIN"), "layout_id": shop.layout}
    await make(manager, "vehicles", **wanted)
    other = await make(manager, "vehicles", **wanted | {"registration": fresh("ONE")})
    problem(await manager.post("/admin/vehicles", json=wanted), 409, "already_exists")
    path = f"/admin/vehicles/{other['id']}"
    again = {"registration": wanted["registration"].lower()}
    problem(await manager.patch(path, json=again), 409, "already_exists")
    own = await make(rival, "layouts", name=fresh("Own"), total_seats=2)
    await make(rival, "vehicles", **wanted | {"layout_id": own["id"]})


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"registration": ""}, "/registration"),
        ({"registration": " A"}, "/registration"),
        ({"registration": "A "}, "/registration"),
        ({"registration": "A\n"}, "/registration"),
        ({"registration": "A\u202eB"}, "/registration"),
        ({"registration": "x" * 21}, "/registration"),
        ({"registration": 7}, "/registration"),
        ({"layout_id": "x"}, "/layout_id"),
        ({"layout_id": None}, "/layout_id"),
        ({"name": ""}, "/name"),
        ({"retired": True}, "/retired"),
    ],
)
async def test_a_vehicle_that_makes_no_sense_is_not_added(
    shop: Shop, manager: Client, changes: Json, pointer: str
) -> None:
    body = {"registration": fresh("X"), "layout_id": shop.layout} | changes
    assert bad_input(await manager.post("/admin/vehicles", json=body)) == [pointer]


async def test_plates_of_any_script_are_kept(shop: Shop, manager: Client) -> None:
    for plate in (f"京A·{shop.layout}", f"Ж {shop.layout} ДЛ 77", f"ABC-{shop.layout}"):
        made = await make(manager, "vehicles", registration=plate, layout_id=shop.layout)
        assert made["registration"] == plate


async def test_a_vehicle_sent_twice_with_one_key_is_one_vehicle(
    shop: Shop, manager: Client
) -> None:
    key, body = new_key(), {"registration": fresh("K"), "layout_id": shop.layout}
    first, second = [await manager.post("/admin/vehicles", json=body, headers=key) for _ in "12"]
    assert (first.status_code, first.json()) == (201, second.json())


async def test_another_operators_vehicle_is_not_there(
    shop: Shop, manager: Client, rival: Client
) -> None:
    made: Json = await make(manager, "vehicles", registration=fresh("N"), layout_id=shop.layout)
    path = f"/admin/vehicles/{made['id']}"
    problem(await rival.get(path), 404, "not_found")
    problem(await rival.patch(path, json={"retired": True}), 404, "not_found")
    listed = (await rival.get("/admin/vehicles", params={"limit": "100"})).json()["items"]
    assert made["id"] not in [each["id"] for each in listed]
    north = {"operator": shop.operators["Northline"]}
    problem(await rival.get("/admin/vehicles", params=north), 404, "not_found")
    stolen = {"registration": fresh("S"), "layout_id": shop.layout}
    problem(await rival.post("/admin/vehicles", json=stolen), 404, "not_found")
    assert (await shop.client("support").get(path)).json() == made
