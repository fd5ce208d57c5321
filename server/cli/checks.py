"""What `omnibus doctor` looks at. Judging is separate from looking, so that every verdict can be proved."""

import asyncio
import contextlib
import resource
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from realtime.bus import Bus, BusCallbacks
from realtime.counters import Counters
from realtime.settings import BusSettings
from server.broker_url import broker_name
from server.config import Settings
from server.embedded import RunningServers, StartError, find_running
from server.embedded.binaries import find_postgres, find_valkey
from server.mail.carrier import NotNow
from server.mail.letters import House
from server.mail.smtp import SmtpCarrier
from server.mail.smtp_url import read_smtp_url
from server.work.carriers import CarrierLost, CarrierMissing, find_carrier
from store.access import DatabaseUnusable
from store.checkup import VERSIONS, Condition, examine
from store.citus.placement import Place, Spread
from store.outbox import Backlog

_MIB = 1024**2
_ROUND_LATE = timedelta(minutes=5)
_JOBS_LATE, _JOBS_STUCK = timedelta(minutes=1), timedelta(minutes=15)
_REDIS_SECONDS = 2.0
_BROKER_SECONDS = 6.0
_SPARE_CONNECTIONS = 5  # migrations, an administrator, the superuser's own


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Check:
    """`advice` says what to do about it; there is none when all is well."""

    name: str
    verdict: Verdict
    detail: str
    advice: str = ""


async def look(settings: Settings) -> list[Check]:
    """Look at everything that these settings lead to."""
    running, is_embedded = None, settings.database_url is None
    with contextlib.suppress(StartError, OSError):
        running = find_running(settings.data_dir)
    found = [check async for check in _databases(settings, running)]
    found += [
        await _redis(settings.redis_url or (running.redis_url if running else None)),
        await look_at_broker(settings.broker_url),
        judge_open_files(resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
        judge_staff_login(settings),
        await _mail(settings),
    ]
    if is_embedded:
        found.append(_disk(settings.data_dir))
    return found


def judge(condition: Condition, settings: Settings) -> Iterator[Check]:
    """Yield what a reachable database is like."""
    yield _judge_version(condition)
    yield _judge_schema(condition)
    if not condition.pending:
        yield _judge_invariants(condition)
    if condition.spread is not None:
        yield _judge_spread(condition.spread)
    if condition.jobs is not None:
        yield judge_jobs(condition.jobs)
    if condition.months_ahead is not None:
        yield _judge_months(condition.months_ahead)
    yield _judge_durability(condition)
    yield _judge_connections(condition, settings)
    yield _judge_clock(condition)


def judge_jobs(backlog: Backlog) -> Check:
    waits = backlog.oldest or timedelta(0)
    found = [f"{backlog.due:,} due"] if backlog.due else []
    if waits > _JOBS_LATE:
        found += [f"the oldest for {waits.total_seconds():,.0f} s"]
    if backlog.dead:
        found += [f"{backlog.dead:,} given up"]
    detail = ", ".join(found) or "none waits"
    if waits > _JOBS_STUCK:
        return Check("jobs", Verdict.FAIL, detail, "see that `omnibus worker` runs, and its log")
    if waits > _JOBS_LATE:
        advice = "see that `omnibus worker` runs; run one more"
        return Check("jobs", Verdict.WARN, detail, advice)
    if backlog.dead:
        advice = "see `omnibus outbox jobs`, then retry or discard them"
        return Check("jobs", Verdict.WARN, detail, advice)
    return Check("jobs", Verdict.OK, detail)


def judge_open_files(limit: int) -> Check:
    detail = "no limit" if limit == resource.RLIM_INFINITY else f"{limit:,} a process"
    if limit == resource.RLIM_INFINITY or limit >= 8192:
        return Check("open files", Verdict.OK, detail)
    return Check(
        "open files",
        Verdict.WARN,
        f"{detail}, and every live seat map needs one",
        "raise it with `ulimit -n 65536` (systemd: LimitNOFILE=65536)",
    )


def judge_staff_login(settings: Settings) -> Check:
    if settings.staff_totp == "required":
        return Check("staff login", Verdict.OK, "operators and admins need a second factor")
    if settings.demo:
        return Check("staff login", Verdict.OK, "by password alone, as a demo may")
    return Check(
        "staff login",
        Verdict.WARN,
        "operators and admins may sign in by password alone",
        "set OMNIBUS_STAFF_TOTP=required; each is then led to set a second factor up",
    )


async def _mail(settings: Settings) -> Check:
    """Say where mails go; a mail server is connected to and signed in at, and gets none."""
    if settings.smtp_url is None:
        detail = f"no mail server: mails are files in {settings.mail_folder}"
        if settings.demo:
            return Check("mail", Verdict.OK, detail)
        return Check("mail", Verdict.WARN, detail, "set OMNIBUS_SMTP_URL, or nobody gets a ticket")
    server = read_smtp_url(settings.smtp_url)
    try:
        await SmtpCarrier(server, name=House(settings.address).host).check()
    except NotNow as error:
        advice = "see that OMNIBUS_SMTP_URL is right and the server runs; mails wait meanwhile"
        return Check("mail", Verdict.FAIL, f"{server}: {error}", advice)
    return Check("mail", Verdict.OK, f"{server} lets us in")


def judge_disk(folder: Path, free_bytes: int) -> Check:
    detail = f"{free_bytes // _MIB:,} MiB free at {folder}"
    advice = "make room, or set OMNIBUS_DATA_DIR to a larger place"
    if free_bytes < 256 * _MIB:
        return Check("disk", Verdict.FAIL, detail, advice)
    if free_bytes < 2048 * _MIB:
        return Check("disk", Verdict.WARN, detail, advice)
    return Check("disk", Verdict.OK, detail)


async def look_at_broker(url: str | None) -> Check:
    if url is None:
        return Check("broker", Verdict.OK, "none is named: workers take jobs from the database")
    name = broker_name(url)
    try:
        async with asyncio.timeout(_BROKER_SECONDS):
            carrier = await find_carrier(url).open(url, prefetch=1)
            await carrier.close()
    except CarrierMissing as error:
        return Check("broker", Verdict.FAIL, str(error), "install it, or unset OMNIBUS_BROKER_URL")
    except (CarrierLost, TimeoutError) as error:
        detail = f"{name} does not answer ({str(error) or 'too slow'}): jobs wait, sales go on"
        return Check(
            "broker", Verdict.FAIL, detail, "see that it runs and that OMNIBUS_BROKER_URL names it"
        )
    return Check("broker", Verdict.OK, f"{name} takes jobs")


async def _databases(settings: Settings, running: RunningServers | None) -> AsyncIterator[Check]:
    url = settings.database_url or (running.database_url if running else None)
    if url is None:
        try:
            find_postgres()
        except StartError as error:
            yield Check("database", Verdict.FAIL, str(error), "set OMNIBUS_DATABASE_URL")
        else:
            yield Check("database", Verdict.OK, "none is named: `omnibus up` runs its own")
        return
    try:
        condition = await examine(url)
    except DatabaseUnusable as error:
        yield Check(
            "database",
            Verdict.FAIL,
            error.reason,
            "see that it runs and that OMNIBUS_DATABASE_URL names it",
        )
        return
    for check in judge(condition, settings):
        yield check


def _judge_version(condition: Condition) -> Check:
    detail = f"PostgreSQL {condition.version}"
    if not condition.is_supported:
        advice = f"use PostgreSQL {VERSIONS.start} to {VERSIONS.stop - 1}"
        return Check("database", Verdict.FAIL, detail, advice)
    if condition.is_standby:
        advice = "name the primary in OMNIBUS_DATABASE_URL; standbys go into OMNIBUS_REPLICA_URLS"
        return Check("database", Verdict.FAIL, f"{detail}, a standby", advice)
    return Check("database", Verdict.OK, f"{detail}, a primary")


def _judge_schema(condition: Condition) -> Check:
    if condition.pending:
        detail = f"{len(condition.pending)} migration(s) missing"
        return Check("schema", Verdict.FAIL, detail, "run `omnibus migrate`")
    if not condition.may_sell:
        advice = "let an administrator of it run what `omnibus migrate --roles` prints"
        detail = "we may not become the roles omnibus_app and omnibus_worker"
        return Check("schema", Verdict.FAIL, detail, advice)
    return Check("schema", Verdict.OK, "up to date")


def _judge_invariants(condition: Condition) -> Check:
    ago = condition.checked_ago
    if condition.broken:
        return Check(
            "invariants",
            Verdict.FAIL,
            f"broken: {', '.join(condition.broken)}",
            "see the worker's log for the rows, and docs/operating.md",
        )
    if ago is None:
        return Check(
            "invariants", Verdict.WARN, "nobody has looked yet", "run `omnibus worker` (or `up`)"
        )
    detail = f"all hold, as of {ago.total_seconds():.0f} s ago"
    if ago > _ROUND_LATE:
        return Check("invariants", Verdict.WARN, detail, "see that `omnibus worker` runs")
    return Check("invariants", Verdict.OK, detail)


def _judge_spread(spread: Spread) -> Check:
    detail = f"Citus {spread.version}, {spread.tables} tables by bus on {spread.workers} worker(s)"
    if spread.places:
        detail += f": {', '.join(map(_show_place, spread.places))}"
    if spread.workers_away:
        advice = "bring them back: the buses that lie there cannot be sold"
        return Check("cluster", Verdict.FAIL, f"{detail}, {spread.workers_away} away", advice)
    if not spread.prepared_max:
        advice = "set max_prepared_transactions on every server, to twice max_connections"
        return Check("cluster", Verdict.FAIL, f"{detail}, which cannot commit together", advice)
    return Check("cluster", Verdict.OK, detail)


def _show_place(place: Place) -> str:
    region = "" if place.region is None else f" ({place.region})"
    return f"{place.host}:{place.port}{region} {place.parts} parts"


def _judge_months(ahead: int) -> Check:
    detail = f"{ahead} ahead for searches to look through"
    if ahead:
        return Check("months", Verdict.OK, detail)
    advice = "run `omnibus partitions`, and see that `omnibus worker` runs: it makes them"
    return Check("months", Verdict.WARN, f"{detail}: they grow slower", advice)


def _judge_durability(condition: Condition) -> Check:
    lossy = [
        name
        for name, is_on in (
            ("fsync", condition.has_fsync),
            ("full_page_writes", condition.has_full_pages),
            ("synchronous_commit", condition.synchronous_commit != "off"),
        )
        if not is_on
    ]
    if lossy:
        detail = f"{', '.join(lossy)} off: a crash loses sales that were answered"
        return Check("durability", Verdict.FAIL, detail, f"set {', '.join(lossy)} = on")
    if condition.synchronous_commit in {"local", "remote_write"}:
        detail = f"synchronous_commit = {condition.synchronous_commit}: a standby that takes over may lack sales"
        return Check("durability", Verdict.WARN, detail, "set synchronous_commit = on")
    return Check("durability", Verdict.OK, "what is committed survives a crash")


def _judge_connections(condition: Condition, settings: Settings) -> Check:
    detail = f"{settings.db_pool_size} of {condition.connections_max}"
    listening = settings.workers + 1  # one for each process, the worker among them
    if settings.db_pool_size + listening + _SPARE_CONNECTIONS > condition.connections_max:
        advice = "lower OMNIBUS_DB_POOL_SIZE or raise max_connections"
        return Check("connections", Verdict.WARN, f"{detail}, which leaves too few", advice)
    return Check("connections", Verdict.OK, detail)


def _judge_clock(condition: Condition) -> Check:
    apart = abs(condition.clock_ahead)
    side = "ahead of" if condition.clock_ahead > timedelta(0) else "behind"
    detail = f"the database's is {apart.total_seconds():.1f} s {side} ours"
    if apart > timedelta(seconds=30):
        return Check("clock", Verdict.FAIL, detail, "run a time service (NTP) on both machines")
    if apart > timedelta(seconds=1):
        return Check("clock", Verdict.WARN, detail, "run a time service (NTP) on both machines")
    return Check("clock", Verdict.OK, detail if apart.total_seconds() >= 0.1 else "in step")


async def _redis(url: str | None) -> Check:
    if url is None:
        try:
            find_valkey()
        except StartError as error:
            # Nothing is lost without it, so nothing fails.
            return Check("redis", Verdict.WARN, str(error), "set OMNIBUS_REDIS_URL")
        return Check("redis", Verdict.OK, "none is named: `omnibus up` runs its own")
    if await _is_carrying(url):
        return Check("redis", Verdict.OK, "carries seat changes")
    return Check(
        "redis",
        Verdict.WARN,
        "does not answer: seats are sold all the same, but maps are seconds late",
        "see that it runs and that OMNIBUS_REDIS_URL names it",
    )


async def _is_carrying(url: str) -> bool:
    """Whether the live layer's own subscription comes about, which is what matters about Redis."""
    is_healthy = asyncio.Event()

    def hear(*, is_well: bool) -> None:
        if is_well:
            is_healthy.set()

    callbacks = BusCallbacks(
        is_wanted=lambda _: False,
        received=lambda _, __: None,
        said=lambda *_: False,
        missed=lambda: None,
        health_changed=lambda is_well: hear(is_well=is_well),
    )
    bus = Bus(url, BusSettings(), callbacks, Counters())
    bus.start()
    try:
        async with asyncio.timeout(_REDIS_SECONDS):
            await is_healthy.wait()
    except TimeoutError:
        return False
    else:
        return True
    finally:
        await bus.stop()


def _disk(data_dir: Path) -> Check:
    folder = data_dir.absolute()
    while not folder.exists():
        folder = folder.parent
    return judge_disk(folder, shutil.disk_usage(folder).free)
