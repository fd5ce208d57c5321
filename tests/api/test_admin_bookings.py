from datetime import timedelta

import httpx2
import pytest

from tests.api.answers import bad_input, problem
from tests.api.shop import Shop, purchase

Client = httpx2.AsyncClient


async def refs(client: Client, **asked: str) -> list[str]:
    answer = await client.get("/admin/bookings", params={"limit": "100", **asked})
    assert answer.status_code == 200, answer.text
    return [each["ref"] for each in answer.json()["items"]]


async def test_bookings_are_found_by_code_name_contact_day_bus_and_state(
    shop: Shop, agent: Client, rider: Client
) -> None:
    bus = await shop.bus(departs_at="2033-05-01T00:30:00+02:00", name="Found here")
    other = await shop.bus(departs_at="2033-05-02T00:30:00+02:00")
    named = purchase(["1A", "1B"]) | {
        "passengers": [
            {"seat": "1A", "name": "Grace 100% Hopper"},
            {"seat": "1B", "name": "Jéan BÄRTIK"},
        ],
        "contact": {"email": "Grace_H@navy.example", "phone": "+1 (555) 010-77"},
    }
    first = (await shop.book(rider, bus, ["1A", "1B"], **named))["ref"]
    second = (await shop.book(agent, bus, ["2A"], method="cash"))["ref"]
    third = (await shop.book(rider, other, ["1A"]))["ref"]
    day = {"from": "2033-05-01", "to": "2033-05-01"}

    assert await refs(agent, **day) == [second, first], "newest first"
    assert await refs(agent, bus=bus) == [second, first]
    assert await refs(agent, **{"from": "2033-05-01", "to": "2033-05-02"}, status="PENDING") == [
        third,
        first,
    ]
    for text in ("grace", "bartik", "jéan bärtik", "100%", "e_h@NAVY", "555010", "+1 (555) 010"):
        assert await refs(agent, q=text, **day) == [first], text
    for text in ("1_0%", "nobody", "555999", "%", "\u0301"):
        found = await refs(agent, q=text, bus=other)
        assert found == [], text
    # A code is found wherever its bus leaves, in any case of its letters; a name that looks like one, too.
    assert await refs(agent, q=first.lower()) == [first]
    assert await refs(agent, q=third, **day) == [third]
    assert await refs(agent, q="HOPPER", **day) == [first]
    assert first in await refs(agent), "without anything, what was made lately"

    line = (await agent.get("/admin/bookings", params={"bus": bus})).json()["items"][0]
    assert (line["bus_name"], line["names"], line["seats"]) == (
        "Found here",
        ["Passenger 2A"],
        ["2A"],
    )
    assert (line["total"]["amount"], line["method"], line["at_counter"]) == (2000, "cash", True)
    assert (line["status"], line["email"]) == ("CONFIRMED", "ann@example.org")


async def test_pages_of_bookings_leave_none_out_and_show_none_twice(
    shop: Shop, agent: Client
) -> None:
    bus = await shop.bus(departs_at="2033-05-03T12:00:00+02:00")
    made = [(await shop.book(agent, bus, [f"{row}A"], method="cash"))["ref"] for row in (1, 2, 3)]
    found, cursor = [], ""
    while True:
        asked = {"bus": bus, "limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await agent.get("/admin/bookings", params=asked)).json()
        found += [each["ref"] for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == made[::-1]


async def test_nobody_finds_bookings_of_another_operator(
    shop: Shop, rider: Client, rival: Client
) -> None:
    bus = await shop.bus(departs_at="2033-05-04T12:00:00+02:00")
    ref = (await shop.book(rider, bus, ["1A"]))["ref"]
    for asked in ({"q": ref}, {"bus": bus}, {"from": "2033-05-04"}, {}):
        assert ref not in await refs(rival, **asked)
    north = {"operator": shop.operators["Northline"]}
    problem(await rival.get("/admin/bookings", params=north), 404, "not_found")
    problem(await rival.get(f"/admin/bookings/{ref}/history"), 404, "not_found")
    admin = shop.client("admin")
    assert await refs(admin, bus=bus) == [ref]
    assert await refs(admin, bus=bus, operator=shop.operators["Southline"]) == []


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"from": "2033-03-31", "to": "2033-03-01"}, "/to"),
        ({"from": "2033-01-01", "to": "2033-04-03"}, "/to"),
        ({"from": "0001-01-01"}, "/from"),
        ({"bus": "x"}, "/bus"),
        ({"cursor": "x"}, "/cursor"),
    ],
)
async def test_a_search_that_makes_no_sense_is_told_where(
    agent: Client, query: dict[str, str], pointer: str
) -> None:
    assert bad_input(await agent.get("/admin/bookings", params=query)) == [pointer]


async def test_a_booking_tells_what_happened_to_it_in_order(
    shop: Shop, agent: Client, rider: Client
) -> None:
    bus = await shop.bus(departs_at="2033-05-05T12:00:00+02:00")
    ref = (await shop.pay(await shop.book(rider, bus, ["1A", "1B"])))["ref"]
    assert (await rider.post(f"/bookings/{ref}/cancel", json={"seats": ["1B"]})).status_code == 200
    told = (await agent.get(f"/admin/bookings/{ref}/history")).json()["items"]
    assert [(each["kind"], each["word"], each["seats"]) for each in told[:2]] == [
        ("made", "online", ["1A", "1B"]),
        ("payment", "SUCCEEDED", []),
    ]
    assert {(each["kind"], each["word"], *each["seats"]) for each in told[2:]} == {
        ("refund", "demo", "1B"),
        ("ticket", "CANCELLED", "1B"),
    }
    assert [each["at"] for each in told] == sorted(each["at"] for each in told)
    unpaid = (await shop.book(rider, bus, ["2A"]))["ref"]
    assert (await rider.post(f"/bookings/{unpaid}/cancel", json={})).status_code == 200
    told = (await agent.get(f"/admin/bookings/{unpaid}/history")).json()["items"]
    assert ("ended", "CANCELLED") in {(each["kind"], each["word"]) for each in told}


async def test_the_pace_of_sales_shows_today_beside_yesterday_and_a_week_ago(
    shop: Shop, rival: Client, rider: Client
) -> None:
    north, south = shop.operators["Northline"], shop.operators["Southline"]
    admin = shop.client("admin")
    bus = await shop.bus(departs_at="2033-05-06T12:00:00+02:00", operator=south, price=1000)

    async def pace(client: Client, **asked: str) -> dict[str, object]:
        answer = await client.get("/admin/sales/pace", params=asked)
        assert answer.status_code == 200, answer.text
        told: dict[str, object] = answer.json()
        return told

    def sold(told: dict[str, object], days_ago: int) -> tuple[int, int, int]:
        days = told["days"]
        assert isinstance(days, list)
        (day,) = [each for each in days if each["days_ago"] == days_ago]
        assert sum(each["seats"] for each in day["quarters"]) >= day["seats"]
        return day["bookings"], day["seats"], sum(each["amount"] for each in day["revenue"])

    first = await pace(rival)
    before = {days: sold(first, days) for days in (0, 1, 7)}
    for days, labels in ((1, ["1A", "1B"]), (7, ["2A"]), (0, ["3A", "3B", "3C"])):
        ref = (await shop.pay(await shop.book(rider, bus, labels)))["ref"]
        await shop.owner.execute(
            "UPDATE bookings SET created_at = created_at - $2::interval, confirmed_at = confirmed_at - $3::interval"
            " WHERE ref = $1",
            ref,
            timedelta(days=days),
            timedelta(days=days, seconds=1),
        )
    await shop.hold(rider, bus, ["5A", "5B"])
    told = await pace(rival)
    for days, seats in ((0, 3), (1, 2), (7, 1)):
        grown = tuple(b - a for a, b in zip(before[days], sold(told, days), strict=True))
        assert grown == (1, seats, 1000 * seats), days
    assert int(str(told["seats_held"])) == int(str(first["seats_held"])) + 2
    assert sold(await pace(admin, operator=south), 7) == sold(told, 7)
    problem(await rival.get("/admin/sales/pace", params={"operator": north}), 404, "not_found")
