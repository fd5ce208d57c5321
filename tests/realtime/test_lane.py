"""The lane rests on private names of uvicorn: they are pinned here, before anything else breaks."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvicorn
import uvloop
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from realtime import lane
from realtime.lane import Lane, LaneProtocol
from realtime.outlet import HIGH_WATER_BYTES, LANE_EXTENSION
from tests.realtime.clients import RawClient, raw, watch
from tests.realtime.history import Ledger
from tests.realtime.living import Served, living, settings
from tests.realtime.serving import serve
from tests.realtime.waiting import wait_until


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    return


async def test_every_private_name_the_lane_uses_is_there() -> None:
    config = uvicorn.Config(_nothing, ws=LaneProtocol, log_config=None)
    config.load()
    protocol = LaneProtocol(config, ServerState(), {})
    assert [name for name in lane.PRIVATE_NAMES if not hasattr(protocol, name)] == []
    overridden = (
        *("connection_made", "connection_lost", "pause_writing", "resume_writing", "send"),
        *("run_asgi", "data_received", "eof_received", "keepalive_timeout", "shutdown"),
        *("send_receive_event_to_app", "handle_cont", "handle_ping", "handle_pong"),
        *("handle_close", "handle_parser_exception"),
    )
    for name in overridden:
        assert name in vars(WebSocketsSansIOProtocol), name
        assert name in vars(LaneProtocol), name


async def test_without_one_of_them_the_endpoint_falls_back_to_send(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "PRIVATE_NAMES", ("no_such_name",))
    async with living(ledger) as served, watch(served.port, ledger) as client:
        await client.say("subscribe", id=1, bus="1")
        await client.get("subscribed")
        served.commit(1, A1="L")
        await client.reaches_head(1)


async def test_a_lane_is_open_between_the_handshake_and_the_close() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        offered: Lane = scope["extensions"][LANE_EXTENSION]
        await receive()
        seen.append((offered.is_open, offered.buffered()))
        await send({"type": "websocket.accept"})
        seen.append(offered.is_open)
        offered.write(b"\x81\x02hi")
        offered.close(4200, "over")
        seen.append(offered.is_open)
        offered.write(b"\x81\x04late")
        offered.close(4201, "again")
        seen.append((await receive())["code"])
        await receive()

    async with serve(app) as port, raw(port) as client:
        assert await client.receive() == (1, b"hi")
        assert await client.receive() == (8, b"\x10\x68over")
        assert seen == [(False, 0), True, False, 4200]


Ending = Callable[[RawClient, Lane], object]
ENDINGS: dict[str, Ending] = {
    "the client closes": lambda client, _: client.send(b"\x03\xe8", opcode=8),
    "the client breaks the protocol": lambda client, _: client.send(b"", rsv=7),
    "the client resets": lambda client, _: client.writer.transport.abort(),
    "the client hangs up": lambda client, _: client.writer.write_eof(),
    "the client floods": lambda client, _: client.writer.write(b"\x89\x80\0\0\0\0" * 99),
    "the server closes": lambda _, offered: offered.close(4200, "over"),
    "the server aborts": lambda _, offered: offered.abort(),
    "the server shuts down": lambda _, offered: offered._protocol.shutdown(),
    "the server misses a pong": lambda _, offered: offered._protocol.keepalive_timeout(),
    "the application closes": lambda client, _: client.send(b"close"),
    "the application returns": lambda client, _: client.send(b"return"),
    "the application fails": lambda client, _: client.send(b"raise"),
}


@pytest.mark.parametrize("ending", ENDINGS)
async def test_however_it_ends_nothing_is_offered_after_the_end(ending: str) -> None:
    lanes: list[Lane] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        lanes.append(scope["extensions"][LANE_EXTENSION])
        while (message := await receive())["type"] != "websocket.disconnect":
            match message["text"]:
                case "close":
                    await send({"type": "websocket.close"})
                case "return":
                    return
                case "raise":
                    raise OSError

    async with serve(app) as port, raw(port) as client:
        await wait_until(lambda: lanes)
        offered = lanes[0]
        assert offered.offer(b"\x81\x02hi")
        assert await client.receive() == (1, b"hi")
        ENDINGS[ending](client, offered)
        await wait_until(lambda: not offered._is_ready)
        assert not offered.is_open
        assert offered.offer(b"\x81\x04late")
        offered.write(b"\x81\x04late")
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while (frame := await client.receive())[0] != 8:
                assert frame[1] != b"late"
        assert b"late" not in await client.rest()


async def test_a_full_lane_refuses_until_it_has_drained() -> None:
    lanes: list[Lane] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        lanes.append(scope["extensions"][LANE_EXTENSION])
        await receive()

    async with serve(app) as port, raw(port, receive_bytes=4096) as client:
        await wait_until(lambda: lanes)
        offered = lanes[0]
        frame = b"\x82\x7e" + (4096).to_bytes(2, "big") + bytes(4096)
        taken = 0
        while offered.offer(frame):
            taken += 1
        assert offered.is_full
        assert HIGH_WATER_BYTES < offered.buffered() <= HIGH_WATER_BYTES + len(frame)
        offered.write(frame)  # a direct answer passes
        for _ in range(taken + 1):
            assert (await client.receive())[0] == 2
        await wait_until(lambda: not offered.is_full)
        assert offered.offer(frame)


async def test_a_peer_that_never_hangs_up_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "LINGER_SECONDS", 0.1)
    lanes: list[Lane] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        lanes.append(scope["extensions"][LANE_EXTENSION])
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            lanes[0].write(b"\x82\x7f" + (2**23).to_bytes(8, "big") + bytes(2**23))
            await send({"type": "websocket.close"}) if lanes[0].buffered() == 0 else None

    async with serve(app) as port, raw(port, receive_bytes=4096) as client:
        client.send(b"", opcode=1)
        await wait_until(lambda: lanes and lanes[0].buffered() > 0)
        client.writer.write_eof()  # half a goodbye, and a backlog that will never drain
        await wait_until(lambda: lanes[0].buffered() == 0)


def _on_uvloop(story: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(story)


def test_the_lane_works_on_uvloop() -> None:
    async def story() -> None:
        ledger = Ledger()
        ledger.add(1)
        ledger.add(9, " ".join(f"{row}{letter}" for row in range(1, 251) for letter in "ABCD"))
        strict = settings(hub={"slow_seconds": 0.2, "check_seconds": 60.0})
        async with (
            living(ledger, with_settings=strict) as served,
            watch(served.port, ledger) as quick,
            raw(served.port, receive_bytes=4096) as stuck,
        ):
            await _follow(served, quick)
            stuck.send(b'{"type":"subscribe","id":1,"bus":"9"}')
            await wait_until(lambda: served.live.gauges()["buses_watched"] == 2)
            changes = {f"{letter}{row}": "LBXA" for row in range(1, 251) for letter in "ABCD"}
            while not served.live.counters.fell_behind:
                served.commit(9, **changes)
                await asyncio.sleep(0)
            await wait_until(lambda: served.live.counters.closed[4202] == 1)
            await wait_until(lambda: served.live.gauges()["connections"] == 1)
            quick.socket.transport.abort()
            await wait_until(lambda: served.live.gauges()["connections"] == 0)
            served.commit(1, A1="B")

    _on_uvloop(story())


async def _follow(served: Served, client: Any) -> None:
    await client.say("subscribe", id=1, bus="1")
    await client.get("subscribed")
    served.commit(1, A1="L")
    await client.reaches_head(1)


async def test_a_stalled_client_stays_small_in_the_kernel_too() -> None:
    buffers: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        protocol = scope["extensions"][LANE_EXTENSION]._protocol
        raw_socket = protocol.transport.get_extra_info("socket")
        buffers.append(raw_socket.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF))
        await receive()
        await send({"type": "websocket.accept"})

    async with serve(app) as port, raw(port):
        assert buffers[0] <= 2 * lane.SEND_BUFFER_BYTES


async def test_a_socket_keeps_nothing_of_its_handshake() -> None:
    kept: list[object] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        protocol = scope["extensions"][LANE_EXTENSION]._protocol
        await receive()
        before = [name for name in lane.HANDSHAKE_NAMES if hasattr(protocol, name)]
        await send({"type": "websocket.accept"})
        after = [name for name in lane.HANDSHAKE_NAMES if hasattr(protocol, name)]
        kept.append((before, after))
        await receive()

    async with serve(app) as port, raw(port):
        await wait_until(lambda: kept)
        assert kept == [(list(lane.HANDSHAKE_NAMES), [])]
