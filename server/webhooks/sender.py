"""Sends what waits for endpoints: as many at a time as there are slots, and no endpoint's trouble is another's.

A delivery is taken, posted, and what came of it recorded, each by itself; nothing is awaited in a transaction but
PostgreSQL. Endpoints that fail at the moment have one slot each and half of all slots together, however many they are.
"""

import asyncio
import logging
import random
import re
import ssl
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from server.webhooks.client import Answer, Garbled, Unreachable, post
from server.webhooks.destinations import Destinations, NotAllowed
from server.webhooks.signing import sign
from store import Store
from store.errors import StoreError
from store.webhook_outbox import RETRIES, Attempt, Taken

log = logging.getLogger("omnibus.webhooks")
_JITTER = 0.1
_RETRY_AFTER_MAX = timedelta(hours=24)
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Pace:
    """How much at a time, and how long for each."""

    slots: int = 64
    of_one_endpoint: int = 4
    deadline_seconds: float = 15.0
    look_seconds: float = 0.5
    farewell_seconds: float = 2.0


class Sender:
    def __init__(
        self,
        store: Store,
        destinations: Destinations,
        *,
        context: ssl.SSLContext | None = None,
        pace: Pace = Pace(),
    ) -> None:
        self._outbox = store.webhook_outbox
        self._secrets = store.webhook_secrets
        self._destinations = destinations
        self._context = context or ssl.create_default_context()
        self._pace = pace
        self._counts: Counter[str] = Counter()
        self._running: dict[asyncio.Task[None], bool] = {}

    async def deliver(self) -> None:
        """Send what is due, and what becomes due or free while something is under way; return when nothing is."""
        while True:
            await self._take()
            if not self._running:
                return
            await asyncio.wait(
                self._running,
                timeout=self._pace.look_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )

    async def close(self) -> None:
        """Give what is under way a moment to be recorded; what is not by then is sent again when its lease is over."""
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=self._pace.farewell_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        with suppress(StoreError):
            await self.leave_counts()

    async def leave_counts(self) -> None:
        """Leave our counts where every process reads them."""
        counts, self._counts = self._counts, Counter()
        if not counts:
            return
        try:
            await self._outbox.add_counts(counts)
        except StoreError:
            self._counts.update(counts)
            raise

    async def _take(self) -> None:
        for are_failing in (False, True):
            room = self._pace.slots - len(self._running)
            of_one = self._pace.of_one_endpoint
            if are_failing:
                room = min(room, self._pace.slots // 2 - sum(self._running.values()))
                of_one = 1
            if room <= 0:
                continue
            began = asyncio.get_running_loop().time()
            taken = await self._outbox.take(room, of_one_endpoint=of_one, are_failing=are_failing)
            for each in taken:
                task = asyncio.create_task(self._send(each, began + self._pace.deadline_seconds))
                self._running[task] = are_failing
                task.add_done_callback(self._running.pop)

    async def _send(self, taken: Taken, deadline: float) -> None:
        try:
            attempt, retry_after = await self._attempt(taken, deadline)
            again_after = None if attempt.is_gone else _pause(taken.tries, retry_after)
            if not await self._outbox.record(taken, attempt, again_after):
                log.warning("delivery %s was taken over", taken.delivery_id)
            self._counts[attempt.outcome] += 1
        except StoreError as error:
            log.warning("what came of delivery %s is not known: %s", taken.delivery_id, error)
        except Exception:
            log.exception("delivery %s failed in a way of its own", taken.delivery_id)

    async def _attempt(self, taken: Taken, deadline: float) -> tuple[Attempt, timedelta | None]:
        began = time.monotonic()

        def failed(outcome: str, error: str) -> tuple[Attempt, None]:
            return Attempt(outcome, _ms_since(began), error=error), None

        try:
            answer = await self._post(taken, deadline)
        except TimeoutError:
            return failed("timeout", f"no answer within {self._pace.deadline_seconds:g} s")
        except NotAllowed as error:
            return failed("not_allowed", str(error))
        except Unreachable as error:
            return failed("unreachable", str(error))
        except Garbled as error:
            return failed("garbled", str(error))
        attempt = Attempt(
            outcome=_outcome(answer.status),
            duration_ms=_ms_since(began),
            is_delivered=200 <= answer.status < 300,
            is_gone=answer.status == 410,
            status=answer.status,
            answer=_printable(answer.body),
            error=_REASONS.get(_outcome(answer.status)),
        )
        return attempt, _retry_after(answer)

    async def _post(self, taken: Taken, deadline: float) -> Answer:
        body = taken.body.encode()
        numbers = [taken.secret_no]
        if taken.old_secret_no is not None:
            numbers.append(taken.old_secret_no)
        secrets = [await self._secrets.of(taken.endpoint_id, number) for number in numbers]
        timestamp = int(taken.at.timestamp())
        headers = sign(secrets, str(taken.delivery_id), timestamp, body)
        headers["user-agent"] = "Omnibus-Webhooks"
        destination, addresses = await self._destinations.find(taken.url)
        if asyncio.get_running_loop().time() >= deadline:
            # This process was stopped for a while: by now somebody else may have it.
            raise TimeoutError
        return await post(
            destination, addresses, headers, body, context=self._context, deadline=deadline
        )


_REASONS = {
    "redirected": "it leads elsewhere, and redirects are not followed",
    "gone": "it says that it is gone",
}


def _outcome(status: int) -> str:
    if 200 <= status < 300:
        return "delivered"
    if 300 <= status < 400:
        return "redirected"
    return "gone" if status == 410 else "refused"


def _pause(tries: int, retry_after: timedelta | None) -> timedelta | None:
    """Return how long to wait after so many tries; None when there is no other.

    An endpoint may ask for more time than the schedule gives it, up to a day; never for less.
    """
    if tries > len(RETRIES):
        return None
    pause = RETRIES[tries - 1] * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - jitter
    return max(pause, min(retry_after or timedelta(0), _RETRY_AFTER_MAX))


def _retry_after(answer: Answer) -> timedelta | None:
    """Return how long an endpoint asks us to wait; None when it does not, or not in a way that can be read."""
    text = answer.headers.get("retry-after", "").strip()
    if answer.status not in {429, 503} or not text:
        return None
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:9]), 10**8))
    try:
        at = parsedate_to_datetime(text)
        now = datetime.now(UTC)
        return max(timedelta(0), (at if at.tzinfo else at.replace(tzinfo=UTC)) - now)
    except (ValueError, OverflowError):
        return None


def _printable(body: bytes) -> str | None:
    """Return the beginning of an answer as text that may stand in a log."""
    text = _UNPRINTABLE.sub("\ufffd", body.decode("utf-8", "replace"))
    return text.encode()[:4096].decode("utf-8", "ignore") or None


def _ms_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
