"""What staff does for passengers who have paid: another seat, the same mail once more."""

import uuid

import httpx2

from store.resends import AGAIN_PER_HOUR
from tests.api.answers import problem
from tests.api.back_office import logged
from tests.api.shop import Json, Shop

Client = httpx2.AsyncClient


async def sold(shop: Shop, agent: Client, bus: str, *seats: str) -> Json:
    return await shop.book(agent, bus, list(seats), method="cash")


async def move(client: Client, ticket: str, seat: str, key: str = "") -> httpx2.Response:
    headers = {"idempotency-key": key or str(uuid.uuid4())}
    return await client.post(f"/admin/tickets/{ticket}/move", json={"seat": seat}, headers=headers)


async def test_a_passenger_is_moved_and_every_list_says_so(shop: Shop, agent: Client) -> None:
    bus = await shop.bus()
    booking = await sold(shop, agent, bus, "1A", "1B")
    ticket, key = booking["passengers"][0]["ticket"], str(uuid.uuid4())
    moved = await move(agent, ticket, "2c", key)
    assert moved.status_code == 200, moved.text
    shown = moved.json()
    assert [each["seat"] for each in shown["passengers"]] == ["2C", "1B"]
    assert shown["passengers"][0]["ticket"] == ticket
    assert (shown["seats"], shown["total"]) == (["2C", "1B"], booking["total"])
    again = await move(agent, ticket, "2c", key)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == shown
    assert (await agent.get(f"/bookings/{booking['ref']}")).json()["seats"] == ["2C", "1B"]
    lines = (await agent.get(f"/admin/buses/{bus}/manifest")).json()["passengers"]
    first = await shop.store.buses.find(int(bus))
    told = {each["seat"]: each.get("former_seat_nos") for each in lines}
    assert told == {"1B": None, "2C": [first.layout.by_label["1A"].seat_no]}
    history = (await agent.get(f"/admin/bookings/{booking['ref']}/history")).json()["items"]
    words = {(each["kind"], each["word"]): each["seats"] for each in history}
    assert words["made", "counter"] == ["1A", "1B"], "what was bought then"
    assert words["ticket", "MOVED"] == ["1A", "2C"]
    assert await logged(shop, f"booking {booking['ref']}") == ["ticket.move"]


async def test_what_is_in_the_way_of_a_move_is_said(shop: Shop, agent: Client) -> None:
    bus = await shop.bus()
    booking = await sold(shop, agent, bus, "1A")
    ticket = booking["passengers"][0]["ticket"]
    await sold(shop, agent, bus, "1B")
    taken = problem(await move(agent, ticket, "1B"), 409, "seat_unavailable")
    assert taken["seats"] == [{"seat": "1B", "status": "BOOKED"}]
    problem(await move(agent, ticket, "1A"), 409, "wrong_state")
    problem(await move(agent, ticket, "99Z"), 422, "invalid_request")
    problem(await move(agent, "AAAA", "2A"), 404, "not_found")


async def test_a_mail_is_sent_again_a_few_times_an_hour(shop: Shop, agent: Client) -> None:
    booking = await sold(shop, agent, await shop.bus(), "1A")
    path, key = f"/admin/bookings/{booking['ref']}/mail", {"idempotency-key": str(uuid.uuid4())}
    for left in range(AGAIN_PER_HOUR - 1, -1, -1):
        sent = await agent.post(path)
        assert sent.json() == {"to": "a***@e***.org", "left": left}
    refused = await agent.post(path, headers=key)
    problem(refused, 429, "rate_limited")
    assert refused.headers["retry-after"] == "3600"
    assert await logged(shop, f"booking {booking['ref']}") == ["booking.mail"] * AGAIN_PER_HOUR
    history = (await agent.get(f"/admin/bookings/{booking['ref']}/history")).json()["items"]
    assert [each["word"] for each in history if each["kind"] == "mail"] == [
        "again"
    ] * AGAIN_PER_HOUR
