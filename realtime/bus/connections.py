"""Connections that fail soon and do nothing by themselves: whoever holds one starts over instead."""

import socket
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

REDIS_FAILURES = (RedisError, OSError, TimeoutError)


def open_connection(url: str, *, timeout_seconds: float) -> AbstractConnection:
    """Return one for good, which connects when it must: taking it from a pool each time costs more than to publish."""
    options: dict[str, Any] = {
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": timeout_seconds,
        # The library would try ten times more, for a minute on a frozen server.
        "retry": Retry(NoBackoff(), 0),
        # RESP3's push handler formats every message for a log nobody reads.
        "protocol": 2,
        "driver_info": None,
    }
    if not url.startswith("unix"):
        options["socket_keepalive"] = True
        user_timeout = getattr(socket, "TCP_USER_TIMEOUT", None)
        if user_timeout is not None:
            # Keepalive stays silent while unacknowledged data is in flight; this does not.
            options["socket_keepalive_options"] = {user_timeout: 10_000}
    pool = Redis.from_url(url, **options).connection_pool
    return pool.make_connection()  # type: ignore[no-any-return, no-untyped-call]  # of the library
