"""What riders are told by mail about their bookings: queued here, once for each thing, and sent by the postman.

Nobody is written to whose booking was never paid: an address costs nothing to type, and whoever may have mails sent to
one for nothing would. That is why a booking that expired or was declined has no mail.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any

from server.work.handler import Work
from store.errors import NotFound
from store.jobs import Job, JobKind, NewJob
from store.letters import QueuedLetter, Trip
from store.mails import Template
from store.model import SaleStatus

_NOTICE = timedelta(hours=2)
"""Who buys less than this before the reminder would come needs none."""
_SLACK = timedelta(hours=1)


async def tell_confirmed(job: Job, work: Work) -> None:
    """Send the tickets, and see that a reminder comes before the bus."""
    trip = await _find(job, work)
    if trip is None or not trip.is_travelling:
        return
    letter = QueuedLetter(_once(job, "confirmed"), Template.TICKET)
    await work.store.letters.queue(trip, letter, cause=job, follow_up=_reminder(job, trip, work))


async def tell_cancelled(job: Job, work: Work) -> None:
    """Say which tickets are void and what comes back; one mail if it is the whole bus that does not go."""
    trip = await _find(job, work)
    if trip is None or trip.booking.confirmed_at is None:
        return
    refund = await _refund(job, trip, work)
    if trip.bus_status is SaleStatus.CANCELLED:
        letter = QueuedLetter(_once(job, "no bus"), Template.BUS_CANCELLED, refund)
        await work.store.letters.queue(trip, letter, cause=job)
        return
    layout = trip.booking.bus.layout
    labels = ",".join(layout.label(seat) for seat in job.detail.get("seats", ()))
    told = {"seats": labels, **refund}
    letter = QueuedLetter(_of(job, Template.BOOKING_CANCELLED), Template.BOOKING_CANCELLED, told)
    await work.store.letters.queue(trip, letter, cause=job)


async def tell_bus_changed(job: Job, work: Work) -> None:
    """Say when the bus goes now; what is over is told to nobody.

    That it does not go is told with the money that comes back: `refund_rider` ends the booking, a job of its own.
    """
    trip = await _find(job, work)
    if trip is None or trip.booking.confirmed_at is None:
        return
    if trip.is_travelling and not trip.has_left:
        letter = QueuedLetter(
            _of(job, Template.BUS_CHANGED), Template.BUS_CHANGED, _before(job, trip)
        )
        await work.store.letters.queue(
            trip, letter, cause=job, follow_up=_reminder(job, trip, work)
        )


async def tell_moved(job: Job, work: Work) -> None:
    """Say which seat somebody has now, with the tickets as they are."""
    trip = await _find(job, work)
    if trip is None or not trip.is_travelling:
        return
    layout = trip.booking.bus.layout
    told = {word: layout.label(job.detail[word]) for word in ("before", "after")}
    letter = QueuedLetter(_of(job, Template.SEAT_CHANGED), Template.SEAT_CHANGED, told)
    await work.store.letters.queue(trip, letter, cause=job)


async def tell_again(job: Job, work: Work) -> None:
    """Say how a booking stands: its tickets, or that it is over and what came back."""
    trip = await _find(job, work)
    if trip is None or trip.booking.confirmed_at is None:
        return
    if trip.is_travelling:
        letter = QueuedLetter(_of(job, Template.TICKET), Template.TICKET)
    else:
        is_off = trip.bus_status is SaleStatus.CANCELLED
        template = Template.BUS_CANCELLED if is_off else Template.BOOKING_CANCELLED
        amount = trip.booking.refunded
        letter = QueuedLetter(
            _of(job, template), template, {"refund": str(amount)} if amount else {}
        )
    await work.store.letters.queue(trip, letter, cause=job)


async def tell_late_payment(job: Job, work: Work) -> None:
    """Say that late money goes back, or that the seats are theirs all the same, which their tickets say, too."""
    trip = await _find(job, work)
    if trip is None:
        return
    refund = await _refund(job, trip, work)
    if trip.is_travelling and not refund:
        letter = QueuedLetter(_once(job, "confirmed"), Template.PAYMENT_LATE)
    else:
        letter = QueuedLetter(_of(job, Template.PAYMENT_LATE), Template.PAYMENT_LATE, refund)
    await work.store.letters.queue(trip, letter, cause=job)


async def remind(job: Job, work: Work) -> None:
    """Remind of a trip, once; too early, because the bus goes later now, is for the reminder that came with that."""
    trip = await _find(job, work)
    if trip is None or not trip.is_travelling or trip.has_left:
        return
    before = timedelta(hours=work.settings.reminder_hours)
    if before and trip.leaves_at - trip.now <= before + _SLACK:
        letter = QueuedLetter(_once(job, "reminder"), Template.REMINDER)
        await work.store.letters.queue(trip, letter, cause=job)


async def _find(job: Job, work: Work) -> Trip | None:
    """Return what the job is about, if there is anybody to write to."""
    try:
        trip = await work.store.letters.find(job.bus_id, job.booking_id)
    except NotFound:
        return None
    return trip if trip.booking.contact.email is not None else None


async def _refund(job: Job, trip: Trip, work: Work) -> dict[str, str]:
    """Return what a mail says about money that goes back: nothing when none does."""
    refund_id = job.detail.get("refund_id")
    if refund_id is None:
        return {}
    amount, currency = await work.store.letters.refunded(trip, uuid.UUID(refund_id))
    if not amount:
        return {}
    return {"refund": str(amount), **({"currency": currency} if currency else {})}


def _reminder(job: Job, trip: Trip, work: Work) -> list[NewJob]:
    """Return the job that reminds of a trip, unless that is too near."""
    before = timedelta(hours=work.settings.reminder_hours)
    due_at = trip.leaves_at - before
    if not before or due_at < trip.now + _NOTICE:
        return []
    number = uuid.uuid5(job.job_id, "reminder")
    return [NewJob(job.booking_id, JobKind.REMINDER, due_at=due_at, job_id=number)]


def _before(job: Job, trip: Trip) -> dict[str, str]:
    """Return when it was to leave from the boarding stop, if that is otherwise now: all stops move by as much."""
    moved: Any = job.detail.get("departs_at")
    if not moved:
        return {}
    old, new = map(datetime.fromisoformat, moved)
    return {"before": (trip.leaves_at + (old - new)).isoformat()}


def _of(job: Job, template: Template) -> uuid.UUID:
    """Return the number of the mail that this job causes."""
    return uuid.uuid5(job.job_id, template)


def _once(job: Job, what: str) -> uuid.UUID:
    """Return the number of a mail that a booking causes once, whichever of its jobs comes first."""
    return uuid.uuid5(uuid.NAMESPACE_OID, f"omnibus booking {job.bus_id} {job.booking_id} {what}")
