"""Over HTTP: whoever has written sees it in lists at once, whichever way they keep the mark; and what is measured."""

import math
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from server.cli.checks import Check, Verdict
from server.cli.replica_checks import look_at_replicas
from server.config import Settings
from store.migrate import migrate
from tests.api.served import Served
from tests.api.shop import Shop
from tests.replicas.conftest import Trio
from tests.support.databases import Databases
from tests.support.servers import ThrowawayValkey
from tests.support.standbys import paused
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
async def urls(servers: Trio) -> AsyncIterator[list[str]]:
    """The same database on the primary and on its standbys."""
    databases = Databases(servers.primary.superuser_url, servers.primary.url)
    await migrate(await databases.create("web"))
    await servers.catch_up()
    yield [
        re.sub(r"/omnibus\?", "/web?", each.url) for each in (servers.primary, *servers.standbys)
    ]
    await databases.close()


@pytest.fixture(scope="module")
async def served(
    servers: Trio, urls: list[str], valkey: ThrowawayValkey
) -> AsyncIterator[tuple[Served, Shop]]:
    shop = await Shop.open(urls[0])
    await servers.catch_up()
    settings = {"OMNIBUS_REPLICA_URLS": ",".join(urls[1:]), "OMNIBUS_REPLICA_LAG_SECONDS": "20"}
    try:
        async with Served(urls[0], valkey.url, settings=settings) as process:
            shop.url = process.url
            yield process, shop
            assert await process.failures() == [], process.log()[-3000:]
    finally:
        await shop.close()


async def metrics(shop: Shop) -> dict[str, float]:
    text = (await shop.client(prefix="").get("/metrics")).text
    found = re.findall(r"^(omnibus_(?:replica|lagging)\S+) (\S+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in found}


async def stand_in_rotation(shop: Shop, count: int) -> None:
    async def do_so() -> bool:
        found = await metrics(shop)
        return count == sum(value for name, value in found.items() if "in_rotation" in name)

    await wait_until(do_so)


def stranger(shop: Shop, **headers: str) -> httpx2.AsyncClient:
    """Return somebody who keeps nothing of what others were told."""
    base = f"{shop.url}/api/v1"
    return httpx2.AsyncClient(base_url=base, headers=headers, trust_env=False, verify=False)


async def test_a_new_bus_is_listed_at_once_for_who_has_put_it_on_sale(
    servers: Trio, served: tuple[Served, Shop]
) -> None:
    _, shop = served
    await servers.catch_up()
    await stand_in_rotation(shop, 2)
    token = f"Bearer {shop.token('manager')}"
    somebody_else = f"Bearer {shop.token('admin')}"
    departs = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    body = {
        "name": "Dawn",
        "departs_at": departs,
        "total_seats": 12,
        "price": {"amount": 900, "currency": "EUR"},
    }
    async with paused(*servers.standbys), stranger(shop, authorization=token) as manager:
        added = await manager.post("/admin/buses", json=body)
        assert added.status_code == 201, added.text
        bus, mark = added.json()["id"], added.headers["omnibus-seen"]
        assert re.fullmatch("[0-9a-f]{16}", mark)
        cookie = added.headers["set-cookie"]
        assert cookie == f"omnibus_seen={mark}; Path=/; HttpOnly; SameSite=Lax; Max-Age=30"

        async def sees(**headers: str) -> bool:
            # Searches are kept, so they are found where nothing is missing, whoever asks.
            async with stranger(shop, **{"authorization": somebody_else, **headers}) as client:
                found = await client.get("/admin/buses?limit=100")
            assert found.status_code == 200
            assert "set-cookie" not in found.headers
            return bus in {each["id"] for each in found.json()["items"]}

        assert await sees(cookie=f"omnibus_seen={mark}")
        assert await sees(**{"omnibus-seen": mark})
        assert await sees(authorization=token)  # known by name
        assert not await sees()
        assert not await sees(cookie="omnibus_seen=0/FFFFFFFF", **{"omnibus-seen": "all of it"})
    await servers.catch_up()
    before = await metrics(shop)
    assert await sees()
    after = await metrics(shop)
    went = {name: after[name] - before[name] for name in after if "reads" in name}
    assert went['omnibus_lagging_reads_total{server="standby"}'] > 0
    assert went['omnibus_lagging_reads_total{server="primary"}'] == 0


async def test_a_service_whose_standbys_are_gone_is_ready_and_answers(
    servers: Trio, served: tuple[Served, Shop]
) -> None:
    _, shop = served
    await stand_in_rotation(shop, 2)
    for standby in servers.standbys:
        standby.kill()
    guest = shop.client()
    assert (await guest.get("/buses")).status_code == 200
    await stand_in_rotation(shop, 0)
    assert (await shop.client(prefix="").get("/readyz")).status_code == 200
    assert (await guest.get("/buses")).status_code == 200
    lags = [lag for name, lag in (await metrics(shop)).items() if "lag_seconds" in name]
    assert len(lags) == 2
    assert all(map(math.isnan, lags))
    for standby in servers.standbys:
        await standby.start_soon()
    await stand_in_rotation(shop, 2)


async def test_doctor_tells_of_every_standby(servers: Trio, urls: list[str]) -> None:
    gone = "postgresql://nobody:secret@127.0.0.1:1/omnibus"
    await servers.catch_up()
    settings = Settings(database_url=urls[0], replica_urls=(*urls[1:], gone))
    checks = await look_at_replicas(settings)
    assert [check.verdict for check in checks].count(Verdict.OK) == 2
    (lost,) = [check for check in checks if check.verdict is Verdict.WARN]
    assert lost.detail == "127.0.0.1:1 does not answer (ConnectionRefusedError)"
    assert "secret" not in str(checks)
    assert await look_at_replicas(Settings(database_url=urls[0])) == []
    told: list[Check] = await look_at_replicas(Settings(database_url=gone, replica_urls=(urls[1],)))
    assert told[0].verdict is Verdict.WARN
