"""How often callers may ask, as clients meet it."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest

from server.app import OPERATIONS
from server.config import ConfigError, as_environment, load
from server.policies import POLICIES, Policy, Rate, Whose
from tests.api import conformance
from tests.api.answers import problem
from tests.api.served import Served, serving
from tests.api.shop import PASSWORD, Shop, new_key, purchase
from tests.support.databases import Databases
from tests.support.servers import ThrowawayValkey

Client = httpx2.AsyncClient
_SAID = re.compile(r'"(?P<name>[a-z-]+)";(?:q=(?P<q>\d+);w=(?P<w>\d+)|r=(?P<r>\d+);t=(?P<t>\d+))')
SETTINGS = {
    "OMNIBUS_RATE_LIMITS": "on",
    "OMNIBUS_TRUSTED_PROXIES": "127.0.0.1",
    "OMNIBUS_RATE_POLICIES": "search=5/1h,hold=4/1h,hold-address=6/1h,booking=3/1h,login=4/1h,register=3/1h",
}
_addresses = (f"203.0.113.{number}" for number in itertools.count(1))


@pytest.fixture(scope="module")
async def opened(
    databases: Databases, valkey: ThrowawayValkey
) -> AsyncIterator[tuple[Shop, list[Served]]]:
    """Two processes that are one installation, with limits that a test can reach."""
    async with databases.fresh() as url, await Shop.open(url) as shop:
        pair = [
            Served(url, valkey.url, settings=SETTINGS | {"OMNIBUS_WORKERS": "2"}) for _ in range(2)
        ]
        async with serving(*pair):
            shop.url = pair[0].url
            yield shop, pair
            assert [await each.failures() for each in pair] == [[], []]
        assert await shop.violations() == {}


@pytest.fixture
async def limited(opened: tuple[Shop, list[Served]]) -> AsyncIterator[Shop]:
    shop, _ = opened
    yield shop
    await shop.forget_clients()


@pytest.fixture
def address() -> str:
    """Nobody has asked from there."""
    return next(_addresses)


@asynccontextmanager
async def caller(
    shop: Shop, address: str, who: str | None = None, *, at: int = 0
) -> AsyncIterator[Client]:
    headers = {"x-forwarded-for": address}
    if who:
        headers["authorization"] = f"Bearer {shop.token(who)}"
    async with Client(
        base_url=f"{shop.url}/api/v1",
        headers=headers,
        event_hooks={"response": [conformance.check]},
        trust_env=False,
        verify=False,
    ) as client:
        yield client


def said(answer: httpx2.Response, header: str) -> dict[str, int]:
    found = _SAID.fullmatch(answer.headers[header])
    assert found is not None, answer.headers[header]
    return {
        name: int(value) for name, value in found.groupdict().items() if value and name != "name"
    }


def refused(answer: httpx2.Response) -> int:
    """See that an answer refuses as it should; return when to come back."""
    told = problem(answer, 429, "rate_limited")
    seconds = int(answer.headers["retry-after"])
    assert told["retry_after"] == seconds >= 1
    assert said(answer, "ratelimit")["r"] == 0
    assert answer.headers["cache-control"] == "no-store"
    return seconds


async def test_a_caller_is_told_what_is_left_and_refused_when_nothing_is(
    limited: Shop, address: str
) -> None:
    async with caller(limited, address) as guest:
        left = []
        while (answer := await guest.get("/stops")).status_code == 200:
            assert said(answer, "ratelimit-policy") == {"q": 5, "w": 3600}
            left.append(said(answer, "ratelimit")["r"])
        assert left == [4, 3, 2, 1, 0]
        assert 0 < refused(answer) <= 720
        assert 0 < said(answer, "ratelimit")["t"] <= 3600
        # Another class, and another address, are not concerned.
        assert (await guest.get("/auth/me")).status_code == 401
        assert (await guest.post("/auth/logout")).status_code == 204
    async with caller(limited, next(_addresses)) as other:
        assert (await other.get("/stops")).status_code == 200


async def test_two_processes_give_out_one_burst(
    opened: tuple[Shop, list[Served]], address: str
) -> None:
    _, pair = opened
    headers = {"x-forwarded-for": address}
    async with Client(trust_env=False, verify=False) as client:
        answers = await asyncio.gather(
            *(
                client.get(f"{pair[number % 2].url}/api/v1/stops", headers=headers)
                for number in range(20)
            )
        )
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [429] * 15


async def test_neighbours_in_an_ipv6_network_are_one_caller(limited: Shop) -> None:
    statuses = []
    for number in range(6):
        async with caller(limited, f"2001:db8:7::{number + 1:x}") as guest:
            statuses.append((await guest.get("/stops")).status_code)
    assert statuses == [200] * 5 + [429]
    async with caller(limited, "2001:db8:7:1::1") as guest:
        assert (await guest.get("/stops")).status_code == 200


async def test_whoever_is_signed_in_is_counted_wherever_they_are(limited: Shop) -> None:
    wanted = purchase(["1A"]) | {"bus_id": "999", "seats": ["1A"]}
    statuses = []
    for _ in range(4):
        async with caller(limited, next(_addresses), "rider") as rider:
            answer = await rider.post("/bookings", json=wanted, headers=new_key())
            statuses.append(answer.status_code)
    assert statuses == [404, 404, 404, 429]
    async with caller(limited, next(_addresses), "other_rider") as other:
        assert (await other.post("/bookings", json=wanted, headers=new_key())).status_code == 404


async def test_guests_are_counted_by_their_cookie_and_all_of_an_address_together(
    limited: Shop, address: str
) -> None:
    bus = await limited.bus()

    async def hold(guest: Client) -> int:
        return (await guest.post(f"/buses/{bus}/holds", json={"seats": ["99Z"]})).status_code

    async with caller(limited, address) as ann, caller(limited, address) as ben:
        for guest in (ann, ben):
            await guest.get(f"/buses/{bus}")
        assert [await hold(ann) for _ in range(5)] == [422] * 4 + [429]
        # What ann was refused has cost the others nothing.
        assert [await hold(ben) for _ in range(3)] == [422] * 2 + [429]
    async with caller(limited, next(_addresses)) as forgetful:
        seen = []
        for _ in range(7):
            seen.append(await hold(forgetful))
            forgetful.cookies.clear()
        assert seen == [422] * 6 + [429]


async def test_an_agent_sells_to_one_after_the_other(limited: Shop, address: str) -> None:
    bus = await limited.bus()
    async with caller(limited, address, "agent") as agent:
        for _ in range(8):
            answer = await agent.post(f"/buses/{bus}/holds", json={"seats": ["99Z"]})
            assert answer.status_code == 422
            assert "hold-staff" in answer.headers["ratelimit-policy"]


async def test_only_failed_sign_ins_count_against_an_account(limited: Shop, address: str) -> None:
    right = {"email": "rider@example.org", "password": PASSWORD}
    async with caller(limited, address) as guest:
        for _ in range(8):
            assert (await guest.post("/auth/login", json=right)).status_code == 200
        wrong = right | {"password": "wrong horse"}
        assert [(await guest.post("/auth/login", json=wrong)).status_code for _ in range(5)] == [
            401
        ] * 4 + [429]
        assert (
            await guest.post("/auth/login", json=right | {"email": "RIDER@example.org"})
        ).status_code == 429
        other = right | {"email": "other_rider@example.org"}
        assert (await guest.post("/auth/login", json=other)).status_code == 200
    async with caller(limited, next(_addresses)) as elsewhere:
        assert (await elsewhere.post("/auth/login", json=right)).status_code == 200


async def test_a_repeated_request_counts_and_a_refused_one_may_be_sent_again(
    limited: Shop, address: str
) -> None:
    bus, key = await limited.bus(), new_key()
    async with caller(limited, address) as guest:
        await guest.get(f"/buses/{bus}")
        answers = [
            await guest.post(f"/buses/{bus}/holds", json={"seats": ["1A"]}, headers=key)
            for _ in range(5)
        ]
    assert [answer.status_code for answer in answers] == [201] * 4 + [429]
    assert "idempotent-replayed" in answers[3].headers
    async with caller(limited, next(_addresses)) as guest:
        again = await guest.post(f"/buses/{bus}/holds", json={"seats": ["1A"]}, headers=key)
        assert again.headers["idempotent-replayed"] == "true"


async def test_what_is_refused_changes_nothing_and_is_counted(limited: Shop, address: str) -> None:
    bus = await limited.bus()
    async with caller(limited, address) as guest:
        while (await guest.post(f"/buses/{bus}/holds", json={"seats": ["99Z"]})).status_code != 429:
            pass
        before = await limited.rev(bus)
        refused(await guest.post(f"/buses/{bus}/holds", json={"seats": ["1A"]}))
        assert await limited.rev(bus) == before
    metrics = (await limited.client(prefix="").get("/metrics")).text
    assert re.search(r'omnibus_rate_limited_total{policy="hold(-address)?"} \d', metrics)
    assert "omnibus_rate_limits_shared 1.0" in metrics


async def test_addresses_and_names_are_not_to_be_read_in_redis(
    limited: Shop, valkey: ThrowawayValkey, address: str
) -> None:
    async with caller(limited, address) as guest:
        await guest.get("/stops")
        await guest.post("/auth/login", json={"email": "who@example.org", "password": "x"})
    keys = await keys_of(valkey)
    assert keys
    assert not any(address in key or "who@" in key for key in keys)


async def keys_of(valkey: ThrowawayValkey) -> list[str]:
    from redis.asyncio import Redis  # noqa: PLC0415 - only here

    async with Redis.from_url(valkey.url, decode_responses=True) as client:
        return [str(key) async for key in client.scan_iter(match="omnibus:pace:*")]


async def test_without_redis_nobody_is_turned_away_for_it(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> None:
    own = ThrowawayValkey()
    with own:
        async with (
            databases.fresh() as url,
            await Shop.open(url) as shop,
            Served(url, own.url, settings=SETTINGS) as served,
        ):
            shop.url = served.url
            own.stop()
            async with caller(shop, "203.0.113.250") as guest:
                statuses = [(await guest.get("/stops")).status_code for _ in range(6)]
            assert statuses == [200] * 5 + [429]
            assert await served.failures() == []


# The table.


def test_every_operation_is_of_a_class_that_bounds_guests_and_users() -> None:
    for operation in OPERATIONS:
        assert operation.rate is not None
        bounds = {policy.whose for policy in POLICIES if policy.rate is operation.rate}
        assert bounds & {Whose.ADDRESS, Whose.CALLER}, operation.name


def test_the_classes_are_those_of_what_they_bound() -> None:
    rates = {operation.name: operation.rate for operation in OPERATIONS}
    assert rates["login"] is Rate.LOGIN
    assert rates["register"] is Rate.REGISTER
    assert rates["create_hold"] is rates["replace_hold"] is rates["extend_hold"] is Rate.HOLD
    assert rates["create_booking"] is Rate.BOOKING
    assert rates["settle_demo_payment"] is Rate.PAYMENT
    assert rates["search_buses"] is rates["find_stops"] is Rate.SEARCH
    assert rates["read_seats"] is Rate.READ
    assert {rate for name, rate in rates.items() if name.startswith("create_b")} == {
        Rate.BOOKING,
        Rate.ADMIN,
    }


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
def test_every_policy_lets_somebody_in(policy: Policy) -> None:
    assert policy.burst >= 1
    assert policy.window_seconds >= 1
    assert policy.counts


def test_policies_are_changed_by_a_setting_and_handed_on() -> None:
    settings = load({"OMNIBUS_RATE_POLICIES": "login=3/2m, search=10/5s"})
    assert dict(settings.rate_policies) == {"login": (3, 120), "search": (10, 5)}
    assert load(as_environment(settings)) == settings


@pytest.mark.parametrize(
    "text",
    ["login", "login=0/1m", "login=1/0s", "logins=1/1m", "login=1/m", "login=1/1d", "login=-1/1s"],
)
def test_a_policy_that_makes_no_sense_stops_the_start(text: str) -> None:
    with pytest.raises(ConfigError, match="OMNIBUS_RATE_POLICIES"):
        load({"OMNIBUS_RATE_POLICIES": text})
