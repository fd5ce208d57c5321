"""Waiting rooms: nobody takes a seat past one, everybody comes in in an order that can be checked, once."""

import base64
import hashlib
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import cast

import httpx2
import pytest

from tests.api.answers import bad_input, problem
from tests.api.back_office import logged
from tests.api.shop import Json, Shop, new_key, purchase
from tests.support.waiting import wait_until

Client = httpx2.AsyncClient


@pytest.fixture(autouse=True)
async def no_room_stays(shop: Shop, admin: Client) -> AsyncIterator[None]:
    """Close what a test opened: the shop is one for all tests."""
    yield
    for room in (await admin.get("/admin/rooms")).json()["items"]:
        if room["status"] != "closed":
            await admin.post(f"/admin/rooms/{room['id']}/close")


async def open_room(shop: Shop, manager: Client, **wanted: object) -> Json:
    """Open a room and wait until the serving process knows of it."""
    opened = await manager.post("/admin/rooms", json=wanted)
    assert opened.status_code == 201, opened.text
    room = cast("Json", opened.json())
    await wait_until(lambda: is_told(shop, room, "open" if "opens_at" not in wanted else "soon"))
    return room


async def is_told(shop: Shop, room: Json, status: str) -> bool:
    counter = await shop.client().get(f"/rooms/{room['id']}")
    return counter.status_code == 200 and counter.json()["status"] == status


def browser(shop: Shop, who: str | None = None) -> Client:
    """Return somebody with a jar of cookies of their own."""
    headers = {"authorization": f"Bearer {shop.token(who)}"} if who else {}
    return Client(
        base_url=f"{shop.url}/api/v1", headers=headers, timeout=30, trust_env=False, verify=False
    )


async def join(client: Client, room: Json, **body: object) -> Json:
    joined = await client.post(f"/rooms/{room['id']}/places", json=body)
    assert joined.status_code == 200, joined.text
    return cast("Json", joined.json())


async def enter(client: Client, room: Json, place: Json) -> Json:
    """Wait for one's turn and come in."""
    told: Json = {}

    async def is_in() -> bool:
        answer = await client.post(f"/rooms/{room['id']}/entry", json={"token": place["token"]})
        assert answer.status_code in {200, 409}, answer.text
        told.clear()
        told.update(answer.json())
        return answer.status_code == 200

    await wait_until(is_in)
    return told


async def ask_seat(
    client: Client, bus: str, seat: str, token: str | None = None
) -> httpx2.Response:
    headers = {"x-room-token": token} if token else {}
    return await client.post(f"/buses/{bus}/holds", json={"seats": [seat]}, headers=headers)


async def test_nobody_takes_a_seat_past_a_room_by_any_way_and_looking_stays_free(
    shop: Shop, manager: Client, rider: Client
) -> None:
    bus, other = await shop.bus(), await shop.bus()
    held = await shop.hold(rider, bus, ["5A"])
    room = await open_room(shop, manager, bus=bus)
    assert await logged(shop, f"room {room['id']}") == ["room.open"]
    refused = problem(await ask_seat(rider, bus, "1A"), 403, "waiting_room")
    assert refused["room"] == {"id": room["id"], "page": f"/waiting/{room['id']}"}
    direct = {"bus_id": bus, "seats": ["1B"], **purchase(["1B"])}
    problem(await rider.post("/bookings", json=direct, headers=new_key()), 403, "waiting_room")
    more = await rider.put(f"/holds/{held['id']}", json={"seats": ["5A", "5B"]})
    problem(more, 403, "waiting_room")
    # What one has already can be paid for, and looked at.
    assert (await rider.get(f"/buses/{bus}/seats")).status_code == 200
    paid = {"hold_id": held["id"], **purchase(["5A"])}
    assert (await rider.post("/bookings", json=paid, headers=new_key())).status_code == 201
    assert (await ask_seat(rider, other, "1A")).status_code == 201
    # A lane of their own; another operator's people are buyers like others.
    for lane, seat in (("agent", "2A"), ("kiosk", "2B"), ("admin", "2C")):
        assert (await ask_seat(shop.client(lane), bus, seat)).status_code == 201
    for queued in ("rival_agent", "rival_kiosk"):
        problem(await ask_seat(shop.client(queued), bus, "3A"), 403, "waiting_room")
    problem(await manager.post("/admin/rooms", json={"bus": bus}), 409, "wrong_state")
    closed = (await manager.post(f"/admin/rooms/{room['id']}/close")).json()
    assert closed["status"] == "closed"
    await wait_until(lambda: is_told(shop, room, "closed"))
    assert (await ask_seat(rider, bus, "1A")).status_code == 201
    assert await logged(shop, f"room {room['id']}") == ["room.open", "room.close"]


async def test_whoever_comes_after_the_opening_comes_in_by_turn_and_an_admission_is_theirs_alone(
    shop: Shop, manager: Client
) -> None:
    bus = await shop.bus()
    room = await open_room(shop, manager, bus=bus, per_minute=600)
    async with browser(shop) as ann, browser(shop) as ben, browser(shop, "rider") as eve:
        first, second = await join(ann, room), await join(ben, room)
        assert (first["number"], second["number"]) == (1, 2)
        again = await join(ann, room)
        assert again["place"] == first["place"]
        admitted = await enter(ann, room, first)
        assert (await enter(ann, room, first))["token"] == admitted["token"]
        problem(await ask_seat(ann, bus, "1A"), 403, "waiting_room")
        problem(await ask_seat(ann, bus, "1A", first["token"]), 403, "waiting_room")
        made = await ask_seat(ann, bus, "1A", admitted["token"])
        assert made.status_code == 201, made.text
        # Copied: of no use to another browser, nor to somebody who is signed in.
        for thief in (ben, eve):
            problem(await ask_seat(thief, bus, "1B", admitted["token"]), 403, "waiting_room")
            stolen = await thief.post(f"/rooms/{room['id']}/entry", json={"token": first["token"]})
            problem(stolen, 403, "waiting_room")
        # Forged: one bit of its number, or of its seal.
        for at in (45, 60):
            raw = bytearray(base64.urlsafe_b64decode(admitted["token"]))
            raw[at] ^= 1
            forged = base64.urlsafe_b64encode(raw).decode()
            problem(await ask_seat(ann, bus, "1B", forged), 403, "waiting_room")
        # Of another room.
        other_bus = await shop.bus()
        await open_room(shop, manager, bus=other_bus)
        problem(await ask_seat(ann, other_bus, "1A", admitted["token"]), 403, "waiting_room")
        # Over: the place is used up, and the next one is at the end.
        await shop.owner.execute(
            "UPDATE room_places SET entered_at = entered_at - interval '11 minutes' WHERE place_id = $1",
            uuid.UUID(first["place"]),
        )
        used = await ann.post(f"/rooms/{room['id']}/entry", json={"token": first["token"]})
        problem(used, 403, "waiting_room")
        renewed = await join(ann, room)
        assert (renewed["number"], renewed["place"] != first["place"]) == (3, True)


async def test_who_waits_at_the_opening_is_drawn_by_a_seed_that_was_promised_before(
    shop: Shop, manager: Client
) -> None:
    bus = await shop.bus()
    at = datetime.now(UTC) + timedelta(hours=1)
    room = await open_room(shop, manager, bus=bus, opens_at=at.isoformat(), per_minute=60_000)
    counter = await shop.client().get(f"/rooms/{room['id']}")
    assert counter.headers["cache-control"] == "public, max-age=1, s-maxage=1"
    promised = counter.json()
    assert (promised["seed"], promised["now_serving"]) == (None, 0)
    problem(await shop.client().get(f"/rooms/{room['id']}/draw"), 409, "wrong_state")
    people = [browser(shop) for _ in range(12)]
    try:
        places = [await join(person, room) for person in people]
        assert {place["number"] for place in places} == {None}
        early = await people[0].post(
            f"/rooms/{room['id']}/entry", json={"token": places[0]["token"]}
        )
        assert problem(early, 409, "not_your_turn")["retry_after"] >= 1
        await shop.owner.execute(
            "UPDATE rooms SET opens_at = now() WHERE room_id = $1", int(room["id"])
        )
        await wait_until(lambda: is_told(shop, room, "open"))
        draw = (await shop.client().get(f"/rooms/{room['id']}/draw")).json()
        seed = bytes.fromhex(draw["seed"])
        assert hashlib.sha256(seed).hexdigest() == promised["commitment"] == draw["commitment"]
        ids = sorted(uuid.UUID(place["place"]).bytes for place in places)
        drawn = hashlib.sha256(seed + hashlib.sha256(b"".join(ids)).digest()).digest()
        assert drawn.hex() == draw["draw"]
        order = sorted(ids, key=lambda each: hashlib.sha256(drawn + each).digest())
        assert [uuid.UUID(each["place"]).bytes for each in draw["items"]] == order
        assert [each["number"] for each in draw["items"]] == list(range(1, 13))
        numbers = [(await join(person, room, token=place["token"]))["number"]
                   for person, place in zip(people, places, strict=True)]  # fmt: skip
        by_place = {each["place"]: each["number"] for each in draw["items"]}
        assert numbers == [by_place[place["place"]] for place in places]
        async with browser(shop) as late:
            assert (await join(late, room))["number"] == 13
    finally:
        for person in people:
            await person.aclose()


async def test_a_place_stays_whose_it_is_when_they_sign_in(shop: Shop, manager: Client) -> None:
    bus = await shop.bus()
    room = await open_room(shop, manager, bus=bus, per_minute=600)
    async with browser(shop) as ann:
        place = await join(ann, room)
        ann.headers["authorization"] = f"Bearer {shop.token('other_rider')}"
        again = await join(ann, room, token=place["token"])
        assert again["place"] == place["place"]
        admitted = await enter(ann, room, again)
        assert (await ask_seat(ann, bus, "1A", admitted["token"])).status_code == 201


async def test_an_admission_lets_in_one_buyer_whoever_shares_the_browser(
    shop: Shop, manager: Client
) -> None:
    bus = await shop.bus()
    room = await open_room(shop, manager, bus=bus, per_minute=600)
    ann, ben = (f"Bearer {shop.token(who)}" for who in ("rider", "other_rider"))
    async with browser(shop) as shared:

        async def is_refused(token: str, place: Json) -> None:
            problem(await ask_seat(shared, bus, "4A", token), 403, "waiting_room")
            entry = {"token": place["token"]}
            entered = await shared.post(f"/rooms/{room['id']}/entry", json=entry)
            problem(entered, 403, "waiting_room")

        place = await join(shared, room)
        shared.headers["authorization"] = ann
        admitted = await enter(shared, room, place)
        assert (await ask_seat(shared, bus, "1A", admitted["token"])).status_code == 201
        # The same cookie, place and admission, with another account, or with none.
        shared.headers["authorization"] = ben
        await is_refused(admitted["token"], place)
        del shared.headers["authorization"]
        await is_refused(admitted["token"], place)
        # That place has let somebody in: the next one is at the end.
        renewed = await join(shared, room, token=place["token"])
        assert (renewed["number"], renewed["place"] != place["place"]) == (2, True)
        # A guest who is in does not come in once more by signing in.
        as_guest = await enter(shared, room, renewed)
        assert (await ask_seat(shared, bus, "1B", as_guest["token"])).status_code == 201
        shared.headers["authorization"] = ben
        await is_refused(as_guest["token"], renewed)


async def test_rooms_of_a_route_and_an_operator_are_before_their_buses_only(
    shop: Shop, manager: Client, rival: Client, rider: Client
) -> None:
    bus = await shop.bus(segments=4)
    route = await open_room(shop, manager, route=shop.route)
    found = problem(await ask_seat(rider, bus, "1A"), 403, "waiting_room")
    assert found["room"]["id"] == route["id"]
    all_of_it = await open_room(shop, manager, operator=shop.operators["Northline"])
    own = await open_room(shop, manager, bus=bus)
    found = problem(await ask_seat(rider, bus, "1A"), 403, "waiting_room")
    assert found["room"]["id"] == own["id"]
    for room in (own, route):
        await manager.post(f"/admin/rooms/{room['id']}/close")
        await wait_until(lambda room=room: is_told(shop, room, "closed"))  # type: ignore[misc]  # bound here
    found = problem(await ask_seat(rider, bus, "1A"), 403, "waiting_room")
    assert found["room"]["id"] == all_of_it["id"]
    problem(await rival.post("/admin/rooms", json={"bus": bus}), 404, "not_found")
    bad_input(await manager.post("/admin/rooms", json={"bus": bus, "route": shop.route}))
    changed = await manager.put(f"/admin/rooms/{all_of_it['id']}", json={"per_minute": 30})
    assert (changed.json()["per_minute"], changed.json()["pace"]) == (30, 30.0)
    listed = (await manager.get("/admin/rooms")).json()["items"]
    assert {room["id"] for room in (route, all_of_it, own)} <= {each["id"] for each in listed}


async def test_who_asks_again_under_a_key_is_told_what_was_done_before_the_room_opened(
    shop: Shop, manager: Client
) -> None:
    bus = await shop.bus()
    rider = shop.client("rider")
    asked, key = {"seats": ["7A"]}, new_key()
    held = await rider.post(f"/buses/{bus}/holds", json=asked, headers=key)
    assert held.status_code == 201, held.text
    await open_room(shop, manager, bus=bus)
    again = await rider.post(f"/buses/{bus}/holds", json=asked, headers=key)
    assert (again.status_code, again.json()["id"]) == (201, held.json()["id"])
    other = await rider.post(f"/buses/{bus}/holds", json={"seats": ["7B"]}, headers=new_key())
    problem(other, 403, "waiting_room")
