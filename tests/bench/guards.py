"""(s) What it costs a booking that operators are kept apart and buyers within their limits."""

import asyncpg

from tests.bench.effort import Effort
from tests.bench.fleet import Fleet, Fleets
from tests.bench.report import Ratio, Section, Subject
from tests.bench.shop import open_shop
from tests.support.twins import switch_off_row_security

_LIMITED = {"OMNIBUS_RATE_LIMITS": "on"}


async def guarded_bookings(fleets: Fleets, effort: Effort) -> Section:
    """Sell in turn with row security and limits, with row security alone, and with neither."""
    guarded, unlimited, bare = (
        Subject(f"omnibus, {what}")
        for what in ("row security and limits", "row security alone", "neither")
    )
    async with (
        open_shop(fleets, effort, settings=_LIMITED) as all_on,
        open_shop(fleets, effort) as no_limits,
        open_shop(fleets, effort, prepare=_open_to_all) as nothing,
    ):
        pairs = ((guarded, all_on), (unlimited, no_limits), (bare, nothing))
        for number in range(2 * effort.rounds):
            # Each is as often before another as after it: the machine's mood drifts.
            for subject, shop in pairs if number % 2 else reversed(pairs):
                subject.rounds.append(await shop.sell(effort.seconds / 2))
        checked = await all_on.check()
    return Section(
        "s",
        "bookings a second, guarded and not",
        (guarded, unlimited, bare),
        [
            Ratio(figure, each, bare, wanted)
            for figure, wanted in (("per second", "≥ 0.95"), ("API + PostgreSQL µs", "≤ 1.05"))
            for each in (guarded, unlimited)
        ],
        notes=(f"guarded: {all_on.breakdown()}", f"neither: {nothing.breakdown()}", checked),
    )


async def _open_to_all(fleet: Fleet) -> int:
    connection = await asyncpg.connect(fleet.superuser_url)
    try:
        await switch_off_row_security(connection)
    finally:
        await connection.close()
    return 0
