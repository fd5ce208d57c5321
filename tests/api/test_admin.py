from datetime import datetime

import httpx2
import pytest

from tests.api.answers import bad_input, problem
from tests.api.shop import Json, Shop, in_days, new_key

Client = httpx2.AsyncClient


def coach(**more: object) -> Json:
    return {"name": "N1", "departs_at": in_days(2), "total_seats": 42, "price": 1990} | more


async def test_name_time_seats_and_price_are_enough_for_a_bus(manager: Client) -> None:
    wanted = coach()
    made = await manager.post("/admin/buses", json=wanted)
    assert made.status_code == 201
    bus = made.json()
    assert bus["name"] == "N1"
    assert bus["operator"]["name"] == "Northline"
    assert bus["price"] == {"amount": 1990, "currency": "EUR"}
    assert datetime.fromisoformat(bus["departs_at"]) == datetime.fromisoformat(wanted["departs_at"])
    assert (bus["seats_total"], bus["seats_available"], len(bus["stops"])) == (42, 42, 2)
    seats = bus["layout"]["seats"]
    assert [seat["seat"] for seat in seats[:5]] == ["1A", "1B", "1C", "1D", "2A"]
    assert [seat["column"] for seat in seats[:4]] == [1, 2, 4, 5]
    assert (await manager.get(f"/buses/{bus['id']}")).json() == bus


async def test_an_operators_admin_sells_in_any_currency(admin: Client) -> None:
    money = {"amount": 99_900, "currency": "INR"}
    made = await admin.post("/admin/buses", json=coach(price=money))
    assert made.json()["price"] == money


async def test_a_route_and_a_layout_make_a_bus_with_stops(shop: Shop, manager: Client) -> None:
    wanted = {
        "route_id": shop.route,
        "layout_id": shop.layout,
        "departs_at": "2028-12-01T10:05:00+01:00",
        "price": 4000,
    }
    made = await manager.post("/admin/buses", json=wanted)
    assert made.status_code == 201
    bus = made.json()
    assert bus["name"] == "10:05"
    assert bus["route"]["id"] == shop.route
    assert [call["stop"]["id"] for call in bus["stops"]] == list(shop.stops)
    assert (bus["seats_total"], bus["layout"]["id"]) == (62, shop.layout)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"total_seats": 0}, "/total_seats"),
        ({"total_seats": 201}, "/total_seats"),
        ({"total_seats": -1}, "/total_seats"),
        ({"total_seats": None}, "/total_seats"),
        ({"total_seats": 4.5}, "/total_seats"),
        ({"total_seats": "40"}, "/total_seats"),
        ({"total_seats": True}, "/total_seats"),
        ({"price": -1}, "/price"),
        ({"price": 2**63}, "/price"),
        ({"price": 0.1 + 0.2}, "/price"),
        ({"price": "1990"}, "/price"),
        ({"price": None}, "/price"),
        ({"price": {"amount": -1, "currency": "EUR"}}, "/price/amount"),
        ({"price": {"amount": 1, "currency": "eur"}}, "/price/currency"),
        ({"price": {"amount": 1, "currency": "EUR\n"}}, "/price/currency"),
        ({"price": {"amount": 1}}, "/price/currency"),
        ({"name": ""}, "/name"),
        ({"name": "   "}, "/name"),
        ({"name": "x" * 121}, "/name"),
        ({"name": "a\r\nb"}, "/name"),
        ({"name": "\u202etxt"}, "/name"),
        ({"name": "\x00"}, "/name"),
        ({"operator": "0"}, "/operator"),
        ({"route_id": "x"}, "/route_id"),
        ({"layout_id": "-1"}, "/layout_id"),
        ({"status": "CANCELLED"}, "/status"),
        ({"rev": 7}, "/rev"),
    ],
)
async def test_a_bus_that_makes_no_sense_is_not_put_on_sale(
    shop: Shop, manager: Client, changes: Json, pointer: str
) -> None:
    before = await buses(shop)
    assert bad_input(await manager.post("/admin/buses", json=coach(**changes))) == [pointer]
    assert await buses(shop) == before


async def test_names_of_any_language_are_kept_as_they_are(manager: Client) -> None:
    for name in ("Ελλάδα, Ísland", "مطار", "e\u0301 🚌 e\u0301", "<b>=cmd()</b>", "x" * 120):
        made = await manager.post("/admin/buses", json=coach(name=name))
        assert made.json()["name"] == name


@pytest.mark.parametrize("field", ["route_id", "layout_id", "operator"])
async def test_a_bus_cannot_use_what_does_not_exist(admin: Client, field: str) -> None:
    wanted = coach(**{field: "999999"})
    if field == "layout_id":
        del wanted["total_seats"]
    problem(await admin.post("/admin/buses", json=wanted), 404, "not_found")


async def test_buses_are_put_on_sale_by_their_operators_admins_only(shop: Shop) -> None:
    for who in ("rider", "agent", "support"):
        refused = await shop.client(who).post("/admin/buses", json=coach())
        problem(refused, 403, "forbidden")
    problem(await shop.client().post("/admin/buses", json=coach()), 401, "unauthenticated")
    north = coach(operator=shop.operators["Northline"])
    problem(await shop.client("rival").post("/admin/buses", json=north), 404, "not_found")
    theirs = await shop.client("rival").post("/admin/buses", json=coach())
    assert theirs.json()["operator"]["name"] == "Southline"


async def test_a_rival_cannot_use_anothers_route_or_layout(shop: Shop, rival: Client) -> None:
    before = await buses(shop)
    problem(await rival.post("/admin/buses", json=coach(route_id=shop.route)), 404, "not_found")
    wanted = coach(layout_id=shop.layout, total_seats=None)
    problem(await rival.post("/admin/buses", json=wanted), 404, "not_found")
    assert await buses(shop) == before


async def test_a_bus_sent_twice_with_one_key_is_one_bus(shop: Shop, manager: Client) -> None:
    key, wanted = new_key(), coach()
    first, second = [await manager.post("/admin/buses", json=wanted, headers=key) for _ in "12"]
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"
    other = await manager.post("/admin/buses", json=wanted | {"price": 1}, headers=key)
    problem(other, 422, "idempotency_key_reused")


async def test_blocked_seats_are_off_sale_until_the_block_is_lifted(
    shop: Shop, manager: Client, guest: Client
) -> None:
    bus = await shop.bus(segments=4)
    wanted = {"bus_id": bus, "seats": ["1A", "1B"], "reason": "broken belt"}
    made = await manager.post("/admin/blocks", json=wanted | {"to_stop": shop.stops[2]})
    assert made.status_code == 201
    block = made.json()
    assert (block["bus_id"], block["seats"], block["reason"]) == (bus, ["1A", "1B"], "broken belt")
    assert (await shop.seats(bus))["1A"] == "BLOCKED"
    refused = await guest.post(f"/buses/{bus}/holds", json={"seats": ["1A"]})
    assert problem(refused, 409, "seat_unavailable")["seats"] == [
        {"seat": "1A", "status": "BLOCKED"}
    ]
    await shop.hold(guest, bus, ["1A"], from_stop=shop.stops[2])
    lifted = await manager.delete(f"/admin/blocks/{block['id']}")
    assert (lifted.status_code, lifted.content) == (204, b"")
    await shop.hold(guest, bus, ["1B"])
    problem(await manager.delete(f"/admin/blocks/{block['id']}"), 409, "wrong_state")


async def test_seats_that_somebody_has_cannot_be_blocked(
    shop: Shop, manager: Client, guest: Client
) -> None:
    bus = await shop.bus()
    await shop.hold(guest, bus, ["1A"])
    wanted = {"bus_id": bus, "seats": ["1A", "1B"], "reason": "x"}
    problem(await manager.post("/admin/blocks", json=wanted), 409, "seat_unavailable")
    assert (await shop.seats(bus))["1B"] == "AVAILABLE"


async def test_blocks_are_made_and_lifted_by_the_operators_admins_only(
    shop: Shop, manager: Client
) -> None:
    wanted = {"bus_id": await shop.bus(), "seats": ["1A"], "reason": "x"}
    block = (await manager.post("/admin/blocks", json=wanted)).json()["id"]
    refusals = dict.fromkeys(("rider", "agent", "support"), (403, "forbidden"))
    for who, refusal in (refusals | {"rival": (404, "not_found")}).items():
        stranger = shop.client(who)
        again = wanted | {"seats": ["1B"]}
        problem(await stranger.post("/admin/blocks", json=again), *refusal)
        problem(await stranger.delete(f"/admin/blocks/{block}"), *refusal)
    problem(await shop.client().post("/admin/blocks", json=wanted), 401, "unauthenticated")


async def buses(shop: Shop) -> int:
    count: int = await shop.owner.fetchval("SELECT count(*) FROM buses")
    return count
