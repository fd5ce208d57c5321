"""Who may do what: every operation of the API has a row, and everyone who is not in it is turned away."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import httpx2
import pytest

from server.app import OPERATIONS
from server.contract import Operation
from store.imports import NewImport
from store.model import Caller, DeviceKind, Role
from store.pairing import NewDevice
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
COUNTERPARTS = {
    "rival": "manager",
    "rival_agent": "agent",
    "rival_kiosk": "kiosk",
    "other_rider": "rider",
}
"""Who has the same role as somebody of the operator whose things a row is about."""
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
STAFF = EVERYONE - {"guest", "rider", "other_rider"}
OVERSEERS = MANAGERS | {"support"}
OWN_SEERS = OWN_STAFF | {"support"}
OWN_PEOPLE = frozenset({"agent", "manager"})
TILLS = OWN_PEOPLE | {"rival", "rival_agent"} | KIOSKS


@dataclass(frozen=True, slots=True)
class Row:
    """Who is let in, and what is asked: braces stand for what the rider has on the operator's bus."""

    allowed: frozenset[str]
    path: str
    body: Json | None = None
    told: frozenset[int] = frozenset()
    """How those are answered who are let in, and then told that what they ask makes no sense."""
    closed: frozenset[int] = frozenset()
    """How those are answered who are not, where that is another way than that of `refusals`."""


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
TERMS: list[Json] = [{"before_minutes": 0, "percent": 50}]
# Everybody sees these things, so there is nothing to hide: who they are not for is told so.
PUBLIC = frozenset({401, 403})
MADE_UP = frozenset({403, 410})
ROWS: dict[str, Row] = {
    "search_buses": Row(READERS, "/buses"),
    "price_days": Row(READERS, "/days?from={stop}"),
    "read_bus": Row(READERS, "/buses/{bus}"),
    "read_seats": Row(READERS, "/buses/{bus}/seats"),
    "stream_bus": Row(READERS, "/buses/{bus}/stream"),
    "suggest_seats": Row(EVERYONE | KIOSKS, "/buses/{bus}/best-seats", {"count": 1}),
    "find_stops": Row(READERS, "/stops"),
    "list_operators": Row(READERS, "/operators"),
    "create_hold": Row(
        EVERYONE | {"kiosk"}, "/buses/{bus}/holds", {"seats": ["9A"]}, closed=PUBLIC
    ),
    # A kiosk's hold: the link that it has shown makes it that of whoever comes with it, people only.
    "claim_hold": Row(EVERYONE, "/holds/{kiosk_hold}/claim", {"token": "{claim}"}),
    "read_hold": Row(OWNER_AND_STAFF, "/holds/{hold}"),
    "replace_hold": Row(OWNER_AND_STAFF, "/holds/{hold}", {"seats": ["9B"]}),
    "extend_hold": Row(OWNER_AND_STAFF, "/holds/{hold}/extend"),
    "release_hold": Row(OWNER_AND_STAFF, "/holds/{hold}"),
    "create_booking": Row(OWNER_AND_STAFF, "/bookings", purchase(["1A"]) | {"hold_id": "{hold}"}),
    "list_bookings": Row(SIGNED_IN, "/bookings"),
    "read_room": Row(READERS, "/rooms/{room}"),
    "take_place": Row(EVERYONE, "/rooms/{room}/places", {}),
    # Made up, whoever shows it.
    "enter_room": Row(EVERYONE, "/rooms/{room}/entry", {"token": "A" * 92}, told=MADE_UP),
    "read_draw": Row(READERS, "/rooms/{room}/draw"),
    "read_booking": Row(MAY_SEE, "/bookings/{ref}"),
    # Whoever knows what is on the ticket and the contact given with it; here nobody does.
    "find_booking": Row(
        EVERYONE,
        "/bookings/find",
        {"ref": "{ref}", "email": "nobody@example.org"},
        told=frozenset({404}),
    ),
    # Its buyer pays otherwise: staff who may take cash is told so.
    "take_cash": Row(OWN_STAFF, "/bookings/{ref}/cash", None, frozenset({409})),
    "quote_refund": Row(MAY_SEE, "/bookings/{ref}/refund-quote"),
    "cancel_booking": Row(OWNER_AND_STAFF, "/bookings/{ref}/cancel"),
    # Its id cannot be guessed, and whoever knows it may pay: a friend, another device.
    "settle_demo_payment": Row(
        EVERYONE | KIOSKS, "/payments/{payment}/demo", {"outcome": "succeeded"}
    ),
    "begin_payment": Row(EVERYONE | KIOSKS, "/payments/{payment}/begin"),
    # Nothing is begun with it at a provider, so there is nothing that a checkout could have signed.
    "hear_checkout": Row(
        EVERYONE | KIOSKS,
        "/payments/{payment}/checkout",
        {"order_id": "order_1", "payment_id": "pay_1", "signature": "0"},
        told=frozenset({404}),
    ),
    # Whoever calls shows a signature, and nobody here has one.
    "receive_webhook": Row(EVERYONE, "/payments/webhooks/demo", {"id": "x"}, told=frozenset({400})),
    # The pretend provider's page is there under OMNIBUS_DEMO only.
    "read_demo_payment": Row(READERS, "/demo/payments/x", told=frozenset({404})),
    "step_demo_payment": Row(
        EVERYONE | KIOSKS, "/demo/payments/x", {"step": "approve"}, told=frozenset({404})
    ),
    "read_ticket_pdf": Row(MAY_SEE, "/bookings/{ref}/ticket.pdf"),
    "read_ticket_calendar": Row(MAY_SEE, "/bookings/{ref}/ticket.ics"),
    "read_ticket_code": Row(MAY_SEE, "/tickets/{ticket}/qr.svg"),
    "register": Row(
        EVERYONE, "/auth/register", {"name": "A", "email": "{new}", "password": "correct horse"}
    ),
    "login": Row(EVERYONE, "/auth/login", {"email": "rider@example.org", "password": "{password}"}),
    # The cookie is what counts, and nobody here has one.
    "refresh": Row(frozenset(), "/auth/refresh", closed=frozenset({401, 403})),
    "logout": Row(EVERYONE, "/auth/logout"),
    "read_me": Row(SIGNED_IN, "/auth/me"),
    # A made-up token opens nothing, whoever shows it; the answer to a forgotten password tells nobody anything.
    "verify_email": Row(frozenset(), "/auth/verify", {"token": "made up"}, closed=MADE_UP),
    "resend_verification": Row(SIGNED_IN, "/auth/verify/resend"),
    "forget_password": Row(EVERYONE, "/auth/password/forgot", {"email": "{new}"}),
    "reset_password": Row(
        frozenset(),
        "/auth/password/reset",
        {"token": "made up", "password": "correct horse"},
        closed=MADE_UP,
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
    "list_jobs": Row(OVERSEERS, "/admin/outbox"),
    "retry_job": Row(OWN_MANAGERS, "/admin/outbox/{job}/retry"),
    "discard_job": Row(OWN_MANAGERS, "/admin/outbox/{job}/discard"),
    "lift_block": Row(OWN_MANAGERS, "/admin/blocks/{block}"),
    "list_blocks": Row(OWN_SEERS, "/admin/blocks?bus={bus}"),
    "read_fares": Row(OWN_SEERS, "/admin/buses/{bus}/fares"),
    "list_all_operators": Row(STAFF, "/admin/operators"),
    "create_operator": Row(
        frozenset({"admin"}),
        "/admin/operators",
        {"name": "{new}", "time_zone": "UTC", "currency": "EUR"},
    ),
    "read_operator": Row(OWN_MANAGERS | {"support"}, "/admin/operators/{operator}"),
    "change_operator": Row(OWN_MANAGERS, "/admin/operators/{operator}", {}),
    # The zip is looked at once it is known from whom it is; here there is none.
    "upload_timetable": Row(
        OWN_MANAGERS, "/admin/imports?operator={operator}", told=frozenset({415})
    ),
    "list_imports": Row(OVERSEERS, "/admin/imports"),
    "read_import": Row(OWN_MANAGERS | {"support"}, "/admin/imports/{import}"),
    "cancel_import": Row(
        OWN_MANAGERS, "/admin/imports/{import}/cancel", told=frozenset({200, 409})
    ),
    "list_rooms": Row(OVERSEERS, "/admin/rooms"),
    "open_room": Row(OWN_MANAGERS, "/admin/rooms", {"bus": "{bus}"}),
    "change_room_pace": Row(OWN_MANAGERS, "/admin/rooms/{room}", {"per_minute": 5}),
    "close_room": Row(OWN_MANAGERS, "/admin/rooms/{room}/close"),
    "list_stops": Row(STAFF, "/admin/stops"),
    "create_stop": Row(
        MANAGERS, "/admin/stops", {"code": "{new}", "name": "Oak", "time_zone": "UTC"}
    ),
    "read_stop": Row(STAFF, "/admin/stops/{stop}"),
    "change_stop": Row(OWN_MANAGERS, "/admin/stops/{stop}", {"name": "Elm"}, closed=PUBLIC),
    "delete_stop": Row(OWN_MANAGERS, "/admin/stops/{stop}", closed=PUBLIC),
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
    "read_sales_pace": Row(OVERSEERS, "/admin/sales/pace"),
    "search_bookings": Row(STAFF, "/admin/bookings"),
    "read_booking_history": Row(OWN_SEERS, "/admin/bookings/{ref}/history"),
    "move_passenger": Row(OWN_STAFF, "/admin/tickets/{ticket}/move", {"seat": "3C"}),
    "resend_mail": Row(OWN_STAFF, "/admin/bookings/{ref}/mail"),
    # A code is nobody's: whoever has it has a device.
    "pair_device": Row(EVERYONE, "/devices/pair", {"code": "{code}", "version": "1.0"}),
    "read_own_device": Row(DEVICES, "/devices/me"),
    "send_heartbeat": Row(DEVICES, "/devices/me/heartbeat", {"version": "1.0"}),
    "roll_own_key": Row(DEVICES, "/devices/me/roll"),
    "offer_handover": Row(
        frozenset({"kiosk"}), "/devices/me/handover", {"hold_id": "{kiosk_hold}"}
    ),
    "read_own_sales": Row(KIOSKS, "/devices/me/sales"),
    "draw_phone_code": Row(KIOSKS, "/devices/me/qr", {"link": "/"}),
    "record_scans": Row(
        DOORKEEPERS,
        "/devices/me/scans",
        {"scans": [{"id": "{uuid}", "bus_id": "{bus}", "ticket": "{ticket}"}]},
    ),
    # It was never scanned: nobody is told so who may not know of the bus.
    "undo_scan": Row(
        DOORKEEPERS,
        "/devices/me/scans/undo",
        {"id": "{uuid}", "bus_id": "{bus}"},
        frozenset({404}),
    ),
    "read_ticket_keys": Row(DOORKEEPERS, "/boarding/keys"),
    "release_no_shows": Row(OWN_STAFF, "/admin/buses/{bus}/no-shows"),
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
    "create_webhook": Row(
        OWN_MANAGERS,
        "/admin/webhooks",
        {
            "url": "https://93.184.216.34/{uuid}",
            "events": ["refund.paid"],
            "operator": "{operator}",
        },
    ),
    "list_webhooks": Row(OWN_MANAGERS | {"support"}, "/admin/webhooks?operator={operator}"),
    "read_webhook": Row(OWN_MANAGERS | {"support"}, "/admin/webhooks/{webhook}"),
    "change_webhook": Row(OWN_MANAGERS, "/admin/webhooks/{webhook}", {"enabled": False}),
    "delete_webhook": Row(OWN_MANAGERS, "/admin/webhooks/{webhook}"),
    "rotate_webhook_secret": Row(OWN_MANAGERS, "/admin/webhooks/{webhook}/rotate"),
    "test_webhook": Row(OWN_MANAGERS, "/admin/webhooks/{webhook}/test"),
    "list_webhook_deliveries": Row(
        OWN_MANAGERS | {"support"}, "/admin/webhooks/{webhook}/deliveries"
    ),
    "read_webhook_delivery": Row(
        OWN_MANAGERS | {"support"}, "/admin/webhooks/{webhook}/deliveries/{delivery}"
    ),
    "resend_webhook_delivery": Row(
        OWN_MANAGERS, "/admin/webhooks/{webhook}/deliveries/{delivery}/resend"
    ),
    "resend_failed_deliveries": Row(
        OWN_MANAGERS, "/admin/webhooks/{webhook}/resend", {"since": "2030-01-01T00:00:00Z"}
    ),
}


ROWS |= {
    "list_refund_rules": Row(OVERSEERS, "/admin/refund-rules"),
    "draft_refund_rules": Row(
        OWN_MANAGERS,
        "/admin/refund-rules",
        {"name": "{new}", "terms": TERMS, "operator": "{operator}"},
    ),
    "rewrite_refund_rules": Row(OWN_MANAGERS, "/admin/refund-rules/{rules}", {"terms": TERMS}),
    "publish_refund_rules": Row(OWN_MANAGERS, "/admin/refund-rules/{rules}/publish"),
    "set_operator_rules": Row(
        OWN_MANAGERS, "/admin/operators/{operator}/refund-rules", {"rules": None}
    ),
    "set_route_rules": Row(OWN_MANAGERS, "/admin/routes/{route}/refund-rules", {"rules": None}),
    "list_refunds": Row(OWN_SEERS, "/admin/refunds?booking={ref}"),
    "read_bus_refunds": Row(OWN_SEERS, "/admin/buses/{bus}/refunds"),
    # Whether they have a shift open is no question of who they are.
    "pay_out_refund": Row(
        OWN_PEOPLE, "/admin/refunds/{refund}/pay-out", told=frozenset({200, 409})
    ),
    "open_shift": Row(TILLS, "/shifts", {"float": []}, frozenset({201, 409})),
    "read_current_shift": Row(TILLS, "/shifts/current", told=frozenset({200, 404})),
    "close_shift": Row(OWN_PEOPLE, "/shifts/{shift}/close", {"counted": []}),
    "list_shifts": Row(OVERSEERS, "/admin/shifts"),
    "report_shift": Row(OWN_SEERS, "/admin/shifts/{shift}"),
    "read_cash_policy": Row(OWN_MANAGERS | {"support"}, "/admin/operators/{operator}/cash"),
    "set_cash_policy": Row(
        OWN_MANAGERS, "/admin/operators/{operator}/cash", {"needs_shift": False}
    ),
}


def test_every_operation_has_its_row() -> None:
    assert ROWS.keys() == {operation.name for operation in OPERATIONS}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
async def test_only_those_who_may_are_let_in(shop: Shop, operation: Operation) -> None:
    row = ROWS[operation.name]
    names: dict[str, str] = {}
    for who in sorted(READERS):
        if not names:
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
            if operation.name == "roll_own_key":
                await shop.take_key(who, answer.json()["key"])
            if operation.method != "GET":
                names = {}  # used up: who is next gets things that nobody has touched
        else:
            assert answer.status_code in refusals(who, row), (who, answer.text)
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


def refusals(who: str, row: Row) -> frozenset[int]:
    """Return how somebody may be turned away: to who has a row's role elsewhere, its things do not exist."""
    if who == "guest":
        return row.closed or frozenset({401, 404})
    if COUNTERPARTS.get(who) in row.allowed:
        return row.closed or frozenset({404})
    return row.closed or frozenset({403, 404})


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
    bus, wanted = await shop.bus(), row.path + json.dumps(row.body)
    found = {
        "bus": bus,
        "operator": shop.operators["Northline"],
        "colleague": str(shop.people["agent"].user_id),
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


async def _job(shop: Shop, bus: str) -> list[str]:
    await shop.pay(await shop.book(shop.client("rider"), bus, ["2C"]))
    return await shop.give_up(bus)


async def _block(shop: Shop, bus: str) -> list[str]:
    wanted = {"bus_id": bus, "seats": ["1D"], "reason": "x"}
    return [(await shop.client("manager").post("/admin/blocks", json=wanted)).json()["id"]]


async def _session(shop: Shop, _: str) -> list[str]:
    return [(await shop.begin_session(shop.people["rider"]))[1].session_id]


async def _handover(shop: Shop, bus: str) -> list[str]:
    kiosk = shop.client("kiosk")
    hold = (await shop.hold(kiosk, bus, ["2A"]))["id"]
    shown = await kiosk.post("/devices/me/handover", json={"hold_id": hold})
    return [hold, str(shown.json()["url"]).partition("#claim=")[2].partition("&")[0]]


async def _device(shop: Shop, _: str) -> list[str]:
    return [str((await shop.pair(DeviceKind.BOARD)).device_id)]


async def _code(shop: Shop, _: str) -> list[str]:
    await shop.forget_codes()
    place = int(shop.operators["Northline"]), DeviceKind.BOARD, "x", int(shop.stops[0])
    return [(await shop.store.pairing.show_code(None, NewDevice(*place))).code]


async def _refund(shop: Shop, bus: str) -> list[str]:
    agent = shop.client("agent")
    sold = await shop.book(agent, bus, ["3A"], method="cash")
    await agent.post(f"/bookings/{sold['ref']}/cancel")
    found = await agent.get("/admin/refunds", params={"booking": sold["ref"]})
    return [found.json()["items"][0]["id"]]


async def _shift(shop: Shop, _: str) -> list[str]:
    kiosk = await shop.pair(DeviceKind.KIOSK)
    opened = await shop.client("agent").post("/shifts", json={"device": str(kiosk.device_id)})
    return [opened.json()["id"]]


async def _rules(shop: Shop, _: str) -> list[str]:
    drafted = {"name": f"Rules {uuid.uuid4()}", "terms": TERMS}
    return [(await shop.client("manager").post("/admin/refund-rules", json=drafted)).json()["id"]]


async def _webhook(shop: Shop, _: str) -> list[str]:
    await shop.owner.execute(
        "UPDATE webhook_endpoints SET deleted_at = now(), disabled_at = now(), disabled_because = 'staff'"
    )
    wanted = {"url": "https://93.184.216.34/hook", "events": ["refund.paid"]}
    manager = shop.client("manager")
    webhook = (await manager.post("/admin/webhooks", json=wanted)).json()["id"]
    return [webhook, (await manager.post(f"/admin/webhooks/{webhook}/test")).json()["id"]]


async def _import(shop: Shop, _: str) -> list[str]:
    """Let there be an import that nobody is at."""
    manager = shop.client("manager")
    for running in (await manager.get("/admin/imports")).json()["items"]:
        await manager.post(f"/admin/imports/{running['id']}/cancel")
    who = Caller(shop.people["manager"].user_id, Role.ADMIN)
    new = NewImport(int(shop.operators["Northline"]), "feed.zip", 9, {})
    begun = await shop.store.imports.begin(who, new)
    return [str(begun.import_id)]


async def _room(shop: Shop, _: str) -> list[str]:
    """Let there be a waiting room that is open, before a bus that nobody wants; an operator has so many at a time."""
    admin = shop.client("admin")
    for room in (await admin.get("/admin/rooms")).json()["items"]:
        await admin.post(f"/admin/rooms/{room['id']}/close")
    opened = await shop.client("manager").post("/admin/rooms", json={"bus": await shop.bus()})
    number = str(opened.json()["id"])

    async def is_open() -> bool:
        counter = await shop.client().get(f"/rooms/{number}")
        return counter.status_code == 200 and counter.json()["status"] == "open"

    await wait_until(is_open)
    return [number]


MADE = {
    ("room",): _room,
    ("import",): _import,
    ("webhook", "delivery"): _webhook,
    ("refund",): _refund,
    ("shift",): _shift,
    ("rules",): _rules,
    ("hold",): _hold,
    ("payment",): _unpaid,
    ("ref", "ticket"): _paid,
    ("job",): _job,
    ("block",): _block,
    ("session",): _session,
    ("kiosk_hold", "claim"): _handover,
    ("device",): _device,
    ("code",): _code,
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
