"""The counts of buyers: locked first of all, and what is behind them."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from store.buyers import Buyer, Buyers, Kept, LetGo
from store.db import Connection, Record
from store.limits import read_limits
from store.model import Bus
from store.queries import Queries
from store.requests import Needs, Request

SQL = Queries.beside(__file__)


async def lock_buyers(
    connection: Connection, requests: Sequence[Request[Any]], needs: Sequence[Needs]
) -> Buyers:
    """Lock the counts of buyers and of guests' addresses; return what they really keep, and their limits.

    Locks counts by (bus, buyer), before anything else of a bus. Two statements: what the first has waited for is seen
    by the second only. What a buyer keeps on other buses is read without locks, as `store.buyers` explains.
    """
    return await lock_counts(
        connection,
        [
            (request.bus, need.buyer)
            for request, need in zip(requests, needs, strict=True)
            if need.buyer is not None
        ],
    )


async def lock_counts(connection: Connection, wanted: Iterable[tuple[Bus, Buyer]]) -> Buyers:
    """Do as `lock_buyers` does for these buyers on these buses."""
    found = Buyers()
    kinds: dict[tuple[int, int, uuid.UUID], str] = {}
    for bus, buyer in wanted:
        for identity in buyer.identities:
            place = (bus.bus_id, bus.operator_id, identity)
            # Staff and the buyer may ask in one batch: the larger cap stands, each is held to their own when decided.
            if kinds.get(place) != "staff":
                kinds[place] = buyer.kind_of(identity)
            found.locked.add((bus.bus_id, identity))
    if not kinds:
        return found
    columns = tuple(zip(*((*place, kind) for place, kind in kinds.items()), strict=True))
    await connection.execute(SQL["lock_buyers"], *columns)
    for row in await connection.fetch(SQL["count_held"], *columns):
        _note(found, row)
    return found


def _note(found: Buyers, row: Record) -> None:
    operator_id = row["operator_id"]
    if operator_id not in found.limits:
        found.limits[operator_id] = read_limits(row)
    if row["buyer"] is None:
        return
    if row["let_go_at"] is not None:
        found.drop(
            row["bus_id"], row["buyer"], row["seats"], LetGo(row["let_go_at"], row["part_of"])
        )
        return
    found.keep(
        Kept(
            bus_id=row["bus_id"],
            operator_id=operator_id,
            owner=row["hold_id"] or row["booking_id"],
            buyer=Buyer(row["buyer"], row["network"]),
            seats=tuple(row["seats"]),
            expires_at=row["expires_at"],
            is_voucher=row["is_voucher"],
        )
    )
