"""The audit log is a chain: whatever is done to it past its own trigger is found, and the place is named."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from store.accounts import NewUser
from store.audit import NewEntry, Wanted
from store.audit_chain import LINKS_AT_A_TIME, Finding, digest_of
from store.errors import Forbidden, NotFound, StoreError
from store.fares import NewFares
from store.house_keys import TICKETS, HouseKey
from store.model import GUEST, Caller, Limits, Role
from store.roles import WORKER
from store.staffing import Staffing
from tests.support.databases import Databases
from tests.support.world import World

ENTRIES = 8


async def fill(world: World, count: int = ENTRIES) -> None:
    """Log so many entries of the world's operator."""
    for number in range(count):
        await world.store.audit.add([entry(world, number)])


def entry(world: World, number: int, operator_id: int | None = None) -> NewEntry:
    return NewEntry(
        operator_id or world.operator_id, number, "test.entry", f"thing {number}", {"n": number}
    )


async def verify(world: World, operator_id: int | None = None) -> Finding:
    worker = await world.worker()
    (chain,) = await worker.audit_chains.chains(operator_id or world.operator_id)
    return await worker.audit_chains.verify(chain)


@pytest.fixture
async def superuser(
    world: World, databases: Databases
) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Somebody whom no trigger and no privilege stops."""
    name = world.url.partition("?")[0].rpartition("/")[2]
    connection = await asyncpg.connect(databases._superuser_url, database=name)
    await connection.execute("SET session_replication_role = replica")
    yield connection
    await connection.close()


async def test_every_entry_has_the_next_position_and_the_hash_of_the_one_before(
    world: World,
) -> None:
    await fill(world)
    finding = await verify(world)
    assert (finding.broken_at, finding.good.position) == (None, ENTRIES)
    seals = await world.edit("SELECT * FROM audit_seals WHERE operator_id > 0 ORDER BY position")
    assert [seal["position"] for seal in seals] == list(range(1, ENTRIES + 1))
    assert seals[0]["previous"] == bytes(32)
    assert all(b["previous"] == a["hash"] for a, b in itertools.pairwise(seals))


async def test_the_sum_is_the_same_here_and_in_the_database(world: World) -> None:
    await world.store.audit.add(
        [
            NewEntry(
                world.operator_id, None, "test.entry", "Zürich 🚌", {"a": [1, None], "b": "ß,:"}
            ),
            NewEntry(None, 7, "test.entry", "", {}),
        ]
    )
    rows = await world.edit(
        "SELECT s.position, s.previous, s.hash, l.audit_id, l.operator_id, l.at, l.actor_id, l.action, l.subject,"
        " l.detail::text AS detail FROM audit_log AS l INNER JOIN audit_seals AS s ON s.audit_id = l.audit_id"
    )
    assert len(rows) >= 2
    for row in rows:
        assert digest_of(row["previous"], row["position"], row) == row["hash"]


TAMPERING = {
    "changed": ("UPDATE audit_log SET actor_id = 99 WHERE subject = 'thing 3'", 4),
    "backdated": (
        "UPDATE audit_log SET at = at - interval '1 microsecond' WHERE subject = 'thing 3'",
        4,
    ),
    "retold": ("UPDATE audit_log SET detail = '{\"n\": 33}' WHERE subject = 'thing 3'", 4),
    "removed": ("DELETE FROM audit_log WHERE subject = 'thing 4'", 5),
    "removed with its seal": (
        (
            "DELETE FROM audit_seals WHERE position = 5 AND operator_id > 0;"
            " DELETE FROM audit_log WHERE subject = 'thing 4'"
        ),
        5,
    ),
    "cut off at the end": (
        (
            "DELETE FROM audit_seals WHERE position > 6 AND operator_id > 0;"
            " DELETE FROM audit_log WHERE subject IN ('thing 6', 'thing 7')"
        ),
        7,
    ),
    "moved to another place": (
        (
            "UPDATE audit_seals SET audit_id = -audit_id WHERE operator_id > 0 AND position IN (2, 3);"
            " UPDATE audit_seals AS s SET audit_id = -o.audit_id FROM audit_seals AS o"
            " WHERE s.operator_id > 0 AND o.operator_id = s.operator_id AND s.position IN (2, 3)"
            " AND o.position = 5 - s.position"
        ),
        2,
    ),
    "moved to another operator": (
        "UPDATE audit_log SET operator_id = NULL WHERE subject = 'thing 2'",
        3,
    ),
    "slipped in": (
        (
            "INSERT INTO audit_log (operator_id, action, subject)"
            " SELECT operator_id, 'limits.set', 'nothing' FROM operators"
        ),
        ENTRIES + 1,
    ),
    "another head": (
        "UPDATE audit_heads SET hash = previous FROM audit_seals AS s WHERE s.position = 1",
        8,
    ),
    "no head": ("DELETE FROM audit_heads", ENTRIES + 1),
    "one seal changed": (
        "UPDATE audit_seals SET hash = sha256('x') WHERE operator_id > 0 AND position = 6",
        6,
    ),
}


@pytest.mark.parametrize("how", TAMPERING)
async def test_what_a_superuser_does_to_the_log_is_found_and_the_place_named(
    world: World, superuser: "asyncpg.Connection[asyncpg.Record]", how: str
) -> None:
    await fill(world)
    statement, place = TAMPERING[how]
    await superuser.execute(statement)
    finding = await verify(world)
    assert finding.broken_at == place, finding.reason
    assert finding.reason


async def test_twin_with_the_trigger_off_what_is_written_is_not_sealed(
    world: World, superuser: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await fill(world, 2)
    await superuser.execute("ALTER TABLE audit_log DISABLE TRIGGER audit_log_sealed")
    await fill(world, 1)
    assert (await verify(world)).broken_at == 3


async def test_a_chain_of_many_pages_is_followed_to_its_end(world: World) -> None:
    many = [entry(world, number) for number in range(2 * LINKS_AT_A_TIME + 3)]
    await world.store.audit.add(many)
    worker = await world.worker()
    (chain,) = await worker.audit_chains.chains(world.operator_id)
    heard: list[int] = []
    finding = await worker.audit_chains.verify(chain, report=heard.append)
    assert (finding.broken_at, finding.good.position) == (None, len(many))
    assert heard == sorted(heard)
    assert len(heard) == 2


# Who writes.


async def test_neither_the_application_nor_the_owner_rewrites_what_was_logged(
    world: World, app_role: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await fill(world, 1)
    for connection in (app_role, world.owner):
        for statement in (
            "UPDATE audit_log SET subject = 'x'",
            "DELETE FROM audit_log",
            "TRUNCATE audit_log",
            "UPDATE audit_seals SET hash = previous",
            "DELETE FROM audit_seals",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    assert (await verify(world)).broken_at is None


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO audit_log (audit_id, action, subject) OVERRIDING SYSTEM VALUE VALUES (1, 'x.y', '')",
        "INSERT INTO audit_log (at, action, subject) VALUES (now(), 'x.y', '')",
        "INSERT INTO audit_seals VALUES (0, 9, 9, sha256('a'), sha256('b'))",
        "INSERT INTO audit_heads VALUES (9)",
        "UPDATE audit_heads SET position = 0",
        "SELECT seal_entry(l) FROM audit_log AS l",
        "ALTER TABLE audit_log DISABLE TRIGGER audit_log_sealed",
    ],
)
async def test_number_time_position_and_hash_are_not_the_applications_to_say(
    world: World, app_role: "asyncpg.Connection[asyncpg.Record]", statement: str
) -> None:
    await fill(world, 1)
    async with app_role.transaction():
        await app_role.execute(f"SET LOCAL omnibus.operators = '{{0,{world.operator_id}}}'")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with app_role.transaction():
                await app_role.execute(statement)


async def test_what_is_rolled_back_leaves_no_trace_in_the_chain(world: World) -> None:
    await fill(world, 2)
    async with world.owner.transaction():
        await world.owner.execute(
            "INSERT INTO audit_log (operator_id, action, subject) VALUES ($1, 'x.y', '')",
            world.operator_id,
        )
        raising = world.owner.transaction()
        await raising.start()
        await world.owner.execute(
            "INSERT INTO audit_log (operator_id, action, subject) VALUES ($1, 'x.z', '')",
            world.operator_id,
        )
        await raising.rollback()
    finding = await verify(world)
    assert (finding.broken_at, finding.good.position) == (None, 3)


# Many at once.


@asynccontextmanager
async def counting_deadlocks(world: World) -> AsyncIterator[None]:
    count = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    before = await world.owner.fetchval(count)
    yield
    await world.owner.execute("SELECT pg_stat_clear_snapshot()")
    assert await world.owner.fetchval(count) == before


async def test_fifty_who_write_at_once_leave_one_unbroken_chain_and_no_deadlock(
    world: World,
) -> None:
    buses = [await world.bus() for _ in range(5)]
    labels = list(await world.states(buses[0]))
    limits = world.store.limits

    async def change(number: int) -> None:
        bus = buses[number % 5]
        match number % 4:
            case 0:
                await limits.set(world.admin, world.operator_id, Limits(cooldown_seconds=number))
            case 1:
                await world.store.fares.change(world.manager(), bus, NewFares([], [100 + number]))
            case 2:
                await world.lift(await world.block(bus, [labels[number // 5]]))
            case _:
                await world.bus()

    async with counting_deadlocks(world):
        await asyncio.gather(*(change(number) for number in range(50)))
    logged = await world.edit("SELECT count(*) AS n FROM audit_log WHERE operator_id > 0")
    finding = await verify(world)
    assert (finding.broken_at, finding.good.position) == (None, logged[0]["n"])
    assert finding.good.position >= 5 + 50


async def test_entries_for_two_operators_in_any_order_never_deadlock(world: World) -> None:
    (other,) = await world.edit(
        "INSERT INTO operators (name, time_zone, currency) VALUES ('Southline', 'UTC', 'EUR') RETURNING operator_id"
    )
    both = [world.operator_id, other["operator_id"]]

    async def write(number: int) -> None:
        order = both if number % 2 else both[::-1]
        await world.store.audit.add([entry(world, number, operator) for operator in order])

    async with counting_deadlocks(world):
        await asyncio.gather(*(write(number) for number in range(40)))
    for operator in both:
        assert (await verify(world, operator)).good.position == 40


# The worker's look.


async def test_the_workers_look_goes_on_where_it_ended_and_sees_what_changed_behind_it(
    world: World, superuser: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    worker = await world.worker()
    await fill(world)
    assert await worker.audit_chains.look() == []
    await fill(world, 1)
    assert await worker.audit_chains.look() == []
    checks = {check.operator_id: check for check in await world.store.audit_chains.last()}
    assert checks[world.operator_id].good.position == ENTRIES + 1
    assert 0 in checks
    # A chain that was written anew as a whole fits together, but is not the one that was looked at.
    await superuser.execute(
        "DELETE FROM audit_seals WHERE operator_id > 0; DELETE FROM audit_heads WHERE operator_id > 0;"
        " UPDATE audit_log SET actor_id = 99 WHERE subject = 'thing 3';"
        " SELECT seal_entry(l) FROM (SELECT * FROM audit_log WHERE operator_id > 0 ORDER BY audit_id) AS l"
    )
    assert (await verify(world)).broken_at is None
    (broken,) = await worker.audit_chains.look()
    assert broken.broken_at == ENTRIES + 1
    (kept,) = [check for check in await worker.audit_chains.last() if check.broken_at]
    assert (kept.operator_id, kept.broken_at) == (world.operator_id, ENTRIES + 1)


async def test_a_chain_that_vanished_altogether_is_missed(
    world: World, superuser: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    worker = await world.worker()
    await fill(world, 3)
    await worker.audit_chains.look()
    for table in ("audit_log", "audit_seals", "audit_heads"):
        await superuser.execute(f"DELETE FROM {table} WHERE operator_id > 0")  # noqa: S608 - of constants
    (broken,) = await worker.audit_chains.look()
    assert broken.chain.operator_id == world.operator_id


# What is in it, and who reads it.


async def test_changes_of_people_and_keys_are_logged(world: World) -> None:
    (user,) = await world.edit(
        "INSERT INTO users (name, email, password_hash) VALUES ('Ann', 'ann@example.org', 'x') RETURNING user_id"
    )
    agent = NewUser("Ben", "ben@example.org", "hash", Role.AGENT, world.operator_id)
    staffing = Staffing(world.store.db)
    await staffing.set_role(user["user_id"], Role.AGENT, world.operator_id)
    await staffing.set_password(user["user_id"], "hash")
    await staffing.set_role(user["user_id"], Role.RIDER, None)
    await world.store.accounts.add(agent)
    await world.store.accounts.add(NewUser("Cid", "cid@example.org", "hash"))
    rows = await world.edit(
        "SELECT operator_id, action, detail::text FROM audit_log ORDER BY audit_id"
    )
    told = [(row["operator_id"], row["action"]) for row in rows]
    assert told[:3] == [(None, "key.make")] * 3
    north = world.operator_id
    assert told[3:] == [
        (north, action) for action in ("user.role", "user.password", "user.role", "user.add")
    ]
    assert '"role": ["rider", "agent"]' in rows[3]["detail"]
    assert "hash" not in "".join(row["detail"] for row in rows)


async def test_an_operators_administrators_read_their_own_and_the_platforms_people_all(
    world: World,
) -> None:
    await fill(world, 3)
    audit = world.store.audit
    own = await audit.list(world.manager(), Wanted(), before=None, limit=10)
    assert [each.subject for each in own] == ["thing 2", "thing 1", "thing 0"]
    assert {each.operator_id for each in own} == {world.operator_id}
    older = await audit.list(world.manager(), Wanted(), before=own[0].audit_id, limit=1)
    assert [each.subject for each in older] == ["thing 1"]
    about = Wanted(subject="thing 1", action="test.entry", begin=own[2].at)
    assert len(await audit.list(world.manager(), about, before=None, limit=10)) == 1
    for house in (world.admin, Caller(2, Role.SUPPORT)):
        everything = await audit.list(house, Wanted(), before=None, limit=10)
        assert {each.operator_id for each in everything} == {0, world.operator_id}
        platforms = await audit.list(house, Wanted(operator_id=0), before=None, limit=10)
        assert {each.operator_id for each in platforms} == {0}
    stranger = Caller(9, Role.OPERATOR, world.operator_id + 1)
    assert await audit.list(stranger, Wanted(), before=None, limit=10) == []
    refused: dict[Caller, type[StoreError]] = {
        stranger: NotFound,
        world.agent(): Forbidden,
        world.rider(1): Forbidden,
        GUEST: Forbidden,
    }
    for caller, refusal in refused.items():
        with pytest.raises(refusal):
            await audit.list(caller, Wanted(world.operator_id), before=None, limit=10)


async def test_a_worker_reads_no_passwords_and_no_keys_but_those_of_what_it_mails(
    world: World,
) -> None:
    worker = await world.worker()
    for purpose in ("access_tokens", TICKETS):
        await world.store.house_keys.find_or_make(purpose, lambda: HouseKey("t1", "secret"))
    rows = await worker.db.fetch("SELECT purpose FROM house_keys ORDER BY purpose")
    assert [row["purpose"] for row in rows] == ["mail_links", TICKETS]
    for query in (
        "SELECT password_hash FROM users",
        "SELECT digest FROM refresh_tokens",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await worker.db.fetch(query)
    role = await worker.db.fetchrow("SELECT current_user AS name")
    assert role is not None
    assert role["name"] == WORKER
