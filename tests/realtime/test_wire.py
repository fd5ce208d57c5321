"""What no WebSocket library would send: the server must survive it and say why it hangs up."""

import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from websockets.frames import Frame as LibraryFrame
from websockets.frames import Opcode
from websockets.streams import StreamReader

from realtime import frames
from realtime.protocol import Bye
from store.events import SeatsChanged
from tests.realtime.clients import raw
from tests.realtime.history import Ledger
from tests.realtime.living import Served, living
from tests.realtime.waiting import wait_until

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
SUBSCRIBE = b'{"type":"subscribe","id":1,"bus":"1"}'


@pytest.fixture
async def served(ledger: Ledger) -> AsyncIterator[Served]:
    async with living(ledger) as served:
        yield served


async def test_unmasked_frames_break_the_protocol(served: Served) -> None:
    async with raw(served.port) as client:
        client.send(SUBSCRIBE, masked=False)
        assert await client.closed() == 1002


@pytest.mark.parametrize("rsv", [1, 2, 4])
async def test_reserved_bits_break_the_protocol(served: Served, rsv: int) -> None:
    async with raw(served.port) as client:
        client.send(SUBSCRIBE, rsv=rsv)
        assert await client.closed() == 1002


async def test_unknown_opcodes_break_the_protocol(served: Served) -> None:
    async with raw(served.port) as client:
        client.send(b"", opcode=3)
        assert await client.closed() == 1002


@pytest.mark.parametrize(("payload", "fin"), [(b"x" * 126, True), (b"", False)])
async def test_control_frames_are_short_and_whole(
    served: Served, payload: bytes, *, fin: bool
) -> None:
    async with raw(served.port) as client:
        client.send(payload, opcode=PING, fin=fin)
        assert await client.closed() == 1002


async def test_text_is_utf8(served: Served) -> None:
    async with raw(served.port) as client:
        client.send(b"\xff\xfe")
        assert await client.closed() == 1007


@pytest.mark.parametrize("payload", [b"\x03", b"\x03\xed", b"\x03\xee", b"\x00\x01"])
async def test_close_codes_are_checked(served: Served, payload: bytes) -> None:
    async with raw(served.port) as client:
        client.send(payload, opcode=CLOSE)
        assert await client.closed() == 1002


async def test_a_close_is_echoed(served: Served) -> None:
    async with raw(served.port) as client:
        client.send((1000).to_bytes(2, "big"), opcode=CLOSE)
        assert await client.closed() == 1000
        await wait_until(lambda: served.live.gauges()["connections"] == 0)


async def test_messages_above_the_limit_are_too_big_also_in_pieces(served: Served) -> None:
    async with raw(served.port) as client:
        client.send(b"x" * 4097)
        assert await client.closed() == 1009
    async with raw(served.port) as client:
        client.send(b"x" * 3000, fin=False)
        client.send(b"x" * 3000, opcode=0)
        assert await client.closed() == 1009


async def test_messages_in_pieces_are_put_together_around_a_ping(served: Served) -> None:
    async with raw(served.port) as client:
        assert json.loads((await client.receive())[1])["type"] == "hello"
        client.send(SUBSCRIBE[:10], fin=False)
        client.send(b"still here?", opcode=PING)
        client.send(SUBSCRIBE[10:], opcode=0)
        assert await client.receive() == (PONG, b"still here?")
        assert json.loads((await client.receive())[1])["type"] == "subscribed"


async def test_empty_pieces_cannot_pile_up(served: Served) -> None:
    async with raw(served.port) as client:
        client.send(b"", fin=False)
        for _ in range(100):
            client.send(b"", opcode=0, fin=False)
        assert await client.closed() == 1009


@pytest.mark.parametrize("opcode", [TEXT, PING, PONG])
async def test_a_flood_in_one_read_is_cut_short(served: Served, opcode: int) -> None:
    async with raw(served.port) as client:
        for _ in range(20_000):
            client.send(b"", opcode=opcode)
        with contextlib.suppress(ConnectionResetError):  # what lay unread turns the close into one
            assert await client.closed() in {4000, 4102}
        await wait_until(lambda: served.live.gauges()["connections"] == 0)


async def test_data_may_arrive_in_any_slices(served: Served) -> None:
    async with raw(served.port) as client:
        client.send(SUBSCRIBE)
        held = client.writer.transport.get_write_buffer_size()
        assert held == 0
        for number in range(2, 12):
            client.send(SUBSCRIBE.replace(b"1", b"%d" % number, 1))
        answers = [json.loads((await client.receive())[1]) for _ in range(12)]
        assert [one["id"] for one in answers[1:]] == list(range(1, 12))


@pytest.mark.parametrize("seats", [0, 3, 5, 300, 5000])
def test_frames_of_every_length_are_what_a_websocket_library_reads(seats: int) -> None:
    event = SeatsChanged(
        bus_id=2**63 - 1,
        epoch=1,
        prev=2,
        rev=3,
        seats=tuple((f"{number}A", "ALB") for number in range(seats)),
        at=datetime(2030, 1, 2, 3, 4, 5, 678_999, tzinfo=UTC),
        kind="held",
    )
    payload = frames.encode_change(event)
    reader = StreamReader()
    reader.feed_data(frames.frame(payload) + frames.pack(Bye(4200, (0, 8000))))
    parsed = []
    for _ in range(2):
        steps = LibraryFrame.parse(reader.read_exact, mask=False)
        with pytest.raises(StopIteration) as result:
            next(steps)
        parsed.append(result.value.value)
    assert [one.opcode for one in parsed] == [Opcode.TEXT, Opcode.TEXT]
    assert bytes(parsed[0].data) == payload
    assert frames.unframe(frames.frame(payload) * 2) == [payload, payload]
    assert json.loads(payload) == {
        "type": "delta",
        "bus": "9223372036854775807",
        "epoch": 1,
        "prev": 2,
        "rev": 3,
        "seats": [list(pair) for pair in event.seats],
        "at": "2030-01-02T03:04:05.678Z",
    }
    assert frames.decode_change(payload).seats == event.seats


def test_a_change_says_what_the_bus_has_become_only_if_it_has() -> None:
    at = datetime(2030, 1, 2, tzinfo=UTC)
    sold = frames.encode_change(SeatsChanged(7, 1, 2, 3, (("1A", "L"),), at, "held"))
    closed = frames.encode_change(SeatsChanged(7, 1, 3, 4, (), at, "bus_close", "CLOSED"))
    assert b"status" not in sold
    assert json.loads(closed)["status"] == "CLOSED"
    assert frames.decode_change(closed).status == "CLOSED"
