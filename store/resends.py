"""What stands of a booking, told once more: for riders whose mail was lost, at the word of the operator's staff."""

from dataclasses import dataclass
from datetime import timedelta

from store.authority import note, require_in_business
from store.db import Connection, Database
from store.errors import Forbidden, NotFound, TooManyMails, WrongState
from store.jobs import JobKind, NewJob, queue_job
from store.model import Booking, Caller
from store.once import answer_once
from store.queries import Queries
from store.requests import Ask, Reply
from store.tenancy import Tenancy

SQL = Queries.beside(__file__)
AGAIN_PER_HOUR = 5
"""So many of one booking: enough for whoever mistrusts their mailbox, too few to fill another's."""
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Resend:
    """A mail that is on its way, to an address that is shown as `masked` has it; `left` more may follow for now."""

    to: str
    left: int


class Resends:
    def __init__(self, db: Database, tenancy: Tenancy) -> None:
        self._db = db
        self._tenancy = tenancy

    async def send(self, caller: Caller, booking: Booking, ask: Ask[Resend]) -> Reply:
        """Queue the job that tells whoever booked how their booking stands, five times an hour at most.

        For the operator's staff. Locks the booking, so that of those who ask at once no more are counted. Raises
        NotFound, Forbidden, WrongState (it was never paid, or nobody left an address), TooManyMails, KeyReused,
        Overloaded, OutcomeUnknown. Emits nothing, writes the audit log.
        """
        operator_id = booking.bus.operator_id
        asking = await self._tenancy.at(caller, operator_id)
        if not asking.works_for(operator_id):
            is_foreign = caller.operator_id is not None
            raise NotFound("booking") if is_foreign else Forbidden("staff has mails sent again")
        require_in_business(caller, is_suspended=booking.bus.is_suspended)

        async def work(connection: Connection) -> Reply:
            return await answer_once(
                connection, ask, operator_id, lambda: _send(connection, caller, booking)
            )

        return await self._db.transaction(caller.scope_at(operator_id), work)


async def _send(connection: Connection, caller: Caller, booking: Booking) -> Resend:
    place = booking.bus.bus_id, booking.booking_id
    row = await connection.fetchrow(SQL["lock_booking"], *place)
    if row is None:
        raise NotFound("booking")
    if row["confirmed_at"] is None:
        raise WrongState(row["status"], "nobody is written to whose booking was never paid")
    if row["email"] is None:
        raise WrongState("NO_ADDRESS", "nobody has left an address with this booking")
    # Counted under the lock: a statement that begins later sees what was queued by whoever had it before.
    sent = await connection.fetchval(SQL["count_recent"], *place, JobKind.MAIL_AGAIN, _HOUR)
    if sent >= AGAIN_PER_HOUR:
        raise TooManyMails(AGAIN_PER_HOUR, int(_HOUR.total_seconds()))
    await queue_job(connection, place[0], NewJob(place[1], JobKind.MAIL_AGAIN))
    to = masked(row["email"])
    operator_id = booking.bus.operator_id
    await note(connection, caller, operator_id, "booking.mail", f"booking {booking.ref}", to=to)
    return Resend(to, AGAIN_PER_HOUR - sent - 1)


def masked(address: str) -> str:
    """Return an address as whoever knows it recognises it, and as nobody else learns it: `a***@e***.org`."""
    name, _, domain = address.rpartition("@")
    host, dot, end = domain.rpartition(".")
    return f"{name[:1]}***@{(host or end)[:1]}***{dot}{end if host else ''}"
