"""A connection to a broker that is made anew as often as it breaks, after a pause that grows."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

from server.broker_url import broker_name
from server.work.carriers import Carrier, CarrierLost, find_carrier
from server.work.carriers.carrier import QUIET_SECONDS

log = logging.getLogger("omnibus.work")

_FIRST_PAUSE_SECONDS = 0.2
_PAUSE_SECONDS_MAX = 15.0
_STEADY_SECONDS = 10.0
_CLOSE_SECONDS = 1.0


async def keep_carrying(
    url: str,
    use: Callable[[Carrier], Awaitable[None]],
    *,
    prefetch: int,
    quiet_seconds: float = QUIET_SECONDS,
) -> None:
    """Have `use` work with a carrier until it returns, and with another one whenever a carrier is lost.

    Raises CarrierMissing, and what `use` raises. Told in the log is the first failure in a row, and its end.
    """
    loop = asyncio.get_running_loop()
    failures = 0
    while True:
        began_at = loop.time()
        try:
            carrier = await find_carrier(url).open(
                url, prefetch=prefetch, quiet_seconds=quiet_seconds
            )
            if failures:
                log.warning("the broker %s is there again", broker_name(url))
            try:
                return await use(carrier)
            finally:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_CLOSE_SECONDS):
                        await carrier.close()
        except CarrierLost as error:
            if loop.time() - began_at > _STEADY_SECONDS:
                failures = 0
            if not failures:
                log.warning("the broker %s is lost, jobs wait: %s", broker_name(url), error)
        pause = min(_PAUSE_SECONDS_MAX, _FIRST_PAUSE_SECONDS * 2**failures)
        failures += 1
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load, keeps no secret
