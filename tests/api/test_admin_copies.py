"""One bus becomes many: on other days, at the same time of the local clock, all of them or none."""

import asyncio
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx2
import pytest

from tests.api.answers import bad_input, problem
from tests.api.back_office import day, do, logged, make, shown
from tests.api.shop import Json, Shop, new_key

Client = httpx2.AsyncClient
BERLIN = ZoneInfo("Europe/Berlin")
# Clocks that go forward at 02:00 on the last Sunday in March, and back at 03:00 on the last one in October.
SKIPPED, DOUBLED = "2029-03-25", "2028-10-29"


async def night_bus(shop: Shop, *, draft: bool = False) -> str:
    """Put a bus on sale that leaves at half past two, Berlin's time."""
    return await shop.bus(segments=4, departs_at="2028-07-01T02:30:00+02:00", draft=draft)


async def test_copies_leave_at_the_same_local_time(shop: Shop, manager: Client) -> None:
    bus = await night_bus(shop)
    first, last = shop.stops[0], shop.stops[-1]
    fares = {"fares": [{"from_stop": first, "to_stop": last, "price": 4321}]}
    await manager.put(f"/admin/buses/{bus}/fares", json=fares)
    await manager.put(f"/admin/buses/{bus}/stops/{first}", json={"bay": "N1", "delay_seconds": 60})
    dates = ["2028-07-02", "2028-12-01", DOUBLED]
    made = await manager.post(f"/admin/buses/{bus}/copy", json={"dates": dates})
    assert made.status_code == 201
    copies = made.json()["items"]
    assert [each["date"] for each in copies] == dates
    source = (await manager.get(f"/buses/{bus}")).json()
    for copy in copies:
        leaves = datetime.fromisoformat(copy["departs_at"]).astimezone(BERLIN)
        assert f"{leaves:%Y-%m-%d %H:%M}" == f"{copy['date']} 02:30"
        twin = (await manager.get(f"/buses/{copy['id']}")).json()
        for field in ("name", "operator", "route", "layout", "fares", "price", "seats_total"):
            assert twin[field] == source[field]
        assert ride(twin) == ride(source)
        (start, *_) = (await shown(manager, copy["id"]))["stops"]
        assert (start["bay"], start["delay_seconds"]) == ("N1", None)
        await shop.hold(shop.client("rider"), copy["id"], ["1A"])
    assert (await logged(shop, f"bus {bus}"))[-1] == "bus.copy"


def ride(bus: Json) -> list[timedelta]:
    times = [datetime.fromisoformat(call["departs_at"]) for call in bus["stops"]]
    return [time - times[0] for time in times]


async def test_copies_of_a_draft_are_drafts(shop: Shop, manager: Client) -> None:
    dates = {"dates": ["2028-08-01"]}
    for source, asked in ((True, {}), (False, {"draft": True})):
        bus = await night_bus(shop, draft=source)
        made = await manager.post(f"/admin/buses/{bus}/copy", json=dates | asked)
        (copy,) = made.json()["items"]
        assert copy["status"] == "DRAFT"
        problem(await manager.get(f"/buses/{copy['id']}"), 404, "not_found")
        await do(manager, copy["id"], "publish")
        assert (await manager.get(f"/buses/{copy['id']}")).status_code == 200


async def test_a_whole_year_is_copied_at_once(shop: Shop, manager: Client) -> None:
    bus = await shop.bus(seats=4, departs_at="2029-06-30T10:00:00+02:00")
    begin = date(2029, 7, 1)
    dates = [(begin + timedelta(days=number)).isoformat() for number in range(366)]
    made = await manager.post(f"/admin/buses/{bus}/copy", json={"dates": dates})
    assert len({each["id"] for each in made.json()["items"]}) == 366
    too_many = {"dates": [*dates, "2035-01-01"]}
    assert bad_input(await manager.post(f"/admin/buses/{bus}/copy", json=too_many)) == ["/dates"]


async def test_copying_twice_with_one_key_is_copying_once(shop: Shop, manager: Client) -> None:
    bus, key = await shop.bus(), new_key()
    path, body = f"/admin/buses/{bus}/copy", {"dates": [day(20), day(21)]}
    first, second = await asyncio.gather(
        *(manager.post(path, json=body, headers=key) for _ in "12")
    )
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert (await logged(shop, f"bus {bus}")).count("bus.copy") == 1
    other = await manager.post(path, json={"dates": [day(22)]}, headers=key)
    problem(other, 422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("dates", "pointer"),
    [
        ([], "/dates"),
        (["2028-08-01", SKIPPED], "/dates/1"),
        (["2028-08-01", "2028-08-01"], "/dates/1"),
        (["2020-01-01"], "/dates/0"),
        (["9999-12-31"], "/dates/0"),
        (["0001-01-01"], "/dates/0"),
        (["2027-02-29"], "/dates/0"),
        (["tomorrow"], "/dates/0"),
        ([20280801], "/dates/0"),
        ("2028-08-01", "/dates"),
        (None, "/dates"),
    ],
)
async def test_days_that_make_no_sense_make_no_copies(
    shop: Shop, manager: Client, dates: object, pointer: str
) -> None:
    bus = await night_bus(shop)
    count = "SELECT count(*) FROM buses"
    before = await shop.owner.fetchval(count)
    answer = await manager.post(f"/admin/buses/{bus}/copy", json={"dates": dates})
    assert bad_input(answer) == [pointer]
    assert await shop.owner.fetchval(count) == before


async def test_a_copy_has_no_vehicle(shop: Shop, manager: Client) -> None:
    bus = await shop.bus()
    layout = (await shown(manager, bus))["layout"]["id"]
    vehicle = await make(manager, "vehicles", registration=f"C-{bus}", layout_id=layout)
    named = await manager.patch(f"/admin/buses/{bus}", json={"vehicle_id": vehicle["id"]})
    assert named.json()["vehicle"]["registration"] == f"C-{bus}"
    made = await manager.post(f"/admin/buses/{bus}/copy", json={"dates": [day(30)]})
    (copy,) = made.json()["items"]
    assert (await shown(manager, copy["id"]))["vehicle"] is None


async def test_another_operators_bus_is_not_copied(shop: Shop, rival: Client) -> None:
    for bus in (await shop.bus(), await shop.bus(draft=True)):
        refused = await rival.post(f"/admin/buses/{bus}/copy", json={"dates": [day(9)]})
        problem(refused, 404, "not_found")
