"""At whose things a caller may be let, as row security has it: a second opinion, asked of the database.

The first one is the pure rule (`Caller.works_for`, `Caller.manages`) with the conditions in our queries. Here the
question is put in a transaction whose scope is the caller's own operator, never that of the thing that is asked for.
Either alone keeps operators apart: `tests/api/test_isolation.py` switches off the one, then the other.
"""

from dataclasses import replace

from store.db import Connection, Database
from store.errors import Forbidden, NotFound
from store.model import Caller, Role
from store.queries import Queries

SQL = Queries.beside(__file__)


class Tenancy:
    def __init__(self, db: Database) -> None:
        self._db = db
        # A yes is about two numbers and never becomes a no.
        self._admitted: set[tuple[int, int]] = set()

    async def at(self, caller: Caller, operator_id: int) -> Caller:
        """Return the caller as it counts at this operator: there, staff of another one is a buyer like others.

        A device of another one is a device of none.

        Locks nothing that outlasts the call. Raises Overloaded.
        """
        if caller.operator_id is None or await self._admits(caller.operator_id, operator_id):
            return caller
        role = Role.RIDER if caller.device_id is None else caller.role
        return replace(caller, role=role, operator_id=None)

    async def require_manager(
        self, caller: Caller, operator_id: int, *, what: str, why: str
    ) -> None:
        """Let nobody on but those who manage this operator.

        Raises NotFound(what) for another operator's staff, as if there were nothing, and Forbidden(why) for everyone
        else whose role is not enough.
        """
        if not caller.manages(operator_id):
            is_foreign = caller.operator_id not in (None, operator_id)
            raise NotFound(what) if is_foreign else Forbidden(why)
        if caller.operator_id is None or await self._admits(caller.operator_id, operator_id):
            return
        raise NotFound(what)

    async def _admits(self, own: int, operator_id: int) -> bool:
        if (own, operator_id) in self._admitted:
            return True

        async def ask(connection: Connection) -> bool:
            return await connection.fetchval(SQL["find_own"], operator_id) is not None

        is_admitted = await self._db.read([own], ask)
        if is_admitted:
            self._admitted.add((own, operator_id))
        return is_admitted
