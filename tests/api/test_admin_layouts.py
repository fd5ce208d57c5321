import httpx2
import pytest

from tests.api.answers import bad_input, problem
from tests.api.back_office import fresh, logged, make
from tests.api.shop import Json, Shop, in_days, new_key

Client = httpx2.AsyncClient
SEATS: list[Json] = [
    {"seat": "1A", "row": 1, "column": 1, "attributes": ["window", "front"]},
    {"seat": "1B", "row": 1, "column": 3, "seat_class": "comfort", "price_percent": 130},
    {"seat": "U1A", "row": 1, "column": 1, "deck": 2},
]


async def test_a_layout_is_made_seat_by_seat_and_sold(
    shop: Shop, manager: Client, rider: Client
) -> None:
    name = fresh("Two decks")
    made = await make(manager, "layouts", name=name, seats=SEATS)
    assert (made["name"], made["seats_total"], made["decks"]) == (name, 3, 2)
    assert made["seats"][1] == {
        "seat": "1B",
        "deck": 1,
        "row": 1,
        "column": 3,
        "seat_class": "comfort",
        "attributes": [],
        "price_percent": 130,
    }
    assert (await manager.get(f"/admin/layouts/{made['id']}")).json() == made
    bus = await make(manager, "buses", layout_id=made["id"], departs_at=in_days(2), price=1000)
    assert [seat["seat"] for seat in bus["layout"]["seats"]] == ["1A", "1B", "U1A"]
    booked = await shop.book(rider, bus["id"], ["1B"])
    assert booked["total"]["amount"] == 1300
    assert await logged(shop, f"layout {made['id']}") == ["layout.create"]


async def test_a_coach_is_made_by_its_number_of_seats(manager: Client) -> None:
    made = await make(manager, "layouts", name=fresh("Coach"), total_seats=41)
    assert made["seats_total"] == len(made["seats"]) == 41


async def test_what_shall_be_otherwise_is_a_copy(shop: Shop, manager: Client) -> None:
    made = await make(manager, "layouts", name=fresh("Two decks"), seats=SEATS)
    path = f"/admin/layouts/{made['id']}"
    body = {"name": fresh("One deck"), "without": ["U1A"]}
    copy = (await manager.post(path + "/copy", json=body)).json()
    assert copy["seats"] == made["seats"][:2]
    assert (copy["seats_total"], copy["decks"]) == (2, 1)
    assert (await manager.get(path)).json() == made
    for method in ("PUT", "PATCH"):
        problem(await manager.request(method, path, json={}), 405, "method_not_allowed")
    for without, pointer in (
        (["9Z"], "/without/0"),
        (["1A", "1B", "U1A"], "/without"),
        (["1a"], "/without/0"),
    ):
        answer = await manager.post(path + "/copy", json=body | {"without": without})
        assert bad_input(answer) == [pointer]
    problem(await manager.post(path + "/copy", json=body), 409, "already_exists")


async def test_a_layout_is_removed_while_nothing_is_built_like_it(
    shop: Shop, manager: Client
) -> None:
    free, sold, parked = [
        (await make(manager, "layouts", name=fresh("L"), total_seats=2))["id"] for _ in range(3)
    ]
    await make(manager, "buses", layout_id=sold, departs_at=in_days(2), price=1)
    await make(manager, "vehicles", layout_id=parked, registration=fresh("P"))
    for layout in (sold, parked):
        problem(await manager.delete(f"/admin/layouts/{layout}"), 409, "in_use")
        assert (await manager.get(f"/admin/layouts/{layout}")).json()["seats_total"] == 2
    assert (await manager.delete(f"/admin/layouts/{free}")).status_code == 204
    problem(await manager.delete(f"/admin/layouts/{free}"), 404, "not_found")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"seats": []}, "/seats"),
        ({"seats": [SEATS[0]] * 201}, "/seats"),
        ({"seats": None}, "/seats"),
        ({"total_seats": 4}, "/seats"),
        ({"seats": None, "total_seats": 0}, "/total_seats"),
        ({"seats": None, "total_seats": 201}, "/total_seats"),
        ({"seats": [SEATS[0], SEATS[0] | {"column": 2}]}, "/seats/1/seat"),
        ({"seats": [SEATS[0], SEATS[0] | {"seat": "1C"}]}, "/seats/1"),
        ({"seats": [SEATS[0] | {"seat": "1a"}]}, "/seats/0/seat"),
        ({"seats": [SEATS[0] | {"seat": "1234567"}]}, "/seats/0/seat"),
        ({"seats": [SEATS[0] | {"row": 0}]}, "/seats/0/row"),
        ({"seats": [SEATS[0] | {"row": 61}]}, "/seats/0/row"),
        ({"seats": [SEATS[0] | {"column": 13}]}, "/seats/0/column"),
        ({"seats": [SEATS[0] | {"deck": 4}]}, "/seats/0/deck"),
        ({"seats": [SEATS[0] | {"seat_class": "First class"}]}, "/seats/0/seat_class"),
        ({"seats": [SEATS[0] | {"attributes": ["a,b"]}]}, "/seats/0/attributes/0"),
        ({"seats": [SEATS[0] | {"attributes": ["a"] * 7}]}, "/seats/0/attributes"),
        ({"seats": [SEATS[0] | {"price_percent": 1001}]}, "/seats/0/price_percent"),
        ({"seats": [SEATS[0] | {"seat_no": 1}]}, "/seats/0/seat_no"),
        ({"name": ""}, "/name"),
    ],
)
async def test_a_layout_that_makes_no_sense_is_not_made(
    manager: Client, changes: Json, pointer: str
) -> None:
    body = {"name": fresh("Odd"), "seats": SEATS} | changes
    assert bad_input(await manager.post("/admin/layouts", json=body)) == [pointer]


async def test_a_layout_sent_twice_with_one_key_is_one_layout(manager: Client) -> None:
    key, body = new_key(), {"name": fresh("Once"), "total_seats": 200}
    first, second = [await manager.post("/admin/layouts", json=body, headers=key) for _ in "12"]
    assert (first.status_code, first.json()) == (201, second.json())
    assert second.headers["idempotent-replayed"] == "true"


async def test_another_operators_layout_is_not_there(
    shop: Shop, manager: Client, rival: Client
) -> None:
    own = await make(rival, "layouts", name=fresh("Own"), total_seats=2)
    listed = (await rival.get("/admin/layouts", params={"limit": "100"})).json()["items"]
    assert own["id"] in [each["id"] for each in listed]
    assert shop.layout not in [each["id"] for each in listed]
    path = f"/admin/layouts/{shop.layout}"
    for method, where, body in (
        ("GET", path, None),
        ("POST", path + "/copy", {"name": "Mine"}),
        ("DELETE", path, None),
    ):
        problem(await rival.request(method, where, json=body), 404, "not_found")
    assert (await manager.get(path)).status_code == 200
    taken = await manager.post("/admin/layouts", json={"name": own["name"], "total_seats": 2})
    assert taken.status_code == 201, "names are an operator's own"
