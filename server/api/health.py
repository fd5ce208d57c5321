"""Is it alive, is it ready, how is it doing: outside /api, plain and unauthenticated on the inside network."""

import asyncio
import math
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from server.exposition import expose
from server.live_metrics import registry_of
from server.metrics import (
    AUDIT_CHECKED_AT,
    AUDIT_VIOLATIONS,
    CHECKED_AT,
    HEARING,
    JOBS,
    JOBS_DEAD,
    JOBS_DUE,
    JOBS_OLDEST,
    LIMITS_SHARED,
    READS,
    REGISTRY,
    REPLICA_IN_ROTATION,
    REPLICA_LAG,
    VIOLATIONS,
    WEBHOOK_ATTEMPTS,
    WEBHOOKS_DISABLED,
    WEBHOOKS_OVERDUE,
)
from server.services import Services
from store.bulletin import Hearing
from store.errors import StoreError

_DATABASE_SECONDS = 2.0
_HEARD = {Hearing.AT_ONCE: 2, Hearing.EVERY_SECOND: 1, Hearing.NOT: 0}


def routes(services: Services) -> list[Route]:
    """Return what load balancers, orchestrators and Prometheus ask for."""
    live_registry = registry_of(services.live)

    async def livez(_request: Request) -> Response:
        # The event loop answers; nothing else is asked, so that a database in trouble restarts nobody.
        return JSONResponse({"alive": True})

    async def readyz(_request: Request) -> Response:
        # Send traffic here: the database is a primary that answers, and we are not leaving.
        checks = {
            "database": await _database(services),
            "not_draining": not services.live.is_draining,
        }
        is_ready = all(checks.values())
        live = "ok" if services.live.healthy else "degraded"
        return JSONResponse(
            {
                "ready": is_ready,
                "checks": checks,
                "live": live,
                "sessions_heard": services.doorkeeper.hearing.value,
            },
            status_code=200 if is_ready else 503,
        )

    async def metrics(_request: Request) -> Response:
        await _show_checks(services)
        _show_replicas(services)
        LIMITS_SHARED.set(services.pacing is not None and services.pacing.is_shared)
        HEARING.set(_HEARD[services.doorkeeper.hearing])
        text = await expose(REGISTRY, live_registry)
        return Response(text, media_type="text/plain; version=0.0.4")

    return [Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)]


async def _show_checks(services: Services) -> None:
    """Show what some worker has found. Without the database the last known stays, and grows old."""
    with suppress(StoreError, TimeoutError):
        async with asyncio.timeout(_DATABASE_SECONDS):
            for check in await services.store.watch.last():
                VIOLATIONS.labels(check.name).set(check.violations)
                CHECKED_AT.set(check.checked_at.timestamp())
            chains = await services.store.audit_chains.last()
            AUDIT_VIOLATIONS.set(sum(chain.broken_at is not None for chain in chains))
            if chains:
                AUDIT_CHECKED_AT.set(min(chain.checked_at for chain in chains).timestamp())
            await _show_jobs(services)
            await _show_webhooks(services)


def _show_replicas(services: Services) -> None:
    reader = services.store.reader
    for standby in reader.standbys:
        lag = standby.lag_seconds
        REPLICA_LAG.labels(standby.name).set(math.nan if lag is None else lag)
        REPLICA_IN_ROTATION.labels(standby.name).set(standby.is_in_rotation)
    if reader.standbys:
        READS.reads = reader.counts


async def _show_jobs(services: Services) -> None:
    outbox = services.store.outbox
    backlog = await outbox.backlog()
    JOBS_DUE.set(backlog.due)
    JOBS_DEAD.set(backlog.dead)
    JOBS_OLDEST.set(backlog.oldest.total_seconds() if backlog.oldest else 0)
    JOBS.tries = await outbox.counts()


async def _show_webhooks(services: Services) -> None:
    health = await services.store.webhooks.health()
    WEBHOOKS_OVERDUE.set(health.overdue_seconds)
    for because, count in health.disabled.items():
        WEBHOOKS_DISABLED.labels(because).set(count)
    for outcome, count in health.attempts.items():
        WEBHOOK_ATTEMPTS.labels(outcome).set(count)


async def _database(services: Services) -> bool:
    try:
        async with asyncio.timeout(_DATABASE_SECONDS):
            return await services.store.is_primary()
    except (StoreError, TimeoutError):
        return False
