"""Tickets to take along, over HTTP: who gets them, what they say, what is kept of them."""

from typing import Any
from xml.etree import ElementTree as ET

import httpx2
import pytest
from icalendar import Calendar

from server.ticketing.token import TicketKeys, new_ticket_key
from store.house_keys import TICKETS
from store.scans import SignedTicket
from tests.api.answers import bad_input, problem
from tests.api.shop import Json, Shop, new_key, purchase
from tests.ticketing.pages import read_codes, see

Client = httpx2.AsyncClient
_SVG = "{http://www.w3.org/2000/svg}"


async def bought(shop: Shop) -> Json:
    """Let the rider have two seats on a new bus."""
    bus = await shop.bus(segments=4)
    return await shop.pay(await shop.book(shop.client("rider"), bus, ["1A", "1B"]))


async def keys_of(shop: Shop) -> TicketKeys:
    return TicketKeys(await shop.store.house_keys.find_or_make(TICKETS, new_ticket_key))


async def test_a_rider_prints_their_tickets_and_the_door_believes_them(shop: Shop) -> None:
    booking = await bought(shop)
    answer = await shop.client("rider").get(f"/bookings/{booking['ref']}/ticket.pdf")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/pdf"
    expected = f'inline; filename="{booking["ref"]}.pdf"'
    assert answer.headers["content-disposition"] == expected
    assert answer.headers["cache-control"] == "private, no-cache"
    pages, keys = see(answer.content), await keys_of(shop)
    assert len(pages) == 2
    for page, seat in zip(pages, ("1A", "1B"), strict=True):
        (code,) = page.codes
        said = keys.read(code)
        assert isinstance(said, SignedTicket)
        assert said.bus_id == int(booking["bus_id"])
        assert f"Passenger {seat}" in page.text
        told = await shop.client("scanner").post(
            "/devices/me/scans",
            json={
                "scans": [
                    {
                        "id": f"00000000-0000-4000-8000-{said.bus_id * 1000 + said.seat_no:012x}",
                        "bus_id": booking["bus_id"],
                        "ticket": code,
                    }
                ]
            },
        )
        assert told.json()["items"][0]["verdict"] == "ok"


@pytest.mark.parametrize("what", ["ticket.pdf", "ticket.ics"])
async def test_what_is_known_is_not_sent_again_until_it_changes(shop: Shop, what: str) -> None:
    booking, rider = await bought(shop), shop.client("rider")
    path = f"/bookings/{booking['ref']}/{what}"
    first = await rider.get(path)
    etag = {"if-none-match": first.headers["etag"]}
    known = await rider.get(path, headers=etag)
    assert (known.status_code, known.content) == (304, b"")
    assert (await rider.get(path)).content == first.content, "the same bytes under the same name"
    assert (await rider.get(path, params={"locale": "ar"}, headers=etag)).status_code == 200
    await rider.post(f"/bookings/{booking['ref']}/cancel", json={"seats": ["1B"]})
    news = await rider.get(path, headers=etag)
    assert news.status_code == 200
    assert news.content != first.content


async def test_the_language_is_the_readers(shop: Shop) -> None:
    booking, rider = await bought(shop), shop.client("rider")
    path = f"/bookings/{booking['ref']}/ticket.pdf"
    cases = {
        "de-AT, en;q=0.5": "Fahrgast",
        "fr, es;q=0.9, en;q=0.8": "Pasajero",
        "xx;q=nonsense, *": "Passenger",
        "": "Passenger",
    }
    for header, word in cases.items():
        answer = await rider.get(path, headers={"accept-language": header})
        assert word in see(answer.content)[0].text
        assert "accept-language" in answer.headers["vary"]
    strip = await rider.get(path, params={"paper": "80mm", "locale": "hi"})
    assert round(see(strip.content)[0].width * 25.4 / 72) == 80
    assert bad_input(await rider.get(path, params={"paper": "a5"})) == ["/paper"]
    assert bad_input(await rider.get(path, params={"locale": "fr"})) == ["/locale"]


async def test_a_ticket_speaks_the_language_of_who_travels_whoever_prints_it(shop: Shop) -> None:
    rider, bus = shop.client("rider"), await shop.bus()
    contact = {"email": "ann@example.org", "locale": "es"}
    booking = await shop.pay(await shop.book(rider, bus, ["1A"], contact=contact))
    pdf, ics = (f"/bookings/{booking['ref']}/ticket.{kind}" for kind in ("pdf", "ics"))
    german = {"accept-language": "de"}
    for client in (rider, shop.client("agent")):
        assert "Pasajero" in await word_on(client, pdf, headers=german)
    assert "Fahrgast" in await word_on(rider, pdf, params={"locale": "de"})
    assert "Asiento 1A" in (await rider.get(ics, headers=german)).text
    assert "Platz 1A" in (await rider.get(ics, params={"locale": "de"})).text


async def test_who_named_no_language_gets_their_account_s_then_their_browser_s_then_the_operator_s(
    shop: Shop,
) -> None:
    booking, rider = await bought(shop), shop.client("rider")
    path, german = f"/bookings/{booking['ref']}/ticket.pdf", {"accept-language": "de"}
    manager, operator = shop.client("manager"), f"/admin/operators/{shop.operators['Northline']}"
    assert (await manager.patch(operator, json={"locale": "hi"})).status_code == 200
    try:
        assert "यात्री" in await word_on(rider, path, headers={"accept-language": "fr"})
        assert "Fahrgast" in await word_on(rider, path, headers=german)
        await speak(shop, "es")
        assert "Pasajero" in await word_on(rider, path, headers=german)
    finally:
        await speak(shop, None)
        await manager.patch(operator, json={"locale": "en"})


async def speak(shop: Shop, locale: str | None) -> None:
    """Let the rider's account be in a language; None: it was opened with a browser that asked for none."""
    rider = shop.people["rider"].user_id
    await shop.owner.execute("UPDATE users SET locale = $2 WHERE user_id = $1", rider, locale)


async def word_on(client: Client, path: str, **options: Any) -> str:
    """Return what is printed on the first page of a PDF."""
    answer = await client.get(path, **options)
    assert answer.status_code == 200, answer.text
    return see(answer.content)[0].text


async def test_a_calendar_gets_an_entry_and_loses_it_again(shop: Shop) -> None:
    booking, rider = await bought(shop), shop.client("rider")
    path = f"/bookings/{booking['ref']}/ticket.ics"
    answer = await rider.get(path)
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    before = Calendar.from_ical(answer.content)
    await rider.post(f"/bookings/{booking['ref']}/cancel", json={})
    after = Calendar.from_ical((await rider.get(path)).content)
    (entered,), (withdrawn,) = before.walk("VEVENT"), after.walk("VEVENT")
    assert (before["METHOD"], after["METHOD"]) == ("PUBLISH", "CANCEL")
    assert entered["UID"] == withdrawn["UID"]
    assert entered.decoded("sequence") < withdrawn.decoded("sequence")
    problem(await rider.get(f"/bookings/{booking['ref']}/ticket.pdf"), 409, "wrong_state")


async def test_a_code_is_dark_on_a_light_ground_of_its_own(shop: Shop) -> None:
    booking, rider = await bought(shop), shop.client("rider")
    ticket = booking["passengers"][1]["ticket"]
    answer = await rider.get(f"/tickets/{ticket}/qr.svg")
    assert answer.headers["content-type"] == "image/svg+xml"
    picture = Picture(answer.content)
    assert picture.ground == "#fff"
    assert picture.ink == "#000"
    assert picture.title == f"{booking['ref']} 1B"
    said = (await keys_of(shop)).read(picture.read())
    assert isinstance(said, SignedTicket)
    assert said.seat_no == 2
    assert picture.has_quiet_zone
    await rider.post(f"/bookings/{booking['ref']}/cancel", json={"seats": ["1B"]})
    problem(await rider.get(f"/tickets/{ticket}/qr.svg"), 409, "wrong_state")


async def test_tickets_are_for_the_buyer_for_staff_and_for_who_has_the_key(shop: Shop) -> None:
    bus = await shop.bus()
    wanted = purchase(["1A"], "cash") | {"bus_id": bus, "seats": ["1A"]}
    made = await shop.client("kiosk").post("/bookings", json=wanted, headers=new_key())
    booking = made.json()
    key = {"x-booking-key": booking["access_key"]}
    ticket = booking["passengers"][0]["ticket"]
    for path in (
        f"/bookings/{booking['ref']}/ticket.pdf?paper=80mm",
        f"/bookings/{booking['ref']}/ticket.ics",
        f"/tickets/{ticket}/qr.svg",
    ):
        for who in ("kiosk", None):
            assert (await shop.client(who).get(path, headers=key)).status_code == 200
        for who in ("agent", "manager", "admin", "support"):
            assert (await shop.client(who).get(path)).status_code == 200
        problem(await shop.client().get(path), 401, "unauthenticated")
        wrong = {"x-booking-key": "A" * 22}
        for who in ("rider", "rival", "rival_kiosk", None):
            problem(await shop.client(who).get(path, headers=wrong), 404, "not_found")


async def test_what_is_not_paid_is_no_ticket(shop: Shop) -> None:
    rider = shop.client("rider")
    booking = await shop.book(rider, await shop.bus(), ["1A"])
    for what in ("ticket.pdf", "ticket.ics"):
        problem(await rider.get(f"/bookings/{booking['ref']}/{what}"), 409, "wrong_state")
    for ticket in ("nonsense", "AAAAAAAAAAEAAAAAAAAAAAAAAAAAAAAA"):
        problem(await rider.get(f"/tickets/{ticket}/qr.svg"), 404, "not_found")


class Picture:
    """A QR code as it stands in an SVG file: bars of a line's width on one ground."""

    def __init__(self, svg: bytes) -> None:
        root = ET.fromstring(svg)  # noqa: S314 - our own server's
        self.side = int(root.attrib["viewBox"].split()[2])
        self.title = root.findtext(f"{_SVG}title")
        ground, bars = root.findall(f"{_SVG}path")
        self.ground, self.ink = ground.attrib["fill"], bars.attrib["stroke"]
        self.dark = set(self._modules(bars.attrib["d"]))

    @property
    def has_quiet_zone(self) -> bool:
        inside = range(4, self.side - 4)
        return all(x in inside and y in inside for x, y in self.dark)

    def read(self) -> str:
        scale = 4
        side = self.side * scale
        pixels = bytes(
            0 if (x // scale, y // scale) in self.dark else 255
            for y in range(side)
            for x in range(side)
        )
        (found,) = read_codes(pixels, side)
        return found

    @staticmethod
    def _modules(path: str) -> list[tuple[int, int]]:
        """Follow the pen: `M`, `m` move it, `h` draws a bar."""
        found: list[tuple[int, int]] = []
        x, y = 0.0, 0.0
        for step in path.replace("M", "\nM").replace("m", "\nm").replace("h", "\nh").split("\n"):
            numbers = [float(each) for each in step[1:].replace("-", " -").split()]
            if step.startswith("M"):
                x, y = numbers
            elif step.startswith("m"):
                x, y = x + numbers[0], y + numbers[1]
            elif step.startswith("h"):
                found += [(int(x) + place, int(y)) for place in range(int(numbers[0]))]
                x += numbers[0]
        return found
