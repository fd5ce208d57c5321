"""Operations of the real store, statement by statement, in every order: PostgreSQL's isolation tester for us.

Before each statement that locks, before the first that writes, and before COMMIT, an operation stops and waits for its
turn. A turn ends when the operation has come to its next stop, has ended, or is seen waiting for a lock; then the
next one goes on. The writes of a transaction are one step: they touch what it has locked, and the last of them locks
the bus.

An operation may also be a script of three steps (lock all, write all, commit) or of two (lock and write, commit), so
that what three of them do together can be tried in every order, too.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import asyncpg
import pytest

from store import Store
from store.citus.distribute import is_citus
from store.db import Connection
from store.errors import StoreError
from store.lane import Lane

T = TypeVar("T")
Deed = Callable[[Store], Awaitable[object]]
_LOCKS = re.compile(r"\bFOR UPDATE OF\b|\bINSERT INTO buyer_holds\b")
_MATTERS = re.compile(r"\b(FOR (NO KEY )?UPDATE|INSERT|UPDATE|DELETE)\b")
_IS_BLOCKED = "SELECT cardinality(pg_blocking_pids($1)) > 0"
_OR_ON_A_WORKER = (
    " OR EXISTS (SELECT FROM citus_lock_waits AS w WHERE w.waiting_gpid % 10000000000 = $1)"
)


@dataclass(slots=True)
class Player:
    """One session: a store of its own, with one connection, that stops before whatever matters.

    `statements` are those that lock or write, and the COMMITs; `steps` those of its script (None: every lock is one).
    """

    store: Store
    steps: int | None = None
    pid: int = 0
    stops: int = 0
    waits: int = 0
    statements: list[str] = field(default_factory=list)
    faults: list[BaseException] = field(default_factory=list)
    outcome: object = None
    _task: "asyncio.Task[None] | None" = None
    _is_waiting: bool = False
    _go: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_ready(self) -> bool:
        return self._is_waiting or self.is_done

    @property
    def is_done(self) -> bool:
        return self._task is not None and self._task.done()

    async def start(self, deed: Deed) -> None:
        self.stops, self.statements, self.faults, self.outcome = 0, [], [], None
        self.waits = 0
        self._task = asyncio.create_task(self._play(deed))

    async def run(self, deed: Deed) -> object:
        """Let a deed through, and return its outcome."""
        await self.start(deed)
        await self._go_on_until(lambda: self.is_done)
        return self.outcome

    async def abandon_at(self, stop: int, deed: Deed, *, with_batch: bool = False) -> bool:
        """Let a deed come to its n-th stop, and its caller go away there; whether it ended before it came so far.

        Its batch goes on without the caller, unless it is cancelled too, as when a process ends in a hurry.
        """
        await self.start(deed)
        assert self._task is not None
        await self._go_on_until(lambda: self.is_done or self.stops >= stop)
        is_over = self.is_done
        self._task.cancel()
        runners = [runner for lane in lanes_of(self.store) for runner in lane._runners]
        if with_batch:
            for runner in runners:
                runner.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._go_on_until(lambda: all(runner.done() for runner in runners))
        return is_over

    def go(self) -> None:
        self._is_waiting = False
        self._go.set()

    async def stop(self) -> None:
        self.stops += 1
        self._go.clear()
        self._is_waiting = True
        await self._go.wait()

    async def _go_on_until(self, is_enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not is_enough():
                if self._is_waiting:
                    self.go()
                await asyncio.sleep(0)

    async def _play(self, deed: Deed) -> None:
        try:
            self.outcome = await deed(self.store)
        except StoreError as error:
            self.outcome = error


class _Stopping:
    """A connection that stops before the statements that matter."""

    def __init__(self, connection: Connection, player: Player) -> None:
        self._connection = connection
        self._player = player
        self.has_mattered = False
        self._has_locked = False
        self._is_writing = False

    def _is_a_step(self, *, is_lock: bool) -> bool:
        match self._player.steps:
            case None:
                return is_lock or not self._is_writing
            case 2:
                return not (self._has_locked or self._is_writing)
            case _:
                return not (self._has_locked if is_lock else self._is_writing)

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        run: Callable[..., Awaitable[Any]] = getattr(self._connection, name)

        async def stop_and_run(query: str, *args: object, **options: object) -> Any:
            if _MATTERS.search(query):
                self.has_mattered = True
                self._player.statements.append(query)
                is_lock = _LOCKS.search(query) is not None
                if self._is_a_step(is_lock=is_lock):
                    await self._player.stop()
                self._has_locked |= is_lock
                self._is_writing = not is_lock
            try:
                return await run(query, *args, **options)
            except asyncpg.PostgresError as error:
                self._player.faults.append(error)
                raise

        return stop_and_run


class Stage:
    """Where players act on data that each ordering finds anew."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, control: Connection, stores: Sequence[Store]
    ) -> None:
        self._control = control
        self.players = [Player(store) for store in stores]
        for player, store in zip(self.players, stores, strict=True):
            # The express way is one step; it is the general way's steps that can be mixed.
            stepwise = replace(store.lane._options, is_express=False)
            monkeypatch.setattr(store.lane, "_options", stepwise)
            _stop_in_transactions(monkeypatch, player)

    async def play(self, deeds: Sequence[Deed], order: Sequence[int]) -> list[object]:
        """Start all deeds, give the turns in this order, let them finish, and return their outcomes."""
        for player, deed in zip(self.players, deeds, strict=True):
            await player.start(deed)
            await self._settle(player)
        for turn in order:
            await self._give_turn(self.players[turn])
        while not all(player.is_done for player in self.players):
            for player in self.players:
                await self._give_turn(player)
        return [player.outcome for player in self.players]

    async def _give_turn(self, player: Player) -> None:
        # Whoever waits for a lock cannot use its turn; the others' next steps will free it.
        if player.is_ready and not player.is_done:
            player.go()
        await self._settle(player)

    async def _settle(self, player: Player) -> None:
        blocked = _IS_BLOCKED
        if await is_citus(self._control):
            blocked += _OR_ON_A_WORKER
        async with asyncio.timeout(5):
            while not player.is_ready:
                if player.pid and await self._control.fetchval(blocked, player.pid):
                    player.waits += 1
                    return
                await asyncio.sleep(0)


def lanes_of(store: Store) -> list[Lane]:
    """Return the one lane, or on a cluster that of each shard group."""
    lanes: dict[int, Lane] | None = vars(store.lane).get("_lanes")
    return [store.lane] if lanes is None else list(lanes.values())


def orders(*steps: int) -> Iterator[tuple[int, ...]]:
    """Return every way to mix so many steps of each player with those of the others."""
    if not any(steps):
        yield ()
    for player, left in enumerate(steps):
        if left:
            fewer = (*steps[:player], left - 1, *steps[player + 1 :])
            for rest in orders(*fewer):
                yield (player, *rest)


def _stop_in_transactions(monkeypatch: pytest.MonkeyPatch, player: Player) -> None:
    transaction = player.store.db.transaction

    async def stopping(
        operators: Sequence[int] | None,
        work: Callable[[Any], Awaitable[T]],
        *,
        is_patient: bool = True,
    ) -> T:
        async def stop_and_work(connection: Connection) -> T:
            player.pid = connection.get_server_pid()
            gated = _Stopping(connection, player)
            result = await work(gated)
            if gated.has_mattered:
                player.statements.append("COMMIT")
                await player.stop()
            return result

        return await transaction(operators, stop_and_work, is_patient=is_patient)

    monkeypatch.setattr(player.store.db, "transaction", stopping)
