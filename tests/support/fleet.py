"""Devices of the small world: paired as staff and they would."""

import uuid

from store.model import Caller, DeviceKind
from store.pairing import NewDevice, Paired
from tests.support.world import World

HERE = uuid.UUID(int=1)


async def pair(
    world: World, kind: DeviceKind, *, operator_id: int | None = None, name: str = "A device"
) -> Paired:
    """Pair a device of the world's operator, or of another, at the first stop there is."""
    stop_id = await world.owner.fetchval("SELECT min(stop_id) FROM stops")
    if stop_id is None:
        await world.line()
        stop_id = await world.owner.fetchval("SELECT min(stop_id) FROM stops")
    new = NewDevice(operator_id or world.operator_id, kind, name, stop_id)
    shown = await world.store.pairing.show_code(None, new)
    return await world.store.pairing.pair(shown.code, HERE, "1.0")


async def device(
    world: World, kind: DeviceKind, *, operator_id: int | None = None, name: str = "A device"
) -> Caller:
    """Pair a device and return it as who calls with its key."""
    paired = await pair(world, kind, operator_id=operator_id, name=name)
    known = await world.store.devices.authenticate(paired.key)
    assert known is not None
    return known.caller


async def rival(world: World) -> int:
    """Return another operator."""
    operator_id: int = await world.owner.fetchval(
        "INSERT INTO operators (name, time_zone, currency) VALUES ('Southline', 'UTC', 'EUR') RETURNING operator_id"
    )
    return operator_id
