"""Drafts that nobody sees, and buses that go on sale, off sale, or not at all: decided once, seen by everyone."""

import asyncio

import httpx2
import pytest

from tests.api.answers import problem
from tests.api.back_office import do, fresh, if_match, logged, make, shown
from tests.api.shop import Shop, in_days, new_key, purchase
from tests.realtime.clients import watch
from tests.realtime.waiting import wait_until

Client = httpx2.AsyncClient


def port_of(shop: Shop) -> int:
    return int(shop.url.rpartition(":")[2])


async def test_a_draft_is_shown_to_its_staff_alone(shop: Shop) -> None:
    bus = await shop.bus(draft=True)
    for who in ("agent", "manager", "support", "admin"):
        assert (await shown(shop.client(who), bus))["status"] == "DRAFT"
    for who in ("rival", "rival_agent"):
        problem(await shop.client(who).get(f"/admin/buses/{bus}"), 404, "not_found")
        problem(await shop.client(who).get(f"/admin/buses/{bus}/fares"), 404, "not_found")
    # Not even staff finds it where the public looks.
    for client in map(shop.client, (None, "rider", "manager", "admin")):
        for path in ("", "/seats", "/stream"):
            problem(await client.get(f"/buses/{bus}{path}"), 404, "not_found")
        best = await client.post(f"/buses/{bus}/best-seats", json={"count": 1})
        problem(best, 404, "not_found")


async def test_no_search_and_no_board_finds_a_draft(shop: Shop, guest: Client) -> None:
    draft = await shop.bus(segments=4, draft=True)
    twin = await shop.bus(segments=4)
    for query in (
        {"from": shop.stops[0], "limit": "100"},
        {"from": shop.stops[1], "to": shop.stops[3], "limit": "100"},
        {"operator": shop.operators["Northline"], "limit": "100"},
        {"to": shop.stops[4], "limit": "100"},
    ):
        found: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = (await guest.get("/buses", params=query | cursor)).json()
            found += [each["id"] for each in page["items"]]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        assert twin in found
        assert draft not in found
    page = await shop.store.boards.page(int(shop.stops[0]))
    assert page is not None
    assert int(draft) not in [line.bus_id for line in page.lines]


@pytest.mark.parametrize("who", [None, "rider", "agent", "manager", "admin"])
async def test_nobody_is_sold_a_seat_of_a_draft(shop: Shop, who: str | None) -> None:
    bus, client = await shop.bus(draft=True), shop.client(who)
    for seats in (["1A"], ["99Z"]):
        held = await client.post(f"/buses/{bus}/holds", json={"seats": seats})
        problem(held, 404, "not_found")
        wanted = purchase(seats) | {"bus_id": bus, "seats": seats}
        problem(await client.post("/bookings", json=wanted, headers=new_key()), 404, "not_found")
    if who in {"manager", "admin"}:
        blocked = {"bus_id": bus, "seats": ["1A"], "reason": "x"}
        problem(await client.post("/admin/blocks", json=blocked), 404, "not_found")


async def test_nobody_watches_a_draft_until_it_is_published(shop: Shop, manager: Client) -> None:
    bus = await shop.bus(draft=True)
    async with watch(port_of(shop), origin=None) as client:
        await client.say("subscribe", id=1, bus=bus)
        assert (await client.get("error", id=1))["code"] == "not_found"
        await manager.patch(f"/admin/buses/{bus}", json={"name": fresh("Draft")})
        await manager.put(f"/admin/buses/{bus}/fares", json={"fares": [], "segments": [900]})
        await do(manager, bus, "publish")
        await client.say("subscribe", id=2, bus=bus)
        told = await client.get("subscribed", id=2)
        assert (told["mode"], len(told["seats"])) == ("snapshot", 40)


async def test_a_published_draft_is_sold_like_any_bus(shop: Shop, manager: Client) -> None:
    bus = await shop.bus(draft=True)
    await manager.put(f"/admin/buses/{bus}/fares", json={"fares": [], "segments": [900]})
    done = await do(manager, bus, "publish")
    assert (done["id"], done["status"], done["affected"]["bookings"]) == (bus, "SCHEDULED", 0)
    booked = await shop.book(shop.client("rider"), bus, ["1A"])
    assert booked["total"]["amount"] == 900
    assert await logged(shop, f"bus {bus}") == ["bus.create", "bus.fares", "bus.publish"]


async def test_of_two_who_publish_at_once_one_does_it(shop: Shop, manager: Client) -> None:
    bus = await shop.bus(draft=True)
    path = f"/admin/buses/{bus}/publish"
    answers = await asyncio.gather(*(manager.post(path) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    for answer in answers:
        if answer.status_code == 409:
            problem(answer, 409, "wrong_state")
    assert (await logged(shop, f"bus {bus}")).count("bus.publish") == 1
    events = "SELECT count(*) FROM events WHERE bus_id = $1"
    assert await shop.owner.fetchval(events, int(bus)) == 1


async def test_publishing_twice_with_one_key_is_publishing_once(
    shop: Shop, manager: Client
) -> None:
    bus, key = await shop.bus(draft=True), new_key()
    path = f"/admin/buses/{bus}/publish"
    answers = await asyncio.gather(*(manager.post(path, headers=key) for _ in range(3)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert (await logged(shop, f"bus {bus}")).count("bus.publish") == 1


async def test_what_was_edited_meanwhile_is_not_published_unseen(
    shop: Shop, manager: Client
) -> None:
    bus = await shop.bus(draft=True)
    seen = await manager.get(f"/admin/buses/{bus}")
    await manager.patch(f"/admin/buses/{bus}", json={"name": fresh("Other")})
    late = await manager.post(f"/admin/buses/{bus}/publish", headers=if_match(seen))
    problem(late, 412, "precondition_failed")
    assert (await shown(manager, bus))["status"] == "DRAFT"


async def test_a_draft_whose_time_has_come_is_not_published(shop: Shop, manager: Client) -> None:
    bus = await shop.bus(draft=True)
    await shop.let_it_leave(bus)
    problem(await manager.post(f"/admin/buses/{bus}/publish"), 409, "departed")


@pytest.mark.parametrize(
    ("before", "steps"),
    [
        ([], ["publish", "reopen"]),
        (["close"], ["publish", "close"]),
        (["cancel"], ["publish", "close", "reopen", "cancel"]),
        (["close", "cancel"], ["reopen"]),
        (["close", "reopen"], ["reopen"]),
        (["draft"], ["close", "reopen", "cancel"]),
    ],
)
async def test_a_bus_takes_no_step_that_its_state_forbids(
    shop: Shop, manager: Client, before: list[str], steps: list[str]
) -> None:
    bus = await shop.bus(draft="draft" in before)
    for step in before:
        if step != "draft":
            await do(manager, bus, step)
    was = await shown(manager, bus)
    for step in steps:
        problem(await manager.post(f"/admin/buses/{bus}/{step}"), 409, "wrong_state")
    assert await shown(manager, bus) == was


async def test_a_closed_bus_sells_nothing_until_it_is_opened_again(
    shop: Shop, manager: Client, rider: Client
) -> None:
    bus = await shop.bus()
    hold = await shop.hold(rider, bus, ["1A"])
    unpaid = await shop.book(rider, bus, ["1B"])
    await do(manager, bus, "close")
    wanted = purchase(["1C"]) | {"bus_id": bus, "seats": ["1C"]}
    for body in (wanted, purchase(["1A"]) | {"hold_id": hold["id"]}):
        problem(await rider.post("/bookings", json=body, headers=new_key()), 409, "sales_closed")
    held = await rider.post(f"/buses/{bus}/holds", json={"seats": ["1D"]})
    problem(held, 409, "sales_closed")
    # What was promised before can still be paid: the bus goes.
    assert (await shop.pay(unpaid))["status"] == "CONFIRMED"
    assert (await rider.get(f"/buses/{bus}")).json()["status"] == "CLOSED"
    await do(manager, bus, "reopen")
    await shop.book(rider, bus, ["1C"])


async def test_cancelling_a_bus_stops_sales_and_tells_who_had_bought(
    shop: Shop, manager: Client, rider: Client
) -> None:
    bus = await shop.bus()
    paid = await shop.pay(await shop.book(rider, bus, ["1A", "1B"]))
    part = await shop.pay(await shop.book(rider, bus, ["2A", "2B"]))
    await rider.post(f"/bookings/{part['ref']}/cancel", json={"seats": ["2A"]})
    unpaid = await shop.book(rider, bus, ["1C"])
    done = await do(manager, bus, "cancel")
    assert done["affected"] == {
        "bookings": 2,
        "seats": 3,
        "paid": {"amount": 6000, "currency": "EUR"},
        "bookings_unpaid": 1,
    }
    payment = f"/payments/{unpaid['payment']['id']}/demo"
    refused = await rider.post(payment, json={"outcome": "succeeded"})
    problem(refused, 409, "sales_closed")
    kept = (await rider.get(f"/bookings/{paid['ref']}")).json()
    assert kept["status"] == "CONFIRMED"
    assert (await rider.get(f"/buses/{bus}")).json()["status"] == "CANCELLED"
    change = await manager.patch(f"/admin/buses/{bus}", json={"name": fresh("Ghost")})
    problem(change, 409, "wrong_state")


async def test_whoever_watches_sees_a_bus_close_and_open(shop: Shop, manager: Client) -> None:
    bus = await shop.bus()
    async with watch(port_of(shop), origin=None) as client:
        await client.say("subscribe", id=1, bus=bus)
        await client.get("subscribed", id=1)
        for step, status in (("close", "CLOSED"), ("reopen", "SCHEDULED"), ("cancel", "CANCELLED")):
            await do(manager, bus, step)
            delta = await client.get("delta", status=status)
            assert (delta["bus"], delta["seats"]) == (bus, [])
            seats = (await manager.get(f"/buses/{bus}/seats")).json()
            assert (seats["status"], seats["rev"]) == (status, delta["rev"])


async def test_boards_show_bays_delays_and_cancellations_as_they_are_said(
    shop: Shop, manager: Client
) -> None:
    place = await make(
        manager, "stops", code=fresh("board"), name=fresh("Board"), time_zone="Europe/Berlin"
    )
    pattern = [
        {"stop": place["id"], "arrival_seconds": 0},
        {"stop": shop.stops[0], "arrival_seconds": 3600},
    ]
    route = await make(manager, "routes", name=fresh("Short"), stops=pattern)
    bus = (
        await make(
            manager,
            "buses",
            route_id=route["id"],
            departs_at=in_days(1),
            total_seats=4,
            price=100,
        )
    )["id"]
    async with watch(port_of(shop), origin=None) as client:
        await client.say("subscribe", id=1, topic=f"board:{place['id']}")
        await client.get("board")

        def line() -> tuple[object, ...]:
            boards = [frame for frame in client.frames if frame["type"] == "board"]
            (found,) = boards[-1]["departures"]
            return found["bay"], found["delay_seconds"], found["status"]

        call = f"/admin/buses/{bus}/stops/{place['id']}"
        said = await manager.put(call, json={"bay": "C4", "delay_seconds": 300})
        assert said.json()["stops"][0]["bay"] == "C4"
        await wait_until(lambda: line() == ("C4", 300, "SCHEDULED"))
        await manager.put(call, json={"bay": "C5"})
        await wait_until(lambda: line() == ("C5", None, "SCHEDULED"))
        await do(manager, bus, "close")
        await wait_until(lambda: line() == ("C5", None, "CLOSED"))
        await do(manager, bus, "cancel")
        await wait_until(lambda: line() == ("C5", None, "CANCELLED"))


async def test_another_operators_bus_is_not_there(shop: Shop, rival: Client) -> None:
    for bus in (await shop.bus(), await shop.bus(draft=True)):
        for step in ("publish", "close", "reopen", "cancel"):
            problem(await rival.post(f"/admin/buses/{bus}/{step}"), 404, "not_found")
    for bus in ("0", "-1", "x", "999999999", "9" * 40, "1%00"):
        assert (await rival.post(f"/admin/buses/{bus}/close")).status_code == 404
