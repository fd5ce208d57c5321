from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from tests.api.answers import bad_input, problem
from tests.api.shop import Shop, new_key

Client = httpx2.AsyncClient


async def test_a_hold_takes_all_its_seats_and_says_until_when(shop: Shop, guest: Client) -> None:
    bus = await shop.bus(segments=4)
    held = await shop.hold(guest, bus, ["1A", "1B"], from_stop=shop.stops[0], to_stop=shop.stops[2])
    assert held.keys() >= {"id", "bus_id", "seats", "from_stop", "to_stop", "expires_at", "total"}
    assert held["bus_id"] == bus
    assert held["seats"] == ["1A", "1B"]
    assert (held["from_stop"], held["to_stop"]) == (shop.stops[0], shop.stops[2])
    assert held["total"] == {"amount": 2000, "currency": "EUR"}
    left = datetime.fromisoformat(held["expires_at"]) - datetime.now(UTC)
    assert timedelta(seconds=200) < left <= timedelta(seconds=301)
    states = (await guest.get(f"/buses/{bus}/seats")).json()["seats"]
    assert {seat["states"] for seat in states if seat["seat"] in {"1A", "1B"}} == {"LLAA"}


async def test_a_hold_without_stops_is_for_the_whole_line(shop: Shop, guest: Client) -> None:
    held = await shop.hold(guest, await shop.bus(segments=4), ["3C"])
    assert (held["from_stop"], held["to_stop"]) == (shop.stops[0], shop.stops[-1])


async def test_labels_are_read_in_any_case(shop: Shop, guest: Client) -> None:
    assert (await shop.hold(guest, await shop.bus(), ["1a"]))["seats"] == ["1A"]


async def test_a_taken_seat_fails_the_whole_hold_and_is_named(shop: Shop, guest: Client) -> None:
    bus = await shop.bus()
    await shop.hold(guest, bus, ["1B"])
    refused = await guest.post(f"/buses/{bus}/holds", json={"seats": ["1A", "1B", "1C"]})
    told = problem(refused, 409, "seat_unavailable")
    assert told["seats"] == [{"seat": "1B", "status": "LOCKED"}]
    seats = await shop.seats(bus)
    assert (seats["1A"], seats["1C"]) == ("AVAILABLE", "AVAILABLE")


async def test_a_seat_is_free_on_the_segments_that_nobody_has(shop: Shop, guest: Client) -> None:
    bus = await shop.bus(segments=4)
    await shop.hold(guest, bus, ["1A"], to_stop=shop.stops[2])
    await shop.hold(guest, bus, ["1A"], from_stop=shop.stops[2])
    assert (await shop.seats(bus))["1A"] == "LOCKED"


async def test_a_hold_can_be_seen_by_who_knows_its_id(shop: Shop, guest: Client) -> None:
    held = await shop.hold(guest, await shop.bus(), ["1A"])
    shown = await guest.get(f"/holds/{held['id']}")
    assert shown.status_code == 200
    assert shown.json() == held


async def test_a_riders_hold_does_not_exist_for_others(
    shop: Shop, rider: Client, other_rider: Client, guest: Client, agent: Client
) -> None:
    url = f"/holds/{(await shop.hold(rider, await shop.bus(), ['1A']))['id']}"
    for stranger in (other_rider, guest):
        problem(await stranger.get(url), 404, "hold_not_found")
        problem(await stranger.put(url, json={"seats": ["1B"]}), 404, "hold_not_found")
        problem(await stranger.post(f"{url}/extend"), 404, "hold_not_found")
        problem(await stranger.delete(url), 404, "hold_not_found")
    assert (await agent.get(url)).status_code == 200
    assert (await rider.get(url)).status_code == 200


async def test_replacing_changes_the_whole_set_and_never_the_deadline(
    shop: Shop, guest: Client
) -> None:
    bus = await shop.bus()
    held = await shop.hold(guest, bus, ["1A", "1B"])
    replaced = await guest.put(f"/holds/{held['id']}", json={"seats": ["1B", "1C"]})
    assert replaced.status_code == 200
    assert replaced.json()["seats"] == ["1B", "1C"]
    assert replaced.json()["expires_at"] == held["expires_at"]
    seats = await shop.seats(bus)
    assert [seats[label] for label in ("1A", "1B", "1C")] == ["AVAILABLE", "LOCKED", "LOCKED"]


async def test_a_failed_replacement_leaves_the_hold_as_it_was(shop: Shop, guest: Client) -> None:
    bus = await shop.bus()
    held = await shop.hold(guest, bus, ["1A"])
    await shop.hold(guest, bus, ["1C"])
    before = await shop.rev(bus)
    refused = await guest.put(f"/holds/{held['id']}", json={"seats": ["1B", "1C"]})
    problem(refused, 409, "seat_unavailable")
    assert (await guest.get(f"/holds/{held['id']}")).json() == held
    assert await shop.rev(bus) == before


async def test_extending_moves_the_deadline_and_nothing_else(shop: Shop, guest: Client) -> None:
    bus = await shop.bus()
    held = await shop.hold(guest, bus, ["1A"])
    extended = await guest.post(f"/holds/{held['id']}/extend")
    assert extended.status_code == 200
    moved = extended.json()
    assert datetime.fromisoformat(moved["expires_at"]) >= datetime.fromisoformat(held["expires_at"])
    assert (held["extended"], moved["extended"]) == (False, True)
    assert moved | {"expires_at": held["expires_at"], "extended": False} == held


async def test_a_released_hold_gives_its_seats_back_at_once(shop: Shop, guest: Client) -> None:
    bus = await shop.bus()
    url = f"/holds/{(await shop.hold(guest, bus, ['1A']))['id']}"
    released = await guest.delete(url)
    assert (released.status_code, released.content) == (204, b"")
    assert (await shop.seats(bus))["1A"] == "AVAILABLE"
    problem(await guest.get(url), 410, "hold_expired")
    problem(await guest.delete(url), 410, "hold_expired")


async def test_an_expired_hold_is_gone_for_every_purpose_and_its_seats_are_free(
    shop: Shop, guest: Client
) -> None:
    bus = await shop.bus()
    held = await shop.hold(guest, bus, ["1A"])
    await shop.let_time_pass(bus)
    url = f"/holds/{held['id']}"
    problem(await guest.get(url), 410, "hold_expired")
    problem(await guest.put(url, json={"seats": ["1B"]}), 410, "hold_expired")
    problem(await guest.post(f"{url}/extend"), 410, "hold_expired")
    problem(await guest.delete(url), 410, "hold_expired")
    assert (await shop.hold(guest, bus, ["1A"]))["seats"] == ["1A"]


@pytest.mark.parametrize("id_", ["x", "A" * 32, "%00", "../buses", "1' OR '1'='1"])
async def test_a_hold_that_cannot_be_is_not_found(guest: Client, id_: str) -> None:
    answer = await guest.get(f"/holds/{id_.replace('/', '%2F')}")
    told = problem(answer, 404, answer.json()["code"])
    assert told["code"] in {"hold_not_found", "not_found"}


async def test_a_buyer_holds_six_seats_of_a_bus_at_a_time(shop: Shop, rider: Client) -> None:
    bus = await shop.bus()
    await shop.hold(rider, bus, ["1A", "1B", "1C", "1D"])
    refused = await rider.post(f"/buses/{bus}/holds", json={"seats": ["2A", "2B", "2C"]})
    problem(refused, 409, "too_many_seats")
    await shop.hold(rider, bus, ["2A", "2B"])


async def test_nobody_but_staff_holds_seven_seats_at_once(
    shop: Shop, guest: Client, agent: Client
) -> None:
    bus = await shop.bus()
    seven = list(await shop.seats(bus))[:7]
    assert bad_input(await guest.post(f"/buses/{bus}/holds", json={"seats": seven})) == ["/seats"]
    assert len((await shop.hold(agent, bus, seven))["seats"]) == 7


async def test_seats_of_a_bus_that_has_left_cannot_be_held(shop: Shop, guest: Client) -> None:
    bus = await shop.bus()
    await shop.let_it_leave(bus)
    problem(await guest.post(f"/buses/{bus}/holds", json={"seats": ["1A"]}), 409, "departed")


async def test_seats_cannot_be_held_once_sales_are_closed(shop: Shop, guest: Client) -> None:
    bus = await shop.bus()
    await shop.stop_selling(bus)
    problem(await guest.post(f"/buses/{bus}/holds", json={"seats": ["1A"]}), 409, "sales_closed")


async def test_a_hold_sent_twice_with_one_key_is_one_hold(shop: Shop, guest: Client) -> None:
    bus = await shop.bus()
    key = new_key()
    first, second = [
        await guest.post(f"/buses/{bus}/holds", json={"seats": ["1A"]}, headers=key) for _ in "12"
    ]
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
