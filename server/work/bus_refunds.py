"""Pays riders back when their bus is cancelled: a job a booking, so that it goes on wherever a worker has stopped."""

from server.work.handler import Work
from store.jobs import Job


async def refund_rider(job: Job, work: Work) -> None:
    """Cancel a booking of a cancelled bus and have everything paid back; nothing if that was done, here or elsewhere.

    The booking says under its lock whether it was: a job that comes twice, or after its rider, pays nothing twice.
    """
    if job.detail.get("change") == "cancelled":
        await work.store.cancellations.refund_cancelled(job.bus_id, job.booking_id)
