"""At the door, with what is printed: signed codes, every verdict, boardings taken back, seats given away."""

import base64
import uuid

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from server.ticketing.token import TicketKeys, new_ticket_key, read, signed_ticket
from store.house_keys import TICKETS
from store.scans import SignedTicket
from tests.api.answers import bad_input, problem
from tests.api.back_office import logged
from tests.api.shop import Json, Shop
from tests.api.test_boarding import report, scan, tickets

Client = httpx2.AsyncClient


@pytest.fixture
def scanner(shop: Shop) -> Client:
    return shop.client("scanner")


async def codes_of(shop: Shop, booking: Json) -> list[str]:
    """Return what is in the QR codes of a booking."""
    keys = TicketKeys(await shop.store.house_keys.find_or_make(TICKETS, new_ticket_key))
    sold = await shop.store.lookup.find_by_ref(booking["ref"])
    return [keys.mint(signed_ticket(sold, ticket)) for ticket in sold.tickets]


async def leave(shop: Shop, bus: str, minutes: int) -> None:
    """Let a bus have left its first stop so many minutes ago."""
    late = await shop.owner.fetchval(
        "SELECT clock_timestamp() - departs_at - make_interval(mins => $2) FROM bus_stops"
        " WHERE bus_id = $1 AND idx = 0",
        int(bus),
        minutes,
    )
    moved = "departs_at = departs_at + $2, arrives_at = arrives_at + $2"
    for change in (f"bus_stops SET {moved}", f"buses SET facts = facts + 1, {moved}"):
        await shop.owner.execute(f"UPDATE {change} WHERE bus_id = $1", int(bus), late)


async def test_every_verdict_that_there_is(shop: Shop) -> None:
    agent = shop.client("agent")
    bus, other = await shop.bus(segments=4), await shop.bus()
    here = {"from_stop": shop.stops[0], "to_stop": shop.stops[4]}
    first = await shop.book(agent, bus, ["1A", "1B"], method="cash", **here)
    later = await shop.book(
        agent, bus, ["1C"], method="cash", from_stop=shop.stops[2], to_stop=shop.stops[4]
    )
    gone = await shop.book(agent, bus, ["1D"], method="cash", **here)
    elsewhere = await shop.book(agent, other, ["1A"], method="cash")
    await agent.post(f"/bookings/{gone['ref']}/cancel", json={})
    (boards, missing), (waits,) = await codes_of(shop, first), await codes_of(shop, later)
    (void,), (wrong,) = await codes_of(shop, gone), await codes_of(shop, elsewhere)
    forged = boards[:-1] + ("0" if boards[-1] != "0" else "1")
    await leave(shop, bus, 20)
    stop = shop.stops[0]
    told = await report(
        agent,
        *(scan(bus, code, stop=stop) for code in (boards, boards, void, wrong, waits, forged)),
        scan(bus, "not a ticket", stop=stop),
    )
    assert [each["verdict"] for each in told] == [
        *("ok", "already_boarded", "cancelled", "wrong_bus", "wrong_stop", "bad_signature"),
        "unknown",
    ]
    assert told[0]["passenger"]["seat"] == "1A"
    assert told[3]["right_bus"] == other
    released = await agent.post(f"/admin/buses/{bus}/no-shows")
    assert [each["seats"] for each in released.json()["items"]] == [["1B"]]
    (late,) = await report(agent, scan(bus, missing))
    assert late["verdict"] == "no_show"
    early = await shop.book(
        agent, await shop.bus(departs_at="2031-05-01T08:00:00Z"), ["1A"], method="cash"
    )
    (soon,) = await report(agent, scan(early["bus_id"], (await codes_of(shop, early))[0]))
    assert soon["verdict"] == "too_early"
    await leave(shop, other, 48 * 60)
    (over,) = await report(agent, scan(other, wrong))
    assert over["verdict"] == "too_late"


async def test_a_code_of_another_operator_is_unknown_and_tells_nothing(shop: Shop) -> None:
    bus = await shop.bus()
    booking = await shop.book(shop.client("agent"), bus, ["1A"], method="cash")
    theirs = await shop.client("admin").post(
        "/admin/buses",
        json={
            "name": "Their bus",
            "departs_at": "2031-05-01T08:00:00Z",
            "price": 1,
            "total_seats": 4,
            "operator": shop.operators["Southline"],
        },
    )
    (code,) = await codes_of(shop, booking)
    (told,) = await report(shop.client("rival_agent"), scan(theirs.json()["id"], code))
    assert told.keys() == {"id", "bus_id", "verdict"}
    assert told["verdict"] == "unknown"


async def test_a_signature_proves_no_ticket_that_is_not_there(shop: Shop, scanner: Client) -> None:
    bus = await shop.bus()
    booking = await shop.book(shop.client("agent"), bus, ["1A"], method="cash")
    keys = TicketKeys(await shop.store.house_keys.find_or_make(TICKETS, new_ticket_key))
    sold = await shop.store.lookup.find_by_ref(booking["ref"])
    good = signed_ticket(sold, sold.tickets[0])
    for wrong in (
        SignedTicket(good.bus_id, good.booking_id, 2, good.leg, good.code_start),
        SignedTicket(good.bus_id, good.booking_id + 1, 1, good.leg, good.code_start),
        SignedTicket(good.bus_id, good.booking_id, 1, good.leg, bytes(4)),
        SignedTicket(2**62, 2**62, 1, good.leg, bytes(4)),
    ):
        (told,) = await report(scanner, scan(bus, keys.mint(wrong)))
        assert told["verdict"] == "unknown"


async def test_a_scanner_learns_the_keys_and_needs_nobody_else(shop: Shop, scanner: Client) -> None:
    bus = await shop.bus()
    booking = await shop.book(shop.client("agent"), bus, ["1A"], method="cash")
    answer = await scanner.get("/boarding/keys")
    assert answer.headers["cache-control"] == "private, no-cache"
    shown = answer.json()["items"]
    offline = {
        key["number"]: Ed25519PublicKey.from_public_bytes(
            base64.urlsafe_b64decode(key["key"] + "=")
        )
        for key in shown
    }
    (code,) = await codes_of(shop, booking)
    said = read(code, offline)
    assert isinstance(said, SignedTicket)
    assert said.bus_id == int(bus)
    assert {key["algorithm"] for key in shown} == {"Ed25519"}
    manifest = await scanner.get(f"/devices/me/manifests/{bus}")
    assert manifest.json()["keys"] == shown
    known = await scanner.get("/boarding/keys", headers={"if-none-match": answer.headers["etag"]})
    assert known.status_code == 304
    assert answer.headers["etag"].strip('"') in manifest.headers["etag"]


async def test_a_manifest_says_who_gets_on_and_off_where(shop: Shop, scanner: Client) -> None:
    agent, bus = shop.client("agent"), await shop.bus(segments=4)
    first, second, third, *_ = shop.stops
    await shop.book(agent, bus, ["1A"], method="cash", from_stop=first, to_stop=third)
    await shop.book(agent, bus, ["1B"], method="cash", from_stop=second, to_stop=third)
    missing = await shop.book(agent, bus, ["1C"], method="cash", from_stop=first, to_stop=second)
    await leave(shop, bus, 20)
    await agent.post(f"/admin/buses/{bus}/no-shows", json={"tickets": tickets(missing)})
    whole = (await scanner.get(f"/devices/me/manifests/{bus}")).json()
    told = [(each["boards"], each["alights"], each["no_shows"]) for each in whole["stops"]]
    assert told[:3] == [(["1A"], [], ["1C"]), (["1B"], [], []), ([], ["1A", "1B"], [])]
    assert [each["stop"]["name"] for each in whole["stops"]][:2] == ["Ahorn", "Birke"]
    assert [each["status"] for each in whole["passengers"]] == ["VALID", "VALID", "NO_SHOW"]
    part = await scanner.get(f"/devices/me/manifests/{bus}", params={"stop": second})
    assert [each["seat"] for each in part.json()["passengers"]] == ["1B", "1C"]
    assert (
        part.headers["etag"] != (await scanner.get(f"/devices/me/manifests/{bus}")).headers["etag"]
    )
    wrong = await scanner.get(f"/devices/me/manifests/{bus}", params={"stop": "x"})
    assert bad_input(wrong) == ["/stop"]


async def test_a_boarding_is_taken_back_over_http(shop: Shop, scanner: Client) -> None:
    bus = await shop.bus()
    booking = await shop.book(shop.client("agent"), bus, ["1A"], method="cash")
    (ticket,) = tickets(booking)
    once = scan(bus, ticket)
    await report(scanner, once)
    which = {"id": once["id"], "bus_id": bus}
    path = f"/devices/me/manifests/{bus}"
    etag = (await scanner.get(path)).headers["etag"]
    undone = await scanner.post("/devices/me/scans/undo", json=which)
    assert undone.status_code == 200
    assert undone.json()["passenger"]["seat"] == "1A"
    news = await scanner.get(path, headers={"if-none-match": etag})
    assert news.json()["passengers"][0]["boarded"] is False
    assert "boarding.undo" in await logged(shop, f"bus {bus}")
    (again,) = await report(scanner, scan(bus, ticket))
    assert again["verdict"] == "ok"
    (replayed,) = await report(scanner, once)
    assert (replayed["replayed"], replayed["undone"]) == (True, True)
    nothing = which | {"id": str(uuid.uuid4())}
    problem(await scanner.post("/devices/me/scans/undo", json=nothing), 404, "not_found")
    problem(
        await scanner.post("/devices/me/scans/undo", json=which | {"bus_id": "x"}), 404, "not_found"
    )
    unknown = scan(bus, "nonsense")
    await report(scanner, unknown)
    told = await scanner.post("/devices/me/scans/undo", json={"id": unknown["id"], "bus_id": bus})
    problem(told, 409, "wrong_state")


async def test_an_operator_says_how_long_it_waits_and_who_gives_seats_away(shop: Shop) -> None:
    # One of its own: others are changed by other tests.
    admin, name = shop.client("admin"), f"Doors {uuid.uuid4()}"
    wanted = {"name": name, "time_zone": "UTC", "currency": "EUR"}
    before = (await admin.post("/admin/operators", json=wanted)).json()
    assert (before["no_show_minutes"], before["release_no_shows"]) == (15, False)
    path = f"/admin/operators/{before['id']}"
    changed = await admin.patch(path, json={"no_show_minutes": 5, "release_no_shows": True})
    assert (changed.json()["no_show_minutes"], changed.json()["release_no_shows"]) == (5, True)
    assert bad_input(await admin.patch(path, json={"no_show_minutes": 241})) == ["/no_show_minutes"]


async def test_tickets_of_other_buses_are_no_no_shows_of_this_one(shop: Shop) -> None:
    agent, bus = shop.client("agent"), await shop.bus()
    booking = await shop.book(agent, bus, ["1A"], method="cash")
    for wrong in (["nonsense"], tickets(booking)):
        other = await shop.bus()
        told = await agent.post(f"/admin/buses/{other}/no-shows", json={"tickets": wrong})
        assert bad_input(told) == ["/tickets/0"]
    waited = await agent.post(f"/admin/buses/{bus}/no-shows", json={"tickets": tickets(booking)})
    assert waited.json() == {"items": []}
    problem(await shop.client("support").post(f"/admin/buses/{bus}/no-shows"), 403, "forbidden")
