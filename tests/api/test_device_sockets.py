"""Devices at the live layer: many buses, no sales, and out with their key."""

import pytest

from store.model import DeviceKind
from tests.api.shop import Shop
from tests.realtime.clients import watch

KINDS = ("kiosk", "board", "scanner")


def port(shop: Shop) -> int:
    return int(shop.url.rpartition(":")[2])


@pytest.mark.parametrize("who", KINDS)
async def test_a_device_watches_boards_and_more_buses_than_a_page_and_no_sales(
    shop: Shop, who: str
) -> None:
    buses = [await shop.bus() for _ in range(17)]
    async with watch(port(shop), origin=None) as client:
        await client.say("auth", id=1, token=shop.token(who))
        await client.say("subscribe", id=2, topic=f"board:{shop.stops[0]}")
        await client.get("board")
        for number, bus in enumerate(buses, start=3):
            await client.say("subscribe", id=number, bus=bus)
            await client.get("subscribed", id=number)
        await client.say("subscribe", id=90, topic="sales")
        assert (await client.get("error", id=90))["code"] == "forbidden"


@pytest.mark.parametrize("key", ["omd_", "omd_" + "A" * 43])
async def test_what_is_no_key_is_no_device(shop: Shop, key: str) -> None:
    async with watch(port(shop), origin=None) as client:
        await client.say("auth", id=1, token=key)
        assert (await client.get("error", id=1))["code"] == "unauthenticated"


async def test_a_revoked_devices_sockets_are_closed_and_nobody_elses(shop: Shop) -> None:
    gone, stays = await shop.pair(DeviceKind.BOARD), await shop.pair(DeviceKind.BOARD)
    bus = await shop.bus()
    async with (
        watch(port(shop), origin=None) as one,
        watch(port(shop), origin=None) as two,
        watch(port(shop), origin=None) as anonymous,
    ):
        await one.say("auth", id=1, token=gone.key)
        await two.say("auth", id=1, token=stays.key)
        for client in (one, two, anonymous):
            await client.say("subscribe", id=2, bus=bus)
            await client.get("subscribed", id=2)
        # From another process, as far as this one can tell.
        await shop.store.devices.revoke(None, gone.device_id)
        assert await one.closed() == 4001
        await shop.hold(shop.client("rider"), bus, ["1A"])
        for client in (two, anonymous):
            await client.get("delta")
            assert client.close_code is None


async def test_a_socket_does_not_outlive_a_key_that_was_replaced(shop: Shop) -> None:
    paired = await shop.pair(DeviceKind.KIOSK)
    async with watch(port(shop), origin=None) as client:
        await client.say("auth", id=1, token=paired.key)
        await client.say("subscribe", id=2, topic=f"board:{shop.stops[0]}")
        await client.get("board")
        for _ in range(2):
            await shop.store.devices.roll(None, paired.device_id)
        assert await client.closed() == 4001


async def test_a_socket_is_one_devices_for_as_long_as_it_lasts(shop: Shop) -> None:
    async with watch(port(shop), origin=None) as client:
        await client.say("auth", id=1, token=shop.token("board"))
        await client.say("auth", id=2, token=shop.token("rider"))
        assert await client.closed() == 4003
