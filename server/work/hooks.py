"""What happened to a booking is written for every endpoint that wants to know; senders take it from there."""

import uuid
from collections.abc import Mapping

from server.webhooks.events import body_of_booking
from server.work.handler import Work
from store.jobs import Job, JobKind
from store.webhook_outbox import Happening
from store.webhooks import EventType

_EVENTS: Mapping[JobKind, EventType] = {
    JobKind.BOOKING_CONFIRMED: EventType.BOOKING_CONFIRMED,
    JobKind.BOOKING_CANCELLED: EventType.BOOKING_CANCELLED,
    JobKind.BOOKING_EXPIRED: EventType.BOOKING_EXPIRED,
    JobKind.BOOKING_FAILED: EventType.BOOKING_FAILED,
}
_CHANGES: Mapping[object, EventType] = {
    "cancelled": EventType.BUS_CANCELLED,
    "rescheduled": EventType.BUS_RESCHEDULED,
}


async def tell(job: Job, work: Work) -> None:
    """Write the deliveries of a job: one for each endpoint, however often this is done. Locks the endpoints."""
    event_type = _EVENTS.get(job.kind)
    if job.kind is JobKind.BUS_CHANGED:
        event_type = _CHANGES.get(job.detail.get("change"))
    if event_type is not None:
        await _tell(job, work, event_type)


async def tell_refund_paid(job: Job, work: Work) -> None:
    """Do the same for a refund, given a job of it: for whoever has just learned that the money is back.

    A refund may have two jobs, and is told of once: the deliveries go by its number.
    """
    source = uuid.uuid5(uuid.UUID(job.detail["refund_id"]), EventType.REFUND_PAID)
    await _tell(job, work, EventType.REFUND_PAID, source)


async def _tell(
    job: Job, work: Work, event_type: EventType, source: uuid.UUID | None = None
) -> None:
    happening = Happening(
        job.operator_id, event_type, source or job.job_id, job.bus_id, job.booking_id
    )
    write = body_of_booking(event_type, job.created_at, job.bus_id, job.detail)
    await work.store.webhook_outbox.queue(happening, write)
