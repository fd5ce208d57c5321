"""Buses as their operator lists and edits them."""

import asyncio
from datetime import datetime, timedelta

import httpx2
import pytest

from tests.api.answers import bad_input, problem
from tests.api.back_office import day, fresh, if_match, logged, make, shown
from tests.api.shop import Json, Shop, in_days, new_key
from tests.realtime.clients import watch

Client = httpx2.AsyncClient


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def all_of(client: Client, **query: str) -> list[Json]:
    """Return every bus that a list has, page by page."""
    found: list[Json] = []
    query |= {"limit": "7"}
    while True:
        answer = await client.get("/admin/buses", params=query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


async def test_buses_are_listed_in_order_of_departure(shop: Shop, manager: Client) -> None:
    made = [await shop.bus(departs_at=in_days(days)) for days in (3, 1, 2)]
    listed = await all_of(manager)
    times = [moment(bus["departs_at"]) for bus in listed]
    assert times == sorted(times)
    ids = [bus["id"] for bus in listed]
    assert set(made) <= set(ids)
    assert len(ids) == len(set(ids))


async def test_lists_are_narrowed_by_day_status_and_route(shop: Shop, manager: Client) -> None:
    on = "2031-03-30"
    early = await shop.bus(segments=4, departs_at=f"{on}T00:10:00+01:00")
    late = await shop.bus(departs_at=f"{on}T23:50:00+02:00", draft=True)
    await shop.bus(departs_at="2031-03-29T23:50:00+01:00")
    await shop.bus(departs_at="2031-03-31T00:10:00+02:00")
    assert [bus["id"] for bus in await all_of(manager, date=on)] == [early, late]
    assert [bus["id"] for bus in await all_of(manager, date=on, status="DRAFT")] == [late]
    assert [bus["id"] for bus in await all_of(manager, date=on, route=shop.route)] == [early]
    assert await all_of(manager, date=on, status="CANCELLED") == []


async def test_everybody_lists_their_own_operators_buses(shop: Shop) -> None:
    bus, on = await shop.bus(departs_at="2032-01-05T10:00:00+01:00"), {"date": "2032-01-05"}
    for who in ("agent", "manager", "support", "admin"):
        assert [each["id"] for each in await all_of(shop.client(who), **on)] == [bus]
    rival = shop.client("rival")
    assert await all_of(rival, **on) == []
    north = {"operator": shop.operators["Northline"]}
    problem(await rival.get("/admin/buses", params=on | north), 404, "not_found")
    assert [each["id"] for each in await all_of(shop.client("admin"), **on, **north)] == [bus]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"date": "9999-12-31"}, "/date"),
        ({"date": "2030-02-30"}, "/date"),
        ({"status": "LATE"}, "/status"),
        ({"route": "x"}, "/route"),
        ({"operator": "0"}, "/operator"),
        ({"limit": "0"}, "/limit"),
        ({"limit": "101"}, "/limit"),
        ({"cursor": "x"}, "/cursor"),
        ({"cursor": "WzFd"}, "/cursor"),
        ({"page": "2"}, "/page"),
    ],
)
async def test_a_list_that_makes_no_sense_is_refused(
    manager: Client, query: dict[str, str], pointer: str
) -> None:
    assert bad_input(await manager.get("/admin/buses", params=query)) == [pointer]


async def test_a_bus_is_shown_with_what_is_sold_of_it(
    shop: Shop, manager: Client, rider: Client
) -> None:
    bus = await shop.bus(segments=4, seats=8)
    await shop.pay(await shop.book(rider, bus, ["1A", "1B"], to_stop=shop.stops[1]))
    await shop.book(rider, bus, ["1C"])
    await shop.hold(rider, bus, ["1D"])
    blocked = {"bus_id": bus, "seats": ["2A"], "reason": "belt"}
    block = (await manager.post("/admin/blocks", json=blocked)).json()
    detail = await shown(manager, bus)
    assert detail["sales"] == {
        "seats_available": 3,
        "seats_locked": 2,
        "seats_booked": 2,
        "seats_blocked": 1,
        "bookings_paid": 1,
        "bookings_unpaid": 1,
    }
    assert [call["stop"]["id"] for call in detail["stops"]] == list(shop.stops)
    listed = await manager.get("/admin/blocks", params={"bus": bus})
    assert listed.json()["items"] == [block]
    await manager.delete(f"/admin/blocks/{block['id']}")
    assert (await manager.get("/admin/blocks", params={"bus": bus})).json()["items"] == []
    rival = shop.client("rival")
    problem(await rival.get("/admin/blocks", params={"bus": bus}), 404, "not_found")


async def test_fares_are_read_and_set_by_what_was_read(shop: Shop, manager: Client) -> None:
    bus = await shop.bus(segments=4)
    path = f"/admin/buses/{bus}/fares"
    seen = await manager.get(path)
    assert [fare["segment"] for fare in seen.json()["fares"]] == [0, 1, 2, 3]
    wanted = {"fares": [], "segments": [1, 2, 3, 4]}
    assert (await manager.put(path, json=wanted, headers=if_match(seen))).status_code == 200
    stale = await manager.put(path, json=wanted | {"segments": [9] * 4}, headers=if_match(seen))
    problem(stale, 412, "precondition_failed")
    fares = (await manager.get(path)).json()["fares"]
    assert [fare["price"]["amount"] for fare in fares] == [1, 2, 3, 4]


async def test_a_bus_is_renamed_and_its_sales_end_earlier(
    shop: Shop, manager: Client, rider: Client
) -> None:
    bus, name = await shop.bus(), fresh("Express")
    edit = {"name": name, "sales_close_seconds": 2 * 86_400}
    changed = await manager.patch(f"/admin/buses/{bus}", json=edit)
    assert changed.json() | edit == changed.json()
    public = (await rider.get(f"/buses/{bus}")).json()
    assert (public["name"], public["rules"]["sales_close_seconds"]) == (name, 2 * 86_400)
    held = await rider.post(f"/buses/{bus}/holds", json={"seats": ["1A"]})
    problem(held, 409, "sales_closed")
    assert (await logged(shop, f"bus {bus}"))[-1] == "bus.change"
    rev = await shop.rev(bus)
    again = await manager.patch(f"/admin/buses/{bus}", json=edit)
    assert again.json()["version"] == changed.json()["version"]
    assert await shop.rev(bus) == rev


async def test_another_departure_moves_all_stops_by_as_much(shop: Shop, manager: Client) -> None:
    bus = await shop.bus(segments=4, departs_at=in_days(5))
    before = await shown(manager, bus)
    later = moment(before["departs_at"]) + timedelta(hours=3)
    changed = await manager.patch(f"/admin/buses/{bus}", json={"departs_at": later.isoformat()})
    assert changed.status_code == 200, changed.text
    for was, now in zip(before["stops"], changed.json()["stops"], strict=True):
        assert moment(now["departs_at"]) - moment(was["departs_at"]) == timedelta(hours=3)
    assert moment(changed.json()["arrives_at"]) == moment(before["arrives_at"]) + timedelta(hours=3)
    slower = moment(before["arrives_at"]) + timedelta(hours=4)
    changed = await manager.patch(f"/admin/buses/{bus}", json={"arrives_at": slower.isoformat()})
    *_, before_last, last = changed.json()["stops"]
    assert moment(last["arrives_at"]) == slower
    assert moment(before_last["departs_at"]) < slower
    found = await shop.client().get(f"/buses/{bus}")
    assert moment(found.json()["arrives_at"]) == slower


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": None}, "/name"),
        ({"departs_at": "2030-01-01T00:00:00"}, "/departs_at"),
        ({"departs_at": "9999-12-31T23:59:59Z"}, "/departs_at"),
        ({"departs_at": "2020-01-01T00:00:00Z"}, "/departs_at"),
        ({"departs_at": None}, "/departs_at"),
        ({"departs_at": "2029-03-25T25:30:00Z"}, "/departs_at"),
        ({"arrives_at": "2020-01-01T00:00:00Z"}, "/arrives_at"),
        ({"arrives_at": "10000-01-01T00:00:00Z"}, "/arrives_at"),
        ({"sales_close_seconds": -1}, "/sales_close_seconds"),
        ({"sales_close_seconds": 31_622_401}, "/sales_close_seconds"),
        ({"sales_close_seconds": 1.5}, "/sales_close_seconds"),
        ({"vehicle_id": "x"}, "/vehicle_id"),
        ({"vehicle_id": 1}, "/vehicle_id"),
        ({"status": "CANCELLED"}, "/status"),
        ({"layout_id": "1"}, "/layout_id"),
    ],
)
async def test_an_edit_that_makes_no_sense_changes_nothing(
    shop: Shop, manager: Client, changes: Json, pointer: str
) -> None:
    bus = await shop.bus(segments=4)
    before = await shown(manager, bus)
    assert bad_input(await manager.patch(f"/admin/buses/{bus}", json=changes)) == [pointer]
    assert await shown(manager, bus) == before


async def test_a_bus_cannot_arrive_before_it_leaves_the_stop_before(
    shop: Shop, manager: Client
) -> None:
    bus = await shop.bus(segments=4)
    stops = (await shown(manager, bus))["stops"]
    early = moment(stops[-2]["departs_at"]) - timedelta(minutes=1)
    answer = await manager.patch(f"/admin/buses/{bus}", json={"arrives_at": early.isoformat()})
    assert bad_input(answer) == ["/arrives_at"]


async def test_of_editors_who_saw_the_same_one_wins(shop: Shop, manager: Client) -> None:
    bus = await shop.bus()
    path = f"/admin/buses/{bus}"
    seen = if_match(await manager.get(path))
    answers = await asyncio.gather(
        *(manager.patch(path, json={"name": fresh("N")}, headers=seen) for _ in range(5))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412]
    # A sale in between is no edit: what staff saw of the bus is as it was.
    seen = if_match(await manager.get(path))
    await shop.hold(shop.client("rider"), bus, ["1A"])
    sold = await manager.patch(path, json={"name": fresh("N")}, headers=seen)
    assert sold.status_code == 200


async def test_bays_and_delays_are_said_stop_by_stop(shop: Shop, manager: Client) -> None:
    bus = await shop.bus(segments=4)
    path = f"/admin/buses/{bus}/stops/{shop.stops[1]}"
    said = await manager.put(path, json={"bay": "B 2", "delay_seconds": -60})
    call = said.json()["stops"][1]
    assert (call["bay"], call["delay_seconds"]) == ("B 2", -60)
    assert (
        await manager.put(path, json={"bay": "B 2", "delay_seconds": -60})
    ).json() == said.json()
    assert (await logged(shop, f"bus {bus}")).count("bus.call") == 1
    stale = await manager.put(path, json={}, headers={"if-match": '"1"'})
    problem(stale, 412, "precondition_failed")
    gone = await manager.put(path, json={})
    call = gone.json()["stops"][1]
    assert (call["bay"], call["delay_seconds"]) == (None, None)
    for changes, pointer in (
        ({"bay": ""}, "/bay"),
        ({"bay": "north of the fountain"}, "/bay"),
        ({"bay": "A\n"}, "/bay"),
        ({"delay_seconds": 21_601}, "/delay_seconds"),
        ({"delay_seconds": -3601}, "/delay_seconds"),
        ({"delay_seconds": "1"}, "/delay_seconds"),
        ({"delay": 1}, "/delay"),
    ):
        assert bad_input(await manager.put(path, json=changes)) == [pointer]
    elsewhere = await manager.put(f"/admin/buses/{bus}/stops/999999", json={})
    problem(elsewhere, 404, "not_found")


async def test_a_bus_that_calls_twice_must_be_told_which_call_is_meant(
    shop: Shop, manager: Client
) -> None:
    loop = [shop.stops[0], shop.stops[1], shop.stops[0]]
    pattern = [{"stop": stop, "arrival_seconds": n * 60} for n, stop in enumerate(loop)]
    route = await make(manager, "routes", name=fresh("Loop"), stops=pattern)
    bus = await shop.bus(route_id=route["id"])
    path = f"/admin/buses/{bus}/stops/{shop.stops[0]}"
    assert bad_input(await manager.put(path, json={"bay": "A"})) == ["/place"]
    said = await manager.put(path, json={"bay": "A", "place": 2})
    assert [call["bay"] for call in said.json()["stops"]] == [None, None, "A"]
    problem(await manager.put(path, json={"bay": "A", "place": 1}), 404, "not_found")


async def test_a_vehicle_brings_its_layout_while_nobody_has_wanted_a_seat(
    shop: Shop, manager: Client, rider: Client
) -> None:
    small = await make(manager, "layouts", name=fresh("Small"), total_seats=3)
    van = await make(manager, "vehicles", registration=fresh("VAN"), layout_id=small["id"])
    bus = await shop.bus(segments=4, seats=8)
    async with watch(int(shop.url.rpartition(":")[2]), origin=None) as client:
        await client.say("subscribe", id=1, bus=bus)
        await client.get("subscribed", id=1)
        named = await manager.patch(f"/admin/buses/{bus}", json={"vehicle_id": van["id"]})
        assert named.json()["layout"]["id"] == small["id"]
        assert (named.json()["seats_total"], named.json()["vehicle"]["id"]) == (3, van["id"])
        told = await client.get("snapshot")
        assert [seat for seat, _ in told["seats"]] == ["1A", "1B", "1C"]
    assert await shop.seats(bus) == dict.fromkeys(("1A", "1B", "1C"), "AVAILABLE")
    hold = await shop.hold(rider, bus, ["1C"])
    await rider.delete(f"/holds/{hold['id']}")
    large = await make(manager, "layouts", name=fresh("Large"), total_seats=9)
    coach = await make(manager, "vehicles", registration=fresh("COACH"), layout_id=large["id"])
    refused = await manager.patch(f"/admin/buses/{bus}", json={"vehicle_id": coach["id"]})
    problem(refused, 409, "wrong_state")
    twin = await make(manager, "vehicles", registration=fresh("VAN"), layout_id=small["id"])
    for vehicle in (twin["id"], None):
        changed = await manager.patch(f"/admin/buses/{bus}", json={"vehicle_id": vehicle})
        assert changed.status_code == 200
    await shop.book(rider, bus, ["1A"])


async def test_buyers_and_a_change_of_vehicle_never_leave_seats_that_are_not_there(
    shop: Shop, manager: Client, rider: Client
) -> None:
    small = await make(manager, "layouts", name=fresh("Small"), total_seats=3)
    van = await make(manager, "vehicles", registration=fresh("VAN"), layout_id=small["id"])
    for _ in range(5):
        bus = await shop.bus(seats=8)
        answers = await asyncio.gather(
            rider.post(f"/buses/{bus}/holds", json={"seats": ["2D"]}),
            manager.patch(f"/admin/buses/{bus}", json={"vehicle_id": van["id"]}),
        )
        held, changed = (answer.status_code for answer in answers)
        # Either the hold came first, or the layout, and then there is no such seat.
        assert (held, changed) in {(201, 409), (422, 200)}


async def test_a_bus_goes_by_no_vehicle_that_is_retired_or_anothers(
    shop: Shop, manager: Client, rival: Client
) -> None:
    bus = await shop.bus()
    layout = (await shown(manager, bus))["layout"]["id"]
    old = await make(manager, "vehicles", registration=fresh("OLD"), layout_id=layout)
    await manager.patch(f"/admin/vehicles/{old['id']}", json={"retired": True})
    refused = await manager.patch(f"/admin/buses/{bus}", json={"vehicle_id": old["id"]})
    problem(refused, 409, "wrong_state")
    own = await make(rival, "layouts", name=fresh("Theirs"), total_seats=4)
    theirs = await make(rival, "vehicles", registration=fresh("R"), layout_id=own["id"])
    for vehicle in (theirs["id"], "999999"):
        refused = await manager.patch(f"/admin/buses/{bus}", json={"vehicle_id": vehicle})
        problem(refused, 404, "not_found")


async def test_another_operators_bus_is_not_there(shop: Shop, rival: Client) -> None:
    bus = await shop.bus(segments=4)
    for method, path, body in (
        ("GET", "", None),
        ("GET", "/fares", None),
        ("PATCH", "", {"name": "Mine"}),
        ("PATCH", "", {}),
        ("PUT", f"/stops/{shop.stops[0]}", {"bay": "A"}),
    ):
        answer = await rival.request(method, f"/admin/buses/{bus}{path}", json=body)
        problem(answer, 404, "not_found")


async def test_a_draft_comes_once_for_one_key(shop: Shop, manager: Client) -> None:
    key = new_key()
    wanted = {"departs_at": in_days(3), "total_seats": 4, "price": 1, "draft": True}
    first, second = [await manager.post("/admin/buses", json=wanted, headers=key) for _ in "12"]
    assert first.json() == second.json()
    assert first.json()["status"] == "DRAFT"
    assert second.headers["idempotent-replayed"] == "true"
    listed = await all_of(manager, status="DRAFT", date=day(3))
    assert [each["id"] for each in listed].count(first.json()["id"]) <= 1
