"""Reads that may be a moment old: lists, searches, boards, manifests, reports. They go to a standby where one is fit.

A Reader can ask and cannot change anything, so the type says who may read a standby: whoever takes a `Database` never
does, and the booking path is not even allowed to import this module (import-linter). Nor does any other request that
changes something: standbys are for those only of whom it was said what they must see (`seeing`).

**What a caller has written it reads at once.** A write gives its caller a mark. When the mark is shown with a read, and
not before, the primary is asked how far its log is durable: that is at or after the write, whoever made it, and the
write is none the slower. The standby has a tenth of a second to show that position; else the primary is asked. A mark
that nobody gave out is as good: all it ever buys is newer data.
"""

import random
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import Final, TypeVar

import asyncpg

from store.db import Connection, Database, Record
from store.errors import NotFound, Overloaded
from store.gather import Gather
from store.standbys import Standby, Standbys

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")

EVERYTHING: Final = "everything"
"""What was committed by now, whoever did it: for those who read because they were told that something happened."""
MARK_SECONDS: Final = 30
"""How long a caller's writes are remembered. A standby in rotation is never that far behind."""
_MARKS_KEPT = 20_000
_must_see: ContextVar[tuple[str, ...] | None] = ContextVar("must_see", default=None)


def see(*marks: str) -> None:
    """Let this request read standbys, those that show what these marks stand for."""
    _must_see.set(marks)


@contextmanager
def seeing(*marks: str) -> Iterator[None]:
    """Let what is read meanwhile come from standbys that show what these marks stand for."""
    before = _must_see.set(marks)
    try:
        yield
    finally:
        _must_see.reset(before)


class Marks:
    """Who has written lately, and up to where the log must be shown to those who have."""

    def __init__(self, find_head: Callable[[], Awaitable[int]]) -> None:
        self._find_head = find_head
        # One question at a time, and nobody joins one that was asked before they came.
        self._asking: Gather[str, int] = Gather(self._ask, in_flight=1)
        self._positions: OrderedDict[str, int] = OrderedDict()
        self._latest: OrderedDict[str, tuple[str, float]] = OrderedDict()
        # Seeded by the system. A mark opens nothing: it is guessed in vain.
        self._draw = random.Random().getrandbits  # noqa: S311 - see above

    def note(self, writer: str | None) -> str:
        """Return a mark for what was just written, and remember it for a writer who is known by name."""
        mark = f"{self._draw(64):016x}"
        if writer is not None:
            _keep(self._latest, writer, (mark, monotonic() + MARK_SECONDS))
        return mark

    def latest(self, writer: str) -> str | None:
        """Return the mark of what this writer last wrote by way of this process, if that was lately."""
        mark, until = self._latest.get(writer, ("", 0.0))
        return mark if monotonic() < until else None

    async def position(self, marks: Sequence[str]) -> int:
        """Return the position of the log from which all of these are shown; raise Overloaded."""
        return max([await self._position(mark) for mark in marks], default=0)

    async def _position(self, mark: str) -> int:
        if (known := self._positions.get(mark)) is not None:
            return known
        found = await self._asking.find(mark)
        assert found is not None, "everybody gets the head"
        if mark != EVERYTHING:
            _keep(self._positions, mark, found)
        return found

    async def _ask(self, marks: list[str]) -> Mapping[str, int]:
        return dict.fromkeys(marks, await self._find_head())


class View:
    """One server to read from, for questions that belong together: the second is never answered by an older one.

    A standby that fails is replaced by the primary, for the rest of them.
    """

    def __init__(
        self, primary: Database, standby: Standby | None, count: Callable[[str], None]
    ) -> None:
        self._primary = primary
        self._standby = standby
        self._count = count

    async def fetch(self, query: str, *args: object) -> list[Record]:
        """Run one statement that changes nothing; raise Overloaded."""
        return await self._ask(lambda db: db.fetch(query, *args))

    async def fetchrow(self, query: str, *args: object) -> Record | None:
        rows = await self.fetch(query, *args)
        return rows[0] if rows else None

    async def read(
        self, operators: Sequence[int] | None, work: Callable[[Connection], Awaitable[T]]
    ) -> T:
        """Run `work`, which changes nothing, in a transaction scoped to `operators`; raise Overloaded.

        It may be run again on the primary: what a standby knows nothing of may be new.
        """
        return await self._ask(lambda db: db.read(operators, work))

    async def _ask(self, question: Callable[[Database], Awaitable[T]]) -> T:
        standby = self._standby
        if standby is not None and standby.db is not None:
            try:
                answer = await question(standby.db)
            except NotFound:
                self._standby = None
            except (Overloaded, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                self._standby = None
                if _had_its_time(error):
                    raise
                if isinstance(error, Overloaded):
                    standby.leave("failed to answer")
            else:
                self._count("standby")
                return answer
        self._count("primary")
        return await question(self._primary)


class Reader:
    """Asks a standby, or the primary where none is fit or the request may not. Cannot change anything."""

    def __init__(self, primary: Database, standbys: Standbys) -> None:
        self._primary = primary
        self._standbys = standbys
        self.marks = Marks(standbys.find_head)
        self.counts = {"standby": 0, "primary": 0}

    @property
    def standbys(self) -> Sequence[Standby]:
        return self._standbys.all

    async def view(self) -> View:
        """Choose a server that shows what this request must see; raise Overloaded."""
        marks = _must_see.get()
        standby = self._standbys.first() if marks is not None else None
        if standby is not None and marks:
            position = await self.marks.position(marks)
            if not await _shows(standby, position):
                standby = None
        return View(self._primary, standby, self._note)

    async def fetch(self, query: str, *args: object) -> list[Record]:
        """Run one statement that changes nothing; raise Overloaded."""
        return await (await self.view()).fetch(query, *args)

    async def read(
        self, operators: Sequence[int] | None, work: Callable[[Connection], Awaitable[T]]
    ) -> T:
        """Run `work`, which changes nothing, in a transaction scoped to `operators`; raise Overloaded."""
        return await (await self.view()).read(operators, work)

    def _note(self, where: str) -> None:
        self.counts[where] += 1


async def _shows(standby: Standby, position: int) -> bool:
    try:
        return await standby.shows(position)
    except (Overloaded, asyncpg.PostgresError):
        standby.leave("failed to answer")
        return False


def _had_its_time(error: BaseException) -> bool:
    """Whether a statement took too long: the primary has better things to do than to take as long."""
    cancelled = error.__cause__ if isinstance(error, Overloaded) else error
    return isinstance(cancelled, asyncpg.QueryCanceledError)


def _keep(kept: OrderedDict[K, V], key: K, value: V) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > _MARKS_KEPT:
        kept.popitem(last=False)
