"""Brings a database to the newest schema: forward only, one transaction a file, one runner at a time.

A migration is `NNNN_name.sql` in `store/migrations`. Its first lines may say `-- timeout: 60s` (a statement's limit,
5 s otherwise) or `-- no-transaction` (then it holds exactly one statement, such as CREATE INDEX CONCURRENTLY).
"""

import asyncio
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from store.citus.distribute import distribute, suit, undistributed, words_of
from store.db import Connection
from store.pooler import Address
from store.roles import RolesMissing, become_owner, make_roles

FOLDER = Path(__file__).with_name("migrations")
_NAME = re.compile(r"[0-9]{4}_[a-z0-9_]+\.sql")
_TIMEOUT = re.compile(r"^-- timeout: ([0-9]+(?:s|min))$", re.MULTILINE)
_LOCK = 0x6F6D6E69627573
_WAIT_SECONDS = 60

_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    name text PRIMARY KEY,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


class MigrationError(Exception):
    """The database cannot be brought to the newest schema; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    name: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def is_transactional(self) -> bool:
        return not self.text.startswith("-- no-transaction")

    @property
    def timeout(self) -> str:
        found = _TIMEOUT.search(self.text)
        return found[1] if found else "5s"


def load(folder: Path = FOLDER) -> list[Migration]:
    """Return all migrations in order."""
    paths = sorted(folder.glob("*.sql"))
    if wrong := [path.name for path in paths if _NAME.fullmatch(path.name) is None]:
        raise MigrationError(f"not a migration's name: {', '.join(wrong)}")
    return [Migration(path.name, path.read_text(encoding="utf-8")) for path in paths]


async def migrate(
    dsn: str,
    *,
    migrations: Sequence[Migration] | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> list[str]:
    """Apply what is missing and return the names applied; `report` hears each before it runs.

    On a Citus cluster the tables are distributed then, as far as they are not.

    Raises MigrationError for an edited or unknown migration, for a database that is not of UTF-8, or when another
    runner stays busy for a minute.
    Works as the owner of the database, whoever connects on its behalf, and not as the application's role.
    """
    known = load() if migrations is None else migrations
    if Address.read(dsn).pooler:
        raise MigrationError(
            "a migration keeps its session, and a pooler lends sessions for a transaction: "
            "set OMNIBUS_DATABASE_DIRECT_URL to the address of PostgreSQL itself"
        )
    connection = await asyncpg.connect(
        dsn, timeout=10, server_settings={"application_name": "omnibus migrate"}
    )
    try:
        await _require_unicode(connection)
        await _take_turn(connection)
        await suit(connection)
        await become_owner(connection)
        await connection.execute(_LEDGER)
        await _make_roles(connection)
        missing = await _missing(connection, known)
        for migration in missing:
            report(migration.name)
            await _apply(connection, migration)
        spread = await _distribute(connection, report)
        return [*(migration.name for migration in missing), *spread]
    finally:
        await connection.close()


async def _require_unicode(connection: Connection) -> None:
    encoding = await connection.fetchval("SHOW server_encoding")
    if encoding != "UTF8":
        raise MigrationError(
            f"the database holds text as {encoding}, and names are of all languages: "
            "make one with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
        )


async def pending(dsn: str) -> list[str]:
    """Return the names that `migrate` would apply; changes nothing."""
    connection = await asyncpg.connect(Address.read(dsn).dsn, timeout=10, statement_cache_size=0)
    try:
        if await connection.fetchval("SELECT to_regclass('schema_migrations')") is None:
            return [migration.name for migration in load()]
        missing = await _missing(connection, load())
        spread = await undistributed(connection)
        return [*(migration.name for migration in missing), *spread]
    finally:
        await connection.close()


async def _make_roles(connection: Connection) -> None:
    try:
        await make_roles(connection)
    except RolesMissing as error:
        raise MigrationError(str(error)) from error


async def _distribute(connection: Connection, report: Callable[[str], None]) -> list[str]:
    try:
        return await distribute(connection, report)
    except asyncpg.PostgresError as error:
        raise MigrationError(f"the tables cannot be distributed: {error}") from error


async def _take_turn(connection: Connection) -> None:
    # Polled, not waited for: a runner that waits inside pg_advisory_lock keeps a snapshot that
    # CREATE INDEX CONCURRENTLY of the other runner would wait for in turn.
    for _ in range(_WAIT_SECONDS * 5):
        if await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
            return
        await asyncio.sleep(0.2)
    raise MigrationError(
        "another migration has been running for a minute; try again when it is done"
    )


async def _missing(connection: Connection, known: Sequence[Migration]) -> list[Migration]:
    rows = await connection.fetch("SELECT name, checksum FROM schema_migrations")
    applied = {row["name"]: row["checksum"] for row in rows}
    checksums = {migration.name: migration.checksum for migration in known}
    if newer := sorted(applied.keys() - checksums.keys()):
        raise MigrationError(
            f"the database is newer than this program: it has {', '.join(newer)}. Update the program."
        )
    if edited := sorted(name for name, sum_ in applied.items() if checksums[name] != sum_):
        raise MigrationError(
            f"applied before, edited since: {', '.join(edited)}. Restore the file and add a new migration."
        )
    return [migration for migration in known if migration.name not in applied]


async def _apply(connection: Connection, migration: Migration) -> None:
    record = "INSERT INTO schema_migrations (name, checksum) VALUES ($1, $2)"
    try:
        statements = await words_of(connection, migration.name, migration.text)
        if not migration.is_transactional:
            await _clear_up(connection, migration)
            for statement in statements:
                await connection.execute(statement)
            await connection.execute(record, migration.name, migration.checksum)
            return
        async with connection.transaction():
            await connection.execute("SET LOCAL lock_timeout = '4s'")
            # allow sql-text: our own migration says it
            await connection.execute(f"SET LOCAL statement_timeout = '{migration.timeout}'")
            for statement in statements:
                await connection.execute(statement)
            await connection.execute(record, migration.name, migration.checksum)
    except asyncpg.PostgresError as error:
        raise MigrationError(f"{migration.name}: {error}") from error


async def _clear_up(connection: Connection, migration: Migration) -> None:
    """Drop an index that an earlier try has left half built: it is there by name, and of use to nobody."""
    rows = await connection.fetch(
        "SELECT c.relname AS name, quote_ident(c.relname) AS quoted"
        " FROM pg_index AS i INNER JOIN pg_class AS c ON c.oid = i.indexrelid"
        " WHERE NOT i.indisvalid AND c.relnamespace = 'public'::regnamespace"
    )
    words = set(re.findall(r"\w+", migration.text))
    for row in rows:
        if row["name"] in words:
            # allow sql-text: the name is the database's own, quoted by it
            await connection.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {row['quoted']}")
