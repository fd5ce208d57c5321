"""A device's own side: it swaps its code for a key, says that it lives, and learns what it is."""

import datetime as dt
import re
from datetime import datetime
from typing import Annotated

import msgspec

from server.api.holds import owned
from server.api.shapes import (
    Identifier,
    Money,
    Named,
    StopShape,
    require_calendar,
    utc,
)
from server.contract import Access, Call, Operation
from server.policies import Rate
from server.problems import bad_field
from store.devices import Device
from store.errors import (
    HoldExpired,
    HoldNotFound,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    TooManyTries,
)
from store.ids import format_owned
from store.tills import Day

HEARTBEAT_SECONDS = 30
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
Version = Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,40}$(?!\n)", examples=["1.0.0"])]


class PairRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The six digits that staff were shown, and what runs on the device."""

    code: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{6}$(?!\n)", examples=["424242"])]
    version: Version


class DeviceShape(msgspec.Struct, frozen=True, omit_defaults=True):
    """`status` is `active` or `revoked`."""

    id: str
    operator: Named
    kind: str
    name: str
    status: str
    paired_at: datetime
    key_issued_at: datetime
    stop: StopShape | None = None
    version: str | None = None
    old_key_ends_at: datetime | None = None
    last_seen_at: datetime | None = None
    last_sale_at: datetime | None = None
    revoked_at: datetime | None = None


class NewKey(msgspec.Struct, frozen=True):
    """A device's key, told this once: `Authorization: Bearer omd_...`."""

    device: DeviceShape
    key: str


class RolledKey(msgspec.Struct, frozen=True):
    """A device's next key, told this once; the one before is good until `old_key_ends_at`."""

    device_id: str
    key: str
    old_key_ends_at: datetime


class HeartbeatRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: Version
    last_sale_at: datetime | None = None


class DeviceSettings(msgspec.Struct, frozen=True):
    """What a device goes by: the operator's money and clock, how long a hold lasts, and when to call again.

    `voucher_seconds` is how long seats wait for cash at a counter, 0 where none do.
    """

    currency: str
    time_zone: str
    hold_seconds: int
    heartbeat_seconds: int
    voucher_seconds: int


class HeartbeatShape(msgspec.Struct, frozen=True):
    now: datetime
    operator: Named
    stop: StopShape | None
    kind: str
    name: str
    settings: DeviceSettings


class HandoverRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hold_id: Identifier


class HandoverShape(msgspec.Struct, frozen=True):
    """What the QR code on the screen says. What follows its `#` is not sent to any server, nor written to a log."""

    url: str
    expires_at: datetime


class TakingShape(msgspec.Struct, frozen=True):
    ref: str
    bus_id: str
    bus_name: str
    status: str
    seats: int
    amount: Money
    refunded: Money
    at: datetime


class TillShape(msgspec.Struct, frozen=True):
    """Cash that this device took on a day of its operator's clock, and what of it has been paid back since."""

    date: str
    time_zone: str
    bookings: int
    seats: int
    totals: list[Money]
    refunded: list[Money]
    items: list[TakingShape]


class DayQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Without a date: today, as the operator's clock has it."""

    date: dt.date | None = None


def device_shape(device: Device) -> DeviceShape:
    return DeviceShape(
        id=str(device.device_id),
        operator=Named(str(device.operator_id), device.operator),
        kind=device.kind.value,
        name=device.name,
        status="active" if device.revoked_at is None else "revoked",
        paired_at=utc(device.paired_at),
        key_issued_at=utc(device.key_issued_at),
        stop=place_of(device),
        version=device.version,
        old_key_ends_at=_utc(device.old_key_ends_at),
        last_seen_at=_utc(device.last_seen_at),
        last_sale_at=_utc(device.last_sale_at),
        revoked_at=_utc(device.revoked_at),
    )


def place_of(device: Device) -> StopShape | None:
    if device.stop_id is None or device.stop is None or device.stop_time_zone is None:
        return None
    return StopShape(str(device.stop_id), device.stop, device.stop_time_zone)


async def pair_device(call: Call, body: PairRequest) -> NewKey:
    """Swap a code for a device's own key. The code is used up, even if the answer is lost: then have another shown."""
    guest = call.services.guests.recognise(None, call.client).guest
    assert guest is not None
    store = call.services.store
    paired = await store.pairing.pair(body.code, guest.network, body.version)
    device = await store.devices.find(None, paired.device_id)
    return NewKey(device_shape(device), paired.key)


async def read_own_device(call: Call) -> DeviceShape:
    """Show the device that asks."""
    return device_shape(await call.services.store.devices.find(call.caller, _own(call)))


async def send_heartbeat(call: Call, body: HeartbeatRequest) -> HeartbeatShape:
    """Say that the device lives, and learn what it should go by."""
    if (sold_at := body.last_sale_at) is not None:
        if sold_at.tzinfo is None:
            raise bad_field("/last_sale_at", "offset_missing", "say the offset")
        require_calendar(sold_at, "/last_sale_at")
    beat = await call.services.store.devices.beat(call.caller, body.version, sold_at)
    device = beat.device
    return HeartbeatShape(
        now=utc(beat.now),
        operator=Named(str(device.operator_id), device.operator),
        stop=place_of(device),
        kind=device.kind.value,
        name=device.name,
        settings=DeviceSettings(
            device.currency,
            device.time_zone,
            call.services.settings.hold_seconds,
            HEARTBEAT_SECONDS,
            _voucher_seconds(call),
        ),
    )


def _voucher_seconds(call: Call) -> int:
    settings = call.services.settings
    return settings.voucher_seconds if "cash" in settings.payment_methods else 0


async def roll_own_key(call: Call) -> RolledKey:
    """Get another key. The one that asks is good for ten minutes more, so an answer may be lost: ask again with it."""
    key = call.headers[b"authorization"].decode("latin-1").partition(" ")[2].strip()
    rolled = await call.services.store.devices.roll(call.caller, _own(call), in_hand=key)
    return RolledKey(str(rolled.device_id), rolled.key, utc(rolled.old_key_ends_at))


async def offer_handover(call: Call, body: HandoverRequest) -> HandoverShape:
    """Let a rider's phone take over one of this kiosk's holds: make a link, good once and for two minutes at most."""
    hold = owned(body.hold_id)
    link = await call.services.store.handover.offer(call.caller, hold)
    fragment = f"claim={link.token}&bus={hold[0]}"
    url = f"{site_of(call)}/checkout/{format_owned(*hold)}#{fragment}"
    return HandoverShape(url, link.expires_at)


async def read_own_sales(call: Call, query: DayQuery) -> TillShape:
    """Show what this kiosk took in cash on a day."""
    if query.date is not None:
        require_calendar(query.date, "/date")
    return _till_shape(await call.services.store.tills.day(call.caller, query.date))


def _till_shape(day: Day) -> TillShape:
    taken: dict[str, int] = {day.currency: 0}
    returned: dict[str, int] = {day.currency: 0}
    for each in day.takings:
        taken[each.currency] = taken.get(each.currency, 0) + each.amount
        returned[each.currency] = returned.get(each.currency, 0) + each.refunded
    return TillShape(
        date=day.day.isoformat(),
        time_zone=day.time_zone,
        bookings=len(day.takings),
        seats=sum(each.seats for each in day.takings),
        totals=[Money(amount, currency) for currency, amount in taken.items()],
        refunded=[Money(amount, currency) for currency, amount in returned.items()],
        items=[
            TakingShape(
                ref=each.ref,
                bus_id=str(each.bus_id),
                bus_name=each.bus,
                status=each.status,
                seats=each.seats,
                amount=Money(each.amount, each.currency),
                refunded=Money(each.refunded, each.currency),
                at=utc(each.at),
            )
            for each in day.takings
        ],
    )


def site_of(call: Call) -> str:
    """Return where a phone finds our pages: as configured, or else as the device has found us."""
    if call.services.settings.allowed_origins:
        return call.services.settings.allowed_origins[0]
    host = call.headers.get(b"host", b"").decode("latin-1")
    return f"{call.scheme}://{host}" if _HOST.fullmatch(host) else ""


def _own(call: Call) -> int:
    assert call.caller.device_id is not None, "only devices are let in"
    return call.caller.device_id


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else utc(moment)


OPERATIONS = (
    Operation(
        "POST",
        "/devices/pair",
        pair_device,
        NewKey,
        status=201,
        problems=(NotFound, TooManyTries, Overloaded, OutcomeUnknown),
        rate=Rate.PAIRING,
    ),
    Operation(
        "GET",
        "/devices/me",
        read_own_device,
        DeviceShape,
        access=Access.DEVICES,
        problems=(NotFound, Overloaded),
        rate=Rate.DEVICE,
    ),
    Operation(
        "POST",
        "/devices/me/heartbeat",
        send_heartbeat,
        HeartbeatShape,
        access=Access.DEVICES,
        problems=(NotFound, Overloaded, OutcomeUnknown),
        rate=Rate.DEVICE,
    ),
    Operation(
        "POST",
        "/devices/me/roll",
        roll_own_key,
        RolledKey,
        access=Access.DEVICES,
        problems=(NotFound, Overloaded, OutcomeUnknown),
        rate=Rate.DEVICE,
    ),
    Operation(
        "POST",
        "/devices/me/handover",
        offer_handover,
        HandoverShape,
        status=201,
        access=Access.KIOSKS,
        problems=(NotFound, HoldNotFound, HoldExpired, Overloaded),
        rate=Rate.DEVICE,
    ),
    Operation(
        "GET",
        "/devices/me/sales",
        read_own_sales,
        TillShape,
        access=Access.KIOSKS,
        problems=(NotFound, Overloaded),
        rate=Rate.DEVICE,
    ),
)
