"""Two operators with the same kind of everything: whatever staff of the one tries, the other's is not there.

Two guards see to that: our rules with the conditions in our queries, and row security. Each is switched off in turn,
and the other is enough; with both off, what they are there for appears.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx2
import pytest

from store.model import DeviceKind
from tests.api.served import REAL, Served
from tests.api.shop import Json, Shop, in_days, new_key, purchase
from tests.api.test_access import LIMITS, fill
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
}
# A key between tables stands behind these two, also when nothing else does.
BY_KEYS_ALONE = {"use a route", "use a layout"}
LOOKING = {
    *("see a booking", "see an unpaid booking", "ask what it would bring", "read the log"),
    *("see who travels", "see a device"),
}


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


async def things(shop: Shop) -> dict[str, str]:
    """Let a rider have something of everything at Northline, on a new bus."""
    rider, bus = shop.client("rider"), await shop.bus()
    hold = await shop.hold(rider, bus, ["1A"])
    unpaid = await shop.book(rider, bus, ["1B"])
    paid = await shop.pay(await shop.book(rider, bus, ["1C"]))
    wanted = {"bus_id": bus, "seats": ["1D"], "reason": "x"}
    block = await shop.client("manager").post("/admin/blocks", json=wanted)
    return {
        "bus": bus,
        "operator": shop.operators["Northline"],
        "route": shop.route,
        "layout": shop.layout,
        "hold": hold["id"],
        "ref": paid["ref"],
        "unpaid": unpaid["ref"],
        "block": block.json()["id"],
        "device": str((await shop.pair(DeviceKind.BOARD)).device_id),
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
    names = await things(shop)
    for name, attempt in ATTEMPTS.items():
        for who, role in STAFF.items():
            before, limits = await shop.rev(names["bus"]), await limits_of(shop)
            answer = await send(shop.client(who), attempt, names)
            is_moved = (await shop.rev(names["bus"]), await limits_of(shop)) != (before, limits)
            hidden = {404} if role in attempt.by else {403}
            if name == "sell for cash":
                # Seats of any bus are everybody's to buy; that the money is in hand is its operator's to say.
                hidden = {403}
            is_hidden = answer.status_code in hidden or shows_its_own(answer, names)
            if not is_hidden or is_moved:
                found.setdefault(name, set()).add(role)
                names = await things(shop)
    return found


def shows_its_own(answer: httpx2.Response, names: dict[str, str]) -> bool:
    """Whether the answer is a list without anything of Northline's."""
    if b'"items":' not in answer.content:
        return False
    return all(item["operator"] != names["operator"] for item in answer.json()["items"])


async def limits_of(shop: Shop) -> Json:
    answer = await shop.client("admin").get(
        f"/admin/operators/{shop.operators['Northline']}/limits"
    )
    limits: Json = answer.json()
    return limits


async def test_staff_does_to_its_own_all_that_is_tried_here(
    databases: Databases, valkey: ThrowawayValkey
) -> None:
    """Otherwise it would prove nothing that others are turned away."""
    async with opened(databases, valkey, is_scoped=True, has_row_security=True) as shop:
        for name, attempt in ATTEMPTS.items():
            for role in attempt.by:
                answer = await send(shop.client(role), attempt, await things(shop))
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
        name: set(attempt.by) for name, attempt in ATTEMPTS.items() if name not in BY_KEYS_ALONE
    }


async def test_support_sees_bookings_of_all_and_changes_nothing_of_anybody(shop: Shop) -> None:
    support, names = shop.client("support"), await things(shop)
    before = await shop.rev(names["bus"])
    for name, attempt in ATTEMPTS.items():
        answer = await send(support, attempt, names)
        assert answer.status_code in ({200} if name in LOOKING else {403, 404}), (name, answer.text)
        assert await shop.rev(names["bus"]) == before, name
