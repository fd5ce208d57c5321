"""Six digits become a key, once; and guessing them is hopeless."""

import asyncio
import uuid
from datetime import timedelta

import pytest

from store.errors import Forbidden, InvalidRequest, NotFound, TooManyTries, WrongState
from store.model import Caller, DeviceKind, Role
from store.pairing import LIVE_CODES_MAX, NewDevice, Paired, PairingCode
from tests.support.fleet import HERE, pair, rival
from tests.support.world import World


def address(number: int) -> uuid.UUID:
    return uuid.UUID(int=number)


async def show(world: World, **more: object) -> PairingCode:
    new = {"operator_id": world.operator_id, "kind": DeviceKind.SCANNER, "name": "Door"} | more
    return await world.store.pairing.show_code(None, NewDevice(**new))  # type: ignore[arg-type]  # by name


async def swap(world: World, code: str, where: uuid.UUID = HERE) -> Paired:
    return await world.store.pairing.pair(code, where, "1.0")


def wrong(*codes: PairingCode) -> str:
    """Return six digits that are none of these."""
    taken = {each.code for each in codes}
    return next(text for number in range(100) if (text := f"{number:06}") not in taken)


async def test_a_code_is_swapped_for_a_key_that_says_who_calls(world: World) -> None:
    paired = await swap(world, (await show(world)).code)
    assert paired.key.startswith("omd_")
    assert len(paired.key) == 47
    known = await world.store.devices.authenticate(paired.key)
    assert known is not None
    assert (known.caller.role, known.caller.operator_id, known.caller.device_id) == (
        DeviceKind.SCANNER,
        world.operator_id,
        paired.device_id,
    )
    assert await world.store.devices.authenticate(paired.key + "x") is None


async def test_neither_code_nor_key_is_stored(world: World) -> None:
    shown = await show(world)
    paired = await swap(world, shown.code)
    rows = await world.edit("SELECT c::text AS text FROM device_codes AS c")
    rows += await world.edit("SELECT d::text AS text FROM devices AS d")
    rows += await world.edit("SELECT a::text AS text FROM audit_log AS a")
    text = " ".join(row["text"] for row in rows)
    assert rows
    assert paired.key not in text
    assert paired.key.removeprefix("omd_") not in text
    assert f"({shown.code}" not in text
    assert shown.code not in [row["text"].split(",")[0] for row in rows]


async def test_a_code_is_good_once_also_for_many_at_once(world: World) -> None:
    shown = await show(world)
    tries = [swap(world, shown.code, address(number)) for number in range(1, 9)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert [type(each) for each in outcomes].count(Paired) == 1
    assert [type(each) for each in outcomes].count(NotFound) == 7


async def test_a_code_is_good_for_five_minutes(world: World) -> None:
    shown = await show(world)
    await world.edit(
        "UPDATE device_codes SET created_at = created_at - interval '5 minutes',"
        " expires_at = expires_at - interval '5 minutes'"
    )
    with pytest.raises(NotFound):
        await swap(world, shown.code)
    await (await world.worker()).pairing.purge()
    assert len(await world.edit("SELECT FROM device_codes")) == 1


async def test_an_address_has_five_wrong_tries_and_then_the_right_one_does_not_help(
    world: World,
) -> None:
    shown = await show(world)
    for _ in range(5):
        with pytest.raises(NotFound):
            await swap(world, wrong(shown))
    with pytest.raises(TooManyTries) as refusal:
        await swap(world, shown.code)
    assert 0 < refusal.value.retry_after_seconds <= 601
    assert (await swap(world, shown.code, address(2))).device_id


async def test_an_address_may_try_again_after_ten_minutes(world: World) -> None:
    shown = await show(world)
    for _ in range(5):
        with pytest.raises(NotFound):
            await swap(world, wrong(shown))
    await world.owner.execute("UPDATE pairing_tries SET since = since - interval '10 minutes'")
    assert (await swap(world, shown.code)).device_id


async def test_twenty_wrong_tries_of_the_whole_world_kill_every_code_that_lived(
    world: World,
) -> None:
    codes = [await show(world), await show(world)]
    tries = [swap(world, wrong(*codes), address(number)) for number in range(1, 41)]
    for chunk in (tries[:16], tries[16:32], tries[32:]):
        outcomes = await asyncio.gather(*chunk, return_exceptions=True)
        assert {type(each) for each in outcomes} == {NotFound}
    worn = await world.edit("SELECT wrong_tries FROM device_codes")
    assert [row["wrong_tries"] for row in worn] == [20, 20]
    for code in codes:
        with pytest.raises(NotFound):
            await swap(world, code.code, address(99))
    # A code that is shown afterwards is as good as any.
    assert (await swap(world, (await show(world)).code, address(99))).device_id


async def test_while_no_code_lives_wrong_tries_are_not_even_counted(world: World) -> None:
    for _ in range(10):
        with pytest.raises(NotFound):
            await swap(world, "000000")
    assert await world.edit("SELECT FROM pairing_tries") == []


async def test_so_many_codes_wait_at_a_time(world: World) -> None:
    for _ in range(LIVE_CODES_MAX):
        await show(world)
    with pytest.raises(WrongState):
        await show(world)
    await show(world, operator_id=await rival(world))


async def test_a_code_is_for_what_there_is_and_shown_to_who_may_see_it(world: World) -> None:
    with pytest.raises(NotFound):
        await show(world, operator_id=4711)
    with pytest.raises(NotFound):
        await show(world, stop_id=4711)
    with pytest.raises(InvalidRequest):
        await show(world, kind=DeviceKind.KIOSK)
    new = NewDevice(world.operator_id, DeviceKind.SCANNER, "Door")
    stranger = Caller(7, Role.OPERATOR, await rival(world))
    for who in (world.agent(), world.rider(1)):
        with pytest.raises(Forbidden):
            await world.store.pairing.show_code(who, new)
    with pytest.raises(NotFound):
        await world.store.pairing.show_code(stranger, new)
    await world.store.pairing.show_code(world.manager(), new)


async def test_a_rolled_key_and_the_one_before_are_good_together_for_ten_minutes(
    world: World,
) -> None:
    paired = await pair(world, DeviceKind.KIOSK)
    rolled = await world.store.devices.roll(world.manager(), paired.device_id)
    old = await world.store.devices.authenticate(paired.key)
    assert old is not None
    assert old.seconds_left is not None
    assert 590 < old.seconds_left <= 600
    new = await world.store.devices.authenticate(rolled.key)
    assert new is not None
    assert new.seconds_left is None
    await world.edit(
        "UPDATE devices SET old_key_ends_at = old_key_ends_at - $1::interval", timedelta(minutes=10)
    )
    assert await world.store.devices.authenticate(paired.key) is None
    assert await world.store.devices.authenticate(rolled.key) is not None


async def test_a_device_whose_new_key_was_lost_on_the_way_asks_again_with_the_old(
    world: World,
) -> None:
    paired = await pair(world, DeviceKind.KIOSK)
    known = await world.store.devices.authenticate(paired.key)
    assert known is not None
    lost, heard = [
        await world.store.devices.roll(known.caller, paired.device_id, in_hand=paired.key)
        for _ in range(2)
    ]
    assert await world.store.devices.authenticate(lost.key) is None
    assert await world.store.devices.authenticate(paired.key) is not None
    assert await world.store.devices.authenticate(heard.key) is not None


async def test_a_revoked_device_is_out_with_both_keys_and_stays_out(world: World) -> None:
    paired = await pair(world, DeviceKind.KIOSK)
    rolled = await world.store.devices.roll(world.manager(), paired.device_id)
    for _ in range(2):
        await world.store.devices.revoke(world.manager(), paired.device_id)
    for key in (paired.key, rolled.key):
        assert await world.store.devices.authenticate(key) is None
    with pytest.raises(NotFound):
        await world.store.devices.roll(world.manager(), paired.device_id)
    log = await world.edit(
        "SELECT action FROM audit_log WHERE action LIKE 'device.%' ORDER BY audit_id"
    )
    assert [row["action"] for row in log] == [
        *("device.code", "device.pair", "device.roll", "device.revoke")
    ]
