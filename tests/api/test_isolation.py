"""Two operators with the same kind of everything: whatever staff of the one tries, the other's is not there.

Two guards see to that: our rules with the conditions in our queries, and row security. Each is switched off in turn,
and the other is enough; with both off, what they are there for appears.
"""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx2
import pytest

from tests.api.served import REAL, Served
from tests.api.shop import Json, Shop, in_days, new_key, purchase
from tests.api.test_access import LIMITS, MADE, TERMS, fill
from tests.support.databases import Databases
from tests.support.servers import ThrowawayValkey
from tests.support.twins import switch_off_row_security

BOUNDLESS = ("tests.api.boundless_server", "serve")
STAFF = {"rival_agent": "agent", "rival": "manager"}
"""Southline's staff, by what it is. Northline's have the same roles, and the same things."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Something that Northline's staff of these roles may do to what is Northline's."""

    method: str
    path: str
    body: Json | None = None
    by: frozenset[str] = frozenset({"agent", "manager"})


MANAGERS = frozenset({"manager"})
NEW_BUS: Json = {"departs_at": in_days(1), "price": 1}
ATTEMPTS = {
    "see a hold": Attempt("GET", "/holds/{hold}"),
    "replace a hold": Attempt("PUT", "/holds/{hold}", {"seats": ["9A"]}),
    "extend a hold": Attempt("POST", "/holds/{hold}/extend"),
    "book a hold": Attempt("POST", "/bookings", purchase(["1A"]) | {"hold_id": "{hold}"}),
    "release a hold": Attempt("DELETE", "/holds/{hold}"),
    "sell for cash": Attempt(
        "POST", "/bookings", purchase(["8A"], "cash") | {"bus_id": "{bus}", "seats": ["8A"]}
    ),
    "see a booking": Attempt("GET", "/bookings/{ref}"),
    "ask what it would bring": Attempt("POST", "/bookings/{ref}/refund-quote"),
    "cancel a booking": Attempt("POST", "/bookings/{ref}/cancel"),
    "see an unpaid booking": Attempt("GET", "/bookings/{unpaid}"),
    "block a seat": Attempt(
        "POST", "/admin/blocks", {"bus_id": "{bus}", "seats": ["9C"], "reason": "x"}, MANAGERS
    ),
    "lift a block": Attempt("DELETE", "/admin/blocks/{block}", None, MANAGERS),
    "set fares": Attempt(
        "PUT", "/admin/buses/{bus}/fares", {"fares": [], "segments": [1]}, MANAGERS
    ),
    "read limits": Attempt("GET", "/admin/operators/{operator}/limits", None, MANAGERS),
    "set limits": Attempt("PUT", "/admin/operators/{operator}/limits", LIMITS, MANAGERS),
    "read the log": Attempt("GET", "/admin/audit?operator={operator}", None, MANAGERS),
    "try a job again": Attempt("POST", "/admin/outbox/{job}/retry", None, MANAGERS),
    "discard a job": Attempt("POST", "/admin/outbox/{job}/discard", None, MANAGERS),
    "see who travels": Attempt("GET", "/admin/buses/{bus}/manifest"),
    "have a device paired": Attempt(
        "POST",
        "/admin/devices/codes",
        {"kind": "scanner", "name": "x", "operator": "{operator}"},
        MANAGERS,
    ),
    "see a device": Attempt("GET", "/admin/devices/{device}", None, MANAGERS),
    "rename a device": Attempt("PATCH", "/admin/devices/{device}", {"name": "y"}, MANAGERS),
    "have a device's key": Attempt("POST", "/admin/devices/{device}/roll", None, MANAGERS),
    "shut a device out": Attempt("DELETE", "/admin/devices/{device}", None, MANAGERS),
    "put a bus on sale": Attempt(
        "POST", "/admin/buses", NEW_BUS | {"total_seats": 4, "operator": "{operator}"}, MANAGERS
    ),
    "use a route": Attempt(
        "POST", "/admin/buses", NEW_BUS | {"total_seats": 4, "route_id": "{route}"}, MANAGERS
    ),
    "use a layout": Attempt("POST", "/admin/buses", NEW_BUS | {"layout_id": "{layout}"}, MANAGERS),
    "give seats of no-shows away": Attempt("POST", "/admin/buses/{bus}/no-shows"),
    "list jobs": Attempt("GET", "/admin/outbox?operator={operator}", None, MANAGERS),
    "list refunds": Attempt("GET", "/admin/refunds?booking={refunded}"),
    "pay a refund out": Attempt("POST", "/admin/refunds/{refund}/pay-out"),
    "draft rules": Attempt(
        "POST",
        "/admin/refund-rules",
        {"name": "Rules of {bus}", "terms": TERMS, "operator": "{operator}"},
        MANAGERS,
    ),
    "rewrite rules": Attempt("PUT", "/admin/refund-rules/{rules}", {"terms": TERMS}, MANAGERS),
    "publish rules": Attempt("POST", "/admin/refund-rules/{rules}/publish", None, MANAGERS),
    "sell under rules": Attempt(
        "PUT", "/admin/operators/{operator}/refund-rules", {"rules": None}, MANAGERS
    ),
    "sell a route under rules": Attempt(
        "PUT", "/admin/routes/{route}/refund-rules", {"rules": None}, MANAGERS
    ),
    "list shifts": Attempt("GET", "/admin/shifts?operator={operator}", None, MANAGERS),
    "see a shift": Attempt("GET", "/admin/shifts/{shift}"),
    "close a shift": Attempt("POST", "/shifts/{shift}/close", {"counted": []}),
    "have cash taken in shifts": Attempt(
        "PUT", "/admin/operators/{operator}/cash", {"needs_shift": False}, MANAGERS
    ),
    "add a webhook": Attempt(
        "POST",
        "/admin/webhooks",
        {
            "url": "https://93.184.216.34/{bus}",
            "events": ["refund.paid"],
            "operator": "{operator}",
        },
        MANAGERS,
    ),
    "list webhooks": Attempt("GET", "/admin/webhooks?operator={operator}", None, MANAGERS),
    "see a webhook": Attempt("GET", "/admin/webhooks/{webhook}", None, MANAGERS),
    "change a webhook": Attempt("PATCH", "/admin/webhooks/{webhook}", {"enabled": False}, MANAGERS),
    "delete a webhook": Attempt("DELETE", "/admin/webhooks/{webhook}", None, MANAGERS),
    "have a webhook's secret": Attempt("POST", "/admin/webhooks/{webhook}/rotate", None, MANAGERS),
    "test a webhook": Attempt("POST", "/admin/webhooks/{webhook}/test", None, MANAGERS),
    "list deliveries": Attempt("GET", "/admin/webhooks/{webhook}/deliveries", None, MANAGERS),
    "see a delivery": Attempt(
        "GET", "/admin/webhooks/{webhook}/deliveries/{delivery}", None, MANAGERS
    ),
    "send a delivery again": Attempt(
        "POST", "/admin/webhooks/{webhook}/deliveries/{delivery}/resend", None, MANAGERS
    ),
    "send what failed again": Attempt(
        "POST",
        "/admin/webhooks/{webhook}/resend",
        {"since": "2030-01-01T00:00:00Z"},
        MANAGERS,
    ),
}
# A key between tables stands behind the first two, also when nothing else does; money is handed out of the drawer of
# one's own shift, which is one's own operator's.
BY_THEMSELVES = {"use a route", "use a layout", "pay a refund out"}
LOOKING = {
    *("see a booking", "see an unpaid booking", "ask what it would bring", "read the log"),
    *("see who travels", "see a device", "list jobs", "list refunds", "list shifts", "see a shift"),
    *("list webhooks", "see a webhook", "list deliveries", "see a delivery"),
}
# What attempts might change; `t` is a row of a table, with all that is in it.
_OWNED = (
    *("webhook_endpoints", "webhook_deliveries", "refund_rules", "refund_defaults", "shifts"),
    *("cash_payouts", "refunds", "tickets", "operators"),
)
_ROWS = (
    "(SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM {} AS t WHERE t.operator_id = $1)"
)
_STATE = "SELECT b.rev, {} FROM buses AS b WHERE b.bus_id = $2".format(  # noqa: S608 - of constants
    ", ".join(map(_ROWS.format, _OWNED))
)


@asynccontextmanager
async def opened(
    databases: Databases, valkey: ThrowawayValkey, *, is_scoped: bool, has_row_security: bool
) -> AsyncIterator[Shop]:
    """Serve a shop of two operators, with both guards, one, or none."""
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(databases.fresh())
        shop = await Shop.open(url)
        stack.push_async_callback(shop.close)
        if not has_row_security:
            await switch_off_row_security(shop.owner)
        module = REAL if is_scoped else BOUNDLESS
        served = await stack.enter_async_context(Served(url, valkey.url, module=module))
        shop.url = served.url
        yield shop
        assert await served.failures() == [], served.log()[-3000:]


def wanted_by(*attempts: Attempt) -> str:
    """Return the words of attempts, with the names of what has to be there for them."""
    return " ".join(f"{attempt.path} {json.dumps(attempt.body)}" for attempt in attempts)


EVERYTHING = wanted_by(*ATTEMPTS.values())


async def things(shop: Shop, wanted_words: str = EVERYTHING) -> dict[str, str]:
    """Let a rider have something at Northline, on a new bus: of everything, or what these words name."""
    bus = await shop.bus()
    found = {
        "bus": bus,
        "operator": shop.operators["Northline"],
        "route": shop.route,
        "layout": shop.layout,
    }
    for names, make in MAKERS.items():
        if any(f"{{{name}}}" in wanted_words for name in names):
            found |= zip(names, await make(shop, bus), strict=True)
    return found


async def _unpaid(shop: Shop, bus: str) -> list[str]:
    return [(await shop.book(shop.client("rider"), bus, ["1B"]))["ref"]]


async def _refund(shop: Shop, bus: str) -> list[str]:
    """Let cash wait at the counter for a rider, and everybody there have an open drawer."""
    for who in ("agent", "manager"):
        opened = await shop.client(who).post("/shifts", json={"float": []})
        assert opened.status_code in {201, 409}, opened.text
    agent = shop.client("agent")
    sold = await shop.book(agent, bus, ["3A"], method="cash")
    await agent.post(f"/bookings/{sold['ref']}/cancel")
    (waiting,) = (await agent.get(f"/admin/refunds?booking={sold['ref']}")).json()["items"]
    return [waiting["id"], sold["ref"]]


MAKERS = {
    # First, as it takes what workers have to do for all of a bus.
    ("job",): MADE["job",],
    ("unpaid",): _unpaid,
    ("refund", "refunded"): _refund,
    **{
        names: MADE[names]
        for names in (
            *(("hold",), ("ref", "ticket"), ("block",), ("device",)),
            *(("webhook", "delivery"), ("rules",), ("shift",)),
        )
    },
}


async def send(
    client: httpx2.AsyncClient, attempt: Attempt, names: dict[str, str]
) -> httpx2.Response:
    body = attempt.body and {
        key: fill(value, names) if isinstance(value, str) else value
        for key, value in attempt.body.items()
    }
    return await client.request(
        attempt.method, fill(attempt.path, names), json=body, headers=new_key()
    )


async def leaks(shop: Shop) -> dict[str, set[str]]:
    """Let Southline's staff try everything; return what was not answered as nothing at all is, by whom."""
    found: dict[str, set[str]] = {}
    names, is_touched = await things(shop), False
    before = await state_of(shop, names)
    for name, attempt in ATTEMPTS.items():
        for who, role in STAFF.items():
            if is_touched:
                names, is_touched = names | await things(shop, wanted_by(attempt)), False
                before = await state_of(shop, names)
            answer = await send(shop.client(who), attempt, names)
            is_moved = await state_of(shop, names) != before
            hidden = {404} if role in attempt.by else {403}
            if name == "sell for cash":
                # Seats of any bus are everybody's to buy; that the money is in hand is its operator's to say.
                hidden = {403}
            is_own = attempt.method == "GET" and shows_its_own(answer, names)
            if is_moved or not (is_own or answer.status_code in hidden):
                found.setdefault(name, set()).add(role)
                is_touched = True
    return found


def shows_its_own(answer: httpx2.Response, names: dict[str, str]) -> bool:
    """Whether the answer is a list without anything of Northline's."""
    if b'"items":' not in answer.content:
        return False
    return all(
        item.get("operator", names["operator"]) != names["operator"]
        for item in answer.json()["items"]
    )


async def state_of(shop: Shop, names: dict[str, str]) -> tuple[object, ...]:
    """Return what is Northline's as it is now: two of these are alike as long as nobody has changed anything."""
    return tuple(await shop.owner.fetchrow(_STATE, int(names["operator"]), int(names["bus"])) or ())


async def test_staff_does_to_its_own_all_that_is_tried_here(
    databases: Databases, valkey: ThrowawayValkey
) -> None:
    """Otherwise it would prove nothing that others are turned away."""
    async with opened(databases, valkey, is_scoped=True, has_row_security=True) as shop:
        for name, attempt in ATTEMPTS.items():
            for role in attempt.by:
                names = await things(shop, wanted_by(attempt))
                answer = await send(shop.client(role), attempt, names)
                assert answer.status_code < 300, (name, role, answer.text)


@pytest.mark.parametrize(
    ("is_scoped", "has_row_security"),
    [(True, True), (True, False), (False, True)],
    ids=["as built", "without row security", "without conditions in queries and rules"],
)
async def test_another_operators_things_do_not_exist(
    databases: Databases, valkey: ThrowawayValkey, *, is_scoped: bool, has_row_security: bool
) -> None:
    async with opened(
        databases, valkey, is_scoped=is_scoped, has_row_security=has_row_security
    ) as shop:
        assert await leaks(shop) == {}


async def test_twin_without_either_guard_everything_is_everybodys(
    databases: Databases, valkey: ThrowawayValkey
) -> None:
    async with opened(databases, valkey, is_scoped=False, has_row_security=False) as shop:
        found = await leaks(shop)
    assert found == {
        name: set(attempt.by) for name, attempt in ATTEMPTS.items() if name not in BY_THEMSELVES
    }


async def test_support_sees_bookings_of_all_and_changes_nothing_of_anybody(shop: Shop) -> None:
    support, names = shop.client("support"), await things(shop)
    before = await shop.rev(names["bus"])
    for name, attempt in ATTEMPTS.items():
        answer = await send(support, attempt, names)
        assert answer.status_code in ({200} if name in LOOKING else {403, 404}), (name, answer.text)
        assert await shop.rev(names["bus"]) == before, name
