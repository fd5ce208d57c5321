"""On a cluster: tables lie by bus, scopes hold on every server, and a batch stays on one of them."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from store.batch import SQL as BATCH
from store.citus.distribute import REFERENCE, distribute, undistributed
from store.citus.forms import form_of
from store.citus.placement import find_spread
from store.db import Connection
from store.migrate import load, migrate, pending
from store.regions import RegionServer
from tests.schema.rows import base
from tests.schema.test_one_bus import BOOKING_PATH
from tests.support.cluster import CLUSTER_URL, WHY_NOT
from tests.support.databases import Databases, connect
from tests.support.world import World

pytestmark = pytest.mark.skipif(not CLUSTER_URL, reason=WHY_NOT)

_LOCKS = ("lock_seats", "lock_holds", "lock_bookings")
_RIGHTS = """
SELECT concat_ws(
    ' ', t.relrowsecurity AND t.relforcerowsecurity, t.relacl,
    (SELECT string_agg(concat(p.polname, p.polcmd, pg_get_expr(p.polqual, p.polrelid),
        pg_get_expr(p.polwithcheck, p.polrelid)), ', ' ORDER BY p.polname)
     FROM pg_policy AS p WHERE p.polrelid = t.oid),
    (SELECT string_agg(concat(a.attname, a.attacl), ', ' ORDER BY a.attname)
     FROM pg_attribute AS a WHERE a.attrelid = t.oid AND a.attacl IS NOT NULL)
) FROM pg_class AS t WHERE t.oid = '{}'::regclass
"""
_OWNERS = ("hold_id", "booking_id", "block_id")
_ALL = "SELECT set_config('omnibus.operators', '{1,2,9}', true)"


_LIES_AT = """
SELECT n.nodeport FROM pg_dist_placement AS p JOIN pg_dist_node AS n USING (groupid)
WHERE p.shardid = get_shard_id_for_distribution_column('buses', $1::bigint)
"""
_SHARD_AND_ANOTHER_SERVER = """
SELECT s.shardid, other.nodeid FROM pg_dist_shard AS s
JOIN pg_dist_placement AS p USING (shardid) JOIN pg_dist_node AS n USING (groupid)
CROSS JOIN pg_dist_node AS other
WHERE s.logicalrelid = 'buses'::regclass AND n.nodeport = $1 AND other.nodeport = $2 LIMIT 1
"""


@pytest.fixture
async def cluster(database_url: str) -> AsyncIterator[Connection]:
    """The owner's session on a coordinator, able to speak to all servers."""
    connection = await connect(database_url)
    yield connection
    await connection.close()


async def test_every_table_lies_where_it_belongs(cluster: Connection) -> None:
    rows = await cluster.fetch(
        "SELECT logicalrelid::text AS name, partmethod = 'h' AS is_by_bus, colocationid FROM pg_dist_partition"
    )
    assert {row["name"] for row in rows if not row["is_by_bus"]} == set(REFERENCE)
    of_a_bus = await cluster.fetch(
        "SELECT table_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND column_name = 'bus_id' AND table_name !~ '_[0-9]+$'"
        " AND table_name <> 'calls'"
    )
    assert {row["name"] for row in rows if row["is_by_bus"]} == {
        row["table_name"] for row in of_a_bus
    }
    assert len({row["colocationid"] for row in rows if row["is_by_bus"]}) == 1


async def test_migrating_again_changes_nothing(database_url: str, cluster: Connection) -> None:
    assert await pending(database_url) == []
    assert await migrate(database_url) == []
    assert await undistributed(cluster) == []


async def test_rows_that_were_there_before_come_along(databases: Databases) -> None:
    async with databases.fresh(is_migrated=False) as url:
        connection = await connect(url)
        for migration in load():
            await asyncpg.Connection.execute(connection, migration.text)
        async with connection.transaction():
            await asyncpg.Connection.execute(connection, _ALL)
            for statement in base():
                await connection.execute(statement)
            before = await _counts(connection)
        told: list[str] = []
        assert await distribute(connection, told.append) == told
        async with connection.transaction():
            await connection.execute(_ALL)
            assert await _counts(connection) == before
        assert before["bookings"] > 0
        assert set((await _counts(connection)).values()) == {0}, "its row security is forced again"
        await connection.close()


async def test_a_scope_holds_on_every_server_and_ends_with_its_transaction(world: World) -> None:
    buses = [await world.bus() for _ in range(8)]
    for bus in buses:
        await world.book(bus, ["1A"])

    async def count(connection: Connection) -> int:
        found: int = await connection.fetchval("SELECT count(*) FROM bookings")
        return found

    assert await world.store.db.transaction([world.operator_id], count) == len(buses)
    assert await world.store.db.transaction([world.operator_id + 1], count) == 0
    assert [
        row["count"] for row in await world.store.db.fetch("SELECT count(*) FROM bookings")
    ] == [0]


@pytest.mark.parametrize("name", [*_LOCKS, "find_claims", "find_answers", "end_holds"])
async def test_a_statement_about_one_lane_is_one_task(world: World, name: str) -> None:
    buses = await _neighbours(world)
    async with world.owner.transaction():
        await world.owner.execute(
            "SELECT set_config('omnibus.operators', $1, true)", f"{{{world.operator_id}}}"
        )
        prepared = await world.owner.prepare(form_of(BATCH[name]))
        # One element for every bus; of what does not matter, as nothing is run.
        arguments = [
            buses if parameter.name == "int8[]" and place in {0, 2, 3} else [None] * len(buses)
            for place, parameter in enumerate(prepared.get_parameters())
        ]
        explained = await world.owner.fetchval(
            f"EXPLAIN (FORMAT JSON) {form_of(BATCH[name])}", *arguments
        )
    counts = _task_counts(json.loads(explained))
    assert counts
    assert set(counts) == {1}


async def test_buses_of_a_lane_are_sold_in_one_batch(world: World) -> None:
    first, second = await _neighbours(world)
    await world.hold(first, ["1A"])
    lanes = vars(world.store.lane)["_lanes"]
    await world.hold(second, ["1A"])
    assert len(lanes) == 1


async def test_stops_out_of_order_are_refused_on_the_shard(world: World) -> None:
    bus = await world.bus(segments=2)
    with pytest.raises(asyncpg.CheckViolationError, match="not in order"):
        await world.edit("UPDATE bus_stops SET idx = idx + 10 WHERE bus_id = $1 AND idx = 2", bus)


async def test_what_a_shard_refuses_is_called_as_everywhere(world: World) -> None:
    bus = await world.bus()
    await world.hold(bus, ["1A"])
    with pytest.raises(asyncpg.UniqueViolationError) as refusal:
        await world.edit("INSERT INTO claims SELECT * FROM claims WHERE bus_id = $1 LIMIT 1", bus)
    assert refusal.value.constraint_name == "claims_one_owner_per_seat_and_segment"


@pytest.mark.parametrize("column", ["seat_no", *_OWNERS])
async def test_a_claim_needs_its_seat_and_its_owner(world: World, column: str) -> None:
    bus = await world.bus()
    await world.hold(bus, ["1A"])
    (claim,) = await world.edit("SELECT * FROM claims WHERE bus_id = $1", bus)
    (seat,) = await world.edit("SELECT max(seat_no) FROM seats WHERE bus_id = $1", bus)
    stray = {"seat_no": 200, "booking_id": 77}.get(column, uuid4())
    row = dict(claim) | {"seat_no": seat["max"]}
    row |= (dict.fromkeys(_OWNERS) if column in _OWNERS else {}) | {column: stray}
    with pytest.raises(asyncpg.ForeignKeyViolationError) as refusal:
        await world.edit(
            f"INSERT INTO claims ({', '.join(row)})"  # noqa: S608 - of columns
            f" VALUES ({', '.join(f'${place}' for place in range(1, len(row) + 1))})",
            *row.values(),
        )
    assert str(refusal.value.constraint_name).startswith(f"claims_bus_id_{column}")


async def test_what_has_claims_stays(world: World) -> None:
    bus = await world.bus()
    hold = await world.hold(bus, ["1A"])
    booked = await world.book(bus, ["1B"])
    block = await world.block(bus, ["1C"])
    for table, column, number in (
        ("seats", "seat_no", 1),
        ("holds", "hold_id", hold.hold_id),
        ("bookings", "booking_id", booked.booking_id),
        ("blocks", "block_id", block.block_id),
    ):
        with pytest.raises(asyncpg.ForeignKeyViolationError, match="claims"):
            await world.edit(
                f"DELETE FROM {table} WHERE bus_id = $1 AND {column} = $2",  # noqa: S608 - of constants
                bus,
                number,
            )


async def test_every_shard_has_the_rights_and_the_row_security_of_its_table(
    cluster: Connection,
) -> None:
    tables = await cluster.fetch(
        "SELECT logicalrelid::text AS name FROM pg_dist_partition WHERE partmethod = 'h'"
    )
    for table in tables:
        rights = await cluster.fetchval(_RIGHTS.format(table["name"]))
        # The inbox of jobs is the workers' alone.
        assert ("omnibus_worker" if table["name"] == "job_inbox" else "omnibus_app") in rights
        shards = await cluster.fetch(
            "SELECT result FROM run_command_on_shards($1::text::regclass, $2)",
            table["name"],
            _RIGHTS.replace("'{}'", "'%s'"),
        )
        assert {shard["result"] for shard in shards} == {rights}


async def test_fares_of_legs_are_of_their_operator(world: World) -> None:
    bus = await world.bus()
    (scoped, other) = ([world.operator_id], [world.operator_id + 1])
    add = "INSERT INTO leg_fares (bus_id, operator_id, from_idx, to_idx, amount) VALUES ($1, $2, 0, 1, 5)"

    async def work(connection: Connection) -> str:
        return await connection.execute(add, bus, world.operator_id)

    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await world.store.db.transaction(other, work)
    assert await world.store.db.transaction(scoped, work) == "INSERT 0 1"


async def test_what_was_found_last_lies_where_processes_come_first(cluster: Connection) -> None:
    assert await cluster.fetchval(
        "SELECT NOT EXISTS (SELECT FROM pg_dist_partition"
        " WHERE logicalrelid = 'invariant_checks'::regclass)"
    )


async def test_an_agent_needs_an_operator_that_there_is(cluster: Connection) -> None:
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await cluster.execute(
            "INSERT INTO users (name, email, password_hash, role, operator_id)"
            " VALUES ('Ann', 'ann@example.org', 'x', 'agent', 77)"
        )


async def test_the_doctor_sees_the_cluster(cluster: Connection) -> None:
    spread = await find_spread(cluster)
    assert spread is not None
    assert (spread.tables, spread.groups_of_tables, spread.workers_away) == (
        len(BOOKING_PATH),
        1,
        0,
    )
    assert replace(spread, workers=0) != spread
    assert sum(place.parts for place in spread.places) == await cluster.fetchval(
        "SELECT count(*) FROM pg_dist_shard WHERE logicalrelid = 'buses'::regclass"
    )


async def test_new_buses_of_an_operator_lie_in_its_region_and_stay_there(
    world: World, cluster: Connection
) -> None:
    spread = await find_spread(cluster)
    assert spread is not None
    here, there = spread.places[0], spread.places[1]
    regions = world.store.regions
    await regions.place(RegionServer(here.host, here.port, "north"))
    await regions.place(RegionServer(there.host, there.port, "south"))
    operator = await cluster.fetchval("SELECT min(operator_id) FROM operators")
    await regions.pin(operator, "north")
    numbers = [await cluster.fetchval("SELECT next_bus_of($1)", operator) for _ in range(12)]
    ports = [await cluster.fetchval(_LIES_AT, number) for number in numbers]
    assert set(ports) == {here.port}
    await regions.pin(operator, None)
    numbers = [await cluster.fetchval("SELECT next_bus_of($1)", operator) for _ in range(40)]
    assert len({await cluster.fetchval(_LIES_AT, number) for number in numbers}) > 1
    move = await cluster.fetchrow(_SHARD_AND_ANOTHER_SERVER, here.port, there.port)
    assert move is not None
    assert not await cluster.fetchval("SELECT may_lie_in_region($1, $2)", *move)
    await regions.place(RegionServer(there.host, there.port, "north"))
    assert await cluster.fetchval("SELECT may_lie_in_region($1, $2)", *move)
    await cluster.execute("UPDATE operators SET region = 'west'")
    with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError, match="of region west"):
        await cluster.fetchval("SELECT next_bus_of($1)", operator)


async def _neighbours(world: World) -> list[int]:
    """Put buses on sale until two of them share a shard; return those."""
    seen: dict[int, int] = {}
    while True:
        bus = await world.bus()
        shard = await world.owner.fetchval(
            "SELECT get_shard_id_for_distribution_column('buses', $1::bigint)", bus
        )
        if shard in seen:
            return [seen[shard], bus]
        seen[shard] = bus


async def _counts(connection: Connection) -> dict[str, int]:
    return {
        name: await connection.fetchval(f"SELECT count(*) FROM {name}")  # noqa: S608 - of constants
        for name in ("bookings", "holds", "claims", "tickets", "payments")
    }


def _task_counts(node: Any) -> list[int]:
    """Return how many shard groups each part of a plan asks."""
    if isinstance(node, list):
        return [count for part in node for count in _task_counts(part)]
    if not isinstance(node, dict):
        return []
    below = [count for part in node.values() for count in _task_counts(part)]
    return [node["Task Count"], *below] if "Task Count" in node else below
