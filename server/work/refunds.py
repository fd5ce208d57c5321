"""Pays back what was decided to go back: at the provider, once, and until it is done."""

import uuid

from server.payments.provider import ProviderDown, ProviderRefused, RefundStage
from server.work.handler import GiveUp, Later, Work
from server.work.hooks import tell_refund_paid
from store.jobs import Job
from store.payouts import Attempt, PayoutStatus

_DOWN_SECONDS = 30.0
_PENDING_SECONDS = 300.0
_STATUSES = {
    RefundStage.DONE: PayoutStatus.DONE,
    RefundStage.PENDING: PayoutStatus.PENDING,
    RefundStage.FAILED: PayoutStatus.FAILED,
}


async def pay_back(job: Job, work: Work) -> None:
    """Pay a refund back through the provider that took the money; cash waits for whoever comes to the counter.

    The provider knows the refund by its number, so a second try pays nothing twice. What it says is kept, a row for
    everything that it ever said. Raises Later while it is down or has not done it yet, GiveUp when it never will.
    """
    refund_id = uuid.UUID(job.detail["refund_id"])
    payout = await work.store.payouts.find(job.bus_id, refund_id)
    if payout is None:
        raise GiveUp("there is no such refund")
    if payout.is_paid:
        await tell_refund_paid(job, work)
        return
    if payout.method == "cash":
        return
    try:
        state = await work.cashier.refund(payout)
    except ProviderDown as error:
        raise Later(_DOWN_SECONDS, f"the provider is down: {error}") from error
    except ProviderRefused as error:
        failed = Attempt(_number(job, PayoutStatus.FAILED), PayoutStatus.FAILED, None, error.reason)
        await work.store.payouts.record(payout, failed)
        raise GiveUp(error.reason) from error
    status = _STATUSES[state.status]
    attempt = Attempt(_number(job, status), status, state.provider_refund, state.reason)
    await work.store.payouts.record(payout, attempt)
    if status is PayoutStatus.DONE:
        await tell_refund_paid(job, work)
    if status is PayoutStatus.PENDING:
        raise Later(_PENDING_SECONDS, "the provider has not paid it back yet")
    if status is PayoutStatus.FAILED:
        raise GiveUp(state.reason or "the provider could not pay it back")


def _number(job: Job, status: PayoutStatus) -> uuid.UUID:
    return uuid.uuid5(job.job_id, status)
