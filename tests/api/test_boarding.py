"""At the door: manifests and scans, over HTTP."""

import asyncio
import csv
import io
import json
import uuid
from collections import Counter

import httpx2
import pytest

from server.api.boarding import SCANS_MAX
from server.api.manifests import COLUMNS, defuse
from server.ticketing.token import TicketKeys, new_ticket_key
from server.tickets import read_ticket
from server.wire import BODY_BYTES_MAX
from tests.api.answers import bad_input, problem
from tests.api.shop import Json, Shop, new_key, purchase

Client = httpx2.AsyncClient


@pytest.fixture
def scanner(shop: Shop) -> Client:
    return shop.client("scanner")


def scan(bus: str, ticket: str, **more: object) -> Json:
    return {"id": str(uuid.uuid4()), "bus_id": bus, "ticket": ticket, **more}


async def report(client: Client, *scans: Json) -> list[Json]:
    told = await client.post("/devices/me/scans", json={"scans": scans})
    assert told.status_code == 200, told.text
    items: list[Json] = told.json()["items"]
    return items


def tickets(booking: Json) -> list[str]:
    return [str(each["ticket"]) for each in booking["passengers"]]


async def test_a_scanner_sees_its_buses_and_who_travels(shop: Shop, scanner: Client) -> None:
    bus = await shop.bus(segments=4, departs_at="2031-05-01T08:00:00+02:00")
    booking = await shop.book(shop.client("agent"), bus, ["1B", "1A"], method="cash")
    await shop.hold(shop.client("rider"), bus, ["2A"])
    await shop.book(shop.client("rider"), bus, ["2B"])
    listed = await scanner.get("/devices/me/buses", params={"date": "2031-05-01"})
    (line,) = [each for each in listed.json()["items"] if each["id"] == bus]
    assert (line["tickets"], line["boarded"]) == (2, 0)
    answer = await scanner.get(f"/devices/me/manifests/{bus}")
    assert answer.headers["etag"] == line["etag"]
    manifest = answer.json()
    assert [each["seat"] for each in manifest["passengers"]] == ["1A", "1B"]
    assert [each["seat_no"] for each in manifest["passengers"]] == [1, 2]
    first = manifest["passengers"][0]
    assert (first["name"], first["ref"], first["status"], first["boarded"]) == (
        *("Passenger 1A", booking["ref"], "VALID"),
        False,
    )
    assert first["ticket"] in tickets(booking)
    assert (first["from_stop"]["name"], first["to_stop"]["name"]) == ("Ahorn", "Ulme")
    assert (await shop.client("agent").get(f"/admin/buses/{bus}/manifest")).json() == manifest
    assert "ann@example.org" not in answer.text


async def test_a_manifest_that_is_known_is_not_sent_again(shop: Shop, scanner: Client) -> None:
    bus, agent = await shop.bus(), shop.client("agent")
    booking = await shop.book(agent, bus, ["1A", "1B"], method="cash")
    path = f"/devices/me/manifests/{bus}"
    etag = (await scanner.get(path)).headers["etag"]
    known = await scanner.get(path, headers={"if-none-match": etag})
    assert (known.status_code, known.content) == (304, b"")
    epoch, rev, scans, keys = etag.strip('"').split("-")
    await report(scanner, scan(bus, tickets(booking)[0]))
    news = await scanner.get(path, headers={"if-none-match": etag})
    assert news.headers["etag"] == f'"{epoch}-{rev}-{int(scans) + 1}-{keys}"'
    assert news.json()["passengers"][0]["boarded"] is True
    assert news.json()["passengers"][0]["boarded_by"] == "scanner"
    late = await agent.post(f"/bookings/{booking['ref']}/cancel", json={"seats": ["1A"]})
    problem(late, 409, "wrong_state")
    await agent.post(f"/bookings/{booking['ref']}/cancel", json={"seats": ["1B"]})
    gone = await scanner.get(path, headers={"if-none-match": news.headers["etag"]})
    assert [each["status"] for each in gone.json()["passengers"]] == ["VALID", "CANCELLED"]


@pytest.mark.parametrize(
    "ask", [{"params": {"format": "csv"}}, {"headers": {"accept": "text/csv"}}]
)
async def test_a_manifest_is_a_table_in_which_no_name_is_a_formula(
    shop: Shop, ask: dict[str, dict[str, str]]
) -> None:
    bus, names = await shop.bus(), ["=1+1", "+49", "-2", "@SUM(A1)", 'Zoë "Z", Ünal', "  =cmd"]
    seats = ["1A", "1B", "1C", "1D", "2A", "2B"]
    body = purchase(seats, "cash") | {"bus_id": bus, "seats": seats}
    for passenger, name in zip(body["passengers"], names, strict=True):
        passenger["name"] = name
    agent = shop.client("agent")
    assert (await agent.post("/bookings", json=body, headers=new_key())).status_code == 201
    answer = await agent.get(f"/admin/buses/{bus}/manifest", **ask)  # type: ignore[arg-type]  # one of two
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="manifest-{bus}.csv"'
    assert answer.content.startswith(b"\xef\xbb\xbf")
    head, *rows = csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))
    assert tuple(head) == COLUMNS
    assert [row[1] for row in rows] == ["'=1+1", "'+49", "'-2", "'@SUM(A1)", names[4], "'=cmd"]
    assert all(len(row) == len(COLUMNS) for row in rows)


@pytest.mark.parametrize("cell", ["\t=1", "\r=1", "\uff1d1", "\u00a0=1", "@x", "-1"])
def test_whatever_a_spreadsheet_might_run_is_defused(cell: str) -> None:
    assert defuse(cell) == f"'{cell}"
    assert defuse("Anne-Marie +1") == "Anne-Marie +1"


async def test_what_a_scanner_reads_gets_its_verdict_in_order(shop: Shop, scanner: Client) -> None:
    bus, other = await shop.bus(), await shop.bus()
    agent = shop.client("agent")
    booking = await shop.book(agent, bus, ["1A", "1B", "1C"], method="cash")
    elsewhere = await shop.book(agent, other, ["1A"], method="cash")
    await agent.post(f"/bookings/{booking['ref']}/cancel", json={"seats": ["1C"]})
    first, _, third = tickets(booking)
    spoken = {"id": str(uuid.uuid4()), "bus_id": bus, "ref": booking["ref"].lower(), "seat": "1b"}
    asked = [
        scan(bus, first),
        scan(bus, first),
        spoken,
        scan(bus, third),
        scan(bus, tickets(elsewhere)[0]),
        scan(bus, "not a ticket"),
        scan("999999999", first),
    ]
    told = await report(scanner, *asked)
    assert [each["verdict"] for each in told] == [
        *("ok", "already_boarded", "ok", "cancelled", "wrong_bus", "unknown", "unknown")
    ]
    assert [each["id"] for each in told] == [each["id"] for each in asked]
    assert told[0]["passenger"]["name"] == "Passenger 1A"
    assert told[1]["boarded"]["at"] == told[0]["boarded"]["at"]
    assert told[4]["right_bus"] == other
    again = await report(scanner, *asked)
    assert [each["verdict"] for each in again] == [each["verdict"] for each in told]
    assert [each.get("replayed", False) for each in again] == [True] * 6 + [False]
    assert (await report(scanner, scan(bus, first)))[0]["boarded"]["by"] == "scanner"


async def test_of_fifty_doors_at_one_instant_one_opens(shop: Shop) -> None:
    bus = await shop.bus()
    booking = await shop.book(shop.client("agent"), bus, ["1A"], method="cash")
    (ticket,) = tickets(booking)
    doors = [shop.client("scanner"), shop.client("agent")] * 25
    told = await asyncio.gather(*(report(door, scan(bus, ticket)) for door in doors))
    verdicts = Counter(each["verdict"] for (each,) in told)
    assert verdicts == {"ok": 1, "already_boarded": 49}


async def test_five_hundred_scans_go_at_once_and_no_more(shop: Shop, scanner: Client) -> None:
    bus = await shop.bus()
    booking = await shop.book(shop.client("agent"), bus, ["1A"], method="cash")
    offline: Json = {"at": "2026-01-01T00:00:00Z", "offline": True}
    many = [scan(bus, "A" * 32, **offline) for _ in range(499)]
    told = await report(scanner, *many, scan(bus, tickets(booking)[0]))
    assert [each["verdict"] for each in told] == ["unknown"] * 499 + ["ok"]
    more = {"scans": [scan(bus, "x") for _ in range(501)]}
    assert bad_input(await scanner.post("/devices/me/scans", json=more)) == ["/scans"]
    spread = {"scans": [scan(str(number), "x") for number in range(1, 66)]}
    assert bad_input(await scanner.post("/devices/me/scans", json=spread)) == ["/scans"]


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"ticket": None}, "/scans/0"),
        ({"ref": "ABC234"}, "/scans/0"),
        ({"at": "2026-01-01T00:00:00"}, "/scans/0/at"),
        ({"at": "0001-01-01T00:00:00Z"}, "/scans/0/at"),
        ({"id": "7"}, "/scans/0/id"),
        ({"ticket": "a\u0000b"}, "/scans/0/ticket"),
        ({"ticket": ""}, "/scans/0/ticket"),
        ({"verdict": "ok"}, "/scans/0/verdict"),
    ],
)
async def test_a_scan_that_makes_no_sense_is_refused(
    shop: Shop, scanner: Client, wrong: Json, pointer: str
) -> None:
    body = {"scans": [scan(await shop.bus(), "x") | wrong]}
    assert bad_input(await scanner.post("/devices/me/scans", json=body)) == [pointer]


async def test_the_doors_of_another_operator_stay_shut(shop: Shop) -> None:
    bus = await shop.bus()
    booking = await shop.book(shop.client("agent"), bus, ["1A"], method="cash")
    rival = shop.client("rival_agent")
    problem(await rival.get(f"/devices/me/manifests/{bus}"), 404, "not_found")
    problem(await rival.get(f"/admin/buses/{bus}/manifest"), 404, "not_found")
    (theirs,) = await report(rival, scan(bus, tickets(booking)[0]))
    assert theirs.keys() == {"id", "bus_id", "verdict"}
    assert theirs["verdict"] == "unknown"
    (mine,) = await report(shop.client("agent"), scan(bus, tickets(booking)[0]))
    assert mine["verdict"] == "ok"


def test_a_code_that_no_reader_knows_is_no_ticket() -> None:
    keys = TicketKeys([new_ticket_key()])
    assert read_ticket("A" * 31, keys) is None
    assert read_ticket("A" * 32, keys) is None  # of bus 0, which there is not
    assert read_ticket("AAAAAAAAAAEAAAAAAAAAAAAAAAAAAAAA", keys) is not None


async def test_whoever_asks_what_is_held_about_them_sees_when_they_boarded(
    shop: Shop, scanner: Client
) -> None:
    rider, bus = shop.client("rider"), await shop.bus()
    booking = await shop.pay(await shop.book(rider, bus, ["1A", "1B"]))
    (outcome,) = await report(scanner, scan(bus, booking["passengers"][1]["ticket"]))
    assert outcome["verdict"] == "ok"
    told = (await rider.get("/auth/me/export")).json()["boardings"]
    mine = [each for each in told if each["bus_id"] == int(bus)]
    assert [(each["ref"], each["seat"]) for each in mine] == [(booking["ref"], "1B")]


async def test_a_day_of_scans_comes_at_once_and_may_be_larger_than_other_bodies(
    shop: Shop, scanner: Client
) -> None:
    bus = await shop.bus()
    scans = [scan(bus, f"{number:03} {'x' * 150}", offline=True) for number in range(SCANS_MAX)]
    assert len(json.dumps({"scans": scans})) > BODY_BYTES_MAX
    outcomes = await report(scanner, *scans)
    assert Counter(each["verdict"] for each in outcomes) == {"unknown": SCANS_MAX}
    more = [*scans, scan(bus, "one")]
    answer = await scanner.post("/devices/me/scans", json={"scans": more})
    assert bad_input(answer) == ["/scans"]
    padded = {"scans": scans, "padding": "x" * 200_000}
    problem(await scanner.post("/devices/me/scans", json=padded), 413, "too_large")
