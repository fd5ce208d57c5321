"""Who may do what: every operation of the API has a row, and everyone who is not in it is turned away."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import httpx2
import pytest

from server.app import OPERATIONS
from server.contract import Operation
from store.model import Role
from store.staffing import Staffing
from tests.api.answers import problem
from tests.api.forgeries import Forger
from tests.api.shop import PASSWORD, Json, Shop, in_days, new_key, purchase
from tests.support.waiting import wait_until

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
# Their tokens were an admin's, and looked the same.
BARRED = ("disabled", "expired")
SIGNED_IN = EVERYONE - {"guest"}
OWN_STAFF = frozenset({"agent", "manager", "admin"})
MANAGERS = frozenset({"manager", "rival", "admin"})
OWN_MANAGERS = frozenset({"manager", "admin"})
OWNER_AND_STAFF = OWN_STAFF | {"rider"}
MAY_SEE = OWNER_AND_STAFF | {"support"}
STAFF = EVERYONE - {"guest", "rider", "other_rider"}
OVERSEERS = MANAGERS | {"support"}
OWN_SEERS = OWN_STAFF | {"support"}


@dataclass(frozen=True, slots=True)
class Row:
    """Who is let in, and what is asked: braces stand for what the rider has on the operator's bus."""

    allowed: frozenset[str]
    path: str
    body: Json | None = None
    told: frozenset[int] = frozenset()
    """How those are answered who are let in, and then told that what they ask makes no sense."""


LIMITS: Json = {
    "seats_per_buyer": 6,
    "seats_per_staff": 100,
    "holds_per_buyer": 1000,
    "holds_per_staff": 1000,
    "cooldown_seconds": 120,
    "extension_seconds": 300,
    "hold_seconds_max": 1200,
}
PATTERN = [{"stop": "{stop}", "arrival_seconds": seconds} for seconds in (0, 60)]
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
        EVERYONE, "/auth/register", {"name": "A", "email": "{new}", "password": "correct horse"}
    ),
    "login": Row(EVERYONE, "/auth/login", {"email": "rider@example.org", "password": "{password}"}),
    # The cookie is what counts, and nobody here has one.
    "refresh": Row(frozenset(), "/auth/refresh"),
    "logout": Row(EVERYONE, "/auth/logout"),
    "read_me": Row(SIGNED_IN, "/auth/me"),
    # A made-up token opens nothing, whoever shows it; the answer to a forgotten password tells nobody anything.
    "verify_email": Row(frozenset(), "/auth/verify", {"token": "made up"}),
    "resend_verification": Row(SIGNED_IN, "/auth/verify/resend"),
    "forget_password": Row(EVERYONE, "/auth/password/forgot", {"email": "{new}"}),
    "reset_password": Row(
        frozenset(), "/auth/password/reset", {"token": "made up", "password": "correct horse"}
    ),
    "change_me": Row(SIGNED_IN, "/auth/me", {}),
    "export_me": Row(SIGNED_IN, "/auth/me/export"),
    # Who has somebody's session but not their password.
    "change_password": Row(
        frozenset(), "/auth/password", {"current": "not mine", "new": "correct battery"}
    ),
    "erase_me": Row(frozenset(), "/auth/me", {"password": "not mine"}),
    "list_sessions": Row(SIGNED_IN, "/auth/sessions"),
    "end_session": Row(frozenset({"rider"}), "/auth/sessions/{session}"),
    "begin_totp": Row(SIGNED_IN, "/auth/totp"),
    "confirm_totp": Row(SIGNED_IN, "/auth/totp/confirm", {"code": "000000"}, frozenset({409, 422})),
    "remove_totp": Row(SIGNED_IN, "/auth/totp", {"password": "wrong"}, frozenset({422})),
    "list_users": Row(MANAGERS, "/admin/users"),
    "invite_user": Row(
        OWN_MANAGERS,
        "/admin/users",
        {"name": "A", "email": "{new}", "role": "agent", "operator": "{operator}"},
    ),
    "read_user": Row(OWN_MANAGERS, "/admin/users/{colleague}"),
    "change_user": Row(OWN_MANAGERS, "/admin/users/{colleague}", {"name": "Agent"}),
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
    "list_blocks": Row(OWN_SEERS, "/admin/blocks?bus={bus}"),
    "read_fares": Row(OWN_SEERS, "/admin/buses/{bus}/fares"),
    "list_all_operators": Row(OVERSEERS, "/admin/operators"),
    "create_operator": Row(
        frozenset({"admin"}),
        "/admin/operators",
        {"name": "{new}", "time_zone": "UTC", "currency": "EUR"},
    ),
    "read_operator": Row(OWN_MANAGERS | {"support"}, "/admin/operators/{operator}"),
    "change_operator": Row(OWN_MANAGERS, "/admin/operators/{operator}", {}),
    "list_stops": Row(STAFF, "/admin/stops"),
    "create_stop": Row(
        MANAGERS, "/admin/stops", {"code": "{new}", "name": "Oak", "time_zone": "UTC"}
    ),
    "read_stop": Row(STAFF, "/admin/stops/{stop}"),
    "change_stop": Row(OWN_MANAGERS, "/admin/stops/{stop}", {"name": "Elm"}),
    "delete_stop": Row(OWN_MANAGERS, "/admin/stops/{stop}"),
    "list_routes": Row(STAFF, "/admin/routes"),
    "create_route": Row(
        OWN_MANAGERS, "/admin/routes", {"name": "R", "operator": "{operator}", "stops": PATTERN}
    ),
    "read_route": Row(OWN_SEERS, "/admin/routes/{route}"),
    "rename_route": Row(OWN_MANAGERS, "/admin/routes/{route}", {"name": "R2"}),
    "set_route_stops": Row(OWN_MANAGERS, "/admin/routes/{route}/stops", {"stops": PATTERN}),
    "delete_route": Row(OWN_MANAGERS, "/admin/routes/{route}"),
    "list_layouts": Row(STAFF, "/admin/layouts"),
    "create_layout": Row(
        OWN_MANAGERS,
        "/admin/layouts",
        {"name": "{new}", "operator": "{operator}", "total_seats": 4},
    ),
    "read_layout": Row(OWN_SEERS, "/admin/layouts/{layout}"),
    "copy_layout": Row(OWN_MANAGERS, "/admin/layouts/{layout}/copy", {"name": "{new}"}),
    "delete_layout": Row(OWN_MANAGERS, "/admin/layouts/{layout}"),
    "list_vehicles": Row(STAFF, "/admin/vehicles"),
    "create_vehicle": Row(
        OWN_MANAGERS,
        "/admin/vehicles",
        {"registration": "C {bus}", "layout_id": "{layout}", "operator": "{operator}"},
    ),
    "read_vehicle": Row(OWN_SEERS, "/admin/vehicles/{vehicle}"),
    "change_vehicle": Row(OWN_MANAGERS, "/admin/vehicles/{vehicle}", {"retired": True}),
    "list_buses": Row(STAFF, "/admin/buses"),
    "read_admin_bus": Row(OWN_SEERS, "/admin/buses/{draft}"),
    "change_bus": Row(OWN_MANAGERS, "/admin/buses/{bus}", {"name": "N2"}),
    "set_call": Row(OWN_MANAGERS, "/admin/buses/{bus}/stops/{start}", {"bay": "A1"}),
    "publish_bus": Row(OWN_MANAGERS, "/admin/buses/{draft}/publish"),
    "close_bus": Row(OWN_MANAGERS, "/admin/buses/{bus}/close"),
    "reopen_bus": Row(OWN_MANAGERS, "/admin/buses/{closed}/reopen"),
    "cancel_bus": Row(OWN_MANAGERS, "/admin/buses/{bus}/cancel"),
    "copy_bus": Row(OWN_MANAGERS, "/admin/buses/{bus}/copy", {"dates": [in_days(9)[:10]]}),
    "report_sales": Row(OVERSEERS, "/admin/sales?from=2030-01-01&to=2030-01-02"),
}


def test_every_operation_has_its_row() -> None:
    assert ROWS.keys() == {operation.name for operation in OPERATIONS}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
async def test_only_those_who_may_are_let_in(shop: Shop, operation: Operation) -> None:
    row = ROWS[operation.name]
    for who in sorted(EVERYONE):
        names = await things(shop, who, row)
        if operation.path.startswith("/admin"):
            names |= await catalogue(shop, names, row)
        rev = await shop.rev(names["bus"])
        client = shop.client(None if who == "guest" else who)
        answer = await ask(client, operation, names)
        if who in row.allowed and row.told:
            assert answer.status_code in row.told, (who, answer.text)
        elif who in row.allowed:
            assert answer.status_code < 400, (who, answer.text)
        else:
            assert answer.status_code in {401, 403, 404, 410}, (who, answer.text)
            assert await shop.rev(names["bus"]) == rev, who


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
async def test_a_token_that_is_good_no_more_opens_nothing_not_even_what_is_open_to_all(
    shop: Shop, operation: Operation
) -> None:
    names = await things(shop, "barred", ROWS[operation.name])
    rev = await shop.rev(names["bus"])
    for who in BARRED:
        token = await barred_token(shop, who)
        answer = await ask(shop.client(), operation, names, authorization=f"Bearer {token}")
        assert answer.status_code == 401, (who, answer.text)
        if not operation.text:
            problem(answer, 401, "unauthenticated")
        assert await shop.rev(names["bus"]) == rev, who


async def ask(
    client: httpx2.AsyncClient, operation: Operation, names: Mapping[str, str], **headers: str
) -> httpx2.Response:
    row = ROWS[operation.name]
    return await client.request(
        # An answer without an end is refused or begun like any other: its head is enough.
        "HEAD" if operation.text else operation.method,
        fill(row.path, names),
        json=json.loads(fill(json.dumps(row.body), names)),
        headers=new_key() | headers,
    )


async def barred_token(shop: Shop, who: str) -> str:
    """Return a token of an admin whose account was closed after it was made, or whose time is over."""
    if who == "expired":
        return Forger(shop.tokens, shop.token("admin")).off_by(60)
    user = await shop.hire(Role.ADMIN)
    token, _ = await shop.begin_session(user)
    await Staffing(shop.store.db).disable(user.user_id)

    async def is_known() -> bool:
        headers = {"authorization": f"Bearer {token}"}
        return (await shop.client().get("/stops", headers=headers)).status_code == 401

    await wait_until(is_known, seconds=5)
    return token


async def things(shop: Shop, who: str, row: Row) -> dict[str, str]:
    """Let there be what a row asks for on a new bus, most of it the rider's; `who` only makes an address unique."""
    rider, bus = shop.client("rider"), await shop.bus()

    async def hold() -> str:
        return str((await shop.hold(rider, bus, ["1A"]))["id"])

    async def unpaid() -> str:
        return str((await shop.book(rider, bus, ["1B"]))["payment"]["id"])

    async def paid() -> str:
        return str((await shop.pay(await shop.book(rider, bus, ["1C"])))["ref"])

    async def block() -> str:
        wanted = {"bus_id": bus, "seats": ["1D"], "reason": "x"}
        return str((await shop.client("manager").post("/admin/blocks", json=wanted)).json()["id"])

    async def session() -> str:
        return (await shop.begin_session(shop.people["rider"]))[1].session_id

    makers = {"hold": hold, "payment": unpaid, "ref": paid, "block": block, "session": session}
    asked = row.path + json.dumps(row.body)
    return {
        "bus": bus,
        "operator": shop.operators["Northline"],
        "colleague": str(shop.people["agent"].user_id),
        "new": f"{who}-{bus}@example.org",
        "password": PASSWORD,
        **{name: await make() for name, make in makers.items() if f"{{{name}}}" in asked},
    }


async def catalogue(shop: Shop, names: Mapping[str, str], row: Row) -> dict[str, str]:
    """Let the operator have what the row names of what its administrators keep, fresh and not in use."""
    manager, bus = shop.client("manager"), names["bus"]

    async def add(what: str, **body: object) -> str:
        made = await manager.post(f"/admin/{what}", json=body)
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    async def close() -> str:
        closed = await shop.bus()
        await shop.stop_selling(closed)
        return closed

    async def find_start() -> str:
        shown = await manager.get(f"/admin/buses/{bus}")
        return str(shown.json()["stops"][0]["stop"]["id"])

    pattern = [{"stop": shop.stops[0], "arrival_seconds": seconds} for seconds in (0, 60)]
    makers = {
        "stop": lambda: add("stops", code=bus, name="Oak", time_zone="UTC"),
        "route": lambda: add("routes", name="R", stops=pattern),
        "layout": lambda: add("layouts", name=f"Free {bus}", total_seats=2),
        "vehicle": lambda: add("vehicles", registration=f"V {bus}", layout_id=shop.layout),
        "draft": lambda: shop.bus(draft=True),
        "closed": close,
        "start": find_start,
    }
    asked = row.path + json.dumps(row.body)
    return {name: await make() for name, make in makers.items() if f"{{{name}}}" in asked}


def fill(template: str, names: Mapping[str, str]) -> str:
    """Put what there is in place of the braces."""
    for name, value in names.items():
        template = template.replace(f"{{{name}}}", value)
    return template
