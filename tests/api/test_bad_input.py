"""Seats, JSON, ids and times that make no sense: a problem document each, nothing changed, nothing given away.

Most cases are rows of a table: what is sent, and what the answer points at.
"""

from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.api.answers import bad_input, problem
from tests.api.shop import Json, Shop, new_key, purchase

Client = httpx2.AsyncClient
JSON = {"content-type": "application/json"}

SEATS: dict[str, tuple[object, str]] = {
    "none": ([], "/seats"),
    "more than a buyer may": (["1A", "1B", "1C", "1D", "2A", "2B", "2C"], "/seats"),
    "more than there are": ([f"{n}A" for n in range(1, 102)], "/seats"),
    "one twice": (["1A", "1A"], "/seats"),
    "one twice in another case": (["1A", "1a"], "/seats"),
    "not on this bus": (["1A", "99Z"], "/seats/1"),
    "number 0": ([0], "/seats/0"),
    "number -1": ([-1], "/seats/0"),
    "number 2^31": ([2**31], "/seats/0"),
    "number 2^63": ([2**63], "/seats/0"),
    "number 2^64": ([2**64], "/seats/0"),
    "a fraction": ([1.5], "/seats/0"),
    "1e3": (["1e3"], "/seats/0"),
    "-1": (["-1"], "/seats/0"),
    "empty label": ([""], "/seats/0"),
    "label with a space": (["1A "], "/seats/0"),
    "label with a line feed": (["1A\n"], "/seats/0"),
    "label with NUL": (["1A\x00"], "/seats/0"),
    "label of seven": (["1234567"], "/seats/0"),
    "full-width label": (["\uff11A"], "/seats/0"),
    "SQL": (["1A'; DROP TABLE seats --"], "/seats/0"),
    "null": ([None], "/seats/0"),
    "boolean": ([True], "/seats/0"),
    "list in the list": ([["1A"]], "/seats/0"),
    "object": ([{"seat": "1A"}], "/seats/0"),
    "a string": ("1A", "/seats"),
    "a number": (1, "/seats"),
    "null instead": (None, "/seats"),
    "object instead": ({"0": "1A"}, "/seats"),
}


@pytest.mark.parametrize("case", SEATS)
async def test_seats_that_make_no_sense_are_not_held(shop: Shop, guest: Client, case: str) -> None:
    seats, pointer = SEATS[case]
    bus = await shop.bus()
    assert bad_input(await guest.post(f"/buses/{bus}/holds", json={"seats": seats})) == [pointer]
    held = await shop.hold(guest, bus, ["3A"])
    assert bad_input(await guest.put(f"/holds/{held['id']}", json={"seats": seats})) == [pointer]
    assert await shop.rev(bus) == 1


@pytest.mark.parametrize("case", SEATS)
async def test_seats_that_make_no_sense_are_not_sold(shop: Shop, guest: Client, case: str) -> None:
    seats, pointer = SEATS[case]
    wanted = purchase(["1A"]) | {"bus_id": await shop.bus(), "seats": seats}
    pointers = bad_input(await guest.post("/bookings", json=wanted, headers=new_key()))
    assert pointers == ["/hold_id" if seats is None else pointer]
    assert await shop.rev(wanted["bus_id"]) == 0


async def test_seats_that_make_no_sense_are_not_blocked(shop: Shop, manager: Client) -> None:
    bus = await shop.bus()
    for case, (seats, pointer) in SEATS.items():
        if not case.startswith("more than a buyer"):
            wanted = {"bus_id": bus, "seats": seats, "reason": "x"}
            assert bad_input(await manager.post("/admin/blocks", json=wanted)) == [pointer], case
    assert await shop.rev(bus) == 0


LEGS: dict[str, tuple[object, object, str]] = {
    "backwards": (3, 1, "/to_stop"),
    "nowhere": (2, 2, "/to_stop"),
    "from the last stop": (4, None, "/to_stop"),
    "to the first stop": (None, 0, "/to_stop"),
    "from a stop of another line": ("999999", None, "/from_stop"),
    "to a stop of another line": (None, "999999", "/to_stop"),
    "stop 0": ("0", None, "/from_stop"),
    "stop -1": ("-1", None, "/from_stop"),
    "stop 2^64": (str(2**64), None, "/from_stop"),
    "a fraction": ("1.5", None, "/from_stop"),
    "empty": ("", None, "/from_stop"),
    "NUL": ("\x00", None, "/from_stop"),
    "Arabic digit": ("\u0661", None, "/from_stop"),
    "boolean": (True, None, "/from_stop"),
    "list": ([], None, "/from_stop"),
}


@pytest.mark.parametrize("case", LEGS)
async def test_legs_that_make_no_sense_are_refused(shop: Shop, guest: Client, case: str) -> None:
    start, end, pointer = LEGS[case]
    bus = await shop.bus(segments=4)
    leg = {
        name: shop.stops[stop] if type(stop) is int else stop
        for name, stop in (("from_stop", start), ("to_stop", end))
        if stop is not None
    }
    wanted = {"seats": ["1A"]} | leg
    assert bad_input(await guest.post(f"/buses/{bus}/holds", json=wanted)) == [pointer]
    best = await guest.post(f"/buses/{bus}/best-seats", json={"count": 1} | leg)
    assert bad_input(best) == [pointer]
    query = {name: stop for name, stop in leg.items() if isinstance(stop, str)}
    if query == leg:
        assert bad_input(await guest.get(f"/buses/{bus}/seats", params=query)) == [pointer]
    assert await shop.rev(bus) == 0


DOCUMENTS: dict[str, bytes] = {
    "empty": b"",
    "blank": b" \n",
    "cut off": b'{"seats": ["1A"',
    "two": b'{"seats": ["1A"]}{"seats": ["1B"]}',
    "something after": b'{"seats": ["1A"]} x',
    "a comment": b'{"seats": ["1A"] /* two */}',
    "trailing comma": b'{"seats": ["1A",]}',
    "single quotes": b"{'seats': ['1A']}",
    "byte order mark": b'\xef\xbb\xbf{"seats": ["1A"]}',
    "UTF-16": '{"seats": ["1A"]}'.encode("utf-16"),
    "invalid UTF-8": b'{"seats": ["\xff"]}',
    "overlong UTF-8": b'{"seats": ["\xc0\x80"]}',
    "lone surrogate": rb'{"seats": ["\ud800"]}',
    "bare line feed in a string": b'{"seats": ["1A\n"]}',
    "a key twice": b'{"seats": ["1A"], "seats": ["1B"]}',
    "a key twice, once escaped": rb'{"seats": ["1A"], "\u0073eats": ["1B"]}',
    "NaN": b'{"seats": [NaN]}',
    "Infinity": b'{"seats": [Infinity]}',
    "deep lists": b'{"seats": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "deep objects": b'{"seats": ' + b'{"a":' * 5_000 + b"1" + b"}" * 5_000 + b"}",
}


@pytest.mark.parametrize("case", DOCUMENTS)
async def test_what_is_not_json_of_one_meaning_is_refused(
    shop: Shop, guest: Client, case: str
) -> None:
    bus = await shop.bus()
    answer = await guest.post(f"/buses/{bus}/holds", content=DOCUMENTS[case], headers=JSON)
    bad_input(answer, 422 if case.startswith("deep") else 400)
    assert await shop.rev(bus) == 0


SHAPES: dict[str, tuple[bytes, str]] = {
    "null": (b"null", ""),
    "number": (b"1", ""),
    "string": (b'"seats"', ""),
    "list": (b'[{"seats": ["1A"]}]', ""),
    "without seats": (b"{}", "/seats"),
    "unknown field": (b'{"seats": ["1A"], "price": 1}', "/price"),
    "prototype": (b'{"seats": ["1A"], "__proto__": {}}', "/__proto__"),
    "odd field": (b'{"seats": ["1A"], "a/b~c": 1}', "/a~1b~0c"),
    "huge integer": (b'{"seats": [' + b"9" * 4000 + b"]}", "/seats/0"),
    "huge exponent": (b'{"seats": [1e400]}', "/seats/0"),
    "escaped NUL": (rb'{"seats": ["\u0000"]}', "/seats/0"),
}


@pytest.mark.parametrize("case", SHAPES)
async def test_json_of_another_shape_is_refused(shop: Shop, guest: Client, case: str) -> None:
    raw, pointer = SHAPES[case]
    bus = await shop.bus()
    answer = await guest.post(f"/buses/{bus}/holds", content=raw, headers=JSON)
    assert bad_input(answer, answer.status_code) == [pointer]
    assert answer.status_code in {400, 422}
    assert await shop.rev(bus) == 0


@pytest.mark.parametrize(
    "type_", ["", "text/plain", "application/xml", "application/x-www-form-urlencoded", "json"]
)
async def test_a_body_of_another_type_is_not_read(shop: Shop, guest: Client, type_: str) -> None:
    url = f"/buses/{await shop.bus()}/holds"
    answer = await guest.post(url, content=b'{"seats": ["1A"]}', headers={"content-type": type_})
    problem(answer, 415, "unsupported_media_type")


async def test_json_may_name_its_character_set(shop: Shop, guest: Client) -> None:
    url = f"/buses/{await shop.bus()}/holds"
    type_ = {"content-type": "Application/JSON; charset=utf-8"}
    answer = await guest.post(url, content=b'{"seats": ["1A"]}', headers=type_)
    assert answer.status_code == 201


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
async def test_a_compressed_body_is_not_unpacked(shop: Shop, guest: Client, encoding: str) -> None:
    url = f"/buses/{await shop.bus()}/holds"
    answer = await guest.post(url, content=b"x", headers=JSON | {"content-encoding": encoding})
    problem(answer, 415, "unsupported_media_type")


async def test_ten_megabytes_are_refused_however_they_come(shop: Shop, guest: Client) -> None:
    url = f"/buses/{await shop.bus()}/holds"
    problem(await guest.post(url, content=b" " * 10_000_000, headers=JSON), 413, "too_large")

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 100_000

    problem(await guest.post(url, content=pieces(), headers=JSON), 413, "too_large")


PASSENGERS: dict[str, tuple[object, str]] = {
    "none": ([], "/passengers"),
    "too few": ([{"seat": "1A", "name": "Ann"}], "/passengers"),
    "too many": ([{"seat": seat, "name": "Ann"} for seat in ("1A", "1B", "1C")], "/passengers"),
    "two on a seat": ([{"seat": "1A", "name": "Ann"}, {"seat": "1A", "name": "Bo"}], "/passengers"),
    "of another bus": (
        [{"seat": "1A", "name": "Ann"}, {"seat": "9Z", "name": "Bo"}],
        "/passengers/1",
    ),
    "no name": ([{"seat": "1A"}], "/passengers/0/name"),
    "empty name": ([{"seat": "1A", "name": ""}], "/passengers/0/name"),
    "blank name": ([{"seat": "1A", "name": " "}], "/passengers/0/name"),
    "121 characters": ([{"seat": "1A", "name": "x" * 121}], "/passengers/0/name"),
    "NUL": ([{"seat": "1A", "name": "A\x00"}], "/passengers/0/name"),
    "two lines": ([{"seat": "1A", "name": "A\r\nB: c"}], "/passengers/0/name"),
    "terminal colours": ([{"seat": "1A", "name": "\x1b[31mA"}], "/passengers/0/name"),
    "turned around": ([{"seat": "1A", "name": "A\u202eB"}], "/passengers/0/name"),
    "unknown category": (
        [{"seat": "1A", "name": "A", "category": "vip"}],
        "/passengers/0/category",
    ),
    "their own price": ([{"seat": "1A", "name": "A", "price": 1}], "/passengers/0/price"),
}


@pytest.mark.parametrize("case", PASSENGERS)
async def test_passengers_that_make_no_sense_are_refused(
    shop: Shop, guest: Client, case: str
) -> None:
    passengers, pointer = PASSENGERS[case]
    bus = await shop.bus()
    wanted = purchase(["1A", "1B"]) | {"bus_id": bus, "seats": ["1A", "1B"]}
    answer = await guest.post(
        "/bookings", json=wanted | {"passengers": passengers}, headers=new_key()
    )
    assert bad_input(answer) == [pointer]
    assert await shop.rev(bus) == 0


FIELDS: dict[str, tuple[Json, str]] = {
    "unknown method": ({"payment_method": "gold"}, "/payment_method"),
    "no method": ({"payment_method": None}, "/payment_method"),
    "status": ({"status": "CONFIRMED"}, "/status"),
    "total": ({"total": {"amount": 1, "currency": "EUR"}}, "/total"),
    "operator": ({"operator_id": 2}, "/operator_id"),
    "e-mail without @": ({"contact": {"email": "ann"}}, "/contact/email"),
    "e-mail with a line": ({"contact": {"email": "a@b.org\nbcc: c@d.org"}}, "/contact/email"),
    "e-mail too long": ({"contact": {"email": "a@" + "b" * 260}}, "/contact/email"),
    "phone of letters": ({"contact": {"phone": "call me"}}, "/contact/phone"),
    "phone too long": ({"contact": {"phone": "1" * 40}}, "/contact/phone"),
    "contact is a list": ({"contact": []}, "/contact"),
    "a hold as well": ({"hold_id": "x"}, "/hold_id"),
    "no bus": ({"bus_id": None}, "/hold_id"),
}


@pytest.mark.parametrize("case", FIELDS)
async def test_nothing_is_sold_on_fields_that_make_no_sense(
    shop: Shop, guest: Client, case: str
) -> None:
    changes, pointer = FIELDS[case]
    bus = await shop.bus()
    wanted = purchase(["1A"]) | {"bus_id": bus, "seats": ["1A"]} | changes
    answer = await guest.post("/bookings", json=wanted, headers=new_key())
    assert bad_input(answer) == [pointer]
    assert await shop.rev(bus) == 0


@pytest.mark.parametrize("bus", ["0", "-1", "x", "1.0", "9" * 19, "9" * 40, "1; DROP TABLE buses"])
async def test_a_bus_that_cannot_be_sells_nothing(guest: Client, bus: str) -> None:
    wanted = purchase(["1A"]) | {"bus_id": bus, "seats": ["1A"]}
    answer = await guest.post("/bookings", json=wanted, headers=new_key())
    if answer.status_code == 404:
        problem(answer, 404, "not_found")
    else:
        assert bad_input(answer) == ["/bus_id"]


async def test_names_of_any_language_travel_as_they_are(shop: Shop, guest: Client) -> None:
    bus = await shop.bus()
    names = ("José Ñandú", "李小龍", "مريم", "e\u0301", "👩\u200d👩\u200d👧", "=cmd|'/C calc'!A0")
    for seat, name in zip(list(await shop.seats(bus)), names, strict=False):
        people = [{"seat": seat, "name": name}]
        booked = await shop.book(guest, bus, [seat], passengers=people)
        assert booked["passengers"][0]["name"] == name


async def test_a_refused_secret_is_not_repeated(shop: Shop, guest: Client) -> None:
    secret = "hunter2-" * 20
    for path, body in (
        ("/auth/register", {"name": "A", "email": "a@b.org", "password": secret}),
        ("/auth/login", {"email": "a@b.org", "password": secret}),
        ("/auth/login", {"email": "a@b.org", "password": "x", secret[:40]: secret}),
    ):
        answer = await guest.post(path, json=body)
        assert answer.status_code == 422
        assert secret not in answer.text
    bearer = {"authorization": f"Bearer {secret}", "x-booking-key": secret}
    assert "hunter2" not in (await guest.get("/auth/me", headers=bearer)).text
