"""Refunds over HTTP: shown, promised, paid as promised, refused with what counts now."""

from datetime import UTC, datetime, timedelta

import httpx2

from store.refund_quotes import read_quote, write_quote
from tests.api.answers import problem
from tests.api.back_office import do, fresh, logged
from tests.api.shop import Json, Shop, new_key

Client = httpx2.AsyncClient
TERMS: list[Json] = [
    {"before_minutes": 2880, "percent": 100},
    {"before_minutes": 60, "percent": 40, "fee": 100},
]


async def sell_under(shop: Shop, terms: list[Json]) -> str:
    """Let the buses of a new route of Northline be sold under new rules; return the route."""
    manager = shop.client("manager")
    pattern = [{"stop": shop.stops[at], "arrival_seconds": at * 60} for at in (0, 1)]
    route = await manager.post("/admin/routes", json={"name": fresh("Route"), "stops": pattern})
    number = route.json()["id"]
    rules = await publish(manager, terms)
    used = await manager.put(f"/admin/routes/{number}/refund-rules", json={"rules": rules["id"]})
    assert used.json() == {"rules": rules["id"]}
    return str(number)


async def publish(manager: Client, terms: list[Json]) -> Json:
    drafted = await manager.post(
        "/admin/refund-rules", json={"name": fresh("Saver"), "terms": terms}
    )
    assert drafted.status_code == 201, drafted.text
    published = await manager.post(f"/admin/refund-rules/{drafted.json()['id']}/publish")
    assert published.status_code == 200, published.text
    found: Json = published.json()
    return found


async def paid(shop: Shop, client: Client, seats: list[str], terms: list[Json] = TERMS) -> Json:
    route = await sell_under(shop, terms)
    bus = await shop.bus(route_id=route)
    return await shop.pay(await shop.book(client, bus, seats))


async def test_a_quote_tells_passenger_by_passenger_what_comes_back_and_why(
    shop: Shop, rider: Client
) -> None:
    booked = await paid(shop, rider, ["1A", "1B"])
    quote = (await rider.post(f"/bookings/{booked['ref']}/refund-quote")).json()
    euro = {"currency": "EUR"}
    assert quote["refund"] == {"amount": 1400, **euro}
    assert quote["fees"] == {"amount": 2600, **euro}
    assert quote["passengers"] == [
        {
            "seat": seat,
            "name": f"Passenger {seat}",
            "paid": {"amount": 2000, **euro},
            "refund": {"amount": 700, **euro},
            "fee": {"amount": 1300, **euro},
        }
        for seat in ("1A", "1B")
    ]
    assert (quote["because"], quote["initiator"]) == ("rules", "passenger")
    rule = quote["rule"]
    assert (rule["version"], rule["before_minutes"], rule["percent"]) == (1, 60, 40)
    until = datetime.fromisoformat(quote["valid_until"]) - datetime.now(UTC)
    assert timedelta(minutes=9) < until <= timedelta(minutes=10)


async def test_a_bus_says_what_will_come_back_before_anything_is_bought(shop: Shop) -> None:
    kiosks: Json = {"before_minutes": 0, "percent": 10, "channel": "kiosk"}
    bus = await shop.bus(route_id=await sell_under(shop, [*TERMS, kiosks]))
    rules = (await shop.client().get(f"/buses/{bus}")).json()["rules"]
    assert rules["refund"] == (
        "100 % until 2 days before departure, 40 % less a fee until 1 hour before departure,"
        " as the passenger's own stop has it; nothing later"
    )
    assert rules["refund_terms"] == [
        {"before_minutes": minutes, "percent": percent, "fee": {"amount": fee, "currency": "EUR"}}
        for minutes, percent, fee in ((2880, 100, 0), (60, 40, 100))
    ]
    plain = (await shop.client().get(f"/buses/{await shop.bus()}")).json()["rules"]
    assert [term["percent"] for term in plain["refund_terms"]] == [100]


async def test_what_was_shown_is_paid_and_paid_once(shop: Shop, rider: Client) -> None:
    booked = await paid(shop, rider, ["1A", "1B"])
    url = f"/bookings/{booked['ref']}"
    quote = (await rider.post(f"{url}/refund-quote", json={"seats": ["1b"]})).json()
    body, key = {"quote_id": quote["quote_id"]}, new_key()
    done = await rider.post(f"{url}/cancel", json=body, headers=key)
    assert done.json()["refunded"] == quote["refund"] == {"amount": 700, "currency": "EUR"}
    assert done.json()["status"] == "PARTIALLY_CANCELLED"
    again = await rider.post(f"{url}/cancel", json=body, headers=key)
    assert (again.content, again.headers["idempotent-replayed"]) == (done.content, "true")
    problem(await rider.post(f"{url}/cancel", json=body, headers=new_key()), 409, "wrong_state")


async def test_a_late_quote_is_refused_with_a_new_one_that_can_be_taken(
    shop: Shop, rider: Client
) -> None:
    booked = await paid(shop, rider, ["1A"])
    place = int(booked["bus_id"]), await _number(shop, booked["ref"])
    quote = await shop.store.cancellations.quote(*place, None)
    # As it would have been written a while ago.
    past = {"valid_until": quote.valid_until - timedelta(minutes=11)}
    late = write_quote(shop.store.seals, type(quote)(**(_fields(quote) | past)))
    url, key = f"/bookings/{booked['ref']}/cancel", new_key()
    refused = await rider.post(url, json={"quote_id": late}, headers=key)
    told = problem(refused, 409, "quote_expired")
    assert told["quote"]["refund"] == {"amount": 700, "currency": "EUR"}
    again = await rider.post(url, json={"quote_id": late}, headers=key)
    assert (again.content, again.headers["idempotent-replayed"]) == (refused.content, "true")
    without_key = problem(await rider.post(url, json={"quote_id": late}), 409, "quote_expired")
    assert (await shop.seats(booked["bus_id"]))["1A"] == "BOOKED"
    taken = await rider.post(url, json={"quote_id": without_key["quote"]["quote_id"]})
    assert taken.json()["refunded"]["amount"] == 700


async def test_a_kiosk_gives_up_what_nobody_paid_for_and_never_what_somebody_did(
    shop: Shop,
) -> None:
    kiosk = shop.client("kiosk")
    left, taken = [await shop.book(kiosk, await shop.bus(), ["1A"]) for _ in range(2)]
    quotes = []
    for booked in (left, taken):
        url, key = f"/bookings/{booked['ref']}", {"x-booking-key": booked["access_key"]}
        shown = await kiosk.post(f"{url}/refund-quote", headers=key)
        assert shown.json()["because"] == "unpaid"
        quotes.append((url, key, {"quote_id": shown.json()["quote_id"]}))
    (url, key, quote), (sold_url, sold_key, late) = quotes
    problem(await kiosk.post(f"{url}/cancel", headers=key), 403, "forbidden")
    done = await kiosk.post(f"{url}/cancel", json=quote, headers=key)
    assert done.json()["status"] == "CANCELLED"
    await shop.pay(taken)
    told = problem(
        await kiosk.post(f"{sold_url}/cancel", json=late, headers=sold_key), 409, "quote_expired"
    )
    again = {"quote_id": told["quote"]["quote_id"]}
    problem(await kiosk.post(f"{sold_url}/cancel", json=again, headers=sold_key), 403, "forbidden")
    assert (await shop.seats(taken["bus_id"]))["1A"] == "BOOKED"


async def test_a_quote_of_another_booking_or_of_nobody_opens_nothing(
    shop: Shop, rider: Client
) -> None:
    bus = await shop.bus()
    one, other = [await shop.pay(await shop.book(rider, bus, [seat])) for seat in ("1A", "1B")]
    quote = (await rider.post(f"/bookings/{one['ref']}/refund-quote")).json()["quote_id"]
    assert read_quote(shop.store.seals, quote) is not None
    url = f"/bookings/{other['ref']}/cancel"
    for given in (quote, "A" * 60):
        refused = await rider.post(url, json={"quote_id": given})
        assert problem(refused, 422, "invalid_request")["errors"][0]["code"] == "unknown_quote"
    refused = await rider.post(
        f"/bookings/{one['ref']}/cancel", json={"quote_id": quote, "seats": ["1B"]}
    )
    assert problem(refused, 422, "invalid_request")["errors"][0]["code"] == "not_as_quoted"


async def test_only_staff_cancels_in_the_operators_name_and_says_why(
    shop: Shop, rider: Client, agent: Client
) -> None:
    booked = await paid(shop, rider, ["1A"])
    url = f"/bookings/{booked['ref']}"
    body = {"initiator": "operator", "reason": "wrong coach"}
    problem(await rider.post(f"{url}/cancel", json=body), 403, "forbidden")
    problem(
        await rider.post(f"{url}/refund-quote", json={"initiator": "operator"}), 403, "forbidden"
    )
    silent = await agent.post(f"{url}/cancel", json={"initiator": "operator"})
    assert problem(silent, 422, "invalid_request")["errors"][0]["pointer"] == "/reason"
    quote = (await agent.post(f"{url}/refund-quote", json={"initiator": "operator"})).json()
    assert (quote["because"], quote["refund"]["amount"]) == ("operator", 2000)
    done = await agent.post(f"{url}/cancel", json=body | {"quote_id": quote["quote_id"]})
    assert done.json()["refunded"]["amount"] == 2000
    assert await logged(shop, f"booking {booked['ref']}") == ["booking.cancel"]


async def test_every_fault_of_rules_is_named(manager: Client) -> None:
    terms = [
        {"before_minutes": -1, "percent": 101},
        {"before_minutes": 60, "percent": 50},
        {"before_minutes": 60, "percent": 50},
    ]
    refused = await manager.post("/admin/refund-rules", json={"name": "x", "terms": terms})
    errors = problem(refused, 422, "invalid_request")["errors"]
    assert [(error["pointer"], error["code"]) for error in errors] == [
        ("/terms/0/before_minutes", "out_of_range"),
        ("/terms/0/percent", "out_of_range"),
        ("/terms/2", "duplicate_term"),
    ]


async def test_rules_go_from_draft_to_published_to_in_use(shop: Shop, manager: Client) -> None:
    name = fresh("Flex")
    first = {"name": name, "terms": [{"before_minutes": 0, "percent": 1}]}
    draft = (await manager.post("/admin/refund-rules", json=first)).json()
    assert (draft["version"], draft["status"]) == (1, "draft")
    problem(await manager.post("/admin/refund-rules", json=first), 409, "already_exists")
    url = f"/admin/refund-rules/{draft['id']}"
    rewritten = (await manager.put(url, json={"terms": TERMS})).json()
    assert rewritten["terms"][1] == {
        "before_minutes": 60,
        "percent": 40,
        "fee": 100,
        "service_fee_paid_by": "passenger",
        "channel": None,
        "initiator": "passenger",
    }
    north = f"/admin/operators/{shop.operators['Northline']}/refund-rules"
    early = await manager.put(north, json={"rules": draft["id"]})
    assert problem(early, 422, "invalid_request")["errors"][0]["code"] == "not_published"
    assert (await manager.post(f"{url}/publish")).json()["status"] == "published"
    problem(await manager.put(url, json={"terms": TERMS}), 409, "wrong_state")
    problem(await manager.post(f"{url}/publish"), 409, "wrong_state")
    second = (await manager.post("/admin/refund-rules", json=first)).json()
    assert second["version"] == 2
    listed: list[Json] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await manager.get("/admin/refund-rules", params={"limit": "5"} | cursor)).json()
        listed += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    mine = [(rules["version"], rules["status"]) for rules in listed if rules["name"] == name]
    assert mine == [(1, "published"), (2, "draft")]
    assert await logged(shop, f"refund rules {draft['id']}") == [
        "refund_rules.draft",
        "refund_rules.rewrite",
        "refund_rules.publish",
    ]


async def test_a_cancelled_bus_tells_how_far_its_refunds_are(
    shop: Shop, manager: Client, rider: Client
) -> None:
    bus = await shop.bus()
    for seat in ("1A", "1B", "1C"):
        await shop.pay(await shop.book(rider, bus, [seat]))
    url = f"/admin/buses/{bus}/refunds"
    assert (await manager.get(url)).json()["booked"] == 0
    await do(manager, bus, "cancel")
    told = (await manager.get(url)).json()
    assert (told["booked"], told["refunded"], told["to_go"]) == (3, 0, 3)
    rows = await shop.owner.fetch(
        "SELECT booking_id FROM jobs WHERE bus_id = $1 AND kind = 'BUS_CHANGED'", int(bus)
    )
    assert len(rows) == 3
    for row in rows[:2]:
        await shop.store.cancellations.refund_cancelled(int(bus), row["booking_id"])
    told = (await manager.get(url)).json()
    assert (told["booked"], told["refunded"], told["to_go"]) == (3, 2, 1)
    assert told["amount"] == {"amount": 4000, "currency": "EUR"}


async def _number(shop: Shop, ref: str) -> int:
    number: int = await shop.owner.fetchval("SELECT booking_id FROM bookings WHERE ref = $1", ref)
    return number


def _fields(thing: object) -> Json:
    return {name: getattr(thing, name) for name in type(thing).__slots__}  # type: ignore[attr-defined] # a slotted dataclass
