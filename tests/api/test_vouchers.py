"""Seats that a kiosk reserves for cash: paid for at a counter, once, in time, and in the right drawer."""

import asyncio
from datetime import datetime, timedelta

import httpx2
import pytest

from store.model import DeviceKind, Role
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


def wanted(bus: str, seats: list[str], hold: str | None) -> Json:
    """Return what a kiosk asks for: seats that it holds, or seats by name."""
    where = {"hold_id": hold} if hold else {"bus_id": bus, "seats": seats}
    return purchase(seats, "voucher") | where


async def ask_for(
    shop: Shop, bus: str, parties: list[list[str]], *, is_held: bool, who: str
) -> list[httpx2.Response]:
    """Ask for a voucher for each party, all at once."""
    kiosk = shop.client(who)
    holds = [(await shop.hold(kiosk, bus, each))["id"] if is_held else None for each in parties]
    asked = zip(parties, holds, strict=True)
    return await asyncio.gather(
        *(
            kiosk.post("/bookings", json=wanted(bus, seats, hold), headers=new_key())
            for seats, hold in asked
        )
    )


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
    asked = wanted(bus, ["3A"], None)
    for who in ("agent", "manager", "admin", "rider", "rival_kiosk", "board"):
        answer = await shop.client(who).post("/bookings", json=asked, headers=new_key())
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


@pytest.mark.parametrize("is_held", [True, False], ids=["held before", "by name"])
@pytest.mark.parametrize(("places", "most"), [(40, 6), (72, 8)])
async def test_vouchers_of_a_kiosk_keep_a_small_part_of_a_bus(
    shop: Shop, *, is_held: bool, places: int, most: int
) -> None:
    who = f"greedy {places} {is_held}"
    await shop.lend(who, DeviceKind.KIOSK)
    bus = await shop.bus(seats=places)
    labels = list(await shop.seats(bus))
    asked = [[label] for label in labels[: most + 4]]
    answers = await ask_for(shop, bus, asked, is_held=is_held, who=who)
    assert sorted(answer.status_code for answer in answers) == [201] * most + [409] * 4
    for answer in answers:
        if answer.status_code == 409:
            told = problem(answer, 409, "too_many_seats")
            assert 880 < told["retry_after"] <= 900
    # Alone, too: no faster way in.
    (alone,) = await ask_for(shop, bus, [[labels[-2]]], is_held=is_held, who=who)
    problem(alone, 409, "too_many_seats")
    # Who pays at once is not kept from it, and what is given back makes room.
    made = next(answer.json() for answer in answers if answer.status_code == 201)
    await shop.book(shop.client(who), bus, [labels[-1]], method="cash")
    keyed = {"x-booking-key": made["access_key"]}
    assert (await shop.client().post(f"/bookings/{made['ref']}/cancel", headers=keyed)).is_success
    (again,) = await ask_for(shop, bus, [made["seats"]], is_held=is_held, who=who)
    assert again.status_code == 201, again.text


async def test_a_party_that_is_larger_than_the_part_has_no_voucher_at_all(shop: Shop) -> None:
    await shop.lend("a class of seven", DeviceKind.KIOSK)
    bus = await shop.bus()
    party = list(await shop.seats(bus))[:7]
    (refused,) = await ask_for(shop, bus, [party], is_held=True, who="a class of seven")
    told = problem(refused, 409, "too_many_seats")
    assert "retry_after" not in told, "waiting helps nobody here"


async def test_a_kiosk_has_ten_vouchers_open_at_a_time(shop: Shop) -> None:
    who = "a busy kiosk"
    await shop.lend(who, DeviceKind.KIOSK)
    buses = [await shop.bus() for _ in range(3)]
    made: list[Json] = []
    for bus in buses[:2]:
        parties = [["1A"], ["1B"], ["1C"], ["1D"], ["2A"]]
        answers = await ask_for(shop, bus, parties, is_held=False, who=who)
        assert {answer.status_code for answer in answers} == {201}
        made += [answer.json() for answer in answers]
    (refused,) = await ask_for(shop, buses[2], [["1A"]], is_held=False, who=who)
    problem(refused, 409, "too_many_holds")
    # Paying by phone waits for the rider who stands there, and is no voucher.
    await shop.book(shop.client(who), buses[2], ["1A"])
    paid = await shop.client("agent").post(f"/bookings/{made[0]['ref']}/cash", headers=new_key())
    assert paid.status_code == 200, paid.text
    (again,) = await ask_for(shop, buses[2], [["1B"]], is_held=False, who=who)
    assert again.status_code == 201, again.text


async def test_in_the_last_minute_nobody_is_sent_to_a_counter(shop: Shop) -> None:
    leaves = datetime.now().astimezone() + timedelta(seconds=55)
    bus, kiosk = await shop.bus(departs_at=leaves.isoformat()), shop.client("kiosk")
    hold = (await shop.hold(kiosk, bus, ["1A"]))["id"]
    for asked in (wanted(bus, ["1A"], hold), wanted(bus, ["1B"], None)):
        problem(await kiosk.post("/bookings", json=asked, headers=new_key()), 409, "sales_closed")
    cash = purchase(["1A"], "cash") | {"hold_id": hold}
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


async def test_staff_sees_who_took_the_money_and_that_it_was_at_a_counter(
    shop: Shop, clerk: Client
) -> None:
    made = await reserve(shop, bus := await shop.bus(), ["1A"])

    async def line() -> tuple[bool, list[tuple[str, str, str | None]]]:
        (found,) = (await clerk.get("/admin/bookings", params={"bus": bus})).json()["items"]
        told = (await clerk.get(f"/admin/bookings/{made['ref']}/history")).json()["items"]
        return found["at_counter"], [
            (each["kind"], each["word"], each["user"])
            for each in told
            if each["kind"] in {"made", "payment"}
        ]

    assert await line() == (False, [("made", "kiosk", None)])
    assert (await clerk.post(f"/bookings/{made['ref']}/cash", headers=new_key())).is_success
    me = (await clerk.get("/auth/me")).json()["id"]
    assert await line() == (True, [("made", "kiosk", None), ("payment", "SUCCEEDED", me)])


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
