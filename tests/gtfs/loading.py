"""Imports into a test's database, and what they leave there."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from store.db import Database
from store.departures import Added
from store.gtfs import Loaded, Step, Terms, Wish, load, make_plan, read_feed
from tests.gtfs.feeds import write_feed

NOW = datetime(2030, 6, 3, 10, tzinfo=UTC)
WEEK = Wish("Northline", days=7)
TERMS = Terms()
_TABLES = (
    *("operators", "stops", "routes", "route_stops", "layouts", "layout_seats"),
    *("buses", "bus_stops", "seats", "audit_log"),
)


def silent(_step: Step, _done: int, _total: int) -> None:
    pass


async def import_feed(
    db: Database,
    folder: Path,
    changes: Mapping[str, str | bytes | None] | None = None,
    *,
    wish: Wish = WEEK,
    terms: Terms = TERMS,
    report: Callable[[Step, int, int], None] = silent,
) -> list[Loaded]:
    plan = make_plan(read_feed(write_feed(folder, changes)), wish, NOW)
    return await load(db, plan, terms, report)


async def import_one(
    db: Database,
    folder: Path,
    changes: Mapping[str, str | bytes | None] | None = None,
    **options: Any,
) -> Added:
    (loaded,) = await import_feed(db, folder, changes, **options)
    return loaded.added


async def everything(owner: "asyncpg.Connection[asyncpg.Record]") -> dict[str, list[str]]:
    """Return every row an import could have touched."""
    return {table: sorted(map(repr, await owner.fetch(f"TABLE {table}"))) for table in _TABLES}
