"""Group commit: requests that arrive while a batch commits form the next one. No timer, so a lone one is not delayed.

A lane is one primary. Its queue is bounded and every request has a deadline: full or late means a clear refusal.
A batch that fails is split, down to single requests, so that only the guilty one fails.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg

from store.batch import BusesMoved, Written, run_batch
from store.buses import Buses
from store.clock import DatabaseClock
from store.db import CommitUnknown, Connection, Database
from store.errors import (
    InvalidRequest,
    KeyInUse,
    KeyReused,
    OutcomeUnknown,
    Overloaded,
    Refusal,
)
from store.events import SeatsChanged
from store.express import Assumed, Way, assume, sell
from store.express_held import RecentHolds
from store.fault_points import fault_point
from store.ledger import Again
from store.line import Line
from store.requests import Needs, Reply, Request

log = logging.getLogger(__name__)

_LATE_SECONDS = 0.1  # how often it is asked who has waited too long
_REMEMBERED = 8  # batches
_DECIDE_AGAIN = {"claims_one_owner_per_seat_and_segment", "idempotency_keys_once"}


@dataclass(frozen=True, slots=True)
class LaneOptions:
    """`in_flight` batches at a time of up to `batch_max` requests; `queue_max` wait, no longer than `wait_seconds`.

    Full batches are cheap ones, so a further one sets off beside the first when a full one waits, or when the first
    takes long, as if it waited for a lock: `long_seconds`, or `long_times` what batches take of late.
    """

    in_flight: int = 2
    batch_max: int = 128
    long_seconds: float = 0.02
    long_times: int = 4
    queue_max: int = 4000
    wait_seconds: float = 4.0
    tries: int = 5
    is_express: bool = True


@dataclass(slots=True, eq=False)
class _Waiting:
    request: Request[Any]
    needs: Needs
    future: "asyncio.Future[Reply]"
    deadline: float
    tries: int = 0
    is_unknown: bool = field(default=False)
    """A COMMIT of this request got no answer: a refusal now may be its own success."""

    @property
    def bus_id(self) -> int:
        return self.request.bus_id


@dataclass(slots=True)
class Pace:
    """What batches take of late, in seconds: an average that the last eight or so make up.

    One that waits for a lock teaches little: nothing counts for more than `long_seconds` twice over, so that even after
    a storm of locks a batch is called long within a fifth of a second.
    """

    options: LaneOptions
    usual: float = 0.0

    def note(self, seconds: float) -> None:
        self.usual += (min(seconds, 2 * self.options.long_seconds) - self.usual) / _REMEMBERED

    @property
    def long(self) -> float:
        """From when on a batch stands out."""
        return max(self.options.long_seconds, self.options.long_times * self.usual)


class Lane:
    def __init__(
        self,
        db: Database,
        buses: Buses,
        announce: Callable[[Sequence[SeatsChanged]], None],
        options: LaneOptions = LaneOptions(),
    ) -> None:
        self.db = db
        self.buses = buses
        self._announce = announce
        self._options = options
        self._queue: Line[_Waiting] = Line()
        self._runners: set[asyncio.Task[None]] = set()
        self._under_way: list[float] = []
        """When each batch set off, the oldest first."""
        self._pace = Pace(options)
        self._late_at = 0.0
        self._is_looked_after = False
        self._clock = DatabaseClock()
        self._held = RecentHolds()
        self._running: dict[tuple[int, uuid.UUID], uuid.UUID] = {}

    async def submit(self, request: Request[Any]) -> Reply:
        """Decide a request in one of the next batches, commit, announce its event and return the answer.

        Raises NotFound for an unknown bus, KeyReused, KeyInUse, Overloaded, OutcomeUnknown, what makes no sense on this
        bus, and, when the request has no key, the Refusal itself (with a key, refusals are stored answers like any
        other). A caller that goes away takes nothing back.
        """
        key = request.ask.key
        if key is None:
            return await self._enqueue(request)
        place = (request.bus_id, key.key_hash)
        if (running := self._running.get(place)) is not None:
            raise KeyInUse if running == key.request_hash else KeyReused
        self._running[place] = key.request_hash
        try:
            return await self._enqueue(request)
        finally:
            del self._running[place]

    async def _enqueue(self, request: Request[Any]) -> Reply:
        if len(self._queue) >= self._options.queue_max:
            raise Overloaded
        needs = await self._prepare(request)
        loop = asyncio.get_running_loop()
        waiting = _Waiting(
            request, needs, loop.create_future(), loop.time() + self._options.wait_seconds
        )
        self._queue.append(waiting)
        self._wake()
        if not self._is_looked_after:
            self._look_after()
        return await waiting.future

    async def _prepare(self, request: Request[Any]) -> Needs:
        bus = await self.buses.find(request.bus_id)
        try:
            return request.prepare(bus)
        except InvalidRequest:
            # It may make sense since the bus or its limits were edited, and nobody compares what is never decided.
            self.buses.forget(request.bus_id)
            current = await self.buses.find(request.bus_id)
            if (current.facts, current.limits) == (bus.facts, bus.limits):
                raise
            return request.prepare(current)

    @property
    def waiting(self) -> int:
        """How many requests wait for a batch."""
        return len(self._queue)

    async def close(self) -> None:
        """Finish what is queued."""
        while self._runners:
            await asyncio.wait(self._runners)

    def _wake(self) -> None:
        if self._queue.has_turn and self._has_place(beside=len(self._runners)):
            runner = asyncio.create_task(self._run())
            self._runners.add(runner)
            runner.add_done_callback(self._ended)

    def _look_after(self) -> None:
        """As long as anybody waits: refuse who waits too long, and see whether a further batch may set off."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if now >= self._late_at:
            self._late_at = now + _LATE_SECONDS
            _give_up(self._queue.leave(lambda waiting: waiting.deadline <= now))
        self._wake()
        self._is_looked_after = bool(self._queue)
        if self._is_looked_after:
            loop.call_later(self._options.long_seconds, self._look_after)

    def _has_place(self, beside: int) -> bool:
        """Say whether a batch may set off beside so many."""
        if beside == 0:
            return True
        return beside < self._options.in_flight and (
            len(self._queue) >= self._options.batch_max or self._has_long()
        )

    def _has_long(self) -> bool:
        now = asyncio.get_running_loop().time()
        return bool(self._under_way) and now - self._under_way[0] >= self._pace.long

    def _ended(self, runner: "asyncio.Task[None]") -> None:
        self._runners.discard(runner)
        if not runner.cancelled() and (error := runner.exception()):
            log.error("a lane's runner broke", exc_info=error)
        self._wake()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._queue.has_turn:
            batch = self._queue.take(self._options.batch_max)
            set_off_at = loop.time()
            self._under_way.append(set_off_at)
            try:
                await self._execute(_still_waiting(batch))
            finally:
                self._under_way.remove(set_off_at)
                self._pace.note(loop.time() - set_off_at)
                self._queue.free({waiting.bus_id for waiting in batch})
                self._wake()
            if not self._has_place(beside=len(self._runners) - 1):
                return  # those who go on beside it take whoever waits

    async def _execute(self, batch: Sequence[_Waiting]) -> None:
        """Run a batch until every request of it is answered or back in the queue."""
        if batch and (rest := await self._try_express(batch)):
            await self._decide(rest)

    async def _try_express(self, batch: Sequence[_Waiting]) -> Sequence[_Waiting]:
        """Answer what can go the express way and return the rest."""
        now = self._clock.now()
        if now is None or not self._options.is_express:
            return batch
        assumed = assume(
            [waiting.request for waiting in batch],
            [waiting.needs for waiting in batch],
            now,
            self._held,
        )
        ways: dict[Way, list[tuple[_Waiting, Assumed]]] = {}
        for waiting, each in zip(batch, assumed, strict=True):
            # Whoever comes again has met what is out of the ordinary.
            if each is not None and waiting.tries == 0:
                ways.setdefault(each.way, []).append((waiting, each))
        answered = [await self._go(way, sent, now) for way, sent in ways.items()]
        done = set().union(*answered)
        return [waiting for waiting in batch if id(waiting) not in done]

    async def _go(
        self, way: Way, sent: Sequence[tuple[_Waiting, Assumed]], now: datetime
    ) -> set[int]:
        """Send what goes the same way; return the ids of those that are answered, or back in the queue."""
        try:
            fault_point("before_commit")
            events, now = await sell(self.db, way, [each for _, each in sent], now)
        except CommitUnknown as error:
            await self._recover([waiting for waiting, _ in sent], error)
            return {id(waiting) for waiting, _ in sent}
        except (asyncpg.PostgresError, Overloaded):
            # Nothing has happened, and the general way finds out whose fault it was.
            return set()
        fault_point("after_commit")
        self._clock.hear(now)
        sold = [sent[place] for place in events]
        self._held.note(each.changes.hold for _, each in sold if each.changes.hold)
        for waiting, each in sold:
            if not waiting.future.done():
                waiting.future.set_result(each.reply)
        if events:
            self._announce([*events.values()])
            fault_point("after_announce")
        return {id(waiting) for waiting, _ in sold}

    async def _decide(self, batch: Sequence[_Waiting]) -> None:
        """Run a batch the general way, in smaller ones where it must be."""
        try:
            written = await self._transact(batch)
        except BaseException as error:  # noqa: BLE001 - told to whom it concerns, and passed on if it is none of theirs
            await self._recover(batch, error)
        else:
            fault_point("after_commit")
            await self._tell(batch, written)

    async def _recover(self, batch: Sequence[_Waiting], error: BaseException) -> None:
        match error:
            case CommitUnknown():
                # Again under their own keys: each waits for the lost session and finds its result, or does the work.
                for waiting in batch:
                    waiting.is_unknown = True
                await self._requeue(batch)
            case BusesMoved():
                self.buses.forget(*error.bus_ids)
                await self._requeue(batch)
            case Overloaded():
                _give_up(batch)
            case Exception() if len(batch) > 1:
                # Contention, an error of the database, a mistake of ours: in halves, so that only the guilty one fails.
                middle = len(batch) // 2
                await self._decide(batch[:middle])
                await self._decide(batch[middle:])
            case asyncpg.UniqueViolationError() if error.constraint_name in _DECIDE_AGAIN:
                # The guarantee spoke, or a key that is in use elsewhere: decide again, now it shows.
                await self._requeue(batch)
            case _:
                _fail(batch, error)
                if not isinstance(error, Exception):
                    raise error

    async def _transact(self, batch: Sequence[_Waiting]) -> Written:
        requests = [waiting.request for waiting in batch]
        needs = [waiting.needs for waiting in batch]

        async def work(connection: Connection) -> Written:
            written = await run_batch(connection, requests, needs)
            fault_point("before_commit")
            return written

        operators = sorted({request.bus.operator_id for request in requests})
        return await self.db.transaction(operators, work, is_patient=len(batch) == 1)

    async def _tell(self, batch: Sequence[_Waiting], written: Written) -> None:
        self._clock.hear(written.now)
        self._held.note(written.holds)
        again: list[_Waiting] = []
        for waiting, decision in zip(batch, written.decisions, strict=True):
            if isinstance(decision, Again):
                self.buses.forget(waiting.request.bus_id)
                again.append(waiting)
            elif isinstance(decision, Reply):
                if not waiting.future.done():
                    waiting.future.set_result(decision)
            elif waiting.is_unknown and isinstance(decision, Refusal):
                _fail([waiting], OutcomeUnknown())
            else:
                _fail([waiting], decision)
        if written.events:
            self._announce(written.events)
        fault_point("after_announce")
        await self._requeue(again)

    async def _requeue(self, batch: Sequence[_Waiting]) -> None:
        """Prepare requests anew and put them first in the queue, a few times; then give up."""
        for waiting in reversed(batch):
            waiting.tries += 1
            if waiting.tries >= self._options.tries:
                _give_up([waiting])
                continue
            try:
                bus = await self.buses.find(waiting.request.bus_id)
                waiting.needs = waiting.request.prepare(bus)
            except Exception as error:  # noqa: BLE001 - told to whom it concerns; the others of the batch go on
                _fail([waiting], error)
            else:
                self._queue.put_back(waiting)


def _still_waiting(taken: Sequence[_Waiting]) -> Sequence[_Waiting]:
    """Refuse those who have waited too long, forget those who have left."""
    now = asyncio.get_running_loop().time()
    late = [each for each in taken if each.deadline <= now]
    _give_up(late)
    return [each for each in taken if each.deadline > now and not each.future.done()]


def _give_up(batch: Sequence[_Waiting]) -> None:
    """Refuse for want of time, honestly: what may have happened is not called overload."""
    for waiting in batch:
        _fail([waiting], OutcomeUnknown() if waiting.is_unknown else Overloaded())


def _fail(batch: Sequence[_Waiting], error: BaseException) -> None:
    for waiting in batch:
        if not waiting.future.done():
            waiting.future.set_exception(error)
