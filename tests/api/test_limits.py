"""Limits on what is held, as clients meet them: who is told from whom, what they are told, who sets the limits."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx2
import pytest

from tests.api import conformance
from tests.api.answers import bad_input, problem
from tests.api.served import Served
from tests.api.shop import Json, Shop, new_key, purchase
from tests.support.databases import Databases
from tests.support.servers import ThrowawayValkey

Client = httpx2.AsyncClient
COOKIE = "omnibus_buyer"
SIX = ["1A", "1B", "1C", "1D", "2A", "2B"]
PROXIED = {"OMNIBUS_RATE_LIMITS": "on", "OMNIBUS_TRUSTED_PROXIES": "127.0.0.1,10.0.0.0/8"}


@pytest.fixture(scope="module")
async def opened(
    databases: Databases, valkey: ThrowawayValkey
) -> AsyncIterator[tuple[Shop, Served, Served]]:
    """A shop with the limits that operators begin with; the second server is behind proxies."""
    async with databases.fresh() as url, await Shop.open(url) as shop:
        await shop.owner.execute("UPDATE operators SET holds_per_buyer = DEFAULT")
        settings = {"OMNIBUS_RATE_LIMITS": "on"}
        async with (
            Served(url, valkey.url, settings=settings) as plain,
            Served(url, valkey.url, settings=PROXIED) as proxied,
        ):
            shop.url = plain.url
            yield shop, plain, proxied


@pytest.fixture
async def limited(opened: tuple[Shop, Served, Served]) -> AsyncIterator[Shop]:
    shop, plain, proxied = opened
    yield shop
    await shop.forget_clients()
    for table, is_live in (("holds", "state = 'ACTIVE'"), ("bookings", "status = 'PENDING'")):
        await shop.owner.execute(
            f"UPDATE {table} SET created_at = created_at - interval '1 day',"  # noqa: S608 - of constants
            f" expires_at = expires_at - interval '1 day' WHERE {is_live}"
        )
    assert [await each.failures() for each in (plain, proxied)] == [[], []]
    assert await shop.violations() == {}


@asynccontextmanager
async def browser(
    url: str, headers: Mapping[str, str] | None = None, *, forgets: bool = False
) -> AsyncIterator[Client]:
    """A client with cookies of its own, or with none ever."""
    async with Client(
        base_url=f"{url}/api/v1",
        headers=headers,
        event_hooks={"response": [conformance.check]},
        timeout=30,
        trust_env=False,
        verify=False,
    ) as client:
        if forgets:
            client.event_hooks["request"] = [_drop_cookies]
        yield client


async def _drop_cookies(request: httpx2.Request) -> None:
    request.headers.pop("cookie", None)


async def hold(client: Client, bus: str, seats: list[str]) -> httpx2.Response:
    return await client.post(f"/buses/{bus}/holds", json={"seats": seats}, headers=new_key())


# Who is told from whom.


async def test_looking_at_a_bus_gives_a_guest_a_cookie_once(limited: Shop) -> None:
    bus = await limited.bus()
    async with browser(limited.url) as guest:
        given = (await guest.get(f"/buses/{bus}")).headers["set-cookie"]
        assert given.startswith(f"{COOKIE}=")
        parts = given.split("; ")
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(parts)
        assert "Secure" not in parts
        for again in (await guest.get(f"/buses/{bus}"), await hold(guest, bus, ["1A"])):
            assert "set-cookie" not in again.headers
    assert "set-cookie" not in (await limited.client("rider").get(f"/buses/{bus}")).headers


async def test_a_refusal_gives_a_cookie_too(limited: Shop) -> None:
    bus = await limited.bus()
    async with browser(limited.url) as guest:
        refused = await guest.post(f"/buses/{bus}/holds", json={"seats": ["99Z"]})
        assert bad_input(refused) == ["/seats/0"]
        assert refused.headers["set-cookie"].startswith(f"{COOKIE}=")


async def test_guests_with_cookies_are_buyers_of_their_own(limited: Shop) -> None:
    bus = await limited.bus()
    async with browser(limited.url) as ann, browser(limited.url) as ben:
        for guest in (ann, ben):
            await guest.get(f"/buses/{bus}")
        for guest, seats in ((ann, ["1A", "1B"]), (ben, ["1C", "1D"])):
            for seat in seats:
                assert (await hold(guest, bus, [seat])).status_code == 201
        told = problem(await hold(ann, bus, ["2A"]), 409, "too_many_holds")
        assert 290 < told["retry_after"] <= 300
        other = await limited.bus()
        problem(await hold(ben, other, ["2A"]), 409, "too_many_holds")


async def test_whoever_shows_no_cookie_is_one_with_all_who_show_none(limited: Shop) -> None:
    bus = await limited.bus()
    forged = {"cookie": f"{COOKIE}={'A' * 43}"}
    garbage = {"cookie": f'{COOKIE}="; x'}
    async with (
        browser(limited.url, forgets=True) as first,
        browser(limited.url, forgets=True) as second,
    ):
        assert (await hold(first, bus, ["1A"])).status_code == 201
        assert (await hold(second, bus, ["1B"])).status_code == 201
    for headers in ({}, forged, garbage):
        async with Client(base_url=f"{limited.url}/api/v1", trust_env=False, verify=False) as bare:
            refused = await bare.post(
                f"/buses/{bus}/holds", json={"seats": ["1C"]}, headers=headers
            )
            problem(refused, 409, "too_many_holds")
            assert refused.headers["set-cookie"].startswith(f"{COOKIE}=")


async def test_more_cookies_are_no_more_seats(limited: Shop) -> None:
    bus, answers = await limited.bus(), []
    for seat in list(await limited.seats(bus))[:9]:
        async with browser(limited.url) as guest:
            await guest.get(f"/buses/{bus}")
            answers.append(await hold(guest, bus, [seat]))
    assert [answer.status_code for answer in answers] == [201] * 6 + [409] * 3
    answer = answers[-1]
    told = problem(answer, 409, "address_limit")
    assert "sign in" in told["detail"]
    assert answer.headers["retry-after"] == str(told["retry_after"])
    assert (await hold(limited.client("rider"), bus, ["9A"])).status_code == 201


async def test_unpaid_bookings_are_held_against_a_guest_as_holds_are(limited: Shop) -> None:
    bus = await limited.bus()
    async with browser(limited.url) as guest:
        await guest.get(f"/buses/{bus}")
        booking = await limited.book(guest, bus, SIX)
        body = purchase(["9A"]) | {"bus_id": bus, "seats": ["9A"]}
        refused = await guest.post("/bookings", json=body, headers=new_key())
        told = problem(refused, 409, "too_many_seats")
        assert 110 < told["retry_after"] <= 120
        await limited.pay(booking)
        assert (await guest.post("/bookings", json=body, headers=new_key())).status_code == 201


async def test_nobody_says_for_themselves_where_they_are(
    limited: Shop, opened: tuple[Shop, Served, Served]
) -> None:
    bus = await limited.bus()
    for number in range(6):
        async with browser(limited.url, {"x-forwarded-for": f"203.0.113.{number}"}) as guest:
            await guest.get(f"/buses/{bus}")
            assert (await hold(guest, bus, [SIX[number]])).status_code == 201
    async with browser(limited.url, {"x-forwarded-for": "203.0.113.99"}) as guest:
        await guest.get(f"/buses/{bus}")
        problem(await hold(guest, bus, ["9A"]), 409, "address_limit")


async def test_behind_our_proxies_the_address_is_what_they_say(
    limited: Shop, opened: tuple[Shop, Served, Served]
) -> None:
    bus, url = await limited.bus(), opened[2].url

    async def ask(forwarded: str, seats: list[str]) -> httpx2.Response:
        async with browser(url, {"x-forwarded-for": forwarded}) as guest:
            await guest.get(f"/buses/{bus}")
            return await hold(guest, bus, seats)

    assert (await ask("203.0.113.1", SIX)).status_code == 201
    assert (await ask("203.0.113.2, 10.1.2.3", ["3A"])).status_code == 201
    # What a client has put before the list that our proxies continue is not believed.
    problem(await ask("198.51.100.1, 203.0.113.1", ["3B"]), 409, "address_limit")
    # An IPv6 subscriber has a /64 to choose from.
    assert (await ask("2001:db8:1:2::1", ["4A", "4B", "4C"])).status_code == 201
    assert (await ask("2001:db8:1:2:ffff::9", ["5A", "5B", "5C"])).status_code == 201
    problem(await ask("2001:db8:1:2:abcd:1:2:3", ["6A"]), 409, "address_limit")
    assert (await ask("2001:db8:1:3::1", ["6A"])).status_code == 201


async def test_behind_tls_the_cookie_is_of_this_host_and_secure(
    limited: Shop, opened: tuple[Shop, Served, Served]
) -> None:
    bus, secure = await limited.bus(), {"x-forwarded-proto": "https"}
    async with browser(opened[2].url, secure) as guest:
        given = (await guest.get(f"/buses/{bus}")).headers["set-cookie"]
    assert given.startswith(f"__Host-{COOKIE}=")
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= set(given.split("; "))
    async with browser(limited.url, secure) as guest:
        assert "Secure" not in (await guest.get(f"/buses/{bus}")).headers["set-cookie"]


async def test_no_address_and_no_cookie_is_stored(limited: Shop) -> None:
    bus = await limited.bus()
    async with browser(limited.url) as guest:
        await guest.get(f"/buses/{bus}")
        cookie = guest.cookies[COOKIE]
        await hold(guest, bus, ["1A"])
        await limited.book(guest, bus, ["1B"])
    for table in ("holds", "bookings", "buyer_holds", "idempotency_keys", "events"):
        rows = await limited.owner.fetch(f"SELECT t::text AS row FROM {table} AS t")  # noqa: S608 - of constants
        assert rows
        for row in rows:
            assert "127.0.0.1" not in row["row"]
            assert cookie[:20] not in row["row"]


# What they are told.


async def test_a_seat_just_let_go_says_when_it_may_be_had_again(limited: Shop) -> None:
    bus, rider = await limited.bus(), limited.client("rider")
    held = (await hold(rider, bus, ["1A", "1B"])).json()
    await rider.delete(f"/holds/{held['id']}")
    refused = await hold(rider, bus, ["1A", "2A"])
    told = problem(refused, 409, "seat_cooling_down")
    assert told["seats"] == [{"seat": "1A", "status": "AVAILABLE"}]
    assert 110 < told["retry_after"] <= 120
    assert refused.headers["retry-after"] == str(told["retry_after"])
    assert (await hold(limited.client("other_rider"), bus, ["1A"])).status_code == 201


async def test_a_second_extension_is_refused_and_moves_nothing(limited: Shop) -> None:
    bus, rider = await limited.bus(), limited.client("rider")
    url = f"/holds/{(await hold(rider, bus, ['1A'])).json()['id']}"
    extended = (await rider.post(f"{url}/extend")).json()
    assert extended["extended"] is True
    problem(await rider.post(f"{url}/extend"), 409, "already_extended")
    assert (await rider.get(url)).json() == extended


async def test_a_refusal_with_a_key_says_the_same_again(limited: Shop) -> None:
    bus, rider, key = await limited.bus(), limited.client("rider"), new_key()
    await hold(rider, bus, SIX)
    first, second = [
        await rider.post(f"/buses/{bus}/holds", json={"seats": ["9A"]}, headers=key) for _ in "12"
    ]
    problem(first, 409, "too_many_seats")
    assert first.content == second.content
    assert first.headers["retry-after"] == second.headers["retry-after"]
    assert second.headers["idempotent-replayed"] == "true"


async def test_a_bus_tells_its_rules(limited: Shop) -> None:
    rules = (await limited.client().get(f"/buses/{await limited.bus()}")).json()["rules"]
    assert {
        "seats_per_buyer": 6,
        "seats_per_address": 6,
        "holds_per_buyer": 2,
        "cooldown_seconds": 120,
        "hold_seconds": 300,
        "hold_seconds_max": 1200,
        "extension_seconds": 300,
    }.items() <= rules.items()


# Who sets them.


def path(shop: Shop, operator: str = "Southline") -> str:
    return f"/admin/operators/{shop.operators[operator]}/limits"


async def test_an_operators_administrator_reads_and_sets_its_limits(limited: Shop) -> None:
    rival, url = limited.client("rival"), path(limited)
    limits: Json = (await rival.get(url)).json()
    assert (limits["seats_per_buyer"], limits["seats_per_address"]) == (6, None)
    bus = (
        await limited.client("rival").post(
            "/admin/buses",
            json={"name": "S1", "departs_at": "2099-01-01T10:00:00Z", "total_seats": 8, "price": 1},
        )
    ).json()["id"]
    # The process knows the bus by now, and with it the limits of before.
    assert (await limited.client().get(f"/buses/{bus}/seats")).status_code == 200
    wanted = limits | {"seats_per_buyer": 2, "hold_seconds_max": 60, "cooldown_seconds": 0}
    changed = await rival.put(url, json=wanted)
    assert changed.status_code == 200
    assert changed.json() == wanted == (await rival.get(url)).json()
    rules = (await limited.client().get(f"/buses/{bus}")).json()["rules"]
    assert (rules["seats_per_buyer"], rules["seats_per_address"], rules["hold_seconds"]) == (
        2,
        2,
        60,
    )
    problem(await hold(limited.client("rider"), bus, ["1A", "1B", "1C"]), 409, "too_many_seats")
    log = await limited.owner.fetch("SELECT * FROM audit_log WHERE action = 'limits.set'")
    assert json.loads(log[-1]["detail"])["seats_per_buyer"] == [6, 2]
    back = await rival.put(url, json=limits)
    assert back.status_code == 200, back.text
    assert (await hold(limited.client("rider"), bus, ["1A", "1B", "1C"])).status_code == 201


@pytest.mark.parametrize(
    ("who", "status", "code"),
    [
        (None, 401, "unauthenticated"),
        ("rider", 403, "forbidden"),
        ("agent", 403, "forbidden"),
        ("manager", 404, "not_found"),
    ],
)
async def test_nobody_else_reads_or_sets_them(
    limited: Shop, who: str | None, status: int, code: str
) -> None:
    limits = (await limited.client("rival").get(path(limited))).json()
    client = limited.client(who)
    problem(await client.get(path(limited)), status, code)
    problem(await client.put(path(limited), json=limits), status, code)


@pytest.mark.parametrize("operator", ["4711", "0", "x", "99999999999"])
async def test_an_operator_that_is_not_there_has_no_limits(limited: Shop, operator: str) -> None:
    answer = await limited.client("admin").get(f"/admin/operators/{operator}/limits")
    problem(answer, 404, "not_found")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seats_per_buyer", 0),
        ("seats_per_buyer", 101),
        ("seats_per_address", 201),
        ("holds_per_buyer", 0),
        ("cooldown_seconds", -1),
        ("hold_seconds_max", 1201),
        ("extension_seconds", 1.5),
    ],
)
async def test_limits_out_of_bounds_are_pointed_at(limited: Shop, field: str, value: float) -> None:
    rival, url = limited.client("rival"), path(limited)
    limits = (await rival.get(url)).json()
    assert bad_input(await rival.put(url, json=limits | {field: value})) == [f"/{field}"]
    assert (await rival.get(url)).json() == limits
