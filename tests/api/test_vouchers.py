"""Seats that a kiosk reserves for cash: paid for at a counter, once, in time, and in the right drawer."""

import asyncio
from datetime import datetime, timedelta

import httpx2
import pytest

from store.model import Role
from tests.api.answers import problem
from tests.api.shop import Json, Shop, new_key, purchase

Client = httpx2.AsyncClient


@pytest.fixture
async def clerk(shop: Shop) -> Client:
    """An agent of Northline whom no other test knows."""
    user = await shop.hire(Role.AGENT, "Northline")
    shop.people[user.name] = user
    return shop.client(user.name)


async def reserve(shop: Shop, bus: str, seats: list[str], *, who: str = "kiosk") -> Json:
    """Reserve seats at a kiosk as its page does: from a hold."""
    hold = await shop.hold(shop.client(who), bus, seats)
    body = purchase(seats, "voucher") | {"hold_id": hold["id"]}
    answer = await shop.client(who).post("/bookings", json=body, headers=new_key())
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


async def payments_of(shop: Shop, bus: str) -> list[tuple[str, int]]:
    rows = await shop.owner.fetch("SELECT status, amount FROM payments WHERE bus_id = $1", int(bus))
    return [(row["status"], row["amount"]) for row in rows]


async def test_seats_wait_for_cash_and_the_agent_who_takes_it_has_it_in_their_drawer(
    shop: Shop, clerk: Client
) -> None:
    bus = await shop.bus()
    made = await reserve(shop, bus, ["1A", "1B"])
    payment = made["payment"]
    assert (made["status"], payment["method"], payment["status"]) == ("PENDING", "cash", "PENDING")
    assert "action" not in payment
    given = [datetime.fromisoformat(made[name]) for name in ("created_at", "expires_at")]
    assert given[1] - given[0] == timedelta(minutes=15)
    seats = await shop.seats(bus)
    assert (seats["1A"], seats["1B"], seats["1C"]) == ("LOCKED", "LOCKED", "AVAILABLE")
    assert await payments_of(shop, bus) == []

    opened = await clerk.post("/shifts", json={}, headers=new_key())
    assert opened.status_code == 201
    paid = await clerk.post(f"/bookings/{made['ref']}/cash", headers=new_key())
    assert paid.status_code == 200, paid.text
    told = paid.json()
    assert (told["status"], told["payment"]["status"]) == ("CONFIRMED", "SUCCEEDED")
    assert "device" not in told["payment"]
    assert all(person["ticket"] for person in told["passengers"])
    assert await payments_of(shop, bus) == [("SUCCEEDED", 4000)]
    lines = (await clerk.get("/shifts/current")).json()["lines"]
    assert [(line["kind"], line["ref"], line["amount"]["amount"]) for line in lines] == [
        ("sale", made["ref"], 4000)
    ]
    (taker,) = await shop.owner.fetch("SELECT taken_by FROM payments WHERE bus_id = $1", int(bus))
    shift = opened.json()
    counted = {"counted": [{"amount": 4000, "currency": "EUR"}]}
    closed = await clerk.post(f"/shifts/{shift['id']}/close", json=counted)
    assert closed.json()["shift"]["balances"][0]["difference"] == 0
    assert taker["taken_by"] is not None

    cancelled = await clerk.post(f"/bookings/{made['ref']}/cancel", headers=new_key())
    assert cancelled.status_code == 200, cancelled.text
    (refund,) = (await clerk.get("/admin/refunds", params={"booking": made["ref"]})).json()["items"]
    assert (refund["waits_at_counter"], refund["amount"]["amount"]) == (True, 4000)


@pytest.mark.parametrize("has_index", [True, False], ids=["as built", "without the index"])
async def test_of_many_agents_one_takes_the_money(
    shop: Shop, clerk: Client, *, has_index: bool
) -> None:
    bus = await shop.bus()
    made = await reserve(shop, bus, ["2A"])
    index = await shop.owner.fetchval("SELECT pg_get_indexdef('payments_one_applied'::regclass)")
    if not has_index:
        await shop.owner.execute("DROP INDEX payments_one_applied")
    try:
        agents = [clerk, shop.client("agent"), shop.client("manager")] * 3
        path = f"/bookings/{made['ref']}/cash"
        answers = await asyncio.gather(*(each.post(path, headers=new_key()) for each in agents))
    finally:
        if not has_index:
            await shop.owner.execute(index)
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 8]
    for answer in answers:
        if answer.status_code == 409:
            problem(answer, 409, "wrong_state")
    assert await payments_of(shop, bus) == [("SUCCEEDED", 2000)]


async def test_the_same_request_again_is_the_same_answer(shop: Shop, clerk: Client) -> None:
    made = await reserve(shop, bus := await shop.bus(), ["2B"])
    key = new_key()
    first, again = [
        await clerk.post(f"/bookings/{made['ref']}/cash", headers=key) for _ in range(2)
    ]
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.headers["idempotent-replayed"] == "true"
    assert first.json() == again.json()
    assert await payments_of(shop, bus) == [("SUCCEEDED", 2000)]


async def test_only_kiosks_reserve_and_only_their_operators_people_take_the_money(
    shop: Shop, clerk: Client
) -> None:
    bus = await shop.bus()
    wanted = purchase(["3A"], "voucher") | {"bus_id": bus, "seats": ["3A"]}
    for who in ("agent", "manager", "admin", "rider", "rival_kiosk", "board"):
        answer = await shop.client(who).post("/bookings", json=wanted, headers=new_key())
        assert answer.status_code == 403, (who, answer.text)
    assert (await shop.seats(bus))["3A"] == "AVAILABLE"
    made = await reserve(shop, bus, ["3A"])
    path = f"/bookings/{made['ref']}/cash"
    for who, status in (("rival", 404), ("rival_agent", 404), ("support", 403), ("rider", 403)):
        refused = await shop.client(who).post(path, headers=new_key())
        assert refused.status_code == status, (who, refused.text)
    assert (await shop.client("kiosk").post(path, headers=new_key())).status_code == 403
    otherwise = await shop.book(shop.client("rider"), bus, ["3B"])
    refused = await clerk.post(f"/bookings/{otherwise['ref']}/cash", headers=new_key())
    problem(refused, 409, "wrong_state")
    assert await payments_of(shop, bus) == []


async def test_what_is_not_paid_in_time_is_everybodys_again(shop: Shop, clerk: Client) -> None:
    bus = await shop.bus()
    made = await reserve(shop, bus, ["4A"])
    await shop.let_time_pass(bus)
    refused = await clerk.post(f"/bookings/{made['ref']}/cash", headers=new_key())
    problem(refused, 410, "hold_expired")
    await shop.book(shop.client("other_rider"), bus, ["4A"])
    assert await payments_of(shop, bus) == []


async def test_it_is_given_back_with_its_key_and_nobody_takes_money_for_it_then(
    shop: Shop, clerk: Client
) -> None:
    bus = await shop.bus()
    made = await reserve(shop, bus, ["5A"])
    keyed = {"x-booking-key": made["access_key"]}
    ended = await shop.client().post(f"/bookings/{made['ref']}/cancel", headers=keyed)
    assert ended.status_code == 200, ended.text
    assert (await shop.seats(bus))["5A"] == "AVAILABLE"
    refused = await clerk.post(f"/bookings/{made['ref']}/cash", headers=new_key())
    problem(refused, 409, "wrong_state")


async def test_nobody_has_longer_than_until_the_bus_leaves(shop: Shop) -> None:
    leaves = datetime.now().astimezone() + timedelta(minutes=7)
    bus = await shop.bus(departs_at=leaves.isoformat())
    made = await reserve(shop, bus, ["6A"])
    due, departs = [datetime.fromisoformat(made[name]) for name in ("expires_at", "departs_at")]
    assert timedelta(0) <= departs - due <= timedelta(seconds=1)


async def test_in_the_last_minute_nobody_is_sent_to_a_counter(shop: Shop) -> None:
    leaves = datetime.now().astimezone() + timedelta(seconds=55)
    bus, kiosk = await shop.bus(departs_at=leaves.isoformat()), shop.client("kiosk")
    held = await shop.hold(kiosk, bus, ["1A"])
    for wanted in ({"hold_id": held["id"]}, {"bus_id": bus, "seats": ["1B"]}):
        body = purchase(["1A" if "hold_id" in wanted else "1B"], "voucher") | wanted
        problem(await kiosk.post("/bookings", json=body, headers=new_key()), 409, "sales_closed")
    cash = purchase(["1A"], "cash") | {"hold_id": held["id"]}
    assert (await kiosk.post("/bookings", json=cash, headers=new_key())).status_code == 201


async def test_nobody_takes_money_for_a_bus_that_has_left_earlier(
    shop: Shop, clerk: Client
) -> None:
    made = await reserve(shop, bus := await shop.bus(), ["1A"])
    await shop.let_it_leave(bus)
    refused = await clerk.post(f"/bookings/{made['ref']}/cash", headers=new_key())
    problem(refused, 409, "departed")
    assert await payments_of(shop, bus) == []


async def test_nobody_takes_money_for_a_disabled_operator(shop: Shop, clerk: Client) -> None:
    made = await reserve(shop, bus := await shop.bus(), ["1A"])
    path, admin = f"/admin/operators/{shop.operators['Northline']}", shop.client("admin")
    assert (await admin.patch(path, json={"disabled": True})).status_code == 200
    try:
        refused = await clerk.post(f"/bookings/{made['ref']}/cash", headers=new_key())
        problem(refused, 403, "forbidden")
        assert await payments_of(shop, bus) == []
    finally:
        assert (await admin.patch(path, json={"disabled": False})).status_code == 200
    assert (await clerk.post(f"/bookings/{made['ref']}/cash", headers=new_key())).status_code == 200


async def test_an_operator_may_want_it_in_shifts_only(shop: Shop, clerk: Client) -> None:
    bus = await shop.bus()
    url = f"/admin/operators/{shop.operators['Northline']}/cash"
    manager = shop.client("manager")
    assert (await manager.put(url, json={"needs_shift": True})).status_code == 200
    try:
        made = await reserve(shop, bus, ["7A"])
        path = f"/bookings/{made['ref']}/cash"
        problem(await clerk.post(path, headers=new_key()), 409, "no_open_shift")
        await clerk.post("/shifts", json={}, headers=new_key())
        assert (await clerk.post(path, headers=new_key())).status_code == 200
    finally:
        await manager.put(url, json={"needs_shift": False})
