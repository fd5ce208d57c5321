"""Imports one uploaded timetable: `python -m server.timetables.clerk IMPORT FD`, with the file at that descriptor.

Where the database is comes by standard input. The process is bounded in memory and polite about the processor. It says
every moment how far it is, and stops when the import is not wanted any more; whatever becomes of it, the import's row
and its buses are written together or not at all.
"""

import asyncio
import logging
import os
import resource
import sys
import warnings
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from store.db import Connection, Database
from store.errors import StoreError
from store.gtfs import Loaded, Plan, Step, Terms, Wish, load, make_plan, read_feed
from store.gtfs.archive import UPLOADED
from store.gtfs.faults import (
    AgencyUnclear,
    FeedRefused,
    ImportRunning,
    LayoutUnknown,
    NothingToSell,
    TooMuch,
    listed,
)
from store.imports import Import, Imports, State, Unwanted, finish

MEMORY_BYTES = 3 * 1024**3
"""Of addresses, of which Python uses a third."""
BEAT_SECONDS = 0.3
_POLITENESS = 10
_READING = "reading"
_DETAIL_LENGTH = 2_000


class Progress:
    """How far it is, told by who works and read by who tells of it, in another thread."""

    def __init__(self) -> None:
        self.step, self.done, self.total = _READING, 0, 0
        self.is_wanted = True

    def read(self, done: int, total: int) -> None:
        """Note how many bytes of how many are read; raise Unwanted once nobody wants them."""
        self._note(_READING, done, total)

    def load(self, step: Step, done: int, total: int) -> None:
        """Note how many buses of how many are written; raise Unwanted, but not when all of it is."""
        if step is not Step.ANALYZING:
            self._note(step.value, done, total)

    def _note(self, step: str, done: int, total: int) -> None:
        if not self.is_wanted:
            raise Unwanted
        self.step, self.done, self.total = step, done, total


async def do_import(url: str, import_id: int, path: Path) -> None:
    """Do an import and write down how it ended; whoever ended it otherwise meanwhile is right."""
    db = await Database.connect(url, size=2)
    try:
        imports = Imports(db)
        wanted, operator = await imports.take(import_id)
        progress = Progress()
        work = asyncio.create_task(_work(db, wanted, operator, path, progress))
        tell = asyncio.create_task(_tell(imports, import_id, progress))
        await asyncio.wait({work, tell}, return_when=asyncio.FIRST_COMPLETED)
        if not progress.is_wanted:
            work.cancel()
        with suppress(asyncio.CancelledError, Unwanted):
            if refused := await _refusal(work, wanted):
                await imports.end(import_id, *refused)
        tell.cancel()
    finally:
        await db.close()


async def _tell(imports: Imports, import_id: int, progress: Progress) -> None:
    """Say how far it is, again and again, until it is over."""
    while True:
        await asyncio.sleep(BEAT_SECONDS)
        with suppress(StoreError):
            state = await imports.beat(import_id, progress.step, progress.done, progress.total)
            if state is not State.RUNNING:
                progress.is_wanted = state is State.DONE
                return


async def _work(
    db: Database, wanted: Import, operator: str, path: Path, progress: Progress
) -> None:
    wish = Wish(
        operator=operator,
        agency=wanted.wish["agency"],
        begin=date.fromisoformat(wanted.wish["from"]) if wanted.wish["from"] else None,
        days=wanted.wish["days"],
        is_shifted=wanted.wish["shift_dates"],
        fare=wanted.wish["fare"],
    )
    terms = Terms(
        wanted.wish["layout"], wanted.wish["currency"], wanted.operator_id, wanted.user_id
    )
    feed = await asyncio.to_thread(read_feed, path, progress.read, UPLOADED)
    plan = await asyncio.to_thread(make_plan, feed, wish, datetime.now(UTC))

    async def end(connection: Connection, loaded: "list[Loaded] | Any") -> None:
        await finish(connection, wanted.import_id, _added(plan, loaded[0]))

    await load(db, plan, terms, progress.load, end)


def _added(plan: Plan, loaded: Loaded) -> dict[str, Any]:
    return {
        "from": plan.begin.isoformat(),
        "until": plan.end.isoformat(),
        "shifted_days": plan.shift.days,
        **asdict(loaded.added),
    }


async def _refusal(
    work: "asyncio.Task[None]", wanted: Import
) -> tuple[State, dict[str, Any]] | None:
    """Wait for the work; return how it ended if it was not done."""
    try:
        await work
    except Unwanted:
        raise
    except FeedRefused as error:
        first = f"{error.total} faults" if error.total > 1 else "a fault"
        # A file that is no zip is known by its descriptor here, and by its name to whoever sent it.
        faults = [
            asdict(fault) | {"file": fault.file if "." in fault.file else wanted.file}
            for fault in error.faults
        ]
        told = {"faults": faults, "faults_total": error.total}
        return State.REFUSED, _why("feed_refused", f"the feed has {first}") | told
    except MemoryError:
        return State.REFUSED, _why("too_large", "the feed takes more memory than there is for it")
    except (StoreError, OSError) as error:
        return _explained(error)
    return None


def _explained(error: Exception) -> tuple[State, dict[str, Any]]:
    match error:
        case NothingToSell(begin, end, None, _):
            why = _why(
                "nothing_to_sell", f"no trip runs from {begin} to {end}, nor on any other day"
            )
        case NothingToSell(begin, end, first, last):
            why = _why(
                "nothing_to_sell",
                f"no trip runs from {begin} to {end}; trips run from {first} to {last}",
            )
        case AgencyUnclear(asked, agencies):
            why = _why(
                "agency_unclear",
                f"none of the feed's agencies is `{asked}`; there are {listed(agencies)}",
            )
        case LayoutUnknown(name, known):
            why = _why("layout_unknown", f"there is no layout `{name}`; known are {listed(known)}")
        case TooMuch(buses, limit):
            why = _why("too_much", f"{buses:,} buses are more than one import may add ({limit:,})")
        case ImportRunning():
            why = _why("running", "another import for this operator is running")
        case _:
            return State.FAILED, _why("failed", "the database could not be used; try again")
    return State.REFUSED, why


def _why(code: str, detail: str) -> dict[str, Any]:
    return {"code": code, "detail": f"{detail[:_DETAIL_LENGTH]}; nothing was written"}


def main() -> None:
    """Do what the command line says."""
    logging.basicConfig(level=logging.WARNING)
    warnings.simplefilter("ignore")
    os.nice(_POLITENESS)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(hard, MEMORY_BYTES)
    with suppress(ValueError, OSError):  # where there is no such bound, the machine's own holds
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    import_id, descriptor = int(sys.argv[1]), int(sys.argv[2])
    url = sys.stdin.read()
    asyncio.run(do_import(url, import_id, Path(f"/dev/fd/{descriptor}")))


if __name__ == "__main__":
    main()
