import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest

from server.embedded import ServiceFailed, StartError
from server.embedded.children import Launch, stop_together
from server.embedded.cluster import VersionMismatch
from server.embedded.strays import processes_in
from tests.embedded.parent import wait_until
from tests.support.servers import DEBIAN_BINDIR, ThrowawayPostgres


@pytest.fixture(scope="module")
def untouched() -> Iterator[ThrowawayPostgres]:
    """One for all tests that only look."""
    with ThrowawayPostgres() as server:
        yield server


@pytest.fixture
def postgres() -> Iterator[ThrowawayPostgres]:
    """One that a test may stop, kill and spoil."""
    server = ThrowawayPostgres()
    try:
        server.start()
        yield server
    finally:
        server.discard()


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def fetch(url: str, query: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def cluster_of(server: ThrowawayPostgres) -> Path:
    return server.folder / "postgres"


def launch_without_leash(launch: Launch) -> subprocess.Popen[bytes]:
    """As on a system that does not tell children of their parent's death."""
    identity = launch.identity
    return subprocess.Popen(  # noqa: S603 - the product's own command
        launch.argv,
        env=launch.env,
        cwd=launch.folder,
        pass_fds=launch.pass_fds,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        user=identity.uid if identity else None,
        group=identity.gid if identity else None,
        extra_groups=[] if identity else None,
    )


def content_of(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(each): (each.stat().st_mtime_ns, each.read_bytes())
        for each in folder.rglob("*")
        if each.is_file()
    }


async def test_it_is_durable_and_checksummed(untouched: ThrowawayPostgres) -> None:
    connection = await asyncpg.connect(untouched.url)
    for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
        assert await connection.fetchval(f"SHOW {setting}") == "on", setting
    assert await connection.fetchval("SHOW listen_addresses") == ""
    assert await connection.fetchval("SHOW deadlock_timeout") == "200ms"
    assert await connection.fetchval("SHOW server_encoding") == "UTF8"
    assert await connection.fetchval("SELECT upper('é')") == "É"
    await connection.close()


async def test_it_demands_the_password(untouched: ThrowawayPostgres) -> None:
    assert await fetch(untouched.url, "SELECT 1") == 1
    for url in (untouched.url, untouched.superuser_url):
        password = urlsplit(url).password
        assert password is not None
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(url, password="not " + password)
    rules = await fetch(
        untouched.superuser_url, "SELECT array_agg(DISTINCT auth_method) FROM pg_hba_file_rules"
    )
    assert rules == ["scram-sha-256"]
    stored = await fetch(
        untouched.superuser_url,
        "SELECT array_agg(left(rolpassword, 14)) FROM pg_authid WHERE rolcanlogin",
    )
    assert stored == ["SCRAM-SHA-256$", "SCRAM-SHA-256$"]


async def test_the_application_owns_its_database_and_little_else(
    untouched: ThrowawayPostgres,
) -> None:
    role = "SELECT {} FROM pg_roles WHERE rolname = current_user"
    assert await fetch(untouched.url, "SELECT current_user") == "omnibus"
    assert not await fetch(untouched.url, role.format("rolsuper OR rolcreatedb OR rolbypassrls"))
    assert await fetch(untouched.url, role.format("rolcreaterole"))
    assert await fetch(
        untouched.url, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'omnibus'"
    ) == ("omnibus")
    await execute(untouched.url, "CREATE EXTENSION btree_gist; CREATE TABLE t (id int)")


async def test_no_password_reaches_the_log(untouched: ThrowawayPostgres) -> None:
    log = "".join(each.read_text() for each in (cluster_of(untouched) / "log").iterdir())
    for url in (untouched.url, untouched.superuser_url):
        password = urlsplit(url).password
        assert password is not None
        assert password not in log


async def test_a_start_brings_back_what_somebody_dropped(postgres: ThrowawayPostgres) -> None:
    administration = postgres.superuser_url.replace("/omnibus?", "/postgres?")
    await execute(administration, "DROP DATABASE omnibus WITH (FORCE)")
    await execute(administration, "DROP ROLE omnibus")
    postgres.restart()
    assert await fetch(postgres.url, "SELECT 1") == 1


async def test_alter_system_wins_over_our_settings(postgres: ThrowawayPostgres) -> None:
    await execute(postgres.superuser_url, "ALTER SYSTEM SET log_min_duration_statement = '2s'")
    postgres.restart()
    assert await fetch(postgres.url, "SHOW log_min_duration_statement") == "2s"


async def test_a_lost_password_file_is_made_anew(postgres: ThrowawayPostgres) -> None:
    await execute(postgres.url, "CREATE TABLE kept AS SELECT 42 AS answer")
    before = postgres.url
    postgres.stop()
    (postgres.folder / "passwords.json").unlink()
    postgres.start()
    assert postgres.url != before
    assert await fetch(postgres.url, "SELECT answer FROM kept") == 42
    assert await fetch(postgres.superuser_url, "SELECT 1") == 1


def test_a_cluster_of_another_version_is_refused_untouched(postgres: ThrowawayPostgres) -> None:
    postgres.stop()
    version = cluster_of(postgres) / "PG_VERSION"
    right = version.read_text()
    version.write_text("9.6\n")
    before = content_of(postgres.folder)
    with pytest.raises(VersionMismatch, match=r"was made by PostgreSQL 9\.6, .* Nothing was"):
        postgres.start()
    assert content_of(postgres.folder) == before
    version.write_text(right)


def test_a_folder_that_is_no_cluster_is_refused_untouched(postgres: ThrowawayPostgres) -> None:
    postgres.stop()
    version = cluster_of(postgres) / "PG_VERSION"
    aside = version.rename(postgres.folder / "PG_VERSION")
    before = content_of(postgres.folder)
    with pytest.raises(StartError, match="is not a PostgreSQL cluster"):
        postgres.start()
    assert content_of(postgres.folder) == before
    aside.rename(version)


def test_a_half_made_cluster_is_made_anew() -> None:
    server = ThrowawayPostgres()
    half = server.folder / "postgres.new" / "base"
    half.mkdir(parents=True)
    (half.parent / "PG_VERSION").write_text("18\n")
    try:
        server.start()
        assert not half.parent.exists()
    finally:
        server.discard()


def test_a_failure_shows_what_postgres_said() -> None:
    server = ThrowawayPostgres(settings={"shared_buffers": "plenty"})
    try:
        with pytest.raises(ServiceFailed, match='invalid value for parameter "shared_buffers"'):
            server.start()
    finally:
        server.discard()


def test_a_failure_after_logging_has_begun_shows_the_log(postgres: ThrowawayPostgres) -> None:
    postgres.stop()
    wal = cluster_of(postgres) / "pg_wal"
    segments = [each for each in wal.iterdir() if each.is_file()]
    for segment in segments:
        segment.rename(postgres.folder / segment.name)
    with pytest.raises(ServiceFailed, match="could not locate a valid checkpoint record"):
        postgres.start()
    for segment in segments:
        (postgres.folder / segment.name).rename(segment)


@pytest.mark.fault
async def test_a_killed_postmaster_leaves_its_backends_and_the_next_start_ends_them(
    postgres: ThrowawayPostgres,
) -> None:
    """A busy backend does not see that its postmaster is gone, and keeps the shared memory."""
    await execute(postgres.url, "CREATE TABLE kept AS SELECT 42 AS answer")
    busy = await asyncpg.connect(postgres.url)
    loop = asyncio.ensure_future(busy.execute("DO $$ BEGIN LOOP END LOOP; END $$"))
    backend = await fetch(
        postgres.superuser_url,
        "SELECT pid FROM pg_stat_activity WHERE query LIKE 'DO %' AND state = 'active'",
    )
    assert backend is not None
    os.kill(postgres.pid, signal.SIGKILL)
    wait_until(lambda: postgres.pid not in processes_in(cluster_of(postgres)), "it is gone")
    assert backend in processes_in(cluster_of(postgres)), "it is still at it"
    postgres.start()
    assert not psutil.pid_exists(backend) or zombie(backend)
    assert await fetch(postgres.url, "SELECT answer FROM kept") == 42
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await loop


def zombie(pid: int) -> bool:
    return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.mark.fault
async def test_an_orphan_of_this_very_folder_is_taken_over(postgres: ThrowawayPostgres) -> None:
    await execute(postgres.url, "CREATE TABLE kept AS SELECT 42 AS answer")
    postgres.stop()
    with launch_without_leash(postgres.service.prepare()) as orphan:
        postgres.service.cluster.close()
        wait_until(postgres.service.is_ready, "the orphan runs")
        assert orphan.pid in processes_in(cluster_of(postgres))
        postgres.start()
        assert orphan.wait() == 0, "it was stopped cleanly"
    assert postgres.pid != orphan.pid
    assert await fetch(postgres.url, "SELECT answer FROM kept") == 42


@pytest.mark.fault
@pytest.mark.parametrize("name", ["postmaster.pid", ".s.PGSQL.5432.lock"])
def test_a_recycled_number_in_a_lock_file_does_not_keep_us_out(
    postgres: ThrowawayPostgres, name: str
) -> None:
    """PostgreSQL believes any living process of its own user to be a postmaster."""
    folder = cluster_of(postgres) if name == "postmaster.pid" else postgres._run_folder
    lock_file = folder / name
    postgres.kill()
    as_it_was = lock_file.read_text().split("\n", 1)[1]
    identity = postgres.service.identity
    with subprocess.Popen(
        ["/bin/sleep", "1000"], user=identity.uid if identity else None
    ) as stranger:
        try:
            lock_file.write_text(f"{stranger.pid}\n{as_it_was}")
            postgres.start()
            assert stranger.poll() is None, "it is none of our business"
        finally:
            stranger.kill()


@pytest.mark.fault
def test_a_frozen_server_still_stops(postgres: ThrowawayPostgres) -> None:
    for pid in processes_in(cluster_of(postgres)):
        if pid != postgres.pid:
            with suppress(ProcessLookupError):  # a worker may end by itself
                os.kill(pid, signal.SIGSTOP)
    assert postgres._child is not None
    assert stop_together([postgres._child]) == []
    assert not processes_in(cluster_of(postgres))


async def test_an_older_version_serves_as_well() -> None:
    if not (DEBIAN_BINDIR / "postgres").exists():
        pytest.skip(f"no second PostgreSQL in {DEBIAN_BINDIR}")
    with ThrowawayPostgres(bindir=DEBIAN_BINDIR) as server:
        assert (await fetch(server.url, "SHOW server_version")).startswith("15.")
        assert await fetch(server.url, "SHOW data_checksums") == "on"
        await execute(server.url, "CREATE TABLE kept AS SELECT 42 AS answer")
        server.restart()
        assert await fetch(server.url, "SELECT answer FROM kept") == 42


async def test_settings_of_a_test_win() -> None:
    with ThrowawayPostgres(settings={"fsync": "off", "max_connections": "17"}) as server:
        assert await fetch(server.url, "SHOW fsync") == "off"
        assert await fetch(server.url, "SHOW max_connections") == "17"


async def test_a_frozen_server_answers_when_thawed(postgres: ThrowawayPostgres) -> None:
    connection = await asyncpg.connect(postgres.url)
    postgres.freeze()
    answer = asyncio.ensure_future(connection.fetchval("SELECT 1"))
    done, _ = await asyncio.wait([answer], timeout=0.3)
    assert not done
    postgres.thaw()
    assert await answer == 1
    await connection.close()


async def test_what_was_committed_survives_a_kill(postgres: ThrowawayPostgres) -> None:
    await execute(postgres.url, "CREATE TABLE kept AS SELECT 42 AS answer")
    pid = postgres.pid
    postgres.kill()
    assert not processes_in(cluster_of(postgres))
    postgres.start()
    assert postgres.pid != pid
    assert await fetch(postgres.url, "SELECT answer FROM kept") == 42
