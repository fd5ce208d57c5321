"""Whose session is over is let out at once: of every process, with what they have open, and without Redis."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import httpx2
import pytest

from server.passwords import Passwords
from store.accounts import User
from store.model import Role
from store.staffing import Staffing
from tests.api.answers import problem
from tests.api.served import Served, serving
from tests.api.shop import Json, Shop
from tests.realtime.clients import watch
from tests.support.databases import Databases
from tests.support.fault_proxy import fault_proxy
from tests.support.waiting import wait_until

NOWHERE = "redis://127.0.0.1:1"
SOON_SECONDS = 5.0


@dataclass
class House:
    """Two processes that have nothing in common but the database."""

    shop: Shop
    here: Served
    there: Served


@pytest.fixture(scope="module")
async def opened(databases: Databases) -> AsyncIterator[House]:
    async with (
        databases.fresh() as url,
        await Shop.open(url) as shop,
        serving(Served(url, NOWHERE), Served(url, NOWHERE)) as (here, there),
    ):
        shop.url = here.url
        yield House(shop, here, there)


@pytest.fixture
async def house(opened: House) -> AsyncIterator[House]:
    for served in (opened.here, opened.there):
        await heard(opened.shop, served, "at once")
    yield opened
    assert await opened.here.failures() == []
    assert await opened.there.failures() == []
    assert await opened.shop.violations() == {}
    await opened.shop.forget_clients()


async def ask(
    shop: Shop, served: Served, method: str, path: str, token: str | None = None, **more: object
) -> httpx2.Response:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    client = shop.client(prefix="")
    return await client.request(method, f"{served.url}{path}", headers=headers, **more)  # type: ignore[arg-type] # as given


async def heard(shop: Shop, served: Served, how: str) -> None:
    async def is_so() -> bool:
        answer = await ask(shop, served, "GET", "/readyz")
        return bool(answer.json().get("sessions_heard") == how)

    await wait_until(is_so)


async def hold(shop: Shop, served: Served, bus: str, token: str, seat: str) -> httpx2.Response:
    path = f"/api/v1/buses/{bus}/holds"
    return await ask(shop, served, "POST", path, token, json={"seats": [seat]})


async def refused(shop: Shop, served: Served, token: str) -> None:
    async def is_refused() -> bool:
        return (await ask(shop, served, "GET", "/api/v1/stops", token)).status_code == 401

    await wait_until(is_refused, seconds=SOON_SECONDS)


async def log_out(shop: Shop, served: Served, token: str, **body: object) -> None:
    more = {"json": body} if body else {}
    answer = await ask(shop, served, "POST", "/api/v1/auth/logout", token, **more)
    assert answer.status_code == 204, answer.text


async def test_who_signs_out_can_do_nothing_more_in_any_process(house: House) -> None:
    shop, user, bus = house.shop, await house.shop.hire(), await house.shop.bus()
    token, _ = await shop.begin_session(user)
    other, _ = await shop.begin_session(user)
    assert (await hold(shop, house.there, bus, token, "1A")).status_code == 201
    await log_out(shop, house.here, token)
    # Not a moment later, where it was said.
    problem(await hold(shop, house.here, bus, token, "1B"), 401, "unauthenticated")
    await refused(shop, house.there, token)
    problem(await hold(shop, house.there, bus, token, "1C"), 401, "unauthenticated")
    assert await shop.seats(bus) == await shop.seats(bus) | {"1B": "AVAILABLE", "1C": "AVAILABLE"}
    assert (await hold(shop, house.there, bus, other, "1D")).status_code == 201


async def test_who_signs_out_everywhere_is_out_everywhere(house: House) -> None:
    shop, user = house.shop, await house.shop.hire()
    tokens = [(await shop.begin_session(user))[0] for _ in range(3)]
    stranger, _ = await shop.begin_session(await shop.hire())
    await log_out(shop, house.here, tokens[0], everywhere=True)
    for token in tokens:
        for served in (house.here, house.there):
            await refused(shop, served, token)
    assert (await ask(shop, house.there, "GET", "/api/v1/auth/me", stranger)).status_code == 200


async def _disable(shop: Shop, user: User) -> None:
    await Staffing(shop.store.db).disable(user.user_id)


async def _demote(shop: Shop, user: User) -> None:
    await Staffing(shop.store.db).set_role(user.user_id, Role.RIDER, None)


async def _set_password(shop: Shop, user: User) -> None:
    passwords = Passwords()
    await Staffing(shop.store.db).set_password(user.user_id, await passwords.hash("another one"))
    passwords.close()


async def _copy_the_refresh_token(shop: Shop, user: User) -> None:
    (session,) = await shop.store.sessions.list_open(user.user_id)
    await shop.store.sessions.end_one(user.user_id, session.session_id)


@pytest.mark.parametrize("end", [_disable, _demote, _set_password, _copy_the_refresh_token])
async def test_what_ends_a_session_ends_its_tokens_and_closes_its_sockets(
    house: House, end: Callable[[Shop, User], Awaitable[None]]
) -> None:
    shop = house.shop
    user, bus = await shop.hire(Role.AGENT, "Northline"), await shop.bus()
    token, _ = await shop.begin_session(user)
    bystander, _ = await shop.begin_session(await shop.hire(Role.AGENT, "Northline"))
    async with (
        watch(house.here.port, origin=None) as near,
        watch(house.there.port, origin=None) as far,
        watch(house.there.port, origin=None) as other,
    ):
        for client, shown in ((near, token), (far, token), (other, bystander)):
            await client.say("auth", id=1, token=shown)
            await client.say("subscribe", id=2, topic="sales")
            await client.get("sales")
        await end(shop, user)
        for client in (near, far):
            async with asyncio.timeout(SOON_SECONDS):
                assert await client.closed() == 4001
        for served in (house.here, house.there):
            await refused(shop, served, token)
            problem(await hold(shop, served, bus, token, "1A"), 401, "unauthenticated")
        assert other.close_code is None


async def test_a_socket_that_says_who_it_is_too_late_is_told_so(house: House) -> None:
    shop = house.shop
    token, session = await shop.begin_session(await shop.hire())
    await shop.store.sessions.end(session.token)
    await refused(shop, house.there, token)
    async with watch(house.there.port, origin=None) as client:
        await client.say("auth", id=1, token=token)
        assert (await client.get("error", id=1))["code"] == "unauthenticated"


async def test_a_process_that_starts_later_knows_who_has_left(
    house: House, databases: Databases
) -> None:
    shop = house.shop
    token, session = await shop.begin_session(await shop.hire())
    await shop.store.sessions.end(session.token)
    url = house.here._settings["OMNIBUS_DATABASE_URL"]
    async with Served(url, NOWHERE) as later:
        await heard(shop, later, "at once")
        problem(await ask(shop, later, "GET", "/api/v1/stops", token), 401, "unauthenticated")


async def test_a_process_that_hears_nothing_asks_before_every_write(house: House) -> None:
    shop, bus = house.shop, await house.shop.bus()
    leaver, stayer = await shop.hire(), await shop.hire()
    token, _ = await shop.begin_session(leaver)
    good, _ = await shop.begin_session(stayer)
    name = await shop.owner.fetchval("SELECT current_database()")
    async with watch(house.there.port, origin=None) as client:
        await client.say("auth", id=1, token=token)
        await client.say("subscribe", id=2, bus=bus)
        await client.get("subscribed", id=2)
        # Nobody new is let in: what is connected works on, and what is lost stays lost.
        await shop.owner.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 0")
        try:
            await shop.owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'omnibus bulletin'"
            )
            await heard(shop, house.there, "not")
            metrics = (await ask(shop, house.there, "GET", "/metrics")).text
            assert "omnibus_session_ends_heard 0.0" in metrics
            await _disable(shop, leaver)
            for seat in ("1A", "1B"):
                answer = await hold(shop, house.there, bus, token, seat)
                problem(answer, 401, "unauthenticated")
            assert (await hold(shop, house.there, bus, good, "2A")).status_code == 201
            # Reads go on.
            assert (await ask(shop, house.there, "GET", "/api/v1/stops", token)).status_code == 200
        finally:
            await shop.owner.execute(f"ALTER DATABASE {name} CONNECTION LIMIT -1")
        await refused(shop, house.there, token)
        async with asyncio.timeout(SOON_SECONDS):
            assert await client.closed() == 4001


async def test_without_notifications_it_takes_a_second(house: House) -> None:
    shop = house.shop
    url = house.here._settings["OMNIBUS_DATABASE_URL"]
    async with fault_proxy(url) as proxy:
        proxy.is_deaf = True
        async with Served(proxy.url, NOWHERE) as deaf:
            await heard(shop, deaf, "every second")
            token, session = await shop.begin_session(await shop.hire())
            assert (await ask(shop, deaf, "GET", "/api/v1/stops", token)).status_code == 200
            await shop.store.sessions.end(session.token)
            await refused(shop, deaf, token)
            # What it ends itself it knows at once.
            token, _ = await shop.begin_session(await shop.hire())
            await log_out(shop, deaf, token)
            answer = await ask(shop, deaf, "GET", "/api/v1/stops", token)
            problem(answer, 401, "unauthenticated")
            metrics = (await ask(shop, deaf, "GET", "/metrics")).text
            assert "omnibus_session_ends_heard 1.0" in metrics


async def test_of_fifty_refreshes_at_once_in_two_processes_one_family_is_left(house: House) -> None:
    shop = house.shop
    user = await shop.hire()
    _, session = await shop.begin_session(user)

    async def refresh(served: Served, token: str) -> httpx2.Response:
        url = f"{served.url}/api/v1/auth/refresh"
        cookie = {"cookie": f"omnibus_refresh={token}"}
        async with httpx2.AsyncClient(trust_env=False, verify=False, timeout=30) as client:
            return await client.post(url, headers=cookie)

    asked = [house.here, house.there] * 25
    answers = await asyncio.gather(*(refresh(served, session.token) for served in asked))
    assert {answer.status_code for answer in answers} == {200}, "the answer may have been lost"
    assert len(await shop.store.sessions.list_open(user.user_id)) == 1
    again = await asyncio.gather(
        *(refresh(house.here, answer.cookies["omnibus_refresh"]) for answer in answers)
    )
    assert [answer.status_code for answer in again].count(200) == 1
    tokens: list[Json] = [answer.json() for answer in answers]
    for told in tokens[:3]:
        answer = await ask(shop, house.there, "GET", "/api/v1/auth/me", told["access_token"])
        assert answer.status_code == 200, "a session is one, whichever answer arrived"
