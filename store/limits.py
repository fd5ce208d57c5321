"""What operators let buyers keep from others: shown to everyone, set by the operator's administrators."""

from dataclasses import asdict

import msgspec

from store.authority import require_in_business
from store.db import Connection, Database, Record
from store.errors import NotFound
from store.model import Caller, Limits
from store.queries import Queries
from store.tenancy import Tenancy

SQL = Queries.beside(__file__)


class OperatorLimits:
    def __init__(self, db: Database, tenancy: Tenancy) -> None:
        self._db = db
        self._tenancy = tenancy

    async def find(self, caller: Caller, operator_id: int) -> Limits:
        """Return an operator's limits, staff's among them; raise Forbidden, NotFound."""
        await self._require_manager(caller, operator_id)
        row = await self._db.fetchrow(SQL["find_limits"], operator_id)
        if row is None:
            raise NotFound("operator")
        return read_limits(row)

    async def set(self, caller: Caller, operator_id: int, limits: Limits) -> Limits:
        """Replace an operator's limits and write the audit log; what is kept already is kept until it ends.

        Counts from the next hold on: every batch reads the limits with the counts it locks. Locks the operator's row.
        Raises Forbidden, NotFound.
        """
        await self._require_manager(caller, operator_id)

        async def work(connection: Connection) -> Limits:
            row = await connection.fetchrow(SQL["lock_limits"], operator_id)
            if row is None:
                raise NotFound("operator")
            require_in_business(caller, is_suspended=row["is_suspended"])
            before, after = asdict(read_limits(row)), asdict(limits)
            changed = {
                name: [before[name], after[name]] for name in after if before[name] != after[name]
            }
            if changed:
                await connection.execute(SQL["set_limits"], operator_id, *after.values())
                await connection.execute(
                    SQL["log_limits"],
                    operator_id,
                    caller.user_id,
                    f"operator {operator_id}",
                    msgspec.json.encode(changed).decode(),
                )
            return limits

        return await self._db.transaction(caller.scope_at(operator_id), work)

    async def _require_manager(self, caller: Caller, operator_id: int) -> None:
        await self._tenancy.require_manager(
            caller,
            operator_id,
            what="operator",
            why="an operator's limits are its administrators'",
        )


def read_limits(row: Record) -> Limits:
    return Limits(
        seats_per_buyer=row["seats_per_buyer"],
        seats_per_address=row["seats_per_address"],
        seats_per_staff=row["seats_per_staff"],
        holds_per_buyer=row["holds_per_buyer"],
        holds_per_staff=row["holds_per_staff"],
        cooldown_seconds=row["cooldown_seconds"],
        extension_seconds=row["extension_seconds"],
        hold_seconds_max=row["hold_seconds_max"],
    )
