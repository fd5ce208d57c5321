import asyncio

import httpx2
import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from server.exposition import SAMPLES_AT_ONCE, expose
from tests.api.answers import problem
from tests.api.served import Served, Telling
from tests.api.shop import Shop
from tests.support.databases import Databases
from tests.support.servers import ThrowawayValkey


@pytest.fixture
def outside(shop: Shop) -> httpx2.AsyncClient:
    """What a load balancer or Prometheus sees: nothing of `/api`."""
    return shop.client(prefix="")


async def test_a_process_that_answers_is_alive(outside: httpx2.AsyncClient) -> None:
    answer = await outside.get("/livez")
    assert (answer.status_code, answer.json()) == (200, {"alive": True})


async def test_it_is_ready_with_a_primary_and_a_live_layer(outside: httpx2.AsyncClient) -> None:
    answer = await outside.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "ready": True,
        "checks": {"database": True, "not_draining": True},
        "live": "ok",
        "sessions_heard": "at once",
    }


async def test_metrics_count_routes_and_never_paths(
    shop: Shop, outside: httpx2.AsyncClient
) -> None:
    bus = await shop.bus()
    await outside.get(f"/api/v1/buses/{bus}/seats")
    answer = await outside.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'route="/buses/{bus}/seats",status="200"' in answer.text
    assert f"/buses/{bus}" not in answer.text
    assert "omnibus_live_connections " in answer.text
    assert 'omnibus_live_commit_to_socket_seconds_bucket{le="0.05"}' in answer.text


async def test_metrics_in_pieces_are_what_the_library_writes_at_once() -> None:
    registry = CollectorRegistry()
    asked = Histogram("asked_seconds", "How long", ["route"], registry=registry)
    Gauge("empty", "Nothing yet", ["route"], registry=registry)
    Counter("sold", 'A "quoted" one', registry=registry).inc(3)
    for route in range(SAMPLES_AT_ONCE):
        asked.labels(f'/a"{route}').observe(0.1)
    turns = 0

    async def book() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    booking = asyncio.create_task(book())
    try:
        assert await expose(registry) == generate_latest(registry)
    finally:
        booking.cancel()
    lines = generate_latest(registry).count(b"asked_seconds_")
    assert turns > lines // SAMPLES_AT_ONCE > 10, "others are answered between two pieces"


async def test_without_its_database_a_process_is_alive_not_ready_and_says_when_to_ask_again(
    databases: Databases, valkey: ThrowawayValkey
) -> None:
    async with (
        databases.fresh() as url,
        await Shop.open(url) as shop,
        Telling(url, valkey.url) as served,
    ):
        shop.url = served.url
        outside, guest = shop.client(prefix=""), shop.client()
        await shut_out(shop)
        assert (await outside.get("/readyz")).status_code == 503
        assert (await outside.get("/livez")).status_code == 200
        refused = await guest.get("/stops")
        problem(refused, 503, "overloaded")
        assert int(refused.headers["retry-after"]) >= 1
        await let_in(shop)
        assert (await outside.get("/readyz")).status_code == 200
        assert (await guest.get("/stops")).status_code == 200
        # Both are counted, and what tells all other tests here of failures has told of them, once.
        assert len(await Served.failures(served)) == 2
        told = [line.removeprefix("counted as failed: ") for line in await served.failures()]
        assert told == ["GET /stops 503", "GET other 503"]
        assert await served.failures() == []


async def shut_out(shop: Shop) -> None:
    """Close the database for all but its owner's session here."""
    name = await shop.owner.fetchval("SELECT current_database()")
    await shop.owner.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 0")
    await shop.owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


async def let_in(shop: Shop) -> None:
    name = await shop.owner.fetchval("SELECT current_database()")
    await shop.owner.execute(f"ALTER DATABASE {name} CONNECTION LIMIT -1")
