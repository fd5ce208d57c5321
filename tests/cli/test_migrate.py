"""`omnibus migrate` against real databases."""

import re
from collections.abc import AsyncIterator

import asyncpg
import pytest

from store.migrate import load
from tests.cli.commands import omnibus
from tests.support.databases import Databases

NAMES = [migration.name for migration in load()]


@pytest.fixture
async def empty(databases: Databases) -> AsyncIterator[str]:
    """A database without any table of ours."""
    async with databases.fresh(is_migrated=False) as url:
        yield url


async def test_an_empty_database_is_brought_up_to_date_once(empty: str) -> None:
    first = omnibus("migrate", DATABASE_URL=empty)
    assert first.code == 0, first.err
    assert first.out.splitlines() == [
        *(f"applying {name}" for name in NAMES),
        f"applied {len(NAMES)}",
    ]
    second = omnibus("migrate", DATABASE_URL=empty)
    assert (second.code, second.out) == (0, "nothing to do\n")


async def test_looking_changes_nothing(empty: str) -> None:
    for _ in range(2):
        ran = omnibus("migrate", "--check", DATABASE_URL=empty)
        assert ran.code == 1
        assert ran.out.splitlines() == [f"missing {name}" for name in NAMES]
    assert omnibus("migrate", "--json", DATABASE_URL=empty).json == {"applied": NAMES}
    ran = omnibus("migrate", "--check", "--json", DATABASE_URL=empty)
    assert (ran.code, ran.json) == (0, {"missing": []})


def test_what_an_administrator_has_to_run_is_printed_without_asking_the_database() -> None:
    ran = omnibus(
        "migrate", "--roles", DATABASE_URL="postgresql://the-shop@nowhere.invalid/omnibus"
    )
    assert ran.code == 0
    for role in ("omnibus_app", "omnibus_worker", "omnibus_readonly", "omnibus_migrate"):
        assert f"CREATE ROLE {role} NOLOGIN" in ran.out
    assert 'GRANT "the-shop" TO omnibus_migrate;' in ran.out


async def test_a_wrong_password_is_one_message(empty: str) -> None:
    ran = omnibus("migrate", DATABASE_URL=re.sub(r":[^:@/]+@", ":wrong@", empty))
    assert ran.code == 1
    assert ran.err.startswith(
        "omnibus: cannot migrate the database: password authentication failed"
    )
    assert "Traceback" not in ran.err


async def test_a_newer_database_is_left_alone(
    database_url: str, owner: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await owner.execute(
        "INSERT INTO schema_migrations (name, checksum) VALUES ('9999_later.sql', '')"
    )
    ran = omnibus("migrate", DATABASE_URL=database_url)
    assert ran.code == 1
    assert "newer than this program: it has 9999_later.sql" in ran.err


async def test_a_database_where_we_may_make_no_tables_is_one_message(
    empty: str, databases: Databases
) -> None:
    superuser = await databases._connect()
    await superuser.execute("DROP ROLE IF EXISTS visitor")
    await superuser.execute("CREATE ROLE visitor LOGIN PASSWORD 'visitor'")
    ran = omnibus("migrate", DATABASE_URL=re.sub(r"//[^@]+@", "//visitor:visitor@", empty))
    assert ran.code == 1
    assert ran.err == (
        "omnibus: cannot migrate the database: permission denied for schema public\n"
    )
    await superuser.execute("DROP ROLE visitor")
