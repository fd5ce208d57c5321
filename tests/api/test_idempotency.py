import asyncio
from collections import Counter

import httpx2
import pytest

from tests.api.answers import bad_input, problem
from tests.api.shop import Json, Shop, new_key, purchase

Client = httpx2.AsyncClient


async def wanted(shop: Shop, seat: str = "1A") -> Json:
    return purchase([seat]) | {"bus_id": await shop.bus(), "seats": [seat]}


async def test_the_same_key_and_body_get_the_stored_answer(shop: Shop, guest: Client) -> None:
    body, key = await wanted(shop), new_key()
    first = await guest.post("/bookings", json=body, headers=key)
    rev = await shop.rev(body["bus_id"])
    second = await guest.post("/bookings", json=body, headers=key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert await shop.rev(body["bus_id"]) == rev


async def test_a_refusal_is_stored_like_any_answer(shop: Shop, guest: Client) -> None:
    body, key = await wanted(shop), new_key()
    held = await shop.hold(guest, body["bus_id"], ["1A"])
    refused = await guest.post("/bookings", json=body, headers=key)
    problem(refused, 409, "seat_unavailable")
    await guest.delete(f"/holds/{held['id']}")
    again = await guest.post("/bookings", json=body, headers=key)
    assert again.content == refused.content
    assert again.headers["idempotent-replayed"] == "true"
    problem(again, 409, "seat_unavailable")


async def test_bad_input_is_not_stored_so_the_key_can_be_used_again(
    shop: Shop, guest: Client
) -> None:
    body, key = await wanted(shop), new_key()
    bad = await guest.post("/bookings", json=body | {"seats": ["99Z"]}, headers=key)
    bad_input(bad)
    assert (await guest.post("/bookings", json=body, headers=key)).status_code == 201


async def test_the_same_key_with_another_body_is_refused(shop: Shop, guest: Client) -> None:
    body, key = await wanted(shop), new_key()
    await guest.post("/bookings", json=body, headers=key)
    other = await guest.post(
        "/bookings", json=body | purchase(["1B"]) | {"seats": ["1B"]}, headers=key
    )
    problem(other, 422, "idempotency_key_reused")
    assert (await shop.seats(body["bus_id"]))["1B"] == "AVAILABLE"


async def test_a_key_belongs_to_its_caller(shop: Shop, rider: Client, other_rider: Client) -> None:
    key, first, second = new_key(), await wanted(shop), await wanted(shop, "1B")
    second["bus_id"] = first["bus_id"]
    mine = await rider.post("/bookings", json=first, headers=key)
    theirs = await other_rider.post("/bookings", json=second, headers=key)
    assert (mine.status_code, theirs.status_code) == (201, 201)
    assert "idempotent-replayed" not in theirs.headers


async def test_a_key_belongs_to_its_bus(shop: Shop, guest: Client) -> None:
    key = new_key()
    answers = [
        await guest.post("/bookings", json=await wanted(shop), headers=key) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["ref"] != answers[1].json()["ref"]


async def test_twenty_at_once_with_one_key_are_one_sale(shop: Shop, guest: Client) -> None:
    body, key = await wanted(shop), new_key()
    answers = await asyncio.gather(
        *(guest.post("/bookings", json=body, headers=key) for _ in range(20))
    )
    known = [answer for answer in answers if answer.status_code == 201]
    assert Counter(answer.content for answer in known).total() == len(known)
    assert len({answer.json()["ref"] for answer in known}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in known) == 1
    for answer in answers:
        if answer.status_code != 201:
            problem(answer, 409, "request_in_progress")
            assert answer.headers["retry-after"]
    assert await shop.rev(body["bus_id"]) == 1


async def test_a_booking_needs_a_key(shop: Shop, guest: Client) -> None:
    body = await wanted(shop)
    bad_input(await guest.post("/bookings", json=body), 400)
    assert (await shop.seats(body["bus_id"]))["1A"] == "AVAILABLE"


@pytest.mark.parametrize("key", ["", '""', "x" * 256, "sch\u00fcssel", "a\tb"])
async def test_a_key_that_is_not_usable_is_refused(shop: Shop, guest: Client, key: str) -> None:
    body = await wanted(shop)
    headers = [(b"idempotency-key", key.encode("latin-1"))]
    bad_input(await guest.post("/bookings", json=body, headers=headers), 400)
    assert (await shop.seats(body["bus_id"]))["1A"] == "AVAILABLE"


async def test_two_keys_in_one_request_are_refused(shop: Shop, guest: Client) -> None:
    headers = [("idempotency-key", "one"), ("idempotency-key", "two")]
    bad_input(await guest.post("/bookings", json=await wanted(shop), headers=headers), 400)


async def test_a_key_of_255_characters_in_quotes_is_the_key_without_them(
    shop: Shop, guest: Client
) -> None:
    body, key = await wanted(shop), "k" * 255
    first = await guest.post("/bookings", json=body, headers={"idempotency-key": key})
    second = await guest.post("/bookings", json=body, headers={"idempotency-key": f'"{key}"'})
    assert first.content == second.content
    assert second.headers["idempotent-replayed"] == "true"


async def test_paying_and_cancelling_take_keys_too(shop: Shop, guest: Client) -> None:
    booked = await shop.book(guest, await shop.bus(), ["1A", "1B"])
    pay = f"/payments/{booked['payment']['id']}/demo"
    cancel = f"/bookings/{booked['ref']}/cancel"
    mine = {"x-booking-key": booked["access_key"]}
    for url, body in ((pay, {"outcome": "succeeded"}), (cancel, {"seats": ["1A"]})):
        headers = mine | new_key()
        first, second = [await guest.post(url, json=body, headers=headers) for _ in "12"]
        assert (first.status_code, second.status_code) == (200, 200)
        assert first.content == second.content
        assert second.headers["idempotent-replayed"] == "true"
