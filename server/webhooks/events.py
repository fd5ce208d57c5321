"""What an endpoint is told, as structs: the bodies are written from them, and the OpenAPI document, too.

Only numbers that lead to the rest: who may know more asks the API. Nothing about a person, and nothing that opens
anything.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from server.api.shapes import utc
from store.webhook_outbox import Booked, Write
from store.webhooks import EventType

API_VERSION = "1"


class BookingData(msgspec.Struct, frozen=True):
    """`seats` are the labels of those that this is about: all of a booking, or those that were cancelled."""

    bus_id: str
    booking_ref: str
    status: str
    seats: list[str]


class BusData(msgspec.Struct, frozen=True):
    """`booking_ref` is the booking that is concerned: each is told of by itself."""

    bus_id: str
    booking_ref: str
    seats: list[str]


class RefundData(msgspec.Struct, frozen=True):
    bus_id: str
    booking_ref: str
    refund_id: str | None


class WebhookData(msgspec.Struct, frozen=True):
    webhook_id: str


class _Event(msgspec.Struct, frozen=True, tag_field="type"):
    """`timestamp` is when it happened, `sequence` its place among all that the endpoint is told, from 1, no gaps."""

    timestamp: datetime
    sequence: int
    api_version: str


class BookingConfirmed(_Event, frozen=True, tag=EventType.BOOKING_CONFIRMED.value):
    """A booking is paid."""

    data: BookingData


class BookingCancelled(_Event, frozen=True, tag=EventType.BOOKING_CANCELLED.value):
    """Seats of a booking were given back: all of them, or some."""

    data: BookingData


class BookingExpired(_Event, frozen=True, tag=EventType.BOOKING_EXPIRED.value):
    """A booking was not paid in time."""

    data: BookingData


class BookingFailed(_Event, frozen=True, tag=EventType.BOOKING_FAILED.value):
    """The payment of a booking was declined."""

    data: BookingData


class BusCancelled(_Event, frozen=True, tag=EventType.BUS_CANCELLED.value):
    """A bus does not go, and this booking was for it."""

    data: BusData


class BusRescheduled(_Event, frozen=True, tag=EventType.BUS_RESCHEDULED.value):
    """A bus goes at another time, and this booking is for it."""

    data: BusData


class RefundPaid(_Event, frozen=True, tag=EventType.REFUND_PAID.value):
    """Money of a booking was given back."""

    data: RefundData


class WebhookTested(_Event, frozen=True, tag=EventType.TEST.value):
    """Somebody asked for a test; nothing has happened."""

    data: WebhookData


EVENTS: Mapping[EventType, type[_Event]] = {
    EventType.BOOKING_CONFIRMED: BookingConfirmed,
    EventType.BOOKING_CANCELLED: BookingCancelled,
    EventType.BOOKING_EXPIRED: BookingExpired,
    EventType.BOOKING_FAILED: BookingFailed,
    EventType.BUS_CANCELLED: BusCancelled,
    EventType.BUS_RESCHEDULED: BusRescheduled,
    EventType.REFUND_PAID: RefundPaid,
    EventType.TEST: WebhookTested,
}


def body_of_test(endpoint_id: int) -> Write:
    """Return what writes the body of a test."""

    def write(sequence: int, at: datetime, _: Booked | None) -> str:
        return _text(WebhookTested(utc(at), sequence, API_VERSION, WebhookData(str(endpoint_id))))

    return write


def body_of_booking(
    event_type: EventType, at: datetime, bus_id: int, detail: Mapping[str, Any]
) -> Write:
    """Return what writes the body of an event about a booking; `detail` is what its job says of it."""

    def write(sequence: int, _: datetime, booked: Booked | None) -> str:
        assert booked is not None
        make: Any = EVENTS[event_type]
        data = _data(event_type, bus_id, booked, detail)
        return _text(make(utc(at), sequence, API_VERSION, data))

    return write


def _data(
    event_type: EventType, bus_id: int, booked: Booked, detail: Mapping[str, Any]
) -> BookingData | BusData | RefundData:
    seats = [str(booked.labels.get(seat, seat)) for seat in detail.get("seats", booked.labels)]
    if event_type is EventType.REFUND_PAID:
        return RefundData(str(bus_id), booked.ref, detail.get("refund_id"))
    if event_type in {EventType.BUS_CANCELLED, EventType.BUS_RESCHEDULED}:
        return BusData(str(bus_id), booked.ref, seats)
    return BookingData(str(bus_id), booked.ref, booked.status, seats)


def _text(event: _Event) -> str:
    return msgspec.json.encode(event).decode()
