"""A thousand sockets come, watch and go in every way there is; then nothing of them is left."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from tests.realtime.clients import RawClient, raw
from tests.realtime.history import Ledger
from tests.realtime.living import Person, Served, living, settings
from tests.realtime.waiting import wait_until

_SOCKETS = 1_000
_AT_ONCE = 100
_BUSES = 20
_CLOSE, _PING = 8, 9


async def _closes(client: RawClient) -> None:
    client.send((1000).to_bytes(2), opcode=_CLOSE)
    assert await client.closed() == 1000


async def _vanishes(client: RawClient) -> None:
    client.writer.transport.abort()


async def _hangs_up(client: RawClient) -> None:
    client.writer.write_eof()
    await client.rest()


async def _stops_within_a_frame(client: RawClient) -> None:
    client.writer.write(b"\x81\xfe\x0f")
    client.writer.write_eof()
    await client.rest()


async def _talks_nonsense(client: RawClient) -> None:
    client.send(b"nonsense")
    assert await client.closed() == 4000


async def _breaks_the_protocol(client: RawClient) -> None:
    client.send(b"", rsv=7)
    assert await client.closed() == 1002


async def _floods(client: RawClient) -> None:
    for _ in range(60):
        client.send(b"", opcode=_PING)
    assert await client.closed() == 4102


async def _says_too_much(client: RawClient) -> None:
    client.send(b" " * 4097)
    assert await client.closed() == 1009


async def _is_not_who_it_says(client: RawClient) -> None:
    for number in range(3):
        client.send(b'{"type":"auth","id":%d,"token":"nobody"}' % number)
    assert await client.closed() == 4001


async def _stops_listening(client: RawClient) -> None:
    """It neither reads nor answers, and is found out by that."""
    await asyncio.sleep(0)
    with contextlib.suppress(asyncio.IncompleteReadError):
        assert await client.closed() == 4201


ENDS: tuple[Callable[[RawClient], Awaitable[None]], ...] = (
    _closes,
    _vanishes,
    _hangs_up,
    _stops_within_a_frame,
    _talks_nonsense,
    _breaks_the_protocol,
    _floods,
    _says_too_much,
    _is_not_who_it_says,
    _stops_listening,
)


async def _authenticate(token: str) -> Person | None:
    if token == "nobody":
        return None
    return Person(
        is_staff=False, expires_at=datetime.now(UTC) + timedelta(minutes=1), user_id=int(token)
    )


async def test_a_thousand_sockets_that_came_and_went_leave_nothing_behind() -> None:
    chance = random.Random(11)
    ledger = Ledger()
    for bus_id in range(1, _BUSES + 1):
        ledger.add(bus_id)
    brief = settings(
        feed={"keep_seconds": 0.2},
        connection={"heartbeat_seconds": 1.0},
        admission={"connections_per_client": _SOCKETS, "connections_per_user": _SOCKETS},
    )
    async with living(ledger, with_settings=brief, authenticate=_authenticate) as served:
        tasks = len(asyncio.all_tasks())
        turns = asyncio.Semaphore(_AT_ONCE)
        selling = asyncio.create_task(_sell(served, chance))
        async with asyncio.TaskGroup() as group:
            for number in range(_SOCKETS):
                end = ENDS[number % len(ENDS)]
                group.create_task(_visit(served.port, end, random.Random(number), turns))
        selling.cancel()
        await asyncio.gather(selling, return_exceptions=True)
        counters = served.live.counters
        assert counters.opened == _SOCKETS
        assert counters.closed.keys() == {4000, 4001, 4201}
        assert {"1000", "1002", "1005", "1009", "4102"} <= counters.ended.keys()
        assert counters.closed.total() + counters.ended.total() == _SOCKETS
        await wait_until(lambda: not any(served.live.gauges().values()), seconds=20)
        await wait_until(lambda: len(asyncio.all_tasks()) <= tasks)
        assert served.live._hub._alarms == {}


async def _visit(
    port: int,
    end: Callable[[RawClient], Awaitable[None]],
    chance: random.Random,
    turns: asyncio.Semaphore,
) -> None:
    async with turns, raw(port) as client:
        if chance.random() < 0.3:
            client.send(b'{"type":"auth","id":1,"token":"%d"}' % chance.randrange(50))
        for number in range(chance.randrange(6)):
            bus = b"%d" % chance.randint(1, _BUSES + 3)  # some do not exist
            client.send(b'{"type":"subscribe","id":%d,"bus":"%b"}' % (number, bus))
            if chance.random() < 0.3:
                client.send(b'{"type":"unsubscribe","id":9,"bus":"%b"}' % bus)
        if chance.random() < 0.5:
            await client.receive()  # others leave while their bus is being read
        await end(client)


async def _sell(served: Served, chance: random.Random) -> None:
    while True:
        served.commit(chance.randint(1, _BUSES), A1=chance.choice("ALB"))
        await asyncio.sleep(0.002)
