"""`omnibus doctor`: on real servers, and its verdicts on what real servers are rarely like."""

import asyncio
import resource
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from server.cli.checks import (
    Check,
    Verdict,
    judge,
    judge_disk,
    judge_open_files,
    judge_staff_login,
)
from server.config import Settings
from store import Store
from store.checkup import Condition
from store.citus.placement import Place, Spread
from store.facade import StoreOptions
from store.outbox import Backlog
from store.roles import WORKER
from tests.cli.commands import Ran, free_port, omnibus
from tests.support.databases import Databases
from tests.support.mail_server import serving
from tests.support.servers import ThrowawayValkey

SOUND = Condition(
    version_number=180_003,
    version="18.3",
    is_standby=False,
    has_fsync=True,
    has_full_pages=True,
    synchronous_commit="on",
    connections_max=100,
    clock_ahead=timedelta(milliseconds=3),
    pending=(),
    may_sell=True,
    checked_ago=timedelta(seconds=40),
    jobs=Backlog(),
    months_ahead=13,
)

CLUSTER = Spread(
    version="14.0-1",
    workers=2,
    workers_away=0,
    tables=13,
    groups_of_tables=1,
    prepared_max=200,
    places=(Place("10.0.0.2", 5432, "north", 16), Place("10.0.0.3", 5432, None, 16)),
)


def lines(ran: Ran) -> dict[str, str]:
    """Return each check's verdict by its name."""
    return {line[6:17].strip(): line[:4].strip() for line in ran.out.splitlines()}


async def test_sound_servers_are_well_in_every_line(
    database_url: str, valkey: ThrowawayValkey
) -> None:
    store = await Store.open(database_url, StoreOptions(role=WORKER))
    await store.watch.look()
    await store.months.keep()
    await store.close()
    named = {"DATABASE_URL": database_url, "REDIS_URL": valkey.url}
    async with serving() as mail:
        named["SMTP_URL"] = mail.plain_url
        ran = await asyncio.to_thread(omnibus, "doctor", **named, STAFF_TOTP="required")
    assert ran.code == 0, ran.out
    assert ran.err == ""
    found = lines(ran)
    assert list(found) == [
        *("settings", "database", "schema", "invariants", "jobs", "months", "durability"),
        *("connections", "clock", "redis", "broker", "open files", "staff login", "mail"),
    ]
    assert {verdict for name, verdict in found.items() if name != "open files"} == {"ok"}
    assert "OMNIBUS_DATABASE_URL" in ran.out
    assert "postgresql://" not in ran.out, "a password may be in it"


async def test_what_is_wrong_is_said_with_what_to_do(
    database_url: str, owner: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    name = await owner.fetchval("SELECT current_database()")
    await owner.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    await owner.execute(
        "DELETE FROM schema_migrations WHERE name = (SELECT max(m.name) FROM schema_migrations AS m)"
    )
    nowhere = f"redis://127.0.0.1:{free_port()}"
    ran = omnibus("doctor", DATABASE_URL=database_url, REDIS_URL=nowhere, DB_POOL_SIZE=99)
    assert ran.code == 1
    found = lines(ran)
    assert (found["schema"], found["durability"]) == ("FAIL", "FAIL")
    assert (found["redis"], found["connections"]) == ("warn", "warn")
    assert "To do: run `omnibus migrate`" in ran.out
    assert "To do: set synchronous_commit = on" in ran.out
    document = omnibus("doctor", "--json", DATABASE_URL=database_url).json
    assert document["is_fit"] is False
    assert {
        "name": "schema",
        "verdict": "FAIL",
        "detail": "1 migration(s) missing",
        "advice": "run `omnibus migrate`",
    } in document["checks"]


async def test_a_database_without_our_tables_lacks_every_migration(databases: Databases) -> None:
    async with databases.fresh(is_migrated=False) as url:
        ran = omnibus("doctor", DATABASE_URL=url)
    assert (ran.code, lines(ran)["schema"]) == (1, "FAIL")


def test_a_database_that_does_not_answer_fails_alone() -> None:
    ran = omnibus("doctor", DATABASE_URL=f"postgresql://omnibus@127.0.0.1:{free_port()}/omnibus")
    assert ran.code == 1
    found = lines(ran)
    assert (found["database"], found["settings"]) == ("FAIL", "ok")
    assert "schema" not in found
    assert "Traceback" not in ran.out + ran.err


def test_wrong_settings_are_a_verdict_too() -> None:
    ran = omnibus("doctor", PORT="eighty", DEMO="yes")
    assert (ran.code, ran.err) == (1, "")
    assert lines(ran) == {"settings": "FAIL"}
    assert "OMNIBUS_PORT must be" in ran.out
    assert "OMNIBUS_DEMO must be" in ran.out
    assert omnibus("doctor", "--json", PORT="eighty").json["is_fit"] is False


def test_on_a_machine_where_nothing_is_set_our_own_servers_are_looked_for(tmp_path: Path) -> None:
    ran = omnibus("doctor", DATA_DIR=tmp_path / "not" / "there")
    assert ran.code == 0, ran.out
    assert "`omnibus up` runs its own" in ran.out
    assert lines(ran)["disk"] in {"ok", "warn"}
    assert not (tmp_path / "not").exists()


@pytest.mark.parametrize(
    ("change", "name", "verdict"),
    [
        ({}, "clock", Verdict.OK),
        ({"version_number": 140_012}, "database", Verdict.FAIL),
        ({"version_number": 150_000}, "database", Verdict.OK),
        ({"version_number": 190_000}, "database", Verdict.FAIL),
        ({"is_standby": True}, "database", Verdict.FAIL),
        ({"pending": ("0009_new.sql",)}, "schema", Verdict.FAIL),
        ({"may_sell": False}, "schema", Verdict.FAIL),
        ({"broken": ("paid_is_confirmed",)}, "invariants", Verdict.FAIL),
        ({"checked_ago": None}, "invariants", Verdict.WARN),
        ({"checked_ago": timedelta(minutes=6)}, "invariants", Verdict.WARN),
        ({"checked_ago": timedelta(minutes=4)}, "invariants", Verdict.OK),
        ({"has_fsync": False}, "durability", Verdict.FAIL),
        ({"has_full_pages": False}, "durability", Verdict.FAIL),
        ({"synchronous_commit": "off"}, "durability", Verdict.FAIL),
        ({"synchronous_commit": "local"}, "durability", Verdict.WARN),
        ({"synchronous_commit": "remote_write"}, "durability", Verdict.WARN),
        ({"synchronous_commit": "remote_apply"}, "durability", Verdict.OK),
        ({"connections_max": 56}, "connections", Verdict.WARN),
        ({"connections_max": 57}, "connections", Verdict.OK),
        ({"clock_ahead": timedelta(seconds=-2)}, "clock", Verdict.WARN),
        ({"clock_ahead": timedelta(minutes=1)}, "clock", Verdict.FAIL),
        ({"jobs": Backlog(due=40, oldest=timedelta(seconds=59))}, "jobs", Verdict.OK),
        ({"jobs": Backlog(due=40, oldest=timedelta(seconds=61))}, "jobs", Verdict.WARN),
        ({"jobs": Backlog(due=40, oldest=timedelta(minutes=16))}, "jobs", Verdict.FAIL),
        ({"jobs": Backlog(dead=1)}, "jobs", Verdict.WARN),
        ({"months_ahead": 1}, "months", Verdict.OK),
        ({"months_ahead": 0}, "months", Verdict.WARN),
        ({"spread": CLUSTER}, "cluster", Verdict.OK),
        ({"spread": replace(CLUSTER, workers_away=1)}, "cluster", Verdict.FAIL),
        ({"spread": replace(CLUSTER, prepared_max=0)}, "cluster", Verdict.FAIL),
    ],
)
def test_a_condition_gets_its_verdict(
    change: dict[str, object], name: str, verdict: Verdict
) -> None:
    checks = {check.name: check for check in judge(replace(SOUND, **change), Settings())}  # type: ignore[arg-type] # whichever field
    assert checks[name].verdict is verdict
    assert_told(checks[name])
    others = {check.verdict for check in checks.values() if check.name != name}
    assert others == {Verdict.OK}


@pytest.mark.parametrize(
    ("check", "verdict"),
    [
        (judge_open_files(1024), Verdict.WARN),
        (judge_open_files(65_536), Verdict.OK),
        (judge_open_files(resource.RLIM_INFINITY), Verdict.OK),
        (judge_staff_login(Settings()), Verdict.WARN),
        (judge_staff_login(Settings(demo=True)), Verdict.OK),
        (judge_staff_login(Settings(staff_totp="required")), Verdict.OK),
        (judge_disk(Path("/"), 100 * 1024**2), Verdict.FAIL),
        (judge_disk(Path("/"), 1024**3), Verdict.WARN),
        (judge_disk(Path("/"), 10 * 1024**3), Verdict.OK),
    ],
)
def test_a_limit_gets_its_verdict(check: Check, verdict: Verdict) -> None:
    assert check.verdict is verdict
    assert_told(check)


def assert_told(check: Check) -> None:
    assert check.detail
    assert bool(check.advice) == (check.verdict is not Verdict.OK)


async def test_a_mail_server_that_lets_nobody_in_is_said_without_the_password(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, starttls=True, users={"post": "right"}) as mail:
        given = {
            "let in": mail.url.replace("://", "://post:right@"),
            "turned away": mail.url.replace("://", "://post:s3cret@"),
            "not trusted": f"smtp://post:s3cret@127.0.0.1:{mail.port}",
        }
        ran = {
            how: await asyncio.to_thread(omnibus, "doctor", DATA_DIR=tmp_path, SMTP_URL=url)
            for how, url in given.items()
        }
        assert mail.received == []
    assert lines(ran["let in"])["mail"] == "ok"
    for how in ("turned away", "not trusted"):
        assert lines(ran[how])["mail"] == "FAIL"
        assert "s3cret" not in ran[how].out + ran[how].err
    assert "certificate" in ran["not trusted"].out


def test_mails_that_nobody_gets_are_well_in_a_demo_only(tmp_path: Path) -> None:
    assert lines(omnibus("doctor", DATA_DIR=tmp_path))["mail"] == "warn"
    assert lines(omnibus("doctor", DATA_DIR=tmp_path, DEMO="on"))["mail"] == "ok"
