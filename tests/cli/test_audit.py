"""`omnibus audit`, and the worker's daily look, as whoever answers for the log uses them."""

from pathlib import Path

import asyncpg
import pytest

from store.audit import NewEntry
from store.model import Limits
from tests.api.served import Served
from tests.cli.commands import omnibus
from tests.cli.test_worker import metrics, working
from tests.support.databases import Databases
from tests.support.servers import ThrowawayValkey
from tests.support.waiting import wait_until
from tests.support.world import World


async def tamper(databases: Databases, database_url: str) -> None:
    """Change an entry as nobody but a superuser can."""
    name = database_url.partition("?")[0].rpartition("/")[2]
    superuser = await asyncpg.connect(databases._superuser_url, database=name)
    await superuser.execute(
        "SET session_replication_role = replica; UPDATE audit_log SET actor_id = 99 WHERE action = 'limits.set'"
    )
    await superuser.close()


@pytest.fixture
async def logged(world: World) -> World:
    await world.store.audit.add([NewEntry(world.operator_id, 7, "test.entry", "first", {})])
    await world.store.limits.set(world.admin, world.operator_id, Limits(seats_per_buyer=4))
    return world


async def test_a_log_that_is_whole_is_verified_chain_by_chain(logged: World) -> None:
    ran = omnibus("audit", "verify", DATABASE_URL=logged.url)
    assert ran.code == 0, ran.err
    platform, north = ran.out.splitlines()
    assert platform.startswith("platform: whole, 3 entries, head ")
    assert north.startswith(f"operator {logged.operator_id} (Northline): whole, 2 entries, head ")
    one = omnibus("audit", "verify", "--operator", "northline", "--json", DATABASE_URL=logged.url)
    assert one.json["is_whole"] is True
    assert [chain["entries"] for chain in one.json["chains"]] == [2]


async def test_what_was_tampered_with_is_exit_code_one_and_a_place(
    logged: World, databases: Databases
) -> None:
    await tamper(databases, logged.url)
    ran = omnibus("audit", "verify", DATABASE_URL=logged.url)
    assert ran.code == 1
    assert "(Northline): BROKEN at position 2: the entry is not the one that was sealed" in ran.out
    told = omnibus("audit", "verify", "--json", DATABASE_URL=logged.url)
    assert (told.code, told.json["is_whole"]) == (1, False)
    assert [chain["broken_at"] for chain in told.json["chains"]] == [None, 2]


async def test_entries_are_listed_newest_first(logged: World) -> None:
    ran = omnibus("audit", "list", "--operator", "Northline", DATABASE_URL=logged.url)
    newest, oldest = ran.out.splitlines()
    assert "limits.set" in newest
    assert '"seats_per_buyer": [6, 4]' in newest
    assert "test.entry" in oldest
    listed = omnibus(
        "audit", "list", "--json", "--action", "test.entry", DATABASE_URL=logged.url
    ).json["items"]
    assert [(each["position"], each["actor"], each["subject"]) for each in listed] == [
        (1, "7", "first")
    ]
    unknown = omnibus("audit", "list", "--operator", "Nobody", DATABASE_URL=logged.url)
    assert (unknown.code, unknown.err) == (1, "omnibus: there is no operator Nobody\n")


async def test_the_worker_looks_and_the_metrics_of_the_api_tell(
    logged: World, databases: Databases, valkey: ThrowawayValkey, tmp_path: Path
) -> None:
    await tamper(databases, logged.url)
    log = tmp_path / "worker.log"
    async with Served(logged.url, valkey.url) as served:
        assert "\nomnibus_audit_violations 0.0\n" in await metrics(served)
        async with working(logged.url, valkey.url, log):
            await wait_until(lambda: "AUDIT LOG BROKEN" in log.read_text(), seconds=60)
        text = await metrics(served)
    assert "\nomnibus_audit_violations 1.0\n" in text
    assert f"chain of operator {logged.operator_id} at position 2" in log.read_text()
