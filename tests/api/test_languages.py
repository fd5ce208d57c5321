"""In which language people are written to: named with a booking, for an account, for an operator."""

import uuid
from pathlib import Path

import httpx2
import pytest

from store.letters import QueuedLetter
from store.mails import Template
from tests.api.answers import bad_input
from tests.api.members import Member
from tests.api.shop import Shop, new_key, purchase
from tests.support.mailbox import Mailbox, text_of

Client = httpx2.AsyncClient


@pytest.mark.parametrize(
    ("asked", "kept"), [("de", "de"), ("ar-EG", "ar"), ("HI", "hi"), ("en", None), ("fr", None)]
)
async def test_a_booking_keeps_the_language_that_its_buyer_named(
    shop: Shop, asked: str, kept: str | None
) -> None:
    contact = {"email": "ann@example.org", "locale": asked}
    bus = await shop.bus()
    booked = await shop.book(shop.client(), bus, ["1A"], contact=contact)
    headers = {"x-booking-key": booked["access_key"]}
    found = (await shop.client().get(f"/bookings/{booked['ref']}", headers=headers)).json()
    # English is the operator's own, and there are no texts in French.
    assert found["contact"].get("locale") == kept


@pytest.mark.parametrize("nonsense", ["", "d", "de_AT", "de\n", "x" * 40, 7, ["de"], "<b>"])
async def test_what_is_no_tag_of_a_language_is_refused(shop: Shop, nonsense: object) -> None:
    wanted = purchase(["1A"]) | {"bus_id": await shop.bus(), "seats": ["1A"]}
    wanted["contact"] = {"locale": nonsense}
    answer = await shop.client().post("/bookings", json=wanted, headers=new_key())
    assert bad_input(answer) == ["/contact/locale"]


async def test_an_account_has_the_language_of_the_browser_it_was_opened_with(shop: Shop) -> None:
    answer = await shop.client().post(
        "/auth/register",
        json={"name": "Ann", "email": f"{uuid.uuid4()}@example.org", "password": "correct horse"},
        headers={"accept-language": "fr,es-MX;q=0.9,en;q=0.8"},
    )
    assert answer.json()["user"]["locale"] == "es"


async def test_an_account_s_language_is_changed_to_one_of_ours(shop: Shop, tmp_path: Path) -> None:
    member = await Member.register(shop)
    changed = await member.ask("PATCH", "/auth/me", {"locale": "hi-IN"})
    assert changed.json()["locale"] == "hi"
    refused = await member.ask("PATCH", "/auth/me", {"locale": "fr"})
    assert bad_input(refused) == ["/locale"]
    await shop.client().post("/auth/password/forgot", json={"email": member.email})
    letters = await Mailbox(shop.store, tmp_path / "mail").to(member.email)
    assert letters[-1]["Subject"] == "नया पासवर्ड चुनें"


async def test_an_operator_writes_in_one_of_our_languages(shop: Shop) -> None:
    manager = shop.client("manager")
    path = f"/admin/operators/{shop.operators['Northline']}"
    changed = await manager.patch(path, json={"locale": "de-CH"})
    assert changed.json()["locale"] == "de"
    assert bad_input(await manager.patch(path, json={"locale": "fr"})) == ["/locale"]
    assert (await manager.patch(path, json={"locale": "en"})).json()["locale"] == "en"


async def test_the_link_of_a_ticket_s_mail_opens_the_booking_and_cancels_it(
    shop: Shop, tmp_path: Path
) -> None:
    bus = await shop.bus()
    booking = await shop.pay(await shop.book(shop.client(), bus, ["1A"]))
    sold = await shop.store.lookup.find_by_ref(booking["ref"])
    trip = await shop.store.letters.find(sold.bus.bus_id, sold.booking_id)
    await shop.store.letters.queue(trip, QueuedLetter(uuid.uuid4(), Template.TICKET))
    letters = await Mailbox(shop.store, tmp_path / "mail").to("ann@example.org")
    (text,) = (text_of(each) for each in letters if booking["ref"] in text_of(each))
    (link,) = (line for line in text.splitlines() if f"/bookings/{booking['ref']}#" in line)
    key = {"x-booking-key": link.partition("#key=")[2]}
    shown = await shop.client().get(f"/bookings/{booking['ref']}", headers=key)
    assert shown.json()["status"] == "CONFIRMED"
    other = await shop.book(shop.client(), bus, ["1B"])
    assert (await shop.client().get(f"/bookings/{other['ref']}", headers=key)).status_code == 404
    path = f"/bookings/{booking['ref']}/cancel"
    gone = await shop.client().post(path, json={}, headers=key | new_key())
    assert gone.json()["status"] == "CANCELLED"
