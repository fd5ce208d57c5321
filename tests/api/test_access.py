"""Who may do what: every operation of the API has a row, and everyone who is not in it is turned away."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from server.app import OPERATIONS
from server.contract import Operation
from store.model import DeviceKind
from store.pairing import NewDevice
from tests.api.shop import PASSWORD, Json, Shop, in_days, new_key, purchase

EVERYONE = frozenset(
    {
        "guest",
        "rider",
        "other_rider",
        "agent",
        "manager",
        "rival",
        "rival_agent",
        "support",
        "admin",
    }
)
SIGNED_IN = EVERYONE - {"guest"}
DEVICES = frozenset({"kiosk", "board", "scanner", "rival_kiosk"})
KIOSKS = frozenset({"kiosk", "rival_kiosk"})
READERS = EVERYONE | DEVICES
OWN_STAFF = frozenset({"agent", "manager", "admin"})
MANAGERS = frozenset({"manager", "rival", "admin"})
OWN_MANAGERS = frozenset({"manager", "admin"})
DOORKEEPERS = frozenset({"scanner", "agent", "manager", "rival", "rival_agent"})
OWNER_AND_STAFF = OWN_STAFF | {"rider"}
MAY_SEE = OWNER_AND_STAFF | {"support"}


@dataclass(frozen=True, slots=True)
class Row:
    """Who is let in, and what is asked: braces stand for what the rider has on the operator's bus."""

    allowed: frozenset[str]
    path: str
    body: Json | None = None


LIMITS: Json = {
    "seats_per_buyer": 6,
    "seats_per_staff": 100,
    "holds_per_buyer": 1000,
    "holds_per_staff": 1000,
    "cooldown_seconds": 120,
    "extension_seconds": 300,
    "hold_seconds_max": 1200,
}
ROWS: Mapping[str, Row] = {
    "search_buses": Row(READERS, "/buses"),
    "read_bus": Row(READERS, "/buses/{bus}"),
    "read_seats": Row(READERS, "/buses/{bus}/seats"),
    "stream_bus": Row(READERS, "/buses/{bus}/stream"),
    "suggest_seats": Row(EVERYONE | KIOSKS, "/buses/{bus}/best-seats", {"count": 1}),
    "find_stops": Row(READERS, "/stops"),
    "list_operators": Row(READERS, "/operators"),
    "create_hold": Row(EVERYONE | {"kiosk"}, "/buses/{bus}/holds", {"seats": ["9A"]}),
    # A kiosk's hold: the link that it has shown makes it that of whoever comes with it, people only.
    "claim_hold": Row(EVERYONE, "/holds/{kiosk_hold}/claim", {"token": "{claim}"}),
    "read_hold": Row(OWNER_AND_STAFF, "/holds/{hold}"),
    "replace_hold": Row(OWNER_AND_STAFF, "/holds/{hold}", {"seats": ["9B"]}),
    "extend_hold": Row(OWNER_AND_STAFF, "/holds/{hold}/extend"),
    "release_hold": Row(OWNER_AND_STAFF, "/holds/{hold}"),
    "create_booking": Row(OWNER_AND_STAFF, "/bookings", purchase(["1A"]) | {"hold_id": "{hold}"}),
    "list_bookings": Row(SIGNED_IN, "/bookings"),
    "read_booking": Row(MAY_SEE, "/bookings/{ref}"),
    "quote_refund": Row(MAY_SEE, "/bookings/{ref}/refund-quote"),
    "cancel_booking": Row(MAY_SEE, "/bookings/{ref}/cancel"),
    # Its id cannot be guessed, and whoever knows it may pay: a friend, another device.
    "settle_demo_payment": Row(
        EVERYONE | KIOSKS, "/payments/{payment}/demo", {"outcome": "succeeded"}
    ),
    "register": Row(
        EVERYONE, "/auth/register", {"name": "A", "email": "{new}", "password": "x" * 8}
    ),
    "login": Row(EVERYONE, "/auth/login", {"email": "rider@example.org", "password": "{password}"}),
    # The cookie is what counts, and nobody here has one.
    "refresh": Row(frozenset(), "/auth/refresh"),
    "logout": Row(EVERYONE, "/auth/logout"),
    "read_me": Row(SIGNED_IN, "/auth/me"),
    "create_bus": Row(
        MANAGERS,
        "/admin/buses",
        {"name": "N1", "total_seats": 4, "price": 1, "departs_at": in_days(1)},
    ),
    "change_fares": Row(OWN_MANAGERS, "/admin/buses/{bus}/fares", {"fares": [], "segments": [1]}),
    "read_limits": Row(OWN_MANAGERS, "/admin/operators/{operator}/limits"),
    "set_limits": Row(OWN_MANAGERS, "/admin/operators/{operator}/limits", LIMITS),
    "create_block": Row(
        OWN_MANAGERS, "/admin/blocks", {"bus_id": "{bus}", "seats": ["9C"], "reason": "x"}
    ),
    "lift_block": Row(OWN_MANAGERS, "/admin/blocks/{block}"),
    # A code is nobody's: whoever has it has a device.
    "pair_device": Row(EVERYONE, "/devices/pair", {"code": "{code}", "version": "1.0"}),
    "read_own_device": Row(DEVICES, "/devices/me"),
    "send_heartbeat": Row(DEVICES, "/devices/me/heartbeat", {"version": "1.0"}),
    "roll_own_key": Row(DEVICES, "/devices/me/roll"),
    "offer_handover": Row(
        frozenset({"kiosk"}), "/devices/me/handover", {"hold_id": "{kiosk_hold}"}
    ),
    "read_own_sales": Row(KIOSKS, "/devices/me/sales"),
    "record_scans": Row(
        DOORKEEPERS,
        "/devices/me/scans",
        {"scans": [{"id": "{uuid}", "bus_id": "{bus}", "ticket": "{ticket}"}]},
    ),
    "list_own_buses": Row(DOORKEEPERS, "/devices/me/buses"),
    "read_own_manifest": Row(
        frozenset({"scanner", "agent", "manager"}), "/devices/me/manifests/{bus}"
    ),
    "read_manifest": Row(OWN_STAFF | {"support"}, "/admin/buses/{bus}/manifest"),
    "create_device_code": Row(
        OWN_MANAGERS,
        "/admin/devices/codes",
        {"kind": "board", "name": "x", "operator": "{operator}", "stop": "{stop}"},
    ),
    "list_devices": Row(OWN_MANAGERS | {"support"}, "/admin/devices?operator={operator}"),
    "read_device": Row(OWN_MANAGERS | {"support"}, "/admin/devices/{device}"),
    "change_device": Row(OWN_MANAGERS, "/admin/devices/{device}", {"name": "y"}),
    "revoke_device": Row(OWN_MANAGERS, "/admin/devices/{device}"),
    "roll_device_key": Row(OWN_MANAGERS, "/admin/devices/{device}/roll"),
}


def test_every_operation_has_its_row() -> None:
    assert ROWS.keys() == {operation.name for operation in OPERATIONS}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
async def test_only_those_who_may_are_let_in(shop: Shop, operation: Operation) -> None:
    row = ROWS[operation.name]
    for who in sorted(READERS):
        names = await things(shop, who, row)
        rev = await shop.rev(names["bus"])
        answer = await shop.client(None if who == "guest" else who).request(
            # An answer without an end is refused or begun like any other: its head is enough.
            "HEAD" if operation.text else operation.method,
            fill(row.path, names),
            json=json.loads(fill(json.dumps(row.body), names)),
            headers=new_key(),
        )
        if who in row.allowed:
            assert answer.status_code < 400, (who, answer.text)
            if operation.name == "roll_own_key":
                await shop.take_key(who, answer.json()["key"])
        else:
            assert answer.status_code in {401, 403, 404}, (who, answer.text)
            assert await shop.rev(names["bus"]) == rev, who


async def things(shop: Shop, who: str, row: Row) -> dict[str, str]:
    """Let there be what a row asks for on a new bus, most of it the rider's; `who` only makes an address unique."""
    bus, wanted = await shop.bus(), row.path + json.dumps(row.body)
    found = {
        "bus": bus,
        "operator": shop.operators["Northline"],
        "new": f"{who}-{bus}@example.org",
        "password": PASSWORD,
        "stop": shop.stops[0],
        "uuid": str(uuid.uuid4()),
    }
    for names, make in MADE.items():
        if any(f"{{{name}}}" in wanted for name in names):
            found |= zip(names, await make(shop, bus), strict=True)
    return found


async def _hold(shop: Shop, bus: str) -> list[str]:
    return [(await shop.hold(shop.client("rider"), bus, ["1A"]))["id"]]


async def _unpaid(shop: Shop, bus: str) -> list[str]:
    return [(await shop.book(shop.client("rider"), bus, ["1B"]))["payment"]["id"]]


async def _paid(shop: Shop, bus: str) -> list[str]:
    paid = await shop.pay(await shop.book(shop.client("rider"), bus, ["1C"]))
    return [paid["ref"], paid["passengers"][0]["ticket"]]


async def _block(shop: Shop, bus: str) -> list[str]:
    wanted = {"bus_id": bus, "seats": ["1D"], "reason": "x"}
    return [(await shop.client("manager").post("/admin/blocks", json=wanted)).json()["id"]]


async def _handover(shop: Shop, bus: str) -> list[str]:
    kiosk = shop.client("kiosk")
    hold = (await shop.hold(kiosk, bus, ["2A"]))["id"]
    shown = await kiosk.post("/devices/me/handover", json={"hold_id": hold})
    return [hold, str(shown.json()["url"]).partition("#claim=")[2].partition("&")[0]]


async def _device(shop: Shop, _: str) -> list[str]:
    return [str((await shop.pair(DeviceKind.BOARD)).device_id)]


async def _code(shop: Shop, _: str) -> list[str]:
    place = int(shop.operators["Northline"]), DeviceKind.BOARD, "x", int(shop.stops[0])
    return [(await shop.store.pairing.show_code(None, NewDevice(*place))).code]


MADE = {
    ("hold",): _hold,
    ("payment",): _unpaid,
    ("ref", "ticket"): _paid,
    ("block",): _block,
    ("kiosk_hold", "claim"): _handover,
    ("device",): _device,
    ("code",): _code,
}


def fill(template: str, names: Mapping[str, str]) -> str:
    """Put what there is in place of the braces."""
    for name, value in names.items():
        template = template.replace(f"{{{name}}}", value)
    return template
