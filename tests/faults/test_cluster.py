"""Three API processes behind nginx, as `omnibus cluster up` runs them: renewed and killed in the middle of a sale."""

import asyncio
import logging
import random
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
import psutil
import pytest

from server.embedded.folder import own_folder_of
from tests.faults.committed import read_heads
from tests.faults.patient import PatientBuyers
from tests.faults.shop import Shop
from tests.faults.watchers import Watcher, watching
from tests.support.cluster_up import ClusterUp, cluster_up, needs_nginx
from tests.support.memory import in_memory
from tests.support.servers import ThrowawayValkey
from tests.support.waiting import wait_until

log = logging.getLogger(__name__)
pytestmark = needs_nginx

_WATCHERS = 50
_BUYERS = 5
_BACK_SECONDS = 10.0
_APIS = ("api-1", "api-2", "api-3")
Cluster = tuple[ClusterUp, Shop]


@pytest.fixture(scope="module")
async def cluster(valkey: ThrowawayValkey) -> AsyncIterator[Cluster]:
    """A cluster with a primary and a standby of its own; it ends on request, and nothing of it is left."""
    with in_memory(), TemporaryDirectory(prefix="omnibus-test-") as parent:
        async with cluster_up(
            Path(parent), REDIS_URL=valkey.url, RATE_LIMITS="off", TRUSTED_PROXIES="192.0.2.1"
        ) as running:
            shop = await Shop.open(running.database_url, buses=20, seats=100)
            yield running, shop
            assert await shop.find_violations() == {}
            family, run_folder = running.family(), running.run_folder
            assert (own_folder_of(run_folder) / "nginx" / "static").is_dir()
            assert not (run_folder / "nginx").exists()
            assert running.tell("down").out == "the cluster is down\n"
            assert running.process.wait() == 0
            # Whose parent is gone may lie as a zombie until somebody reads of it.
            left = [each for each in family if each.is_running()]
            assert {each.status() for each in left} <= {psutil.STATUS_ZOMBIE}
            assert not run_folder.exists()
            assert not own_folder_of(run_folder).exists()
            assert running.tell("status").err.startswith("omnibus: no cluster runs on ")


async def test_nginx_answers_for_all_of_them_and_serves_files_by_itself(cluster: Cluster) -> None:
    running, _ = cluster
    members = running.members()
    assert set(members) == {"postgres", "standby", *_APIS, "worker", "nginx"}
    assert [members[name]["port"] for name in _APIS] == [running.port + n for n in (1, 2, 3)]
    inside = f"http://127.0.0.1:{running.port + 1}"
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{running.port}") as client:
        page = await client.get("/")
        assert page.headers["server"] == "nginx"
        path = page.text.partition('rel="stylesheet" href="')[2].partition('"')[0]
        ours, theirs = await client.get(path), await client.get(inside + path)
        assert ours.content == theirs.content
        assert "x-request-id" in theirs.headers
        assert "x-request-id" not in ours.headers, "it came from an API process"
        for name in ("cache-control", "content-type", "content-security-policy", "vary"):
            assert ours.headers[name].lower() == theirs.headers[name].lower(), name
        other_edition = path.replace(path.split("/")[2], "another")
        assert (await client.get(other_edition)).headers["x-request-id"], "of Omnibus, not of nginx"
        assert (await client.get("/metrics")).status_code == 403
        assert (await client.get(f"{inside}/metrics")).status_code == 200
        large = await client.post("/api/v1/auth/login", content=b" " * 70_000)
        assert large.status_code == 413


async def test_searches_are_answered_by_the_standby(cluster: Cluster) -> None:
    running, _ = cluster
    assert "--no-standby" in running.tell("up", "--help").out
    inside = [f"http://127.0.0.1:{running.port + number}" for number in (1, 2, 3)]
    async with httpx2.AsyncClient() as client:
        for process in inside:

            async def is_in_rotation(process: str = process) -> bool:
                told = (await client.get(f"{process}/metrics")).text
                return _measured(told, "omnibus_replica_in_rotation") == 1

            async def is_asked(process: str = process) -> bool:
                assert (await client.get(f"{process}/api/v1/stops?q=a")).status_code == 200
                told = (await client.get(f"{process}/metrics")).text
                return _measured(told, 'omnibus_lagging_reads_total{server="standby"}') > 0

            await wait_until(is_in_rotation, seconds=30)
            await wait_until(is_asked, seconds=10)


async def test_a_rolling_restart_fails_no_booking_and_loses_no_watcher(
    cluster: Cluster, chance: random.Random
) -> None:
    running, _ = cluster
    before = running.members()

    async def restart(_: PatientBuyers) -> None:
        said = await asyncio.to_thread(running.tell, "restart")
        assert said.code == 0, said.err
        assert [line.split()[0] for line in said.out.splitlines()] == list(_APIS)

    seen, told = await _disturbed(cluster, chance, restart)
    after = running.members()
    for name in _APIS:
        assert before[name]["pid"] != after[name]["pid"]
    assert before["nginx"]["pid"] == after["nginx"]["pid"]
    assert seen["closed 4200"] >= _WATCHERS, "each was told to come back by whoever it was at"
    log.info("%s %s", told, seen)


async def test_one_killed_of_three_fails_no_booking_that_is_asked_for_again(
    cluster: Cluster, chance: random.Random
) -> None:
    running, _ = cluster

    async def kill(buyers: PatientBuyers) -> None:
        # The one that has fewest sockets gets the next requests.
        open_at = {each: _sockets(running, each) for each in _APIS}
        name = min((each for each in _APIS if open_at[each]), key=open_at.__getitem__)
        # Frozen first, so that somebody waits for an answer of its when it goes.
        running.send(name, signal.SIGSTOP)
        await wait_until(buyers.is_one_left_behind, seconds=30)
        running.send(name, signal.SIGKILL)
        await wait_until(lambda: running.tell("status").code == 0, seconds=60, pause=0.5)

    seen, told = await _disturbed(cluster, chance, kill)
    assert told["none at first"] > 0, "who does not ask again fails: else nothing is shown here"
    assert seen["closed 1006"] > 0
    log.info("%s %s", told, seen)


async def test_an_nginx_that_was_killed_is_there_again(cluster: Cluster) -> None:
    running, _ = cluster
    before = running.members()["nginx"]["pid"]
    running.send("nginx", signal.SIGKILL)
    await wait_until(
        lambda: running.tell("status").code == 0 and running.members()["nginx"]["pid"] != before,
        seconds=30,
        pause=0.1,
    )
    async with httpx2.AsyncClient() as client:
        assert (await client.get(f"http://127.0.0.1:{running.port}/readyz")).status_code == 200


async def _disturbed(
    cluster: Cluster, chance: random.Random, disturb: Callable[[PatientBuyers], Awaitable[None]]
) -> tuple[Counter[str], Counter[str]]:
    """Disturb a sale that is watched; return what watchers saw and buyers were told, once all is as it should be."""
    running, shop = cluster
    earlier = await shop.made()
    buyers = PatientBuyers(shop, chance, running.port)
    buses = list(shop.stops)
    watchers = [Watcher([running.port], chance.sample(buses, 4), chance) for _ in range(_WATCHERS)]
    async with watching(watchers):
        await wait_until(lambda: all(len(one.at) == 4 for one in watchers), seconds=30)
        async with buyers.buying(_BUYERS):
            await buyers.get(20)
            await disturb(buyers)
            await buyers.get(20)
        heads = await read_heads(shop)
        await wait_until(lambda: all(one.is_at(heads) for one in watchers), seconds=_BACK_SECONDS)
    assert buyers.journal.complaints() == []
    assert await shop.made() == earlier | buyers.journal.acknowledged()
    assert await shop.find_faults() == {}
    return sum((watcher.seen for watcher in watchers), Counter[str]()), buyers.told


def _sockets(running: ClusterUp, name: str) -> int:
    """Return how many sockets an API process says that it has."""
    told = httpx2.get(f"http://127.0.0.1:{running.members()[name]['port']}/metrics").text
    return _measured(told, "omnibus_live_connections")


def _measured(metrics: str, name: str) -> int:
    """Return the first value of this name, with whatever labels where it comes without."""
    found = re.search(rf"^{re.escape(name)}(?:{{[^}}]*}})? ([0-9.]+)$", metrics, re.MULTILINE)
    assert found is not None, name
    return int(float(found[1]))
