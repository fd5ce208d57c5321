"""What a webhook was told and what it answered; tests, and sending again."""

import datetime as dt
import uuid
from typing import Annotated, Any, Literal

import msgspec

from server.api.admin_webhooks import webhook_of
from server.api.shapes import require_moment, utc
from server.contract import Access, Call, Operation
from server.cursors import read_id_cursor, write_id_cursor
from server.webhooks.events import body_of_test
from store.errors import Forbidden, NotFound, OutcomeUnknown, Overloaded, WrongState
from store.webhook_log import Told, Tried, WantedDeliveries
from store.webhook_outbox import State
from store.webhooks import EventType

Status = Literal["waiting", "delivered", "failed"]
AnyEvent = Annotated[
    str,
    msgspec.Meta(
        pattern="^(" + "|".join(each.value.replace(".", r"\.") for each in EventType) + r")$(?!\n)"
    ),
]
Ref = Annotated[str, msgspec.Meta(pattern=r"^[A-HJ-NP-Z2-9]{6,8}$(?!\n)")]


class DeliveryQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`from` and `to` are moments with their offset, of when it happened; `to` itself is not in it."""

    status: Status | None = None
    event: AnyEvent | None = None
    booking: Ref | None = None
    from_: dt.datetime | None = msgspec.field(name="from", default=None)
    to: dt.datetime | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 50
    cursor: str | None = None


class DeliveryShape(msgspec.Struct, frozen=True):
    """`id` is what the receiver sees as `webhook-id`; `next_attempt_at` only while it waits."""

    id: str
    webhook: str
    event: str
    sequence: int
    booking: str | None
    status: str
    attempts: int
    created_at: dt.datetime
    next_attempt_at: dt.datetime | None
    ended_at: dt.datetime | None


class AttemptShape(msgspec.Struct, frozen=True):
    """One try; a number that is missing was begun, and nobody lived to tell of it.

    `outcome` is `delivered`, `refused`, `redirected`, `gone`, `timeout`, `unreachable`, `garbled` or `not_allowed`;
    `answer` is the first KiB of what was said.
    """

    number: int
    at: dt.datetime
    milliseconds: int
    outcome: str
    status: int | None
    answer: str | None
    error: str | None


class DeliveryDetail(DeliveryShape, frozen=True):
    """A delivery with what was sent and what came of it."""

    body: dict[str, Any]
    tries: list[AttemptShape]


class DeliveryList(msgspec.Struct, frozen=True):
    items: list[DeliveryShape]
    next_cursor: str | None


class ResendRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From when on; with its offset."""

    since: dt.datetime


class ResendShape(msgspec.Struct, frozen=True):
    """How many are sent again, and whether there are more: ask again for those."""

    resent: int
    more: bool


async def test_webhook(call: Call) -> DeliveryShape:
    """Send a test to a webhook: what comes of it is in the delivery."""
    webhook = webhook_of(call)
    told = await call.services.store.webhook_log.test(call.caller, webhook, body_of_test(webhook))
    return delivery_shape(told)


async def list_webhook_deliveries(call: Call, query: DeliveryQuery) -> DeliveryList:
    """List what a webhook was told, newest first."""
    wanted = WantedDeliveries(
        state=None if query.status is None else State(query.status.upper()),
        event_type=None if query.event is None else EventType(query.event),
        booking_ref=query.booking,
        begin=_moment(query.from_, "/from"),
        end=_moment(query.to, "/to"),
    )
    found = await call.services.store.webhook_log.list(
        call.caller,
        webhook_of(call),
        wanted,
        before=read_id_cursor(query.cursor) or None,
        limit=query.limit,
    )
    is_more = len(found) == query.limit
    return DeliveryList(
        [delivery_shape(told) for told in found],
        write_id_cursor(found[-1].sequence) if is_more else None,
    )


async def read_webhook_delivery(call: Call) -> DeliveryDetail:
    """Show a delivery, what was sent, and every attempt."""
    told, tries = await call.services.store.webhook_log.find(
        call.caller, webhook_of(call), _delivery_of(call)
    )
    return DeliveryDetail(
        **msgspec.structs.asdict(delivery_shape(told)),
        body=msgspec.json.decode(told.body, type=dict[str, Any]),
        tries=[_attempt_shape(tried) for tried in tries],
    )


async def resend_webhook_delivery(call: Call) -> DeliveryShape:
    """Send a delivery again, now, under the same number and with the same body."""
    told = await call.services.store.webhook_log.resend(
        call.caller, webhook_of(call), _delivery_of(call)
    )
    return delivery_shape(told)


async def resend_failed_deliveries(call: Call, body: ResendRequest) -> ResendShape:
    """Send everything again that failed since a moment, a thousand at a time."""
    require_moment(body.since, "/since")
    resent = await call.services.store.webhook_log.resend_failed(
        call.caller, webhook_of(call), body.since
    )
    return ResendShape(resent.count, resent.are_left)


def delivery_shape(told: Told) -> DeliveryShape:
    return DeliveryShape(
        id=str(told.delivery_id),
        webhook=str(told.endpoint_id),
        event=told.event_type,
        sequence=told.sequence,
        booking=told.booking_ref,
        status=told.state.lower(),
        attempts=told.attempts,
        created_at=utc(told.created_at),
        next_attempt_at=utc(told.due_at) if told.state is State.WAITING else None,
        ended_at=told.done_at and utc(told.done_at),
    )


def _attempt_shape(tried: Tried) -> AttemptShape:
    return AttemptShape(
        number=tried.attempt,
        at=utc(tried.began_at),
        milliseconds=tried.duration_ms,
        outcome=tried.outcome,
        status=tried.status,
        answer=tried.answer,
        error=tried.error,
    )


def _delivery_of(call: Call) -> uuid.UUID:
    try:
        return uuid.UUID(call.path["delivery"])
    except ValueError:
        raise NotFound("delivery") from None


def _moment(moment: dt.datetime | None, pointer: str) -> dt.datetime | None:
    if moment is not None:
        require_moment(moment, pointer)
    return moment


_READ = (Forbidden, NotFound, Overloaded)
_CHANGE = (*_READ, OutcomeUnknown, WrongState)
_ALL = "/admin/webhooks/{webhook}/deliveries"

OPERATIONS = (
    Operation(
        "POST",
        "/admin/webhooks/{webhook}/test",
        test_webhook,
        DeliveryShape,
        status=202,
        access=Access.MANAGERS,
        problems=_CHANGE,
    ),
    Operation(
        "GET",
        _ALL,
        list_webhook_deliveries,
        DeliveryList,
        access=Access.OVERSEERS,
        problems=_READ,
    ),
    Operation(
        "GET",
        f"{_ALL}/{{delivery}}",
        read_webhook_delivery,
        DeliveryDetail,
        access=Access.OVERSEERS,
        problems=_READ,
    ),
    Operation(
        "POST",
        f"{_ALL}/{{delivery}}/resend",
        resend_webhook_delivery,
        DeliveryShape,
        status=202,
        access=Access.MANAGERS,
        problems=_CHANGE,
    ),
    Operation(
        "POST",
        "/admin/webhooks/{webhook}/resend",
        resend_failed_deliveries,
        ResendShape,
        status=202,
        access=Access.MANAGERS,
        problems=_CHANGE,
    ),
)
