from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx2
import pytest

from tests.api.answers import bad_input, problem
from tests.api.shop import Shop

Client = httpx2.AsyncClient
BERLIN = ZoneInfo("Europe/Berlin")


def at(day: int, hour: int, minute: int = 0) -> str:
    """Return a local moment on a day of next year's June, which no other test sells buses for."""
    year = datetime.now(UTC).year + 1
    return datetime(year, 6, day, hour, minute, tzinfo=BERLIN).isoformat()


async def test_stops_are_found_by_part_of_their_name(guest: Client, shop: Shop) -> None:
    found = await guest.get("/stops", params={"q": "iRk"})
    assert found.status_code == 200
    (stop,) = found.json()["items"]
    assert stop == {"id": shop.stops[1], "name": "Birke", "time_zone": "Europe/Berlin"}


@pytest.mark.parametrize("text", ["%", "_", "\\", "'; DROP TABLE stops --", "zzz", "\x00%"])
async def test_stops_are_searched_for_the_characters_that_were_typed(
    guest: Client, text: str
) -> None:
    found = await guest.get("/stops", params={"q": text})
    assert found.status_code == 200
    # None of ours; other tests have made stops with strange names.
    assert all(text.strip("\x00") in stop["name"] for stop in found.json()["items"])


async def test_a_search_names_the_leg_its_price_and_its_free_seats(
    shop: Shop, guest: Client
) -> None:
    bus = await shop.bus(segments=4, departs_at=at(1, 9))
    await shop.hold(guest, bus, ["1A"], to_stop=shop.stops[1])
    wish = {"from": shop.stops[1], "to": shop.stops[3], "date": at(1, 9)[:10]}
    (item,) = (await guest.get("/buses", params=wish)).json()["items"]
    assert item["id"] == bus
    assert item["operator"] == {"id": shop.operators["Northline"], "name": "Northline"}
    assert item["route"] == {"id": shop.route, "name": "Tree line"}
    assert (item["from_stop"]["name"], item["to_stop"]["name"]) == ("Birke", "Linde")
    assert datetime.fromisoformat(item["departs_at"]) == datetime.fromisoformat(at(1, 9, 30))
    assert datetime.fromisoformat(item["arrives_at"]) == datetime.fromisoformat(at(1, 10, 30))
    assert item["price"] == {"amount": 1000, "currency": "EUR"}
    assert (item["seats_total"], item["seats_available"]) == (40, 40)
    assert item["status"] == "SCHEDULED"


async def test_a_day_is_that_of_the_boarding_stop(shop: Shop, guest: Client) -> None:
    first = await shop.bus(segments=4, departs_at=at(3, 0))
    last = await shop.bus(segments=4, departs_at=at(3, 23, 59))
    await shop.bus(segments=4, departs_at=at(4, 0))
    wish = {"from": shop.stops[0], "date": at(3, 12)[:10]}
    found = (await guest.get("/buses", params=wish)).json()["items"]
    assert [bus["id"] for bus in found] == [first, last]


async def test_a_search_goes_on_where_its_last_page_ended(shop: Shop, guest: Client) -> None:
    buses = [await shop.bus(segments=4, departs_at=at(5, hour)) for hour in (8, 8, 9, 10, 11)]
    wish = {"from": shop.stops[0], "date": at(5, 8)[:10], "limit": "2"}
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (
            await guest.get("/buses", params=wish | ({"cursor": cursor} if cursor else {}))
        ).json()
        found += [bus["id"] for bus in page["items"]]
        cursor = page["next_cursor"]
    assert found == buses


async def test_a_search_can_be_limited_to_an_operator(shop: Shop, guest: Client) -> None:
    theirs = await shop.bus(operator=shop.operators["Southline"], departs_at=at(7, 8))
    await shop.bus(departs_at=at(7, 8))
    wish = {"operator": shop.operators["Southline"], "date": at(7, 8)[:10]}
    found = (await guest.get("/buses", params=wish)).json()["items"]
    assert [bus["id"] for bus in found] == [theirs]


async def test_nothing_goes_backwards(shop: Shop, guest: Client) -> None:
    await shop.bus(segments=4, departs_at=at(9, 8))
    wish = {"from": shop.stops[3], "to": shop.stops[1], "date": at(9, 8)[:10]}
    assert (await guest.get("/buses", params=wish)).json() == {"items": [], "next_cursor": None}


async def test_a_search_for_a_stop_that_does_not_exist_says_so(guest: Client) -> None:
    problem(await guest.get("/buses", params={"from": "999999"}), 404, "not_found")


async def test_a_bus_tells_its_stops_layout_fares_and_rules(shop: Shop, guest: Client) -> None:
    bus = await shop.bus(segments=4, departs_at=at(11, 8))
    shown = (await guest.get(f"/buses/{bus}")).json()
    assert [call["stop"]["id"] for call in shown["stops"]] == list(shop.stops)
    assert datetime.fromisoformat(shown["stops"][2]["departs_at"]) == datetime.fromisoformat(
        at(11, 9)
    )
    assert len(shown["layout"]["seats"]) == shown["seats_total"] == shown["seats_available"] == 40
    assert [fare["price"]["amount"] for fare in shown["fares"]] == [500, 500, 500, 500]
    assert shown["price"] == {"amount": 2000, "currency": "EUR"}
    assert shown["rules"]["seats_per_buyer"] == 6


@pytest.mark.parametrize("bus", ["0", "-1", "1.5", "1e3", "01", "x", "9" * 30, "%00", "999999999"])
async def test_a_bus_that_does_not_exist_is_not_found(guest: Client, bus: str) -> None:
    problem(await guest.get(f"/buses/{bus}"), 404, "not_found")
    problem(await guest.get(f"/buses/{bus}/seats"), 404, "not_found")
    problem(await guest.post(f"/buses/{bus}/holds", json={"seats": ["1A"]}), 404, "not_found")
    problem(await guest.post(f"/buses/{bus}/best-seats", json={"count": 1}), 404, "not_found")


async def test_the_seat_map_has_every_seat_with_its_place_and_price(
    shop: Shop, guest: Client
) -> None:
    bus = await shop.bus(segments=4, total_seats=None, layout_id=shop.layout)
    shown = (await guest.get(f"/buses/{bus}/seats")).json()
    assert (shown["bus_id"], shown["epoch"], shown["rev"], shown["segments"]) == (bus, 1, 0, 4)
    assert len(shown["seats"]) == 62
    for seat in shown["seats"]:
        assert (seat["status"], seat["states"]) == ("AVAILABLE", "AAAA")
        assert min(seat["deck"], seat["row"], seat["column"]) >= 1
        assert isinstance(seat["attributes"], list)
    comfort = next(seat for seat in shown["seats"] if seat["seat_class"] == "comfort")
    assert comfort["price"] == {"amount": 2600, "currency": "EUR"}


async def test_a_seats_status_is_the_worst_of_its_leg(
    shop: Shop, guest: Client, agent: Client
) -> None:
    bus, stops = await shop.bus(segments=4), shop.stops
    await shop.book(agent, bus, ["1A"], method="cash", to_stop=stops[1])
    await shop.hold(guest, bus, ["1A"], from_stop=stops[1], to_stop=stops[2])
    legs = {(0, 4): "BOOKED", (1, 4): "LOCKED", (2, 4): "AVAILABLE", (0, 1): "BOOKED"}
    for (start, end), status in legs.items():
        seats = await shop.seats(bus, from_stop=stops[start], to_stop=stops[end])
        assert seats["1A"] == status


async def test_a_seat_map_that_has_not_changed_is_not_sent_again(shop: Shop, guest: Client) -> None:
    bus = await shop.bus()
    url = f"/buses/{bus}/seats"
    await shop.hold(guest, bus, ["1A"])
    first = await guest.get(url)
    assert first.headers["etag"] == '"1-1"'
    for known in ('"1-1"', '"1-0", "1-1"', 'W/"1-1"', "*"):
        same = await guest.get(url, headers={"if-none-match": known})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", '"1-1"')
    for other in ('"1-0"', '"2-1"', "1-1", "", '"'):
        assert (await guest.get(url, headers={"if-none-match": other})).status_code == 200
    await shop.hold(guest, bus, ["1B"])
    changed = await guest.get(url, headers={"if-none-match": '"1-1"'})
    assert (changed.status_code, changed.headers["etag"]) == (200, '"1-2"')


async def test_best_seats_fit_the_party_and_lock_nothing(shop: Shop, guest: Client) -> None:
    bus = await shop.bus()
    await shop.hold(guest, bus, ["1A", "1C"])
    answer = await guest.post(f"/buses/{bus}/best-seats", json={"count": 2, "prefer": ["front"]})
    assert answer.status_code == 200
    best = answer.json()["items"][0]
    assert len(best["seats"]) == 2
    assert not {"1A", "1C"} & set(best["seats"])
    assert best["together"]
    assert best["total"] == {"amount": 4000, "currency": "EUR"}
    assert await shop.rev(bus) == 1
    await shop.hold(guest, bus, best["seats"])


async def test_a_full_bus_has_no_best_seats(shop: Shop, guest: Client, agent: Client) -> None:
    bus = await shop.bus(seats=4)
    await shop.hold(agent, bus, ["1A", "1B", "1C", "1D"])
    answer = await guest.post(f"/buses/{bus}/best-seats", json={"count": 1})
    assert (answer.status_code, answer.json()["items"]) == (200, [])


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "PUT", "TRACE"])
async def test_a_path_names_the_methods_it_takes(shop: Shop, guest: Client, method: str) -> None:
    answer = await guest.request(method, f"/buses/{await shop.bus()}")
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


async def test_options_and_head_are_answered_without_a_body(shop: Shop, guest: Client) -> None:
    url = f"/buses/{await shop.bus()}"
    options = await guest.options(url)
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    head = await guest.head(url)
    assert (head.status_code, head.content) == (200, b"")


async def test_a_bus_departs_and_is_then_sold_no_more(shop: Shop, guest: Client) -> None:
    bus = await shop.bus()
    await shop.let_it_leave(bus)
    assert (await guest.get(f"/buses/{bus}")).json()["status"] == "DEPARTED"


async def test_paging_refuses_what_it_did_not_write(guest: Client) -> None:
    for cursor in ("x", "AAAA", "W10", "bnVsbA", "W251bGwsMV0", "%00", "é"):
        assert bad_input(await guest.get("/buses", params={"cursor": cursor})) == ["/cursor"]


async def test_without_a_day_a_search_begins_now(shop: Shop, guest: Client) -> None:
    soon = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    bus = await shop.bus(departs_at=soon)
    found = (await guest.get("/buses", params={"limit": "100"})).json()["items"]
    assert bus in [item["id"] for item in found]
