"""The contract's section 4 over real sockets, once through the raw lane and once through `send`."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from websockets.exceptions import InvalidStatus

from tests.realtime.clients import watch
from tests.realtime.history import Ledger
from tests.realtime.living import Person, Served, living, settings
from tests.realtime.serving import RAW, STOCK
from tests.realtime.waiting import wait_until

LANES = pytest.mark.parametrize(
    "protocol", [pytest.param(RAW, id="raw"), pytest.param(STOCK, id="send")]
)
TOKENS = {"staff": True, "rider": False}


async def authenticate(token: str) -> Person | None:
    name, _, seconds = token.partition(":")
    if name == "broken":
        raise OSError
    if name not in TOKENS:
        return None
    return Person(TOKENS[name], datetime.now(UTC) + timedelta(seconds=float(seconds or 60)))


@pytest.fixture(params=[pytest.param(RAW, id="raw"), pytest.param(STOCK, id="send")])
async def served(request: pytest.FixtureRequest, ledger: Ledger) -> AsyncIterator[Served]:
    async with living(ledger, protocol=request.param, authenticate=authenticate) as served:
        yield served


async def test_a_client_is_greeted_and_told_the_pace(served: Served) -> None:
    async with watch(served.port) as one, watch(served.port) as other:
        hello = await one.get("hello")
        assert list(hello) == ["type", "session", "now", "heartbeat"]
        assert hello["heartbeat"] == 20
        assert datetime.fromisoformat(hello["now"]).utcoffset() == timedelta(0)
        assert hello["now"][-5] == "."
        assert hello["session"] != (await other.get("hello"))["session"]
        assert one.socket.subprotocol == "seatmap.v1"


async def test_subscribing_brings_a_snapshot_and_then_every_change(served: Served) -> None:
    async with watch(served.port, served.ledger) as client:
        await client.say("subscribe", id=1, bus="1")
        answer = await client.get("subscribed", id=1)
        seats = [["1A", "A"], ["1B", "A"], ["2A", "A"], ["2B", "A"]]
        assert answer == {
            "type": "subscribed",
            "id": 1,
            "bus": "1",
            "mode": "snapshot",
            "epoch": 1,
            "rev": 0,
            "seats": seats,
        }
        served.commit(1, A1="L", B1="L")
        delta = await client.get("delta", rev=1)
        assert list(delta) == ["type", "bus", "epoch", "prev", "rev", "seats", "at"]
        assert (delta["bus"], delta["epoch"], delta["prev"]) == ("1", 1, 0)
        assert delta["seats"] == [["1A", "L"], ["1B", "L"]]
        assert delta["at"].endswith("Z")
        served.commit(1, A1="B")
        await client.reaches_head(1)
        assert client.states["1"] == {"1A": "B", "1B": "L", "2A": "A", "2B": "A"}


async def test_a_client_that_is_up_to_date_is_told_so_without_seats(served: Served) -> None:
    served.commit(1, A1="L")
    async with watch(served.port, served.ledger) as client:
        client.has(1, (1, 1), served.ledger.state(1))
        await client.say("subscribe", id=1, bus="1", epoch=1, rev=1)
        answer = await client.get("subscribed", id=1)
        assert answer == {
            "type": "subscribed",
            "id": 1,
            "bus": "1",
            "mode": "same",
            "epoch": 1,
            "rev": 1,
        }
        served.commit(1, A1="B")
        await client.reaches_head(1)


async def test_a_client_that_is_behind_gets_a_snapshot(served: Served) -> None:
    served.commit(1, A1="L")
    async with watch(served.port, served.ledger) as client:
        await client.say("subscribe", id=1, bus="1", epoch=1, rev=0)
        assert (await client.get("subscribed"))["mode"] == "snapshot"


async def test_a_client_that_is_ahead_of_this_process_is_never_sent_back(served: Served) -> None:
    async with watch(served.port, served.ledger) as first, watch(served.port) as second:
        await first.say("subscribe", id=1, bus="1")
        await first.get("subscribed")
        served.ledger.commit(1, A1="L")  # elsewhere, and not announced here
        second.has(1, (1, 1), served.ledger.state(1))
        await second.say("subscribe", id=2, bus="1", epoch=1, rev=1)
        assert (await second.get("subscribed"))["rev"] == 1
        await first.reaches_head(1)


async def test_a_duplicate_subscribe_is_answered_afresh(served: Served) -> None:
    async with watch(served.port, served.ledger) as client:
        await client.say("subscribe", id=1, bus="1")
        await client.get("subscribed", id=1)
        served.commit(1, A1="L")
        await client.say("subscribe", id=2, bus="1")
        assert (await client.get("subscribed", id=2))["rev"] == 1
        await client.say("subscribe", id=3, bus="1", epoch=1, rev=1)
        assert (await client.get("subscribed", id=3))["mode"] == "same"
        served.commit(1, A1="B")
        await client.get("delta", rev=2)
        assert len([one for one in client.frames if one.get("rev") == 2]) == 1


async def test_after_unsubscribing_a_bus_is_silent(served: Served) -> None:
    async with watch(served.port, served.ledger) as client:
        for bus in "12":
            await client.say("subscribe", id=int(bus), bus=bus)
        await client.get("subscribed", id=2)
        await client.say("unsubscribe", id=3, bus="1")
        await client.say("subscribe", id=4, bus="none")
        await client.get("error", id=4)  # frames of a client are taken in order
        served.commit(1, A1="L")
        served.commit(2, A1="L")
        await client.get("delta", bus="2")
        assert not [one for one in client.frames if one["type"] == "delta" and one["bus"] == "1"]


@pytest.mark.parametrize("bus", ["999", "x", "", "-1", "01", "1.0", "0", "9" * 19, "٣"])
async def test_what_is_not_a_bus_is_not_found(served: Served, bus: str) -> None:
    async with watch(served.port) as client:
        await client.say("subscribe", id=7, bus=bus)
        error = await client.get("error", id=7)
        assert error["code"] == "not_found"
        assert list(error) == ["type", "id", "code", "detail"]
        await client.say("subscribe", id=8, bus="1")
        await client.get("subscribed", id=8)


async def test_unknown_buses_do_not_use_up_subscriptions(served: Served) -> None:
    async with watch(served.port) as client:
        for number in range(16):
            await client.say("subscribe", id=number, bus=str(1000 + number))
            await client.get("error", id=number)
        await client.say("subscribe", id=16, bus="1")
        await client.get("subscribed", id=16)


async def test_a_socket_watches_so_many_buses_and_staff_more(served: Served) -> None:
    for bus_id in range(100, 117):
        served.ledger.add(bus_id)
    async with watch(served.port) as client:
        for bus_id in range(100, 116):
            await client.say("subscribe", id=bus_id, bus=str(bus_id))
        await client.get("subscribed", id=115)
        await client.say("subscribe", id=116, bus="116")
        assert (await client.get("error", id=116))["code"] == "too_many_subscriptions"
        await client.say("unsubscribe", id=1, bus="100")
        await client.say("subscribe", id=117, bus="116")
        await client.get("subscribed", id=117)
    async with watch(served.port) as client:
        await client.say("auth", id=1, token="staff")
        for bus_id in range(100, 117):
            await client.say("subscribe", id=bus_id, bus=str(bus_id))
        await client.get("subscribed", id=116)


async def test_topics_are_judged_by_who_asks(served: Served) -> None:
    async with watch(served.port) as client:
        await client.say("subscribe", id=1, topic="sales")
        assert (await client.get("error", id=1))["code"] == "unauthenticated"
        await client.say("auth", id=2, token="rider")
        await client.say("subscribe", id=3, topic="sales")
        assert (await client.get("error", id=3))["code"] == "forbidden"
        await client.say("auth", id=4, token="staff")
        await client.say("subscribe", id=5, topic="sales")
        assert (await client.get("error", id=5))["code"] == "not_found"
        await client.say("subscribe", id=6, topic="board:1")
        assert (await client.get("error", id=6))["code"] == "not_found"


async def test_wrong_tokens_are_refused_and_then_closed(served: Served) -> None:
    async with watch(served.port) as client:
        await client.say("auth", id=1, token="broken")
        assert (await client.get("error", id=1))["code"] == "overloaded"
        for number in range(2, 5):
            await client.say("auth", id=number, token="staff:-1" if number == 2 else "nobody")
            assert (await client.get("error", id=number))["code"] == "unauthenticated"
        assert await client.closed() == 4001


@pytest.mark.parametrize(
    "message",
    [
        "",
        "no json",
        "[]",
        "[" * 4000,
        '{"type":"book","id":1}',
        '{"type":"subscribe","bus":"1"}',
        '{"type":"subscribe","id":1}',
        '{"type":"subscribe","id":1,"bus":"1","topic":"sales"}',
        '{"type":"subscribe","id":"1","bus":"1"}',
        '{"type":"subscribe","id":1,"bus":1}',
        '{"type":"subscribe","id":1,"bus":"1","rev":-1}',
        '{"type":"ack","revs":{"1":"x"}}',
        b'{"type":"subscribe","id":1,"bus":"1"}',
    ],
)
async def test_bad_messages_end_the_connection(served: Served, message: str | bytes) -> None:
    async with watch(served.port) as client:
        await client.socket.send(message)
        assert await client.closed() == 4000


async def test_messages_come_in_bursts_but_not_in_floods(served: Served) -> None:
    async with watch(served.port) as client:
        for number in range(20):
            await client.say("subscribe", id=number, bus="1")
        await client.get("subscribed", id=19)
        for number in range(20, 25):
            await client.say("subscribe", id=number, bus="1")
        assert await client.closed() == 4102


async def test_messages_are_short(served: Served) -> None:
    async with watch(served.port) as client:
        await client.socket.send('{"type":"ack","revs":{}}'.ljust(4096))
        await client.say("subscribe", id=1, bus="1")
        await client.get("subscribed")
        await client.socket.send('{"type":"ack","revs":{}}'.ljust(4097))
        assert await client.closed() == 1009


@LANES
async def test_messages_are_short_whatever_the_server_lets_pass(
    ledger: Ledger, protocol: type[asyncio.Protocol]
) -> None:
    quick = settings(connection={"message_bytes_max": 100})
    async with (
        living(ledger, protocol=protocol, with_settings=quick) as served,
        watch(served.port) as client,
    ):
        await client.socket.send('{"type":"ack","revs":{}}'.ljust(101))
        assert await client.closed() == 1009


@LANES
async def test_an_idle_client_is_kept_by_heartbeats_and_acks(
    ledger: Ledger, protocol: type[asyncio.Protocol]
) -> None:
    quick = settings(connection={"heartbeat_seconds": 0.1})
    async with (
        living(ledger, protocol=protocol, with_settings=quick) as served,
        watch(served.port, ledger) as client,
    ):
        await client.say("subscribe", id=1, bus="1")
        beat = await client.get("heartbeat", count=5)
        assert list(beat) == ["type", "revs", "now"]
        assert beat["revs"] == {"1": 0}
        assert served.live.counters.acks >= 4
        assert (await client.get("hello"))["heartbeat"] == 0.1


@LANES
async def test_a_client_that_misses_two_acks_is_closed(
    ledger: Ledger, protocol: type[asyncio.Protocol]
) -> None:
    quick = settings(connection={"heartbeat_seconds": 0.1})
    async with (
        living(ledger, protocol=protocol, with_settings=quick) as served,
        watch(served.port) as client,
    ):
        client.is_acking = False
        assert await client.closed() == 4201
        assert len([one for one in client.frames if one["type"] == "heartbeat"]) == 2


@LANES
async def test_a_busy_bus_does_not_hide_a_client_that_never_acks(
    ledger: Ledger, protocol: type[asyncio.Protocol]
) -> None:
    quick = settings(connection={"heartbeat_seconds": 0.2})
    async with (
        living(ledger, protocol=protocol, with_settings=quick) as served,
        watch(served.port, ledger) as client,
    ):
        client.is_acking = False
        await client.say("subscribe", id=1, bus="1")
        while client.close_code is None:
            served.commit(1, A1="L")
            await asyncio.sleep(0.01)
        assert client.close_code == 4201


async def test_a_token_that_expires_ends_the_connection(served: Served) -> None:
    async with watch(served.port) as client:
        await client.say("auth", id=1, token="staff:0.1")
        assert await client.closed() == 4205


async def test_a_foreign_origin_is_refused_before_the_handshake(served: Served) -> None:
    for origin in ("http://evil.test", "null", "http://omnibus.test:80", "https://omnibus.test"):
        with pytest.raises(InvalidStatus) as refused:
            async with watch(served.port, origin=origin):
                pass
        assert refused.value.response.status_code == 403
    assert served.live.counters.refused["origin"] == 4
    assert served.live.gauges()["connections"] == 0


async def test_programs_without_an_origin_may_watch(served: Served) -> None:
    async with watch(served.port, served.ledger, origin=None) as client:
        await client.say("subscribe", id=1, bus="1")
        await client.get("subscribed")


async def test_an_unknown_version_is_told_in_a_way_browsers_understand(served: Served) -> None:
    async with watch(served.port, subprotocols=["seatmap.v9"]) as client:
        assert await client.closed() == 4005
    async with watch(served.port, subprotocols=["seatmap.v9", "seatmap.v1"]) as client:
        assert (await client.get("hello"))["type"] == "hello"
        assert client.socket.subprotocol == "seatmap.v1"
    async with watch(served.port, subprotocols=None) as client:
        await client.get("hello")
        assert client.socket.subprotocol is None


@LANES
async def test_one_address_has_so_many_connections(
    ledger: Ledger, protocol: type[asyncio.Protocol]
) -> None:
    few = settings(admission={"connections_per_client": 2})
    async with living(ledger, protocol=protocol, with_settings=few) as served:
        async with watch(served.port) as one, watch(served.port) as two:
            await one.get("hello")
            await two.get("hello")
            async with watch(served.port) as third:
                assert await third.closed() == 4101
            assert third.frames == []
        await wait_until(lambda: served.live.gauges()["admitted"] == 0)
        async with watch(served.port) as again:
            await again.get("hello")


@LANES
async def test_a_process_that_refuses_too_many_does_it_without_a_handshake(
    ledger: Ledger, protocol: type[asyncio.Protocol]
) -> None:
    full = settings(admission={"connections_max": 0, "refusals_burst": 0})
    async with living(ledger, protocol=protocol, with_settings=full) as served:
        with pytest.raises(InvalidStatus) as refused:
            async with watch(served.port):
                pass
        assert refused.value.response.status_code == 503
        assert refused.value.response.headers["Retry-After"] == "5"


@LANES
async def test_a_drain_says_goodbye_first(ledger: Ledger, protocol: type[asyncio.Protocol]) -> None:
    async with living(ledger, protocol=protocol) as served:
        async with watch(served.port, ledger) as one, watch(served.port) as two:
            await one.say("subscribe", id=1, bus="1")
            await one.get("subscribed")
            await two.get("hello")
            await served.live.drain()
            for client in (one, two):
                assert await client.closed() == 4200
                bye = {"type": "bye", "code": 4200, "reconnect_in": [0, 8000]}
                assert client.frames[-1] == bye
            with pytest.raises(InvalidStatus) as refused:
                async with watch(served.port):
                    pass
            assert refused.value.response.status_code == 503
        await wait_until(lambda: not any(_counts(served).values()))


@LANES
async def test_nothing_is_left_behind_when_clients_are_gone(
    ledger: Ledger, protocol: type[asyncio.Protocol]
) -> None:
    brief = settings(feed={"keep_seconds": 0.05})
    async with living(ledger, protocol=protocol, with_settings=brief) as served:
        for _ in range(3):
            async with watch(served.port, ledger) as client:
                for bus in "123":
                    await client.say("subscribe", id=1, bus=bus)
                await client.get("subscribed", bus="3")
            served.commit(1, A1="L")
        async with watch(served.port) as client:
            await client.say("subscribe", id=1, bus="1")
            client.socket.transport.abort()
        await wait_until(lambda: not any(served.live.gauges().values()))


@LANES
async def test_a_database_that_is_down_keeps_sockets_open_and_heals(
    ledger: Ledger, protocol: type[asyncio.Protocol]
) -> None:
    async with (
        living(ledger, protocol=protocol) as served,
        watch(served.port, ledger) as old,
    ):
        await old.say("subscribe", id=1, bus="1")
        await old.get("subscribed")
        ledger.is_down = True
        assert (await old.get("status"))["live"] is False
        async with watch(served.port, ledger) as new:
            assert (await new.get("status"))["live"] is False
            await new.say("subscribe", id=1, bus="2")
            await wait_until(lambda: served.live.counters.load_failures > 2)
            ledger.commit(1, A1="L")
            ledger.is_down = False
            await new.get("subscribed", id=1)
            await old.reaches_head(1)
            assert (await old.get("status", live=True))["live"] is True


async def test_both_lanes_say_the_same(ledger: Ledger) -> None:
    stories = []
    for protocol in (RAW, STOCK):
        ledger.rebuild(1, {"1A": "A"}, epoch=1, rev=0)
        async with living(ledger, protocol=protocol) as served, watch(served.port) as client:
            await client.say("subscribe", id=1, bus="1")
            await client.get("subscribed")
            served.commit(1, A1="L")
            await client.get("delta", rev=1)
            await client.say("subscribe", id=2, bus="x")
            await client.get("error")
            await client.socket.send("bye")
            code = await client.closed()
        frames = [{**one, "at": 0, "now": 0, "session": 0} for one in client.frames]
        stories.append((json.dumps(frames), code))
    assert stories[0] == stories[1]


def _counts(served: Served) -> dict[str, int]:
    gauges = served.live.gauges()
    return {name: gauges[name] for name in ("connections", "admitted", "buses_watched", "timers")}
