"""Both servers under a supervisor, from the outside: started, killed, started again."""

import os
import pwd
import signal
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest
import redis

from server.embedded import FolderInUse, find_running, hold_servers
from server.embedded.binaries import find_postgres
from tests.embedded.conftest import ORDINARY_USER
from tests.embedded.parent import Parent, wait_until

Start = Callable[..., Parent]


async def execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def fetch(url: str, query: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def ping(url: str) -> bool:
    with redis.Redis.from_url(url) as client:
        return bool(client.ping())


def control_data(data_dir: str, what: str) -> str:
    program = find_postgres().path / "pg_controldata"
    listing = subprocess.run(  # noqa: S603 - PostgreSQL's own program
        [program, "-D", Path(data_dir) / "postgres"], capture_output=True, text=True, check=True
    )
    found = dict(line.split(":", 1) for line in listing.stdout.splitlines() if ":" in line)
    return found[what].strip()


def rights_along(folder: Path) -> dict[Path, tuple[int, int, int]]:
    return {
        each: (each.stat().st_mode, each.stat().st_uid, each.stat().st_gid)
        for each in (folder, *folder.parents)
    }


async def test_what_was_written_is_there_at_the_next_start(
    start_parent: Start, place: dict[str, Any]
) -> None:
    first = start_parent(**place).wait_ready()
    is_root = 0 in psutil.Process(first.pid).uids()
    assert is_root == (os.geteuid() == 0 and "user" not in place)
    await execute(first["database_url"], "CREATE TABLE kept AS SELECT 42 AS answer")
    assert ping(first["redis_url"])
    assert first.stop() == 0
    second = start_parent(**place).wait_ready()
    assert await fetch(second["database_url"], "SELECT answer FROM kept") == 42
    assert second.stop() == 0


def test_a_stop_leaves_a_clean_cluster_no_process_and_no_sockets(
    start_parent: Start, place: dict[str, Any]
) -> None:
    parent = start_parent(**place).wait_ready()
    run_folder = parent.run_folder
    assert run_folder.exists()
    assert parent.stop() == 0
    assert control_data(place["data_dir"], "Database cluster state") == "shut down"
    assert not parent.living()
    assert not run_folder.exists()


@pytest.mark.fault
async def test_children_end_with_a_killed_parent_and_the_next_start_recovers(
    start_parent: Start, place: dict[str, Any]
) -> None:
    first = start_parent(**place).wait_ready()
    await execute(first["database_url"], "CREATE TABLE kept AS SELECT 42 AS answer")
    assert {each.name() for each in first.living()} == {"postgres", "valkey-server"}
    first.kill()
    wait_until(lambda: not first.living(), "postgres and valkey are gone")
    assert control_data(place["data_dir"], "Database cluster state") == "in production"
    second = start_parent(**place).wait_ready()
    assert await fetch(second["database_url"], "SELECT answer FROM kept") == 42
    assert not first.run_folder.exists(), "the sockets of the killed one are litter now"
    assert second.stop() == 0
    assert control_data(place["data_dir"], "Database cluster state") == "shut down"


@pytest.mark.fault
async def test_a_power_cut_loses_nothing_that_was_committed(
    start_parent: Start, place: dict[str, Any]
) -> None:
    first = start_parent(**place).wait_ready()
    await execute(first["database_url"], "CREATE TABLE kept AS SELECT 42 AS answer")
    below = first.living()
    for process in (psutil.Process(first.pid), *below):
        process.suspend()
    for process in below:
        process.kill()
    first.kill()
    wait_until(lambda: not first.living(), "all are gone")
    assert (Path(place["data_dir"]) / "postgres/postmaster.pid").exists()
    second = start_parent(**place).wait_ready()
    assert await fetch(second["database_url"], "SELECT answer FROM kept") == 42
    assert second.stop() == 0


@pytest.mark.fault
def test_a_parent_killed_during_initdb_leaves_nothing_to_believe_in(
    start_parent: Start, place: dict[str, Any]
) -> None:
    data = Path(place["data_dir"])
    first = start_parent(**place)
    wait_until((data / "postgres.new" / "base").exists, "initdb is at work")
    first.kill()
    assert not (data / "postgres").exists()
    second = start_parent(**place).wait_ready()
    assert (data / "postgres" / "PG_VERSION").exists()
    assert not (data / "postgres.new").exists()
    assert second.stop() == 0


@pytest.mark.fault
async def test_a_killed_postgres_comes_back_at_the_same_address(
    start_parent: Start, place: dict[str, Any]
) -> None:
    parent = start_parent(**place).wait_ready()
    await execute(parent["database_url"], "CREATE TABLE kept AS SELECT 42 AS answer")
    parent.named("postgres").kill()
    wait_until(lambda: "postgres runs again" in parent.messages, "it runs again")
    assert "postgres was ended by SIGKILL" in parent.messages
    assert await fetch(parent["database_url"], "SELECT answer FROM kept") == 42
    assert parent.stop() == 0


@pytest.mark.fault
def test_a_killed_valkey_comes_back_at_the_same_address(
    start_parent: Start, tmp_path: Path
) -> None:
    parent = start_parent(data_dir=str(tmp_path / "data")).wait_ready()
    parent.named("valkey-server").kill()
    wait_until(lambda: "valkey runs again" in parent.messages, "it runs again")
    assert "valkey was ended by SIGKILL" in parent.messages
    assert ping(parent["redis_url"])
    assert parent.stop() == 0


def test_a_second_start_says_who_holds_the_folder(
    start_parent: Start, place: dict[str, Any]
) -> None:
    first = start_parent(**place).wait_ready()
    second = start_parent(**place)
    assert second.wait() == 1
    assert f"in use by process {first.pid} (omnibus up, serving http://127.0.0.1:8000)" in (
        second.messages
    )
    assert ping(first["redis_url"]), "the first one does not notice"
    assert first.stop() == 0


def test_a_command_finds_the_servers_that_another_process_runs(
    start_parent: Start, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    assert find_running(data) is None
    parent = start_parent(data_dir=str(tmp_path / "data")).wait_ready()
    running = find_running(data)
    assert running is not None
    assert running.database_url == parent["database_url"]
    assert running.redis_url == parent["redis_url"]
    with pytest.raises(FolderInUse), hold_servers(data, command="test"):
        pass
    assert parent.stop() == 0
    assert find_running(data) is None


@pytest.mark.usefixtures("root_only")
async def test_root_gives_the_servers_to_another_user_and_opens_no_folder(
    start_parent: Start, open_folder: Path
) -> None:
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    before = rights_along(closed)
    data = closed / "data"
    parent = start_parent(data_dir=str(data)).wait_ready()
    assert await fetch(parent["database_url"], "SELECT 1") == 1
    owners = {each.stat().st_uid for each in (data / "postgres").rglob("*")}
    assert len(owners) == 1
    assert 0 not in owners
    assert {each.uids().effective for each in parent.living()} == owners
    assert {each.uids().saved for each in parent.living()} == owners
    assert not any(psutil.Process(each.pid).gids().effective == 0 for each in parent.living())
    assert stat.S_IMODE((data / "postgres").stat().st_mode) == 0o700
    assert (data.stat().st_uid, stat.S_IMODE(data.stat().st_mode)) == (0, 0o700)
    assert stat.S_IMODE((data / "passwords.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(parent.run_folder.stat().st_mode) == 0o700
    assert parent.stop() == 0
    assert rights_along(closed) == before


@pytest.mark.usefixtures("reachable")
async def test_root_runs_an_ordinary_users_cluster_as_that_user(
    start_parent: Start, open_folder: Path
) -> None:
    data = str(open_folder / "data")
    theirs = start_parent(data_dir=data, user=ORDINARY_USER).wait_ready()
    await execute(theirs["database_url"], "CREATE TABLE kept AS SELECT 42 AS answer")
    assert theirs.stop() == 0
    ours = start_parent(data_dir=data).wait_ready()
    assert await fetch(ours["database_url"], "SELECT answer FROM kept") == 42
    owner = pwd.getpwnam(ORDINARY_USER).pw_uid
    assert {each.uids().effective for each in ours.living()} == {owner}
    assert ours.stop() == 0


def test_ctrl_c_is_a_wish_to_stop_too(start_parent: Start, tmp_path: Path) -> None:
    parent = start_parent(data_dir=str(tmp_path / "data")).wait_ready()
    parent.send(signal.SIGINT)
    assert parent.wait() == 0
    assert parent.messages == "stopping\n"


def test_an_unwritable_place_is_named(start_parent: Start) -> None:
    parent = start_parent(data_dir="/proc/omnibus")
    assert parent.wait() == 1
    assert "cannot keep data in /proc/omnibus: " in parent.messages
    assert "Traceback" not in parent.messages


@pytest.mark.usefixtures("reachable")
def test_a_user_without_a_name_is_told_so(start_parent: Start, open_folder: Path) -> None:
    parent = start_parent(data_dir=str(open_folder / "data"), user="4711")
    assert parent.wait() == 1
    assert "user 4711 has no name on this system" in parent.messages
