"""An operator's devices: shown a code, listed, changed, given another key, shut out."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from server.api.devices import DeviceShape, RolledKey, device_shape
from server.api.shapes import Identifier, Line, parse_id, parse_operator, utc
from server.contract import Access, Call, Operation
from server.cursors import read_cursor, write_cursor
from server.problems import HttpProblem, bad_field
from store.errors import (
    Forbidden,
    InvalidRequest,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    WrongState,
)
from store.model import DeviceKind
from store.pairing import NewDevice

Kind = Literal["kiosk", "board", "scanner"]


class CodeRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the device will be. Kiosks and boards stand at a stop; without an `operator` it is one's own."""

    kind: Kind
    name: Line
    operator: Identifier | None = None
    stop: Identifier | None = None


class CodeShape(msgspec.Struct, frozen=True):
    """Six digits, told this once: typed into the device they are good once, until `expires_at`."""

    code: str
    kind: str
    name: str
    operator: str
    stop: str | None
    expires_at: datetime


class DeviceChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is left out stays."""

    name: Line | None = None
    stop: Identifier | None = None


class DeviceQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    operator: Identifier | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 100
    cursor: str | None = None


class DeviceList(msgspec.Struct, frozen=True):
    items: list[DeviceShape]
    next_cursor: str | None


async def create_device_code(call: Call, body: CodeRequest) -> CodeShape:
    """Have a code shown that a device can be paired with."""
    operator_id = parse_operator(body.operator) or call.caller.operator_id
    if operator_id is None:
        raise bad_field("/operator", "required", "say whose device it will be")
    new = NewDevice(
        operator_id, DeviceKind(body.kind), body.name.strip(), parse_id(body.stop, "/stop")
    )
    shown = await call.services.store.pairing.show_code(call.caller, new)
    return CodeShape(
        code=shown.code,
        kind=new.kind.value,
        name=new.name,
        operator=str(operator_id),
        stop=None if new.stop_id is None else str(new.stop_id),
        expires_at=utc(shown.expires_at),
    )


async def list_devices(call: Call, query: DeviceQuery) -> DeviceList:
    """List devices by number, those shut out among them."""
    before = read_cursor(query.cursor, tuple[datetime, int])
    found = await call.services.store.devices.list(
        call.caller,
        parse_operator(query.operator),
        after=before[1] if before else 0,
        limit=query.limit,
    )
    last = found[-1] if len(found) == query.limit else None
    return DeviceList(
        [device_shape(device) for device in found],
        write_cursor(last.paired_at, last.device_id) if last else None,
    )


async def read_device(call: Call) -> DeviceShape:
    """Show a device."""
    return device_shape(await call.services.store.devices.find(call.caller, _device_of(call)))


async def change_device(call: Call, body: DeviceChange) -> DeviceShape:
    """Give a device another name or another place."""
    device = await call.services.store.devices.change(
        call.caller,
        _device_of(call),
        name=body.name.strip() if body.name else None,
        stop_id=parse_id(body.stop, "/stop"),
    )
    return device_shape(device)


async def revoke_device(call: Call) -> None:
    """Shut a device out for good: at once for what it asks here, within a second elsewhere, its sockets within five."""
    device_id = _device_of(call)
    await call.services.store.devices.revoke(call.caller, device_id)
    call.services.device_keys.forget(device_id)


async def roll_device_key(call: Call) -> RolledKey:
    """Give a device another key, to be brought to it within ten minutes."""
    rolled = await call.services.store.devices.roll(call.caller, _device_of(call))
    return RolledKey(str(rolled.device_id), rolled.key, utc(rolled.old_key_ends_at))


def _device_of(call: Call) -> int:
    try:
        device_id = parse_id(call.path["device"], "")
    except HttpProblem:
        device_id = None
    if device_id is None:
        raise NotFound("device")
    return device_id


_CHANGE = (Forbidden, NotFound, Overloaded, OutcomeUnknown)

OPERATIONS = (
    Operation(
        "POST",
        "/admin/devices/codes",
        create_device_code,
        CodeShape,
        status=201,
        access=Access.MANAGERS,
        problems=(*_CHANGE, InvalidRequest, WrongState),
    ),
    Operation(
        "GET",
        "/admin/devices",
        list_devices,
        DeviceList,
        access=Access.OVERSEERS,
        problems=(Forbidden, NotFound, Overloaded),
    ),
    Operation(
        "GET",
        "/admin/devices/{device}",
        read_device,
        DeviceShape,
        access=Access.OVERSEERS,
        problems=(NotFound, Overloaded),
    ),
    Operation(
        "PATCH",
        "/admin/devices/{device}",
        change_device,
        DeviceShape,
        access=Access.MANAGERS,
        problems=(*_CHANGE, InvalidRequest),
    ),
    Operation(
        "DELETE",
        "/admin/devices/{device}",
        revoke_device,
        None,
        status=204,
        access=Access.MANAGERS,
        problems=_CHANGE,
    ),
    Operation(
        "POST",
        "/admin/devices/{device}/roll",
        roll_device_key,
        RolledKey,
        access=Access.MANAGERS,
        problems=_CHANGE,
    ),
)
