"""An operator's webhooks: added, listed, changed, given another secret, tested, deleted."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from server.api.shapes import Identifier, Line, parse_operator, path_id, utc
from server.contract import Access, Call, Operation
from server.cursors import read_id_cursor, write_id_cursor
from server.problems import bad_field
from server.webhooks.destinations import NotAllowed, destinations_of
from store.errors import (
    AlreadyExists,
    Forbidden,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    WrongState,
)
from store.webhooks import Endpoint, EndpointEdit, EventType, NewEndpoint

Event = Literal[
    "booking.confirmed",
    "booking.cancelled",
    "booking.expired",
    "booking.failed",
    "bus.cancelled",
    "bus.rescheduled",
    "refund.paid",
]
Events = Annotated[list[Event], msgspec.Meta(min_length=1, max_length=20)]
Url = Annotated[
    str,
    msgspec.Meta(
        min_length=8,
        max_length=2000,
        pattern=r"^https?://[!-~]+$(?!\n)",
        examples=["https://93.184.216.34/omnibus"],
    ),
]


class WebhookRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where to tell of what. Without an `operator` it is one's own."""

    url: Url
    events: Events
    description: Line | None = None
    operator: Identifier | None = None


class WebhookChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is left out stays."""

    url: Url | None = None
    events: Events | None = None
    description: Line | None = None
    enabled: bool | None = None


class WebhookShape(msgspec.Struct, frozen=True):
    """`disabled_because` is `staff`, `gone` (it answered 410) or `failing` (for five days); `waiting` are deliveries.

    `sequence` is that of the last thing it was, or is to be, told.
    """

    id: str
    operator: str
    url: str
    description: str | None
    events: list[str]
    api_version: str
    enabled: bool
    disabled_because: str | None
    disabled_at: datetime | None
    failing_since: datetime | None
    old_secret_ends_at: datetime | None
    sequence: int
    waiting: int
    created_at: datetime


class NewWebhook(WebhookShape, frozen=True):
    """A webhook with its `secret`, which is told this once."""

    secret: str


class RotatedSecret(msgspec.Struct, frozen=True):
    """The new secret, told this once; messages are signed with the old one, too, until `old_secret_ends_at`."""

    id: str
    secret: str
    old_secret_ends_at: datetime


class WebhookQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    operator: Identifier | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 50
    cursor: str | None = None


class WebhookList(msgspec.Struct, frozen=True):
    items: list[WebhookShape]
    next_cursor: str | None


async def create_webhook(call: Call, body: WebhookRequest) -> NewWebhook:
    """Add a webhook; the answer has its secret."""
    operator_id = parse_operator(body.operator) or call.caller.operator_id
    if operator_id is None:
        raise bad_field("/operator", "required", "say whose webhook it shall be")
    await _require_allowed(call, body.url)
    new = NewEndpoint(
        operator_id,
        body.url,
        {EventType(event) for event in body.events},
        body.description and body.description.strip(),
    )
    added = await call.services.store.webhooks.add(call.caller, new)
    shown = msgspec.structs.asdict(webhook_shape(added.endpoint))
    return NewWebhook(**shown, secret=added.secret)


async def list_webhooks(call: Call, query: WebhookQuery) -> WebhookList:
    """List webhooks by number."""
    found = await call.services.store.webhooks.list(
        call.caller,
        parse_operator(query.operator),
        after=read_id_cursor(query.cursor),
        limit=query.limit,
    )
    is_more = len(found) == query.limit
    return WebhookList(
        [webhook_shape(endpoint) for endpoint in found],
        write_id_cursor(found[-1].endpoint_id) if is_more else None,
    )


async def read_webhook(call: Call) -> WebhookShape:
    """Show a webhook."""
    return webhook_shape(await call.services.store.webhooks.find(call.caller, webhook_of(call)))


async def change_webhook(call: Call, body: WebhookChange) -> WebhookShape:
    """Change a webhook, disable or enable it."""
    if body.url is not None:
        await _require_allowed(call, body.url)
    edit = EndpointEdit(
        url=body.url,
        event_types=None if body.events is None else {EventType(each) for each in body.events},
        description=body.description and body.description.strip(),
        is_enabled=body.enabled,
    )
    changed = await call.services.store.webhooks.change(call.caller, webhook_of(call), edit)
    return webhook_shape(changed)


async def delete_webhook(call: Call) -> None:
    """Delete a webhook with all that it was told."""
    await call.services.store.webhooks.delete(call.caller, webhook_of(call))


async def rotate_webhook_secret(call: Call) -> RotatedSecret:
    """Give a webhook another secret; for 24 hours messages carry both signatures."""
    rotated = await call.services.store.webhooks.rotate(call.caller, webhook_of(call))
    return RotatedSecret(str(rotated.endpoint_id), rotated.secret, utc(rotated.old_secret_ends_at))


def webhook_of(call: Call) -> int:
    return path_id(call.path["webhook"], "webhook")


def webhook_shape(endpoint: Endpoint) -> WebhookShape:
    return WebhookShape(
        id=str(endpoint.endpoint_id),
        operator=str(endpoint.operator_id),
        url=endpoint.url,
        description=endpoint.description,
        events=[*endpoint.event_types],
        api_version=endpoint.api_version,
        enabled=endpoint.disabled_at is None,
        disabled_because=endpoint.disabled_because,
        disabled_at=_utc(endpoint.disabled_at),
        failing_since=_utc(endpoint.failing_since),
        old_secret_ends_at=_utc(endpoint.old_secret_ends_at),
        sequence=endpoint.last_sequence,
        waiting=endpoint.waiting,
        created_at=utc(endpoint.created_at),
    )


async def _require_allowed(call: Call, url: str) -> None:
    """Refuse where no webhook may lead. It is judged again whenever something is sent there."""
    try:
        await destinations_of(call.services.settings).find(url)
    except NotAllowed as error:
        raise bad_field("/url", "not_allowed", str(error)) from None


def _utc(moment: datetime | None) -> datetime | None:
    return moment and utc(moment)


_CHANGE = (Forbidden, NotFound, Overloaded, OutcomeUnknown)
_ONE = "/admin/webhooks/{webhook}"

OPERATIONS = (
    Operation(
        "POST",
        "/admin/webhooks",
        create_webhook,
        NewWebhook,
        status=201,
        access=Access.MANAGERS,
        problems=(*_CHANGE, AlreadyExists, WrongState),
    ),
    Operation(
        "GET",
        "/admin/webhooks",
        list_webhooks,
        WebhookList,
        access=Access.OVERSEERS,
        problems=(Forbidden, NotFound, Overloaded),
    ),
    Operation(
        "GET",
        _ONE,
        read_webhook,
        WebhookShape,
        access=Access.OVERSEERS,
        problems=(NotFound, Overloaded),
    ),
    Operation(
        "PATCH",
        _ONE,
        change_webhook,
        WebhookShape,
        access=Access.MANAGERS,
        problems=(*_CHANGE, AlreadyExists),
    ),
    Operation(
        "DELETE",
        _ONE,
        delete_webhook,
        None,
        status=204,
        access=Access.MANAGERS,
        problems=_CHANGE,
    ),
    Operation(
        "POST",
        f"{_ONE}/rotate",
        rotate_webhook_secret,
        RotatedSecret,
        access=Access.MANAGERS,
        problems=_CHANGE,
    ),
)
