"""Queries, cursors, times and whole requests that make no sense."""

import asyncio
import base64

import httpx2
import pytest

from tests.api.answers import bad_input, problem
from tests.api.served import Served
from tests.api.shop import Json, Shop

Client = httpx2.AsyncClient


def cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


QUERIES: dict[str, tuple[Json, str]] = {
    "limit 0": ({"limit": "0"}, "/limit"),
    "limit -1": ({"limit": "-1"}, "/limit"),
    "limit 10^9": ({"limit": "1000000000"}, "/limit"),
    "limit 10^30": ({"limit": "1" + "0" * 30}, "/limit"),
    "limit 1.5": ({"limit": "1.5"}, "/limit"),
    "limit ten": ({"limit": "ten"}, "/limit"),
    "empty limit": ({"limit": ""}, "/limit"),
    "unknown order": ({"sort": "price; DROP TABLE buses"}, "/sort"),
    "stop 0": ({"from": "0"}, "/from"),
    "stop of SQL": ({"from": "1' OR '1'='1"}, "/from"),
    "stop 2^63": ({"to": str(2**63)}, "/to"),
    "operator in words": ({"operator": "all"}, "/operator"),
    "operator 2^31": ({"operator": str(2**31)}, "/operator"),
    "no date": ({"date": "tomorrow"}, "/date"),
    "no such date": ({"date": "2027-02-29"}, "/date"),
    "month 13": ({"date": "2027-13-01"}, "/date"),
    "first day of all": ({"date": "0001-01-01"}, "/date"),
    "last day of all": ({"date": "9999-12-31"}, "/date"),
    "moment": ({"date": "2027-01-01T00:00:00Z"}, "/date"),
    "week": ({"date": "2027-W01-1"}, "/date"),
    "cursor of words": ({"cursor": "next"}, "/cursor"),
    "cursor of null": ({"cursor": cursor("null")}, "/cursor"),
    "cursor too short": ({"cursor": cursor('["2027-01-01T00:00:00Z"]')}, "/cursor"),
    "cursor without offset": ({"cursor": cursor('["2027-01-01T00:00:00", 1]')}, "/cursor"),
    "cursor before time": ({"cursor": cursor('["0001-01-01T00:00:00+14:00", 1]')}, "/cursor"),
    "cursor after time": ({"cursor": cursor('["9999-12-31T23:59:59-14:00", 1]')}, "/cursor"),
    "cursor of bus 2^63": ({"cursor": cursor(f'["2027-01-01T00:00:00Z", {2**63}]')}, "/cursor"),
    "cursor of bus -1": ({"cursor": cursor('["2027-01-01T00:00:00Z", -1]')}, "/cursor"),
    "cursor of depth": ({"cursor": cursor("[" * 1000)}, "/cursor"),
    "cursor of another list": (
        {"cursor": cursor('["2027-01-01T00:00:00Z", 1, 2]')},
        "/cursor",
    ),
}


@pytest.mark.parametrize("case", QUERIES)
async def test_a_search_that_makes_no_sense_is_refused(guest: Client, case: str) -> None:
    query, pointer = QUERIES[case]
    assert bad_input(await guest.get("/buses", params=query)) == [pointer]


@pytest.mark.parametrize(
    "case", [name for name in QUERIES if name.split()[0] in {"limit", "cursor"}]
)
async def test_a_list_of_bookings_is_as_strict(rider: Client, case: str) -> None:
    query, pointer = QUERIES[case]
    if case != "cursor of another list":
        assert bad_input(await rider.get("/bookings", params=query)) == [pointer]


@pytest.mark.parametrize(
    "query", ["limit=1&limit=2", "q=%ff", "&".join(f"a{n}=1" for n in range(60))]
)
async def test_a_query_of_two_meanings_or_none_is_refused(guest: Client, query: str) -> None:
    bad_input(await guest.get(f"/stops?{query}"), 400)


@pytest.mark.parametrize("day", ["2028-02-29", "2027-03-28", "2027-10-31"])
async def test_leap_days_and_changes_of_the_clock_can_be_searched(
    shop: Shop, guest: Client, day: str
) -> None:
    answer = await guest.get("/buses", params={"date": day, "from": shop.stops[0]})
    assert answer.status_code == 200


MOMENTS: dict[str, object] = {
    "without offset": "2027-06-01T08:00:00",
    "leap second": "2027-06-30T23:59:60Z",
    "no such day": "2027-02-29T08:00:00Z",
    "hour 24": "2027-06-01T24:00:00Z",
    "offset of 99 hours": "2027-06-01T08:00:00+99:00",
    "date only": "2027-06-01",
    "seconds since 1970": 1_800_000_000,
    "words": "tomorrow",
    "year 9999": "9999-12-31T23:59:59Z",
    "year 1": "0001-01-01T00:00:00+14:00",
    "year 10000": "10000-01-01T00:00:00Z",
    "null": None,
}


@pytest.mark.parametrize("case", MOMENTS)
async def test_a_bus_departs_at_a_moment_of_this_world(
    shop: Shop, manager: Client, case: str
) -> None:
    bus = {"name": "N1", "total_seats": 4, "price": 1, "departs_at": MOMENTS[case]}
    assert bad_input(await manager.post("/admin/buses", json=bus)) == ["/departs_at"]
    if MOMENTS[case] is not None:
        good = bus | {"departs_at": "2027-06-01T08:00:00Z", "arrives_at": MOMENTS[case]}
        assert bad_input(await manager.post("/admin/buses", json=good)) == ["/arrives_at"]


async def test_a_bus_does_not_arrive_before_it_leaves(manager: Client) -> None:
    bus = {"name": "N1", "total_seats": 4, "price": 1, "departs_at": "2027-06-01T08:00:00Z"}
    for arrival in ("2027-06-01T08:00:00Z", "2027-06-01T09:59:00+02:00"):
        answer = await manager.post("/admin/buses", json=bus | {"arrives_at": arrival})
        assert bad_input(answer) == ["/arrives_at"]


@pytest.mark.parametrize("hour", ["02:30:00+01:00", "02:30:00+02:00"])
async def test_an_hour_that_the_clock_skips_or_repeats_is_a_moment_like_any(
    manager: Client, hour: str
) -> None:
    for day in ("2027-03-28", "2027-10-31"):
        bus = {"name": "N1", "total_seats": 4, "price": 1, "departs_at": f"{day}T{hour}"}
        assert (await manager.post("/admin/buses", json=bus)).status_code == 201


@pytest.mark.parametrize("count", [0, -1, 9, 2**31, 2**63, 1.5, "1", None, True, []])
async def test_best_seats_are_for_one_to_eight(shop: Shop, guest: Client, count: object) -> None:
    url = f"/buses/{await shop.bus()}/best-seats"
    assert bad_input(await guest.post(url, json={"count": count})) == ["/count"]


RAW: dict[str, bytes] = {
    "no HTTP": b"hello\r\n\r\n",
    "length and chunks": (
        b"POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n"
        b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "two lengths": (
        b"POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n"
        b"content-length: 3\r\n\r\n{}"
    ),
    "length of words": b"POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: x\r\n\r\n",
    "length below 0": b"POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
    "bad chunk": (
        b"POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b"transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"
    ),
    "NUL in a header": b"GET /api/v1/stops HTTP/1.1\r\nhost: x\r\na: \x00\r\n\r\n",
    "1,000 headers": b"GET /api/v1/x HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * 1000 + b"\r\n",
    "header of 64 KiB": b"GET /api/v1/x HTTP/1.1\r\nhost: x\r\na: " + b"b" * 65536 + b"\r\n\r\n",
    "header of a megabyte": b"GET /api/v1/x HTTP/1.1\r\nhost: x\r\na: "
    + b"b" * 2**20
    + b"\r\n\r\n",
    "path of a megabyte": b"GET /" + b"b" * 2**20 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
    "path of another host": b"GET http://evil.example/api/v1/x HTTP/1.1\r\nhost: x\r\n\r\n",
    "broken percent": b"GET /api/v1/buses/%zz HTTP/1.1\r\nhost: x\r\n\r\n",
    "invalid UTF-8": b"GET /api/v1/buses/%ff%fe HTTP/1.1\r\nhost: x\r\n\r\n",
    "bytes in a path": b"GET /api/v1/buses/\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n",
    "no version": b"GET /api/v1/x\r\n\r\n",
    "small letters": b"get /api/v1/stops HTTP/1.1\r\nhost: x\r\n\r\n",
    "up and away": b"GET /static/x/../../pyproject.toml HTTP/1.1\r\nhost: x\r\n\r\n",
    "up and away, escaped": b"GET /static/x/%2e%2e/%2e%2e/pyproject.toml HTTP/1.1\r\nhost: x\r\n\r\n",
    "1,000 ranges": (
        b"GET /api/v1/x HTTP/1.1\r\nhost: x\r\nrange: bytes=" + b"0-1," * 1000 + b"\r\n\r\n"
    ),
}


@pytest.mark.parametrize("case", RAW)
async def test_a_request_that_is_not_http_as_it_should_be_is_refused(
    served_shop: tuple[Served, Shop], shop: Shop, case: str
) -> None:
    served, _ = served_shop
    reader, writer = await asyncio.open_connection(*served.address)
    writer.write(RAW[case])
    line = await reader.readline()
    writer.close()
    assert line.split()[1][:1] == b"4", line


async def test_methods_cannot_be_smuggled_in_headers(shop: Shop, guest: Client) -> None:
    bus = await shop.bus()
    held = await shop.hold(guest, bus, ["1A"])
    for name in ("x-http-method-override", "x-http-method", "x-method-override"):
        assert (
            await guest.get(f"/holds/{held['id']}", headers={name: "DELETE"})
        ).status_code == 200
    assert (await shop.seats(bus))["1A"] == "LOCKED"


async def test_forwarding_headers_from_outside_make_nobody_secure(guest: Client) -> None:
    headers = {"x-forwarded-proto": "https", "forwarded": "proto=https", "x-forwarded-host": "evil"}
    answer = await guest.post("/auth/logout", headers=headers)
    assert "__Host-" not in answer.headers["set-cookie"]
    assert "strict-transport-security" not in answer.headers


async def test_every_answer_has_an_id_and_safe_headers(guest: Client) -> None:
    for path in ("/stops", "/nowhere", "/auth/me"):
        answer = await guest.get(path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        if answer.status_code >= 400:
            assert answer.json()["request_id"] == answer.headers["x-request-id"]


async def test_a_path_that_nobody_serves_is_a_problem(shop: Shop, guest: Client) -> None:
    for path in ("/nowhere", "/buses/1/nowhere", "//buses", "/admin", "/../livez"):
        problem(await guest.get(path), 404, "not_found")
    problem(await shop.client(prefix="").get("/api/v2/buses"), 404, "not_found")
