"""A day at the counter over HTTP: a drawer is opened, sold and paid out of, counted, closed and reported."""

import asyncio
import csv
import io

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


def euros(amount: int) -> list[Json]:
    return [{"amount": amount, "currency": "EUR"}]


async def test_a_day_at_the_counter(shop: Shop, clerk: Client, manager: Client) -> None:
    bus = await shop.bus()
    opened = await clerk.post("/shifts", json={"float": euros(5000)}, headers=new_key())
    assert opened.status_code == 201, opened.text
    shift = opened.json()
    problem(await clerk.post("/shifts", json={"float": []}), 409, "wrong_state")
    sold = await shop.book(clerk, bus, ["1A"], method="cash")
    await shop.book(clerk, bus, ["1B", "1C"], method="cash")
    await clerk.post(f"/bookings/{sold['ref']}/cancel")
    (refund,) = (await clerk.get("/admin/refunds", params={"booking": sold["ref"]})).json()["items"]
    assert (refund["waits_at_counter"], refund["amount"]["amount"]) == (True, 2000)
    out, key = f"/admin/refunds/{refund['id']}/pay-out", new_key()
    answers = await asyncio.gather(*(clerk.post(out, headers=key) for _ in range(3)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    problem(await clerk.post(out, headers=new_key()), 409, "wrong_state")
    current = (await clerk.get("/shifts/current")).json()
    assert [(line["kind"], line["amount"]["amount"]) for line in current["lines"]] == [
        ("sale", 2000),
        ("sale", 4000),
        ("payout", 2000),
    ]
    url = f"/shifts/{shift['id']}/close"
    problem(await clerk.post(url, json={"counted": []}), 422, "invalid_request")
    closed = await clerk.post(url, json={"counted": euros(8950)})
    assert closed.json()["shift"]["balances"] == [
        {
            "currency": "EUR",
            "float": 5000,
            "sold": 6000,
            "paid_out": 2000,
            "expected": 9000,
            "counted": 8950,
            "difference": -50,
        }
    ]
    problem(await clerk.post(url, json={"counted": euros(9000)}), 409, "wrong_state")
    problem(await clerk.get("/shifts/current"), 404, "not_found")
    problem(await clerk.post(out, headers=new_key()), 409, "wrong_state")
    page = (await manager.get("/admin/shifts", params={"status": "closed"})).json()
    assert page["items"][0]["id"] == shift["id"]
    assert page["items"][0]["balances"][0]["difference"] == -50
    report = await manager.get(f"/admin/shifts/{shift['id']}", headers={"accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(report.text.removeprefix("\ufeff"))))
    assert [(row["kind"], row["amount"]) for row in rows] == [
        *(("sale", "2000"), ("sale", "4000"), ("payout", "-2000")),
        *(("float", "5000"), ("expected", "9000"), ("counted", "8950"), ("difference", "-50")),
    ]
    as_json = (await manager.get(f"/admin/shifts/{shift['id']}")).json()
    assert as_json == closed.json()


async def test_a_kiosk_and_whoever_empties_it(shop: Shop) -> None:
    await shop.lend("corner", DeviceKind.KIOSK)
    kiosk, bus = shop.client("corner"), await shop.bus()
    shift = (await kiosk.post("/shifts", json={"float": euros(100)})).json()
    assert (shift["user"], shift["device"]) == (None, str(shop.devices["corner"].device_id))
    await shop.book(kiosk, bus, ["1A"], method="cash")
    agent = shop.client("agent")
    done = await agent.post(f"/shifts/{shift['id']}/close", json={"counted": euros(2100)})
    assert done.json()["shift"]["balances"][0]["difference"] == 0
    other = await kiosk.post("/shifts", json={"device": "4711"})
    problem(other, 422, "invalid_request")
    missing = await shop.client("manager").post("/shifts", json={"device": "4711"})
    problem(missing, 404, "not_found")


async def test_an_operator_may_want_cash_in_shifts_only(shop: Shop, clerk: Client) -> None:
    bus = await shop.bus()
    url = f"/admin/operators/{shop.operators['Northline']}/cash"
    manager = shop.client("manager")
    set_ = await manager.put(url, json={"needs_shift": True})
    assert set_.json() == (await manager.get(url)).json() == {"needs_shift": True}
    try:
        wanted = purchase(["1A"], "cash") | {"bus_id": bus, "seats": ["1A"]}
        refused = await clerk.post("/bookings", json=wanted, headers=new_key())
        problem(refused, 409, "no_open_shift")
        await shop.book(clerk, bus, ["1B"])
        await clerk.post("/shifts", json={})
        await shop.book(clerk, bus, ["1A"], method="cash")
    finally:
        await manager.put(url, json={"needs_shift": False})


async def test_a_drawer_makes_sense(clerk: Client) -> None:
    for drawer in (euros(1) * 2, euros(-1), [{"amount": 1, "currency": "euro"}]):
        problem(await clerk.post("/shifts", json={"float": drawer}), 422, "invalid_request")
