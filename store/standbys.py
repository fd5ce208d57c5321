"""Standbys that answer reads: how far each has come, and which of them is asked.

Every second the primary is asked how far its log is durable, and each standby how far it shows it. A standby that shows
what was durable at a moment is no older than that moment: so its lag is measured by this process's own clock, and a
quiet night is not taken for a lag. One that is too far behind, does not answer or is no standby leaves the rotation,
and comes back when that is over. While the primary is silent nothing new is sold, and standbys count as they did at
its last word.
"""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import asyncpg

from store.db import Connection, Database
from store.errors import Overloaded
from store.pooler import Address
from store.queries import Queries

SQL = Queries.beside(__file__)
log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
_ANSWER_SECONDS = 2.0
_HEADS_KEPT = 120
_SHOW_SECONDS = 0.1
_PAUSE_SECONDS, _PAUSE_SECONDS_MAX = 0.001, 0.02
_TROUBLE = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
    Overloaded,
)


@dataclass(frozen=True, slots=True)
class StandbyOptions:
    """`dsns` name one server each; one that is more than `lag_seconds` behind is asked nothing.

    `size` connections to each at most, and one more that watches it every `look_seconds`.
    """

    dsns: tuple[str, ...] = ()
    lag_seconds: float = 5.0
    size: int = 10
    look_seconds: float = _LOOK_SECONDS


@dataclass(frozen=True, slots=True)
class Look:
    """What was found when a standby was looked at. No `fault`: it is asked. Lags are None where none is known."""

    name: str
    fault: str
    lag_seconds: float | None
    lag_bytes: int | None


class Standby:
    """One server that follows the primary. `fault` says why it is asked nothing; empty: it is in rotation."""

    def __init__(self, dsn: str, *, size: int) -> None:
        self.name = place_of(dsn)
        self.db: Database | None = None
        self.fault = "not looked at yet"
        self.replayed = 0
        self.lag_seconds: float | None = None
        self.lag_bytes: int | None = None
        self._dsn = dsn
        self._size = size
        self._watch: Connection | None = None

    @property
    def is_in_rotation(self) -> bool:
        return not self.fault

    @property
    def latest(self) -> Look:
        return Look(self.name, self.fault, self.lag_seconds, self.lag_bytes)

    async def shows(self, position: int) -> bool:
        """Wait until this position of the log is shown here, a tenth of a second at most; return whether it is.

        PostgreSQL 19 can be told to wait (`WAIT FOR LSN`); until then it is asked again and again.
        """
        if self.replayed >= position:
            return True
        pause = _PAUSE_SECONDS
        with suppress(TimeoutError):
            async with asyncio.timeout(_SHOW_SECONDS):
                while (db := self.db) is not None:
                    row = await db.fetchrow(SQL["find_replayed"])
                    self.replayed = (row and row["replayed"]) or 0
                    if self.replayed >= position:
                        return True
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _PAUSE_SECONDS_MAX)
        return False

    def leave(self, fault: str) -> None:
        """Ask nothing of it until it was looked at and found well again."""
        if self.fault != fault:
            log.warning("standby %s leaves the rotation: %s", self.name, fault)
        self.fault = fault

    async def look(self, heads: Sequence[tuple[float, int]], of: int | None, limit: float) -> None:
        """See how far it has come, and whether it is fit to be asked. `heads` are moments and what was durable then."""
        try:
            async with asyncio.timeout(2 * _ANSWER_SECONDS):
                fault = await self._examine(heads, of, limit)
        except _TROUBLE as error:
            await self._stop_watching()
            self.lag_seconds = self.lag_bytes = None
            self.leave(f"does not answer ({type(error).__name__})")
            return
        if fault:
            self.leave(fault)
        elif self.fault:
            log.info("standby %s is in rotation", self.name)
            self.fault = ""

    async def close(self) -> None:
        await self._stop_watching()
        await self._close_pool()

    async def _examine(
        self, heads: Sequence[tuple[float, int]], of: int | None, limit: float
    ) -> str:
        if not heads:
            return "has a primary that does not answer"
        if self._watch is None:
            self._watch = await _connect(self._dsn)
            if of is not None and of != await identify(self._watch):
                await self._stop_watching()
                return "is a copy of another primary"
        row = await self._watch.fetchrow(SQL["look"])
        assert row is not None
        if not row["is_standby"]:
            self.leave("is no standby")  # nobody may come upon it without its pool
            await self._close_pool()
            return "is no standby"
        self.replayed = row["replayed"] or 0
        self.lag_bytes = max(0, heads[-1][1] - self.replayed)
        now = asyncio.get_running_loop().time()
        self.lag_seconds = lag_of(heads, self.replayed, now, row["seconds_since"])
        if self.lag_seconds > limit:
            return f"is more than {limit:g} s behind"
        if self.db is None:
            self.db = await Database.connect(self._dsn, size=self._size, is_standby=True)
        return ""

    async def _close_pool(self) -> None:
        db, self.db = self.db, None
        if db is not None:
            await db.close()

    async def _stop_watching(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            with suppress(*_TROUBLE):
                await watch.close(timeout=1.0)


class Standbys:
    """Those that the settings name, in an order of this process's own: it keeps to the first that is well.

    So that what one caller is shown does not go back in time, and processes do not all ask the same one.
    """

    def __init__(self, primary: Database, options: StandbyOptions) -> None:
        self.all = [Standby(dsn, size=options.size) for dsn in options.dsns]
        random.shuffle(self.all)
        self._primary = primary
        self._options = options
        self._heads: deque[tuple[float, int]] = deque(maxlen=_HEADS_KEPT)
        self._identity: int | None = None
        self._watching: asyncio.Task[None] | None = None

    def first(self) -> Standby | None:
        """Return the standby to ask, None when none is fit."""
        for standby in self.all:
            if standby.is_in_rotation:
                return standby
        return None

    async def start(self) -> None:
        """Look once and go on looking. One that is away now keeps nobody from starting."""
        if self.all:
            await self.look()
            self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
        for standby in self.all:
            await standby.close()

    async def find_head(self) -> int:
        """Return how far the primary's log is durable now: what was committed by now is before. Raises Overloaded."""
        row = await self._primary.fetchrow(SQL["find_head"])
        if row is None or row["head"] is None:
            await self._primary.expire()
            raise Overloaded
        head: int = row["head"]
        return head

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._options.look_seconds)
            try:
                await self.look()
            except Exception:
                log.exception("looking at the standbys broke; it goes on")

    async def look(self) -> None:
        """See how far the primary and each standby are, and which of them are fit to be asked."""
        # Of before the question, so that the answer is at least as new.
        moment = asyncio.get_running_loop().time()
        with suppress(*_TROUBLE):
            async with asyncio.timeout(_ANSWER_SECONDS):
                if self._identity is None:
                    self._identity = await _identity_of(self._primary)
                self._heads.append((moment, await self.find_head()))
        heads, limit = [*self._heads], self._options.lag_seconds
        await asyncio.gather(*(each.look(heads, self._identity, limit) for each in self.all))


async def examine_standbys(dsn: str, standbys: Sequence[str], lag_seconds: float) -> list[Look]:
    """Look once at the standbys of the primary that `dsn` leads to."""
    try:
        primary = await Database.connect(dsn, size=1)
    except _TROUBLE:
        return [
            Look(place_of(each), "has a primary that does not answer", None, None)
            for each in standbys
        ]
    looked_at = Standbys(primary, StandbyOptions((*standbys,), lag_seconds, size=1))
    try:
        await looked_at.look()
        return sorted((each.latest for each in looked_at.all), key=lambda look: look.name)
    finally:
        await looked_at.close()
        await primary.close()


def place_of(dsn: str) -> str:
    """Return where a URL leads, without its login: what logs and metrics may show."""
    parts = urlsplit(dsn)
    place = parts.netloc.rpartition("@")[2]
    return place or next(iter(parse_qs(parts.query).get("host", ["localhost"])))


def lag_of(
    heads: Sequence[tuple[float, int]], replayed: int, now: float, seconds_since: float | None
) -> float:
    """Return how old what a standby shows may be, in seconds: 0 when it shows all that was heard of.

    `heads` are moments with what was durable then, `seconds_since` is the age of its last transaction.
    """
    if replayed >= heads[-1][1]:
        return 0.0
    shown = [moment for moment, head in heads if head <= replayed]
    if shown:
        return now - shown[-1]
    # Further behind than we remember: its own word on its last transaction, which is no less than that.
    return max(now - heads[0][0], seconds_since or 0.0)


async def identify(connection: Connection) -> int | None:
    """Return the number of this installation; None where we may not know."""
    with suppress(asyncpg.InsufficientPrivilegeError):
        number: int = await connection.fetchval(SQL["identify"])
        return number
    return None


async def _identity_of(primary: Database) -> int | None:
    return await primary.read([], identify)


async def _connect(dsn: str) -> Connection:
    address = Address.read(dsn)
    return await asyncpg.connect(
        address.dsn,
        timeout=_ANSWER_SECONDS,
        command_timeout=_ANSWER_SECONDS,
        statement_cache_size=0,  # a pooler may give every statement another session
        server_settings=address.startup({"application_name": "omnibus standbys", "jit": "off"}),
    )
