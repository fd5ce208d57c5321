import asyncio

import httpx2
import pytest

from tests.api.answers import bad_input, problem
from tests.api.back_office import fresh, if_match, logged, make
from tests.api.shop import Json, Shop, in_days, new_key, purchase

Client = httpx2.AsyncClient


def company(**more: object) -> Json:
    return {"name": fresh("Line"), "time_zone": "Europe/Lisbon", "currency": "EUR"} | more


async def test_an_operator_is_added_found_and_changed(shop: Shop, admin: Client) -> None:
    wanted = company()
    made = await make(admin, "operators", **wanted)
    assert made | wanted == made
    assert (made["disabled"], made["version"]) == (False, 1)
    found = await admin.get(f"/admin/operators/{made['id']}")
    assert found.json() == made
    assert found.headers["etag"] == '"1"'
    name = fresh("Renamed")
    changed = await admin.patch(f"/admin/operators/{made['id']}", json={"name": name})
    assert changed.json() == made | {"name": name, "version": 2}
    assert changed.headers["etag"] == '"2"'
    assert await logged(shop, f"operator {made['id']}") == ["operator.create", "operator.change"]


async def test_the_platform_lists_all_operators_page_by_page(shop: Shop, admin: Client) -> None:
    await make(admin, "operators", **company())
    seen: list[str] = []
    query: dict[str, str] = {"limit": "1"}
    while True:
        page = (await admin.get("/admin/operators", params=query)).json()
        seen += [each["name"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert len(seen) == len(set(seen)) >= 3
    assert {"Northline", "Southline"} <= set(seen)


async def test_an_operators_admin_sees_and_names_its_own_alone(
    shop: Shop, manager: Client, rival: Client
) -> None:
    mine, theirs = shop.operators["Northline"], shop.operators["Southline"]
    listed = (await manager.get("/admin/operators")).json()["items"]
    assert [each["id"] for each in listed] == [mine]
    problem(await manager.get(f"/admin/operators/{theirs}"), 404, "not_found")
    for change in ({"name": "Mine now"}, {"disabled": True}, {}):
        refused = await manager.patch(f"/admin/operators/{theirs}", json=change)
        problem(refused, 404, "not_found")
    renamed = await rival.patch(f"/admin/operators/{theirs}", json={"time_zone": "Asia/Kolkata"})
    assert renamed.json()["time_zone"] == "Asia/Kolkata"
    back = await rival.patch(f"/admin/operators/{theirs}", json={"time_zone": "Europe/Berlin"})
    assert back.status_code == 200
    refused = await manager.patch(f"/admin/operators/{mine}", json={"disabled": True})
    problem(refused, 403, "forbidden")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "x" * 121}, "/name"),
        ({"name": "a\nb"}, "/name"),
        ({"time_zone": "Mars/Olympus"}, "/time_zone"),
        ({"time_zone": "europe/berlin"}, "/time_zone"),
        ({"time_zone": "localtime"}, "/time_zone"),
        ({"time_zone": "../etc/passwd"}, "/time_zone"),
        ({"time_zone": ""}, "/time_zone"),
        ({"currency": "eur"}, "/currency"),
        ({"currency": "EURO"}, "/currency"),
        ({"version": 7}, "/version"),
    ],
)
async def test_an_operator_that_makes_no_sense_is_not_added(
    shop: Shop, admin: Client, changes: Json, pointer: str
) -> None:
    assert bad_input(await admin.post("/admin/operators", json=company(**changes))) == [pointer]
    if "currency" not in changes:
        path = f"/admin/operators/{shop.operators['Southline']}"
        assert bad_input(await admin.patch(path, json=changes)) == [pointer]


async def test_a_name_is_one_operators_whatever_its_case(shop: Shop, admin: Client) -> None:
    problem(
        await admin.post("/admin/operators", json=company(name="NORTHLINE")), 409, "already_exists"
    )
    mine = await make(admin, "operators", **company())
    taken = await admin.patch(f"/admin/operators/{mine['id']}", json={"name": "northline"})
    problem(taken, 409, "already_exists")


async def test_an_operator_sent_twice_with_one_key_is_one_operator(admin: Client) -> None:
    key, wanted = new_key(), company()
    first, second = await asyncio.gather(
        *(admin.post("/admin/operators", json=wanted, headers=key) for _ in "12")
    )
    assert first.json() == second.json()
    assert {first.status_code, second.status_code} == {201}
    replays = [answer.headers.get("idempotent-replayed") for answer in (first, second)]
    assert sorted(map(str, replays)) == ["None", "true"]
    other = await admin.post("/admin/operators", json=company(), headers=key)
    problem(other, 422, "idempotency_key_reused")


async def test_what_somebody_else_has_changed_meanwhile_is_not_overwritten(admin: Client) -> None:
    made = await make(admin, "operators", **company())
    path = f"/admin/operators/{made['id']}"
    seen = await admin.get(path)
    names = [fresh("Racer") for _ in range(5)]
    answers = await asyncio.gather(
        *(admin.patch(path, json={"name": name}, headers=if_match(seen)) for name in names)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412]
    won = next(answer for answer in answers if answer.status_code == 200)
    assert (await admin.get(path)).json() == won.json()
    stale = await admin.patch(path, json={"name": fresh("Late")}, headers=if_match(seen))
    problem(stale, 412, "precondition_failed")
    for tag in ('W/"2"', "2", '"1", W/"2"', "junk", '""'):
        weak = await admin.patch(path, json={"name": fresh("X")}, headers={"if-match": tag})
        problem(weak, 412, "precondition_failed")
    for tag in ("*", '"2"', '"1", "2"'):
        same = await admin.patch(path, json={}, headers={"if-match": tag})
        assert same.json()["version"] == 2


async def test_a_disabled_operator_sells_nothing_and_its_staff_changes_nothing(
    shop: Shop, admin: Client, rival: Client, rider: Client
) -> None:
    operator = shop.operators["Southline"]
    wanted = {"departs_at": in_days(2), "total_seats": 5, "price": 100, "operator": operator}
    bus = (await make(admin, "buses", **wanted))["id"]
    hold = await shop.hold(rider, bus, ["1A"])
    unpaid = await shop.book(rider, bus, ["1B"])
    blocked = {"bus_id": bus, "seats": ["1D"], "reason": "x"}
    block = (await rival.post("/admin/blocks", json=blocked)).json()["id"]
    sold = purchase(["1C"]) | {"bus_id": bus, "seats": ["1C"]}
    path = f"/admin/operators/{operator}"
    try:
        off = await admin.patch(path, json={"disabled": True})
        assert off.json()["disabled"] is True
        again = purchase(["1A"]) | {"hold_id": hold["id"]}
        for body in (sold, again):
            problem(
                await rider.post("/bookings", json=body, headers=new_key()), 409, "sales_closed"
            )
        refused = await rider.post(f"/buses/{bus}/holds", json={"seats": ["1D"]})
        problem(refused, 409, "sales_closed")
        cash = sold | {"payment_method": "cash"}
        counter = shop.client("rival_agent")
        problem(await counter.post("/bookings", json=cash, headers=new_key()), 409, "sales_closed")
        shown = (await rider.get(f"/buses/{bus}")).json()
        seats = (await rider.get(f"/buses/{bus}/seats")).json()
        assert (shown["status"], seats["status"]) == ("CLOSED", "CLOSED")
        for method, where, sent in (
            ("POST", "/admin/buses", wanted),
            ("PATCH", f"/admin/buses/{bus}", {"name": "Mine"}),
            ("PUT", f"/admin/buses/{bus}/fares", {"fares": [], "segments": [1]}),
            ("POST", f"/admin/buses/{bus}/close", None),
            ("POST", "/admin/stops", {"code": "x", "name": "X", "time_zone": "UTC"}),
            ("POST", "/admin/blocks", blocked),
            ("DELETE", f"/admin/blocks/{block}", None),
            ("POST", f"/bookings/{unpaid['ref']}/cancel", {}),
            ("PATCH", path, {"name": "Free again"}),
        ):
            answer = await rival.request(method, where, json=sent)
            problem(answer, 403, "forbidden")
        assert (await rival.get(f"/admin/buses/{bus}")).status_code == 200
    finally:
        on = await admin.patch(path, json={"disabled": False})
    assert on.json()["disabled"] is False
    assert (await rider.get(f"/buses/{bus}")).json()["status"] == "SCHEDULED"
    assert (await shop.pay(unpaid))["status"] == "CONFIRMED"
    await shop.book(rider, bus, ["1C"])


async def test_riders_see_an_operators_new_name_on_what_they_book(
    shop: Shop, admin: Client, rider: Client
) -> None:
    made = await make(admin, "operators", **company())
    wanted = {"departs_at": in_days(2), "total_seats": 4, "price": 100, "operator": made["id"]}
    bus = (await make(admin, "buses", **wanted))["id"]
    await shop.hold(rider, bus, ["1A"])
    name = fresh("Renamed")
    await admin.patch(f"/admin/operators/{made['id']}", json={"name": name})
    booked = await shop.book(rider, bus, ["1B"])
    assert name in str(booked)
