"""Seats and prices by leg, end to end: whatever is asked, one leg has one price."""

from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from tests.api.answers import bad_input, problem
from tests.api.shop import Json, Shop, new_key

Client = httpx2.AsyncClient
SEATS = ["U5A", "U5B"]
DAY = datetime(datetime.now(UTC).year + 2, 5, 4, 6, tzinfo=UTC)
"""A morning that no other test sells buses for."""


def fare(shop: Shop, start: int, end: int, price: object) -> Json:
    return {"from_stop": shop.stops[start], "to_stop": shop.stops[end], "price": price}


async def fares_of(shop: Shop, bus: str) -> list[Json]:
    shown: list[Json] = (await shop.client().get(f"/buses/{bus}")).json()["fares"]
    return shown


def leg_of(shop: Shop, start: int, end: int) -> dict[str, str]:
    return {"from_stop": shop.stops[start], "to_stop": shop.stops[end]}


@pytest.fixture
async def bus(shop: Shop) -> str:
    """A double decker on the line of five stops: 500 a segment, some legs for less."""
    cheaper = [fare(shop, 0, 4, 1600), fare(shop, 1, 3, {"amount": 870, "currency": "EUR"})]
    return await shop.bus(
        segments=4,
        total_seats=None,
        layout_id=shop.layout,
        fares=cheaper,
        departs_at=DAY.isoformat(),
    )


@pytest.mark.parametrize(
    ("leg", "amount"), [((0, 4), 1600), ((1, 3), 870), ((0, 2), 1000), ((3, 4), 500)]
)
async def test_a_leg_has_one_price_wherever_it_is_asked(
    shop: Shop, guest: Client, bus: str, leg: tuple[int, int], amount: int
) -> None:
    stops = leg_of(shop, *leg)
    one, two = {"amount": amount, "currency": "EUR"}, {"amount": 2 * amount, "currency": "EUR"}
    wish = {"from": stops["from_stop"], "to": stops["to_stop"], "date": DAY.date().isoformat()}
    found = (await guest.get("/buses", params=wish | {"limit": "100"})).json()["items"]
    assert [item["price"] for item in found if item["id"] == bus] == [one]
    shown = (await guest.get(f"/buses/{bus}/seats", params=stops)).json()["seats"]
    assert [seat["price"] for seat in shown if seat["seat"] in SEATS] == [one, one]
    best = await guest.post(
        f"/buses/{bus}/best-seats", json={"count": 2, "seat_class": "standard"} | stops
    )
    assert {group["total"]["amount"] for group in best.json()["items"]} == {2 * amount}
    hold = await shop.hold(guest, bus, SEATS, **stops)
    assert hold["total"] == two
    passengers = [{"seat": seat, "name": "Ann"} for seat in SEATS]
    contact = {"email": "ann@example.org"}
    wanted = {"hold_id": hold["id"], "passengers": passengers, "contact": contact}
    booked = await guest.post(
        "/bookings", json=wanted | {"payment_method": "demo"}, headers=new_key()
    )
    assert (booked.status_code, booked.json()["total"]) == (201, two)
    direct = await shop.book(guest, bus, ["U6A", "U6B"], **stops)
    assert direct["total"] == direct["payment"]["amount"] == two


async def test_a_class_costs_its_percentage_of_the_legs_own_fare(
    shop: Shop, guest: Client, bus: str
) -> None:
    shown = (await guest.get(f"/buses/{bus}/seats", params=leg_of(shop, 1, 3))).json()["seats"]
    prices = {seat["seat_class"]: seat["price"]["amount"] for seat in shown}
    assert prices == {"standard": 870, "comfort": 1131, "panorama": 1305}


async def test_a_bus_tells_the_fares_of_its_segments_and_of_pairs_of_stops(
    shop: Shop, guest: Client, bus: str
) -> None:
    def told(start: int, end: int, amount: int, **more: int) -> Json:
        return fare(shop, start, end, {"amount": amount, "currency": "EUR"}) | more

    shown = (await guest.get(f"/buses/{bus}")).json()
    assert shown["price"] == {"amount": 1600, "currency": "EUR"}
    segments = [told(index, index + 1, 500, segment=index) for index in range(4)]
    assert shown["fares"] == [*segments, told(0, 4, 1600), told(1, 3, 870)]


async def test_a_seat_sold_to_a_stop_is_free_from_there_on_every_page(
    shop: Shop, guest: Client, agent: Client, bus: str
) -> None:
    await shop.book(agent, bus, ["U5A"], method="cash", **leg_of(shop, 0, 2))
    onward = await shop.book(guest, bus, ["U5A"], **leg_of(shop, 2, 4))
    assert onward["total"]["amount"] == 1000
    legs = {(0, 2): "BOOKED", (2, 4): "LOCKED", (1, 3): "BOOKED", (0, 1): "BOOKED"}
    for leg, status in legs.items():
        shown = (await guest.get(f"/buses/{bus}/seats", params=leg_of(shop, *leg))).json()["seats"]
        (seat,) = [seat for seat in shown if seat["seat"] == "U5A"]
        assert (seat["status"], seat["states"]) == (status, "BBLL")
    refused = await guest.post(f"/buses/{bus}/holds", json={"seats": ["U5A"]} | leg_of(shop, 1, 3))
    problem(refused, 409, "seat_unavailable")


async def test_a_search_counts_the_seats_that_are_free_on_its_leg(
    shop: Shop, guest: Client, agent: Client
) -> None:
    day = DAY + timedelta(days=1)
    bus = await shop.bus(segments=4, seats=4, departs_at=day.isoformat())
    await shop.book(agent, bus, ["1A", "1B", "1C", "1D"], method="cash", **leg_of(shop, 0, 2))
    free: dict[tuple[int, int], int] = {}
    for start, end in ((0, 1), (0, 4), (1, 3), (2, 4)):
        wish = {"from": shop.stops[start], "to": shop.stops[end], "date": day.date().isoformat()}
        (item,) = (await guest.get("/buses", params=wish)).json()["items"]
        free[start, end] = item["seats_available"]
    assert free == {(0, 1): 0, (0, 4): 0, (1, 3): 0, (2, 4): 4}


async def test_best_seats_are_those_of_the_leg(shop: Shop, guest: Client, agent: Client) -> None:
    bus = await shop.bus(segments=4, seats=4)
    await shop.book(agent, bus, ["1C", "1D"], method="cash", **leg_of(shop, 0, 2))
    answer = await guest.post(f"/buses/{bus}/best-seats", json={"count": 2} | leg_of(shop, 2, 4))
    assert answer.json()["items"][0]["seats"] == ["1C", "1D"]
    none = await guest.post(f"/buses/{bus}/best-seats", json={"count": 3} | leg_of(shop, 1, 3))
    assert none.json()["items"] == []


async def test_new_fares_are_sold_at_once_and_change_nothing_that_is_held_or_sold(
    shop: Shop, guest: Client, manager: Client, bus: str
) -> None:
    held = await shop.hold(guest, bus, ["U5A"])
    sold = await shop.book(guest, bus, ["U5B"])
    changed = await manager.put(
        f"/admin/buses/{bus}/fares",
        json={"fares": [fare(shop, 0, 4, 1200)], "segments": [400, 300, 400, 500]},
    )
    assert changed.status_code == 200
    assert changed.json() == (await guest.get(f"/buses/{bus}")).json()
    assert changed.json()["price"]["amount"] == 1200
    assert (await guest.get(f"/holds/{held['id']}")).json()["total"]["amount"] == 1600
    mine = await guest.get(
        f"/bookings/{sold['ref']}", headers={"x-booking-key": sold["access_key"]}
    )
    assert mine.json()["total"]["amount"] == 1600
    assert (await shop.hold(guest, bus, ["U6A"]))["total"]["amount"] == 1200
    assert (await shop.book(guest, bus, ["U6B"], **leg_of(shop, 1, 3)))["total"]["amount"] == 700


async def test_a_seat_map_with_old_prices_is_not_called_unchanged(
    shop: Shop, guest: Client, manager: Client, bus: str
) -> None:
    url = f"/buses/{bus}/seats"
    before = (await guest.get(url)).headers["etag"]
    body = {"fares": [fare(shop, 0, 4, 1300)]}
    for _ in range(2):
        assert (await manager.put(f"/admin/buses/{bus}/fares", json=body)).status_code == 200
    after = await guest.get(url, headers={"if-none-match": before})
    assert (after.status_code, after.json()["rev"]) == (200, 1)
    assert {seat["price"]["amount"] for seat in after.json()["seats"]} == {1300, 1690, 1950}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/fares"),
        ({"fares": [{"from_stop": "A", "to_stop": "B"}]}, "/fares/0/price"),
        ({"fares": [{"from_stop": "x", "to_stop": "1", "price": 1}]}, "/fares/0/from_stop"),
        ({"fares": [{"from_stop": "987654", "to_stop": "1", "price": 1}]}, "/fares/0/from_stop"),
        ({"fares": [], "segments": [1, 2, 3]}, "/segments"),
        ({"fares": [], "segments": []}, "/segments"),
        ({"fares": [], "segments": [-1, 1, 1, 1]}, "/segments/0"),
        ({"fares": [], "segments": [100_000_000, 0, 0, 1]}, "/segments"),
        ({"fares": [], "segments": [2**31, 0, 0, 0]}, "/segments/0"),
        ({"fares": [], "price": 1}, "/price"),
    ],
)
async def test_fares_that_make_no_sense_are_refused_and_say_where(
    shop: Shop, manager: Client, bus: str, body: Json, pointer: str
) -> None:
    before = await fares_of(shop, bus)
    assert bad_input(await manager.put(f"/admin/buses/{bus}/fares", json=body)) == [pointer]
    assert await fares_of(shop, bus) == before


@pytest.mark.parametrize(
    ("legs", "price", "pointer"),
    [
        ([(3, 1)], 1, "/fares/0/to_stop"),
        ([(2, 2)], 1, "/fares/0/to_stop"),
        ([(0, 2), (0, 2)], 1, "/fares/1"),
        ([(0, 2)], -1, "/fares/0/price"),
        ([(0, 2)], 100_000_001, "/fares/0/price"),
        ([(0, 2)], 1.5, "/fares/0/price"),
        ([(0, 2)], {"amount": 1, "currency": "USD"}, "/fares/0/price/currency"),
    ],
)
async def test_pairs_that_make_no_sense_are_refused_for_new_buses_and_old_ones(
    shop: Shop, manager: Client, bus: str, legs: list[tuple[int, int]], price: object, pointer: str
) -> None:
    fares = [fare(shop, start, end, price) for start, end in legs]
    before = await fares_of(shop, bus)
    refused = await manager.put(f"/admin/buses/{bus}/fares", json={"fares": fares})
    assert bad_input(refused) == [pointer]
    assert await fares_of(shop, bus) == before
    leaves = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    wanted = {"departs_at": leaves, "price": 2000, "total_seats": 8, "route_id": shop.route}
    assert bad_input(await manager.post("/admin/buses", json=wanted | {"fares": fares})) == [
        pointer
    ]


async def test_fares_are_set_by_the_operators_admins_only(shop: Shop, bus: str) -> None:
    url = f"/admin/buses/{bus}/fares"
    body: Json = {"fares": []}
    for who in ("rider", "agent", "support"):
        problem(await shop.client(who).put(url, json=body), 403, "forbidden")
    problem(await shop.client("rival").put(url, json=body), 404, "not_found")
    problem(await shop.client().put(url, json=body), 401, "unauthenticated")
    missing = await shop.client("manager").put("/admin/buses/987654/fares", json=body)
    problem(missing, 404, "not_found")
