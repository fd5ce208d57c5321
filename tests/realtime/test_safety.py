"""Who is let in, who has to say who it is, and how often anybody may come."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from websockets.exceptions import InvalidStatus

from realtime.settings import LiveSettings
from tests.realtime.clients import watch
from tests.realtime.history import Ledger
from tests.realtime.living import Person, living, settings
from tests.realtime.serving import RAW, STOCK
from tests.realtime.waiting import wait_until

LANES = pytest.mark.parametrize(
    "protocol", [pytest.param(RAW, id="raw"), pytest.param(STOCK, id="send")]
)
HASTY = settings(connection={"auth_seconds": 2.0, "heartbeat_seconds": 1.0})


async def authenticate(token: str) -> Person | None:
    """Tokens are `staff-7` or `rider-7`: a role and a user."""
    role, _, user = token.partition("-")
    if role not in {"staff", "rider"}:
        return None
    return Person(role == "staff", datetime.now(UTC) + timedelta(seconds=60), int(user))


@LANES
async def test_where_an_origin_is_required_a_program_has_to_bring_a_token_first(
    ledger: Ledger, protocol: type[asyncio.Protocol]
) -> None:
    async with living(
        ledger, protocol=protocol, authenticate=authenticate, is_origin_required=True
    ) as served:
        async with watch(served.port, ledger, origin=None) as program:
            await program.say("auth", id=1, token="rider-7")
            await program.say("subscribe", id=2, bus="1")
            await program.get("subscribed", id=2)
        async with watch(served.port, ledger, origin=None) as stranger:
            await stranger.say("subscribe", id=1, bus="1")
            assert await stranger.closed() == 4001
            assert [frame["type"] for frame in stranger.frames] == ["hello"]
        async with watch(served.port, ledger) as browser:
            await browser.say("subscribe", id=1, bus="1")
            await browser.get("subscribed", id=1)


@LANES
async def test_whoever_has_to_bring_a_token_has_not_long_to_do_so(
    ledger: Ledger, protocol: type[asyncio.Protocol]
) -> None:
    async with living(
        ledger,
        protocol=protocol,
        authenticate=authenticate,
        is_origin_required=True,
        with_settings=HASTY,
    ) as served:
        async with (
            watch(served.port, origin=None) as silent,
            watch(served.port, origin=None) as wrong,
            watch(served.port, origin=None) as known,
        ):
            await known.say("auth", id=1, token="rider-7")
            await wrong.say("auth", id=1, token="nobody")
            assert (await wrong.get("error", id=1))["code"] == "unauthenticated"
            assert [await silent.closed(), await wrong.closed()] == [4001, 4001]
            await known.get("heartbeat", count=2)  # the deadline is over
        await wait_until(lambda: served.live.gauges()["timers"] == 0)


@LANES
async def test_a_user_has_so_many_sockets_from_any_address(
    ledger: Ledger, protocol: type[asyncio.Protocol]
) -> None:
    few = settings(admission={"connections_per_user": 2})
    async with living(
        ledger, protocol=protocol, authenticate=authenticate, with_settings=few
    ) as served:
        async with (
            watch(served.port) as one,
            watch(served.port) as two,
            watch(served.port) as three,
        ):
            for client in (one, two):
                for number in range(2):  # the same user again counts once
                    await client.say("auth", id=number, token="rider-7")
                await client.say("subscribe", id=3, bus="1")
                await client.get("subscribed", id=3)
            await three.say("auth", id=1, token="rider-7")
            assert await three.closed() == 4101
            assert served.live.counters.refused["user"] == 1
            await two.say("auth", id=4, token="rider-8")  # another person at the same screen
            await wait_until(lambda: served.live.gauges()["users"] == 2)
            async with watch(served.port) as four:
                await four.say("auth", id=1, token="rider-7")
                await four.say("subscribe", id=2, bus="1")
                await four.get("subscribed", id=2)
        await wait_until(lambda: served.live.gauges()["users"] == 0)


@pytest.mark.parametrize("token", ["rider-7", "rider-8", "staff-8"])
async def test_what_staff_were_shown_ends_when_they_are_no_longer_they(
    ledger: Ledger, token: str
) -> None:
    async with (
        living(ledger, authenticate=authenticate) as served,
        watch(served.port) as client,
    ):
        await client.say("auth", id=1, token="staff-7")
        await client.say("auth", id=2, token="staff-7")  # renewed in time
        await client.say("subscribe", id=3, bus="1")
        await client.get("subscribed", id=3)
        await client.say("auth", id=4, token=token)
        assert await client.closed() == 4003
        await wait_until(lambda: served.live.gauges()["users"] == 0)


@LANES
async def test_an_address_that_comes_and_goes_too_fast_is_told_to_back_off(
    ledger: Ledger, protocol: type[asyncio.Protocol]
) -> None:
    few: LiveSettings = settings(
        admission={"connections_per_client": 2, "handshakes_per_second": 0.001}
    )
    async with living(ledger, protocol=protocol, with_settings=few) as served:
        for _ in range(4):
            async with watch(served.port) as client:
                await client.get("hello")
            await wait_until(lambda: served.live.gauges()["admitted"] == 0)
        async with watch(served.port) as client:
            assert await client.closed() == 4102
            assert client.frames == []
        assert served.live.counters.refused["handshakes"] == 1


@pytest.mark.parametrize("query", ["token=x", "access_token=x", "a=b&Token=x"])
async def test_a_token_in_the_address_is_refused(ledger: Ledger, query: str) -> None:
    async with living(ledger) as served:
        with pytest.raises(InvalidStatus) as refused:
            async with watch(served.port, path=f"/ws?{query}"):
                pass
        assert refused.value.response.status_code == 400
        assert served.live.counters.refused["token in url"] == 1
        async with watch(served.port, path="/ws?lang=ta") as client:
            await client.get("hello")
