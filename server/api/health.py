"""Is it alive, is it ready, how is it doing: outside /api, plain and unauthenticated on the inside network."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields

from prometheus_client import generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from realtime.counters import Counters
from server.metrics import CHECKED_AT, LIVE, REGISTRY, VIOLATIONS
from server.services import Services
from store.errors import StoreError

_DATABASE_SECONDS = 2.0


def routes(services: Services) -> list[Route]:
    """Return what load balancers, orchestrators and Prometheus ask for."""

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
            {"ready": is_ready, "checks": checks, "live": live},
            status_code=200 if is_ready else 503,
        )

    async def metrics(_request: Request) -> Response:
        for name, value in services.live.gauges().items():
            LIVE.labels(name).set(value)
        for name, count in live_counts(services.live.counters):
            LIVE.labels(name).set(count)
        await _show_checks(services)
        return Response(generate_latest(REGISTRY), media_type="text/plain; version=0.0.4")

    return [Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)]


def live_counts(counters: Counters) -> Iterator[tuple[str, int]]:
    """Flatten the live layer's counters: `closed` by code becomes `closed_4202`."""
    for each in fields(counters):
        value = getattr(counters, each.name)
        if isinstance(value, int):
            yield each.name, value
        else:
            yield from ((f"{each.name}_{key}", count) for key, count in value.items())


async def _show_checks(services: Services) -> None:
    """Show what some worker has found. Without the database the last known stays, and grows old."""
    with suppress(StoreError, TimeoutError):
        async with asyncio.timeout(_DATABASE_SECONDS):
            for check in await services.store.watch.last():
                VIOLATIONS.labels(check.name).set(check.violations)
                CHECKED_AT.set(check.checked_at.timestamp())


async def _database(services: Services) -> bool:
    try:
        async with asyncio.timeout(_DATABASE_SECONDS):
            return await services.store.is_primary()
    except (StoreError, TimeoutError):
        return False
