"""Who may do what: every operation of the API has a row, and everyone who is not in it is turned away."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from server.app import OPERATIONS
from server.contract import Operation
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
OWN_STAFF = frozenset({"agent", "manager", "admin"})
MANAGERS = frozenset({"manager", "rival", "admin"})
OWN_MANAGERS = frozenset({"manager", "admin"})
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
    "search_buses": Row(EVERYONE, "/buses"),
    "read_bus": Row(EVERYONE, "/buses/{bus}"),
    "read_seats": Row(EVERYONE, "/buses/{bus}/seats"),
    "stream_bus": Row(EVERYONE, "/buses/{bus}/stream"),
    "suggest_seats": Row(EVERYONE, "/buses/{bus}/best-seats", {"count": 1}),
    "find_stops": Row(EVERYONE, "/stops"),
    "list_operators": Row(EVERYONE, "/operators"),
    "create_hold": Row(EVERYONE, "/buses/{bus}/holds", {"seats": ["9A"]}),
    "read_hold": Row(OWNER_AND_STAFF, "/holds/{hold}"),
    "replace_hold": Row(OWNER_AND_STAFF, "/holds/{hold}", {"seats": ["9B"]}),
    "extend_hold": Row(OWNER_AND_STAFF, "/holds/{hold}/extend"),
    "release_hold": Row(OWNER_AND_STAFF, "/holds/{hold}"),
    "create_booking": Row(OWNER_AND_STAFF, "/bookings", purchase(["1A"]) | {"hold_id": "{hold}"}),
    "list_bookings": Row(SIGNED_IN, "/bookings"),
    "read_booking": Row(MAY_SEE, "/bookings/{ref}"),
    "quote_refund": Row(MAY_SEE, "/bookings/{ref}/refund-quote"),
    "cancel_booking": Row(OWNER_AND_STAFF, "/bookings/{ref}/cancel"),
    # Its id cannot be guessed, and whoever knows it may pay: a friend, another device.
    "settle_demo_payment": Row(EVERYONE, "/payments/{payment}/demo", {"outcome": "succeeded"}),
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
    "list_audit": Row(MANAGERS | {"support"}, "/admin/audit"),
    "lift_block": Row(OWN_MANAGERS, "/admin/blocks/{block}"),
}


def test_every_operation_has_its_row() -> None:
    assert ROWS.keys() == {operation.name for operation in OPERATIONS}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
async def test_only_those_who_may_are_let_in(shop: Shop, operation: Operation) -> None:
    row = ROWS[operation.name]
    for who in sorted(EVERYONE):
        names = await things(shop, who)
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
        else:
            assert answer.status_code in {401, 403, 404}, (who, answer.text)
            assert await shop.rev(names["bus"]) == rev, who


async def things(shop: Shop, who: str) -> dict[str, str]:
    """Let the rider have something of everything on a new bus; `who` only makes an address unique."""
    rider, bus = shop.client("rider"), await shop.bus()
    hold = await shop.hold(rider, bus, ["1A"])
    unpaid = await shop.book(rider, bus, ["1B"])
    paid = await shop.pay(await shop.book(rider, bus, ["1C"]))
    wanted = {"bus_id": bus, "seats": ["1D"], "reason": "x"}
    block = await shop.client("manager").post("/admin/blocks", json=wanted)
    return {
        "bus": bus,
        "operator": shop.operators["Northline"],
        "hold": hold["id"],
        "ref": paid["ref"],
        "payment": unpaid["payment"]["id"],
        "block": block.json()["id"],
        "new": f"{who}-{bus}@example.org",
        "password": PASSWORD,
    }


def fill(template: str, names: Mapping[str, str]) -> str:
    """Put what there is in place of the braces."""
    for name, value in names.items():
        template = template.replace(f"{{{name}}}", value)
    return template
