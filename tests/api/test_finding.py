"""A booking found again by its code and the contact that was given with it."""

import httpx2
import pytest

from tests.api.answers import bad_input, problem
from tests.api.shop import Json, Shop

Client = httpx2.AsyncClient
CONTACT = {"email": "Ada.Lovelace@example.org", "phone": "+49 30 123456"}


async def book(shop: Shop, **contact: str) -> Json:
    return await shop.book(shop.client(), await shop.bus(), ["1A"], contact=contact or CONTACT)


@pytest.mark.parametrize(
    "said",
    [
        {"email": "ada.lovelace@EXAMPLE.org"},
        {"phone": "0049 (30) 12-34-56"},
        {"email": CONTACT["email"], "phone": "+4930123456"},
    ],
)
async def test_the_code_and_the_contact_open_a_booking(
    shop: Shop, guest: Client, said: Json
) -> None:
    booked = await book(shop)
    found = await guest.post("/bookings/find", json={"ref": booked["ref"].lower(), **said})
    assert found.status_code == 200, found.text
    assert found.json() == {"ref": booked["ref"], "access_key": booked["access_key"]}
    headers = {"x-booking-key": found.json()["access_key"]}
    assert (await guest.get(f"/bookings/{booked['ref']}", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "said",
    [
        {"email": "ada@example.org"},
        {"phone": "+49 30 123457"},
        {"email": CONTACT["email"], "phone": "+49 30 1"},
        {"email": CONTACT["email"], "ref": "AAAAAA"},
        {"email": CONTACT["email"], "ref": "no code"},
    ],
)
async def test_whatever_is_wrong_is_answered_alike(shop: Shop, guest: Client, said: Json) -> None:
    booked = await book(shop)
    answer = await guest.post("/bookings/find", json={"ref": booked["ref"], **said})
    assert problem(answer, 404, "not_found")


@pytest.mark.parametrize("said", ["----", "0000", "12-3"])
async def test_what_is_no_number_opens_nothing(shop: Shop, guest: Client, said: str) -> None:
    booked = await book(shop, phone=said)
    answer = await guest.post("/bookings/find", json={"ref": booked["ref"], "phone": said})
    assert problem(answer, 404, "not_found")


async def test_a_booking_without_that_contact_opens_for_nobody(shop: Shop, guest: Client) -> None:
    booked = await book(shop, phone="+49 30 123456")
    answer = await guest.post("/bookings/find", json={"ref": booked["ref"], "email": "a@b.example"})
    assert problem(answer, 404, "not_found")
    silent = await guest.post("/bookings/find", json={"ref": booked["ref"]})
    assert bad_input(silent) == ["/email"]
