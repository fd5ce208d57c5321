"""The life of a device over HTTP: paired, alive, selling, given another key, lost."""

from urllib.parse import urlsplit

import httpx2
import pytest

from server.app import OPERATIONS
from server.contract import Access
from store.model import DeviceKind
from tests.api.answers import bad_input, problem
from tests.api.shop import Json, Shop, new_key, purchase
from tests.support.waiting import wait_until

Client = httpx2.AsyncClient


def as_device(shop: Shop, key: str) -> Client:
    """Return a client that calls with a key, to be closed."""
    headers = {"authorization": f"Bearer {key}"}
    return Client(base_url=shop.url + "/api/v1", headers=headers, trust_env=False, verify=False)


async def is_out(device: Client) -> bool:
    """Whether a device is refused what would change something."""
    beat = await device.post("/devices/me/heartbeat", json={"version": "1"})
    return beat.status_code == 401


async def show_code(shop: Shop, client: Client, **more: object) -> Json:
    body = {"kind": "kiosk", "name": "Hall 1", "stop": shop.stops[0]} | more
    shown = await client.post("/admin/devices/codes", json=body)
    assert shown.status_code == 201, shown.text
    code: Json = shown.json()
    return code


async def test_a_code_shown_to_staff_becomes_a_key_in_the_device(
    shop: Shop, guest: Client, manager: Client
) -> None:
    shown = await show_code(shop, manager)
    assert len(shown["code"]) == 6
    body = {"code": shown["code"], "version": "1.2.3"}
    paired = await guest.post("/devices/pair", json=body)
    assert paired.status_code == 201, paired.text
    told = paired.json()
    assert told["device"]["name"] == "Hall 1"
    assert told["device"]["stop"]["id"] == shop.stops[0]
    assert told["device"]["operator"]["name"] == "Northline"
    async with as_device(shop, told["key"]) as device:
        me = await device.get("/devices/me")
        assert me.json() == told["device"]
        seen = await manager.get(f"/admin/devices/{me.json()['id']}")
        assert seen.json() == told["device"]
    assert told["key"] not in seen.text
    again = await guest.post("/devices/pair", json=body)
    problem(again, 404, "not_found")


async def test_whoever_guesses_codes_is_made_to_wait(
    shop: Shop, guest: Client, manager: Client
) -> None:
    code = (await show_code(shop, manager))["code"]
    other = f"{(int(code) + 1) % 10**6:06}"
    await shop.owner.execute("DELETE FROM pairing_tries")
    try:
        answers = [
            await guest.post("/devices/pair", json={"code": other, "version": "1"})
            for _ in range(6)
        ]
        assert [answer.status_code for answer in answers] == [404] * 5 + [429]
        told = problem(answers[-1], 429, "rate_limited")
        assert answers[-1].headers["retry-after"] == str(told["retry_after"])
        right = await guest.post("/devices/pair", json={"code": code, "version": "1"})
        problem(right, 429, "rate_limited")
    finally:
        await shop.owner.execute("DELETE FROM pairing_tries")


@pytest.mark.parametrize(
    "code", ["12345", "1234567", "12345a", "\uff11\uff12\uff13\uff14\uff15\uff16", "12345\n"]
)
async def test_what_cannot_be_a_code_is_refused_unasked(guest: Client, code: str) -> None:
    answer = await guest.post("/devices/pair", json={"code": code, "version": "1"})
    assert bad_input(answer) == ["/code"]


async def test_a_code_is_for_a_place_and_an_operator_that_there_are(
    shop: Shop, manager: Client, admin: Client
) -> None:
    kiosk = {"kind": "kiosk", "name": "x"}
    assert bad_input(await manager.post("/admin/devices/codes", json=kiosk)) == ["/stop"]
    body = kiosk | {"stop": shop.stops[0]}
    assert bad_input(await admin.post("/admin/devices/codes", json=body)) == ["/operator"]
    nowhere = await manager.post("/admin/devices/codes", json=kiosk | {"stop": "987654"})
    problem(nowhere, 404, "not_found")
    foreign = body | {"operator": shop.operators["Southline"]}
    problem(await manager.post("/admin/devices/codes", json=foreign), 404, "not_found")


async def test_a_heartbeat_is_noted_and_says_what_to_go_by(shop: Shop, manager: Client) -> None:
    board = shop.client("board")
    sold = "2026-01-02T03:04:05.678+01:00"
    beat = await board.post("/devices/me/heartbeat", json={"version": "2.0", "last_sale_at": sold})
    assert beat.status_code == 200, beat.text
    told = beat.json()
    assert (told["kind"], told["name"]) == ("board", "board")
    assert told["settings"]["currency"] == "EUR"
    assert told["settings"]["heartbeat_seconds"] > 0
    device = (await manager.get(f"/admin/devices/{shop.devices['board'].device_id}")).json()
    assert (device["version"], device["last_sale_at"]) == ("2.0", "2026-01-02T02:04:05.678000Z")
    assert device["last_seen_at"][:16] == told["now"][:16]
    later = await board.post(
        "/devices/me/heartbeat", json={"version": "2.0", "last_sale_at": "2199-01-01T00:00:00Z"}
    )
    assert later.status_code == 200
    seen = (await board.get("/devices/me")).json()
    assert seen["last_sale_at"] == seen["last_seen_at"]


async def test_devices_are_listed_page_by_page_and_renamed(shop: Shop, manager: Client) -> None:
    page = (await manager.get("/admin/devices", params={"limit": 2})).json()
    assert len(page["items"]) == 2
    rest = await manager.get("/admin/devices", params={"cursor": page["next_cursor"], "limit": 500})
    found = page["items"] + rest.json()["items"]
    assert len({each["id"] for each in found}) == len(found)
    assert {each["operator"]["name"] for each in found} == {"Northline"}
    device = (await shop.pair(DeviceKind.BOARD)).device_id
    body = {"name": "Gate 4", "stop": shop.stops[1]}
    changed = (await manager.patch(f"/admin/devices/{device}", json=body)).json()
    assert (changed["name"], changed["stop"]["id"]) == ("Gate 4", shop.stops[1])
    nowhere = await manager.patch(f"/admin/devices/{device}", json={"stop": "987654"})
    assert bad_input(nowhere) == ["/stop"]


async def test_what_is_done_with_devices_is_in_the_log(shop: Shop, manager: Client) -> None:
    code = (await show_code(shop, manager))["code"]
    paired = await shop.client().post("/devices/pair", json={"code": code, "version": "1"})
    device = paired.json()["device"]["id"]
    await manager.patch(f"/admin/devices/{device}", json={"name": "Hall 2"})
    await manager.post(f"/admin/devices/{device}/roll")
    await manager.delete(f"/admin/devices/{device}")
    rows = await shop.owner.fetch(
        "SELECT action, actor_id, operator_id FROM audit_log WHERE subject = $1 ORDER BY audit_id",
        f"device {device}",
    )
    who, operator = shop.people["manager"].user_id, int(shop.operators["Northline"])
    actions = ("device.pair", "device.change", "device.roll", "device.revoke")
    assert [tuple(row) for row in rows] == [(action, who, operator) for action in actions]


async def test_a_revoked_device_is_refused_at_once(shop: Shop, manager: Client) -> None:
    bus, paired = await shop.bus(), await shop.pair(DeviceKind.KIOSK)
    async with as_device(shop, paired.key) as kiosk:
        held = await kiosk.post(f"/buses/{bus}/holds", json={"seats": ["1A"]})
        assert held.status_code == 201
        gone = await manager.delete(f"/admin/devices/{paired.device_id}")
        assert gone.status_code == 204
        refused = await kiosk.post(f"/buses/{bus}/holds", json={"seats": ["1B"]})
        problem(refused, 401, "unauthenticated")
        problem(await kiosk.get("/devices/me"), 401, "unauthenticated")
        problem(await kiosk.get("/buses"), 401, "unauthenticated")
    assert (await shop.seats(bus))["1B"] == "AVAILABLE"
    told = (await manager.get(f"/admin/devices/{paired.device_id}")).json()
    assert (told["status"], "revoked_at" in told) == ("revoked", True)
    assert (await manager.delete(f"/admin/devices/{paired.device_id}")).status_code == 204


async def test_a_device_revoked_through_another_process_is_refused_soon(shop: Shop) -> None:
    paired = await shop.pair(DeviceKind.KIOSK)
    async with as_device(shop, paired.key) as kiosk:
        assert (await kiosk.get("/devices/me")).status_code == 200
        await shop.store.devices.revoke(None, paired.device_id)

        await wait_until(lambda: is_out(kiosk))
        problem(await kiosk.get("/devices/me"), 401, "unauthenticated")


async def test_a_device_rolls_its_own_key_and_the_old_one_goes_on_for_a_while(
    shop: Shop,
) -> None:
    paired = await shop.pair(DeviceKind.SCANNER)
    async with as_device(shop, paired.key) as device:
        rolled = (await device.post("/devices/me/roll")).json()
        assert rolled["device_id"] == str(paired.device_id)
        assert (await device.get("/devices/me")).status_code == 200
        async with as_device(shop, rolled["key"]) as renewed:
            me = (await renewed.get("/devices/me")).json()
            assert me["old_key_ends_at"] == rolled["old_key_ends_at"]
        await shop.owner.execute(
            "UPDATE devices SET old_key_ends_at = now() WHERE device_id = $1", paired.device_id
        )
        await wait_until(lambda: is_out(device))


@pytest.mark.parametrize(
    "key", ["omd_", "omd_x", "omd_" + "A" * 43, "omd_" + "A" * 44, "omd_" + "é" * 43, "OMD_x"]
)
async def test_what_is_no_key_opens_nothing(shop: Shop, key: str) -> None:
    headers = {b"authorization": f"Bearer {key}".encode()}
    answer = await shop.client().get("/buses", headers=headers)
    problem(answer, 401, "unauthenticated")


async def test_a_board_may_read_what_everybody_may_and_nothing_else(shop: Shop) -> None:
    board = shop.client("board")
    for operation in OPERATIONS:
        if operation.access in (Access.READERS, Access.DEVICES):
            continue
        path = operation.path.replace("{", "").replace("}", "")
        answer = await board.request(operation.method, path, json={}, headers=new_key())
        assert answer.status_code == 403, (operation.name, answer.text)


async def sell(shop: Shop, kiosk: Client, bus: str, *seats: str) -> Json:
    """Hold seats and book them for cash, as the kiosk's screen does."""
    hold = await shop.hold(kiosk, bus, seats)
    body = purchase(seats, "cash") | {"hold_id": hold["id"]}
    sold = await kiosk.post("/bookings", json=body, headers=new_key())
    assert sold.status_code == 201, sold.text
    booking: Json = sold.json()
    return booking


async def test_a_kiosk_sells_for_cash_at_once_and_its_day_shows_it(shop: Shop) -> None:
    paired = await shop.lend("till", DeviceKind.KIOSK)
    kiosk, agent, bus = shop.client("till"), shop.client("agent"), await shop.bus()
    booking = await sell(shop, kiosk, bus, "1A", "1B")
    assert (booking["status"], booking["payment"]["status"]) == ("CONFIRMED", "SUCCEEDED")
    assert booking["payment"]["device"] == str(paired.device_id)
    assert all(each["ticket"] for each in booking["passengers"])
    direct = await shop.book(kiosk, bus, ["2A"], method="cash")
    assert direct["status"] == "CONFIRMED"
    seen = (await agent.get(f"/bookings/{booking['ref']}")).json()
    assert seen["payment"]["device"] == str(paired.device_id)
    await agent.post(f"/bookings/{direct['ref']}/cancel", json={})
    # What others sell is not in this till.
    await shop.book(agent, bus, ["3A"], method="cash")
    day = (await kiosk.get("/devices/me/sales")).json()
    assert [each["ref"] for each in day["items"]] == [booking["ref"], direct["ref"]]
    assert (day["bookings"], day["seats"]) == (2, 3)
    assert day["totals"] == [{"amount": 6000, "currency": "EUR"}]
    assert day["refunded"] == [{"amount": 2000, "currency": "EUR"}]
    then = await kiosk.get("/devices/me/sales", params={"date": "2026-01-01"})
    assert then.json()["items"] == []


async def test_a_kiosk_shows_a_booking_to_who_has_its_key_only(shop: Shop) -> None:
    kiosk, bus = shop.client("kiosk"), await shop.bus()
    booking = await sell(shop, kiosk, bus, "1A")
    problem(await kiosk.get(f"/bookings/{booking['ref']}"), 404, "not_found")
    headers = {"x-booking-key": booking["access_key"]}
    assert (await kiosk.get(f"/bookings/{booking['ref']}", headers=headers)).status_code == 200


async def test_a_kiosk_sells_nothing_for_another_operator(shop: Shop) -> None:
    stranger, bus = shop.client("rival_kiosk"), await shop.bus()
    held = await stranger.post(f"/buses/{bus}/holds", json={"seats": ["1A"]})
    problem(held, 403, "forbidden")
    for method in ("cash", "demo"):
        body = purchase(["1A"], method) | {"bus_id": bus, "seats": ["1A"]}
        sold = await stranger.post("/bookings", json=body, headers=new_key())
        problem(sold, 403, "forbidden")
    assert (await shop.seats(bus))["1A"] == "AVAILABLE"


async def test_many_people_buy_at_one_kiosk(shop: Shop) -> None:
    kiosk, bus = shop.client("kiosk"), await shop.bus()
    for row in range(1, 9):
        await shop.hold(kiosk, bus, [f"{row}A", f"{row}B"])


async def handover(kiosk: Client, hold: Json) -> tuple[str, str]:
    """Return path and token of the link that a kiosk shows."""
    shown = await kiosk.post("/devices/me/handover", json={"hold_id": hold["id"]})
    assert shown.status_code == 201, shown.text
    url = urlsplit(shown.json()["url"])
    assert url.query == ""
    token = dict(part.split("=") for part in url.fragment.split("&"))["claim"]
    return url.path, token


async def test_a_riders_phone_takes_over_the_hold_and_pays(shop: Shop) -> None:
    kiosk, bus = shop.client("kiosk"), await shop.bus()
    hold = await shop.hold(kiosk, bus, ["1A", "1B"])
    path, token = await handover(kiosk, hold)
    assert path == f"/checkout/{hold['id']}"
    async with Client(base_url=shop.url + "/api/v1", trust_env=False, verify=False) as phone:
        await phone.get(f"/buses/{bus}")  # which gives it the cookie of a buyer
        problem(await phone.get(f"/holds/{hold['id']}"), 404, "hold_not_found")
        claimed = await phone.post(f"/holds/{hold['id']}/claim", json={"token": token})
        assert claimed.status_code == 200, claimed.text
        assert claimed.json() == hold
        again = await phone.post(f"/holds/{hold['id']}/claim", json={"token": token})
        assert again.json() == hold
        late = await shop.client("rider").post(f"/holds/{hold['id']}/claim", json={"token": token})
        problem(late, 404, "hold_not_found")
        problem(await kiosk.get(f"/holds/{hold['id']}"), 404, "hold_not_found")
        body = purchase(["1A", "1B"]) | {"hold_id": hold["id"]}
        booked = await phone.post("/bookings", json=body, headers=new_key())
        assert (await shop.pay(booked.json()))["status"] == "CONFIRMED"


async def test_a_wrong_token_takes_nothing_over(shop: Shop, guest: Client) -> None:
    kiosk, bus = shop.client("kiosk"), await shop.bus()
    hold, other = [await shop.hold(kiosk, bus, [seat]) for seat in ("1A", "1B")]
    _, token = await handover(kiosk, other)
    for wrong in (token, "A" * 28):
        answer = await guest.post(f"/holds/{hold['id']}/claim", json={"token": wrong})
        problem(answer, 404, "hold_not_found")
    ill = await guest.post(f"/holds/{hold['id']}/claim", json={"token": "short"})
    assert bad_input(ill) == ["/token"]
    assert (await kiosk.get(f"/holds/{hold['id']}")).json() == hold


async def test_a_kiosk_hands_over_its_own_holds_only(shop: Shop, rider: Client) -> None:
    kiosk, bus = shop.client("kiosk"), await shop.bus()
    theirs = await shop.hold(rider, bus, ["1A"])
    for hold in (theirs["id"], "nonsense"):
        answer = await kiosk.post("/devices/me/handover", json={"hold_id": hold})
        problem(answer, 404, "hold_not_found")


async def test_a_kiosk_has_links_drawn_that_phones_can_follow(shop: Shop) -> None:
    kiosk = shop.client("kiosk")
    own = await kiosk.post("/devices/me/qr", json={"link": "/bookings/K7QX2M#key=x"})
    assert own.status_code == 200, own.text
    assert own.json()["url"] == f"{shop.url}/bookings/K7QX2M#key=x"
    assert "<svg" in own.json()["svg"]
    far = await kiosk.post("/devices/me/qr", json={"link": "https://bank.example/pay/1"})
    assert far.json()["url"] == "https://bank.example/pay/1"
    assert far.json()["svg"] != own.json()["svg"]
    for wrong in ("", "javascript:alert(1)", "http://bank.example", "/a b", "/" + "a" * 801):
        assert bad_input(await kiosk.post("/devices/me/qr", json={"link": wrong})) == ["/link"]
