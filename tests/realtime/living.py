"""A live layer with short intervals, served by a real uvicorn."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from realtime.live import Live
from realtime.settings import (
    AdmissionSettings,
    BusSettings,
    ConnectionSettings,
    FeedSettings,
    HubSettings,
    LiveSettings,
)
from server.live import LiveEndpoint
from tests.realtime.clients import ORIGIN
from tests.realtime.history import Ledger
from tests.realtime.serving import RAW, serve


@dataclass
class Served:
    live: Live
    ledger: Ledger
    port: int

    def commit(self, bus_id: int, **seats: str) -> None:
        self.live.announce(self.ledger.commit(bus_id, **seats))


def settings(
    *,
    feed: dict[str, Any] | None = None,
    hub: dict[str, Any] | None = None,
    connection: dict[str, Any] | None = None,
    admission: dict[str, Any] | None = None,
    bus: dict[str, Any] | None = None,
    **rest: Any,
) -> LiveSettings:
    """Quick enough for a test unless a test says otherwise."""
    quick_feed = {"patience_seconds": 0.02, "retry_seconds": 0.02, "retry_max_seconds": 0.05}
    quick_hub = {
        "check_seconds": 0.1,
        "check_degraded_seconds": 0.05,
        "relief_seconds": 0.02,
        "source_timeout_seconds": 1.0,
    }
    quick_bus = {
        "probe_idle_seconds": 0.2,
        "probe_degraded_seconds": 0.1,
        "probe_timeout_seconds": 0.3,
        "backoff_seconds": 0.02,
        "backoff_max_seconds": 0.2,
    }
    return LiveSettings(
        hub=HubSettings(
            feed=FeedSettings(**{**quick_feed, **(feed or {})}), **{**quick_hub, **(hub or {})}
        ),
        connection=ConnectionSettings(**(connection or {})),
        admission=AdmissionSettings(**(admission or {})),
        bus=BusSettings(**{**quick_bus, **(bus or {})}),
        **rest,
    )


@asynccontextmanager
async def living(
    ledger: Ledger,
    *,
    protocol: type[asyncio.Protocol] = RAW,
    with_settings: LiveSettings | None = None,
    is_origin_required: bool = False,
    **options: Any,
) -> AsyncIterator[Served]:
    options.setdefault("is_only_process", "redis_url" not in options)
    live = Live(ledger, settings=with_settings or settings(), **options)
    await live.start()
    try:
        endpoint = LiveEndpoint(
            live, allowed_origins=[ORIGIN], is_origin_required=is_origin_required
        )
        async with serve(endpoint, protocol) as port:
            yield Served(live, ledger, port)
            await live.drain()
    finally:
        await live.stop()


@dataclass(frozen=True)
class Person:
    is_staff: bool
    expires_at: datetime
    user_id: int = 0
    operators: frozenset[int] | None = None
    session_id: str = "one"
    is_device: bool = False
