"""Writes a plan into the database, in one transaction: all of it, or nothing."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from store import layouts
from store.db import Connection, Database
from store.departures import (
    Added,
    Seller,
    add_departures,
    enter_scope,
    lock_timetable,
    prepare,
    refresh_statistics,
)
from store.gtfs.faults import ImportRunning, LayoutUnknown
from store.gtfs.plan import Offer, Plan
from store.queries import Queries
from store.timetable import SQL as TIMETABLE
from store.timetable import add_layout

SQL = Queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class Terms:
    """How the buses are sold. `layout` is the name of one of the operator's, or of one built in.

    Without a `currency` it is the operator's own; a new operator's is EUR then. With an `operator_id` all is that
    operator's and nobody else's, stops too, whatever the feed calls its agencies. `actor_id` is who has it done, for
    the audit log; None for whoever has the database in hand.
    """

    layout: str = "coach-40"
    currency: str | None = None
    operator_id: int | None = None
    actor_id: int | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    operator: str
    operator_id: int
    is_new: bool
    added: Added


class Step(StrEnum):
    """Where an import is: up to COMMITTING, stopping it leaves nothing behind; from ANALYZING on, all is written."""

    STAGING = "staging"
    SELLING = "selling"
    COMMITTING = "committing"
    ANALYZING = "analyzing"


Report = Callable[[Step, int, int], None]
Finish = Callable[[Connection, "Sequence[Loaded]"], Awaitable[None]]


async def _leave_it(_connection: Connection, _loaded: Sequence[Loaded]) -> None:
    """For those who have nothing to add."""


async def load(
    db: Database, plan: Plan, terms: Terms, report: Report, finish: Finish = _leave_it
) -> list[Loaded]:
    """Add what the plan has and the database has not; `report` hears how many buses of how many are written.

    `finish` is the last thing done in the transaction; what it raises undoes all of it.

    Locks each operator's timetable (an advisory lock, by name). Raises ImportRunning, LayoutUnknown, and what
    `Database.transaction` raises.
    """

    async def work(connection: Connection) -> list[Loaded]:
        report(Step.STAGING, 0, plan.buses)
        await prepare(connection)
        for name in sorted(offer.operator for offer in plan.offers):
            if not await lock_timetable(connection, name, patiently=False):
                raise ImportRunning(name)
        operators = [await _find_or_add(connection, offer, terms) for offer in plan.offers]
        source = await _find_source(connection, plan, terms)
        loaded: list[Loaded] = []
        before = 0
        for offer, operator in zip(plan.offers, operators, strict=True):
            await enter_scope(connection, operator.operator_id)
            seller = Seller(
                operator.operator_id,
                operator.currency,
                source,
                [await _find_layout(connection, operator.operator_id, terms.layout)],
            )

            def tell(done: int, _total: int, before: int = before) -> None:
                report(Step.SELLING, before + done, plan.buses)

            added = await add_departures(connection, seller, offer.departures, tell)
            before += offer.buses
            if not added.is_nothing:
                await _log(connection, operator.operator_id, plan, added, actor_id=terms.actor_id)
            loaded.append(Loaded(offer.operator, operator.operator_id, operator.is_new, added))
        report(Step.COMMITTING, plan.buses, plan.buses)
        await finish(connection, loaded)
        return loaded

    loaded = await db.transaction([], work)
    if any(not each.added.is_nothing for each in loaded):
        report(Step.ANALYZING, plan.buses, plan.buses)
        await refresh_statistics(db)
    return loaded


@dataclass(frozen=True, slots=True)
class _Operator:
    operator_id: int
    currency: str
    is_new: bool


async def _find_or_add(connection: Connection, offer: Offer, terms: Terms) -> _Operator:
    """Return the operator of that name; buses are sold in the currency that the terms name, if they do."""
    if terms.operator_id is not None:
        known = await connection.fetchrow(SQL["find_seller"], terms.operator_id)
        assert known is not None, "operators stay"
    else:
        known = await connection.fetchrow(TIMETABLE["find_operator_by_name"], offer.operator)
    if known is not None:
        return _Operator(known["operator_id"], terms.currency or known["currency"], is_new=False)
    currency = terms.currency or "EUR"
    added: int = await connection.fetchval(
        TIMETABLE["add_operator"], offer.operator, offer.zone, currency, f"gtfs:{offer.agency_id}"
    )
    return _Operator(added, currency, is_new=True)


async def _find_source(connection: Connection, plan: Plan, terms: Terms) -> str:
    """Return whose stops those of the feed are: the operator's own, or of those who share them the oldest one's.

    Whoever imports for one operator must not add to what are another's stops by naming it in a feed.
    """
    if terms.operator_id is not None:
        return f"gtfs:{terms.operator_id}"
    return f"gtfs:{await connection.fetchval(SQL['find_oldest'], plan.sharing)}"


async def _find_layout(connection: Connection, operator_id: int, name: str) -> int:
    found: int | None = await connection.fetchval(
        TIMETABLE["find_layout_by_name"], operator_id, name
    )
    if found is not None:
        return found
    plan = layouts.BUILT_IN.get(name)
    if plan is None:
        own = await connection.fetch(SQL["list_layouts"], operator_id)
        raise LayoutUnknown(name, (*layouts.BUILT_IN, *(row["name"] for row in own)))
    return await add_layout(connection, operator_id, plan())


async def _log(
    connection: Connection, operator_id: int, plan: Plan, added: Added, *, actor_id: int | None
) -> None:
    await connection.execute(
        SQL["log_import"],
        operator_id,
        plan.begin,
        plan.end,
        added.buses,
        added.routes,
        added.stops,
        actor_id,
    )
