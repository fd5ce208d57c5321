"""More requests than a process works on at a time: who waits, who is refused, and what they are told."""

import asyncio
import contextlib
import gc
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from server import gate as gates
from server.contract import Answer
from server.dispatch import Dispatch
from server.front import Front
from server.gate import Gate
from server.glance import Rank
from server.http_protocol import BoundedHttp, Exchange
from server.intake import read_body
from tests.api.answers import problem
from tests.api.served import Served
from tests.api.shop import Shop
from tests.support.databases import Databases
from tests.support.servers import ThrowawayValkey
from tests.support.waiting import wait_until

HEALTH = ("/livez", "/readyz", "/metrics")


@dataclass
class House:
    """A process with a small gate, whose work takes as long as a test wants it to."""

    gate: Gate
    port: int
    server: uvicorn.Server
    done: asyncio.Event = field(default_factory=asyncio.Event)
    begun: list[str] = field(default_factory=list)
    clients: list["Client"] = field(default_factory=list)

    async def work(self, scope: Scope, receive: Receive, _path: dict[str, str]) -> Answer:
        body = await read_body(receive, {})
        self.begun.append(scope["query_string"].decode())
        if body == b"break":
            raise RuntimeError("as it was told to")
        await self.done.wait()
        return Answer(200, body)

    async def elsewhere(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer piecemeal, as pages and probes are."""
        length = (b"content-length", b"%d" % len(scope["path"]))
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    async def connect(self) -> "Client":
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port))
        self.clients.append(client)
        return client

    async def fill(self, count: int) -> list["Client"]:
        """Let requests take places, or wait for one, in this order."""
        clients = []
        for number in range(count):
            client = await self.connect()
            client.ask(f"/api/work?{number}", b"x")
            clients.append(client)
            await wait_until(lambda: self.gate.inside + self.gate.waiting >= len(clients))
        return clients

    async def is_empty(self) -> None:
        """Wait until everyone has left, and see that nobody is counted twice."""
        await wait_until(lambda: self.gate.inside == 0)
        assert self.gate.waiting == 0
        assert not self.gate._of_crowd
        assert not self.server.server_state.tasks


@dataclass
class Client:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def ask(
        self, path: str, body: bytes = b"", *lines: str, method: str = "POST", version: str = "1.1"
    ) -> None:
        head = [f"{method} {path} HTTP/{version}", "host: x", *lines]
        if body:
            head.append(f"content-length: {len(body)}")
        self.writer.write("\r\n".join([*head, "", ""]).encode() + body)

    async def head(self) -> tuple[int, dict[str, str]]:
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if line)
        assert len(headers) == len(lines) - 3, lines
        return int(lines[0].split()[1]), headers

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        status, headers = await self.head()
        return status, headers, await self.reader.readexactly(int(headers["content-length"]))

    async def status(self) -> int:
        return (await self.answer())[0]

    def hang_up(self) -> None:
        self.writer.transport.abort()


@contextlib.asynccontextmanager
async def open_house(limit: int) -> AsyncIterator[House]:
    gate = Gate(limit)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        async def work(scope: Scope, receive: Receive, path: dict[str, str]) -> Answer:
            return await house.work(scope, receive, path)

        async def elsewhere(scope: Scope, receive: Receive, send: Send) -> None:
            await house.elsewhere(scope, receive, send)

        paths = {"/work": work, "/v1/payments/{payment}/demo": work}
        front = Front(elsewhere, Dispatch("/api", paths, otherwise=work))
        config = uvicorn.Config(
            front, http=BoundedHttp.behind(gate), lifespan="off", log_config=None
        )
        house = House(gate, listener.getsockname()[1], uvicorn.Server(config))
        running = asyncio.create_task(house.server._serve(sockets=[listener]))
        await wait_until(lambda: house.server.started)
        try:
            yield house
        finally:
            house.done.set()
            for client in house.clients:
                client.writer.close()
                with contextlib.suppress(ConnectionError):
                    await client.writer.wait_closed()
            house.server.should_exit = True
            await running
        await house.is_empty()


@pytest.fixture
def nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "WAITING_FOR_EACH", 0)


@pytest.fixture
def short_tempered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(gates, "QUIET_SECONDS", 1.0)  # longer than a busy machine thinks


@pytest.fixture
def lonely(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of a crowd at a time."""
    monkeypatch.setattr(gates, "OF_A_CROWD", 1)


@pytest.mark.usefixtures("nobody_waits")
async def test_who_finds_no_place_is_told_all_there_is_to_know() -> None:
    async with open_house(1) as house:
        await house.fill(1)
        client = await house.connect()
        client.ask("/api/work", b"x")
        status, headers, body = await client.answer()
        told = json.loads(body)
        assert (status, headers["content-type"]) == (503, "application/problem+json")
        assert (told["status"], told["code"]) == (503, "overloaded")
        assert told["type"].endswith("/overloaded")
        assert told["title"]
        assert told["detail"]
        assert told["request_id"] == headers["x-request-id"]
        assert 1 <= int(headers["retry-after"]) == told["retry_after"] <= 3
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["date"].endswith("GMT")
        assert "connection" not in headers


@pytest.mark.usefixtures("nobody_waits")
async def test_those_refused_together_are_not_all_told_to_come_back_together() -> None:
    async with open_house(1) as house:
        await house.fill(1)
        client = await house.connect()
        told = set()
        ids = set()
        for _ in range(60):
            client.ask("/api/work", b"x")
            _, headers, _ = await client.answer()
            told.add(headers["retry-after"])
            ids.add(headers["x-request-id"])
        assert told == {"1", "2", "3"}
        assert len(ids) == 60


@pytest.mark.usefixtures("nobody_waits")
async def test_the_connection_goes_on_after_a_refusal_whatever_its_body_was() -> None:
    async with open_house(1) as house:
        await house.fill(1)
        client = await house.connect()
        client.ask("/api/work", b"x" * 10_000)
        assert await client.status() == 503
        client.ask("/api/work", b"", "transfer-encoding: chunked")
        assert await client.status() == 503
        client.writer.write(b"3\r\nabc\r\n")
        await client.writer.drain()
        client.writer.write(b"0\r\n\r\n")
        house.done.set()
        await wait_until(lambda: house.gate.inside == 0)
        client.ask("/api/work", b"at last")
        assert (await client.answer())[::2] == (200, b"at last")
        assert house.begun == ["0", ""]


@pytest.mark.usefixtures("nobody_waits")
async def test_a_refused_head_has_no_body_and_an_older_client_is_hung_up_on() -> None:
    async with open_house(1) as house:
        await house.fill(1)
        client = await house.connect()
        client.ask("/api/work", method="HEAD")
        status, headers = await client.head()
        assert (status, int(headers["content-length"]) > 0) == (503, True)
        client.ask("/api/work", version="1.0")
        status, headers, _ = await client.answer()
        assert (status, headers["connection"]) == (503, "close")
        assert await client.reader.read() == b""


@pytest.mark.usefixtures("nobody_waits")
async def test_a_body_that_waits_to_be_asked_for_is_not_and_the_connection_ends() -> None:
    async with open_house(1) as house:
        await house.fill(1)
        client = await house.connect()
        client.ask("/api/work", b"", "content-length: 1", "expect: 100-continue")
        status, headers, _ = await client.answer()
        assert (status, headers["connection"]) == (503, "close")
        assert await client.reader.read() == b""


@pytest.mark.usefixtures("nobody_waits")
async def test_refusals_keep_their_place_among_answers() -> None:
    async with open_house(1) as house:
        await house.fill(1)
        client = await house.connect()
        for path in ("/api/work", "/livez", "/api/work", "/readyz", "/api/work"):
            client.ask(path, method="GET")
        assert [await client.status() for _ in range(5)] == [503, 200, 503, 200, 503]


@pytest.mark.usefixtures("nobody_waits")
async def test_thousands_refused_behind_one_another_are_all_answered_even_who_reads_late() -> None:
    async with open_house(1) as house:
        await house.fill(1)
        client = await house.connect()
        for _ in range(1_000):
            client.ask("/livez", method="GET")
            client.ask("/api/work", b"x")
        told = [await client.status() for _ in range(2_000)]
        assert told == [200, 503] * 1_000


@pytest.mark.usefixtures("nobody_waits")
async def test_health_answers_and_payments_enter_while_others_are_refused() -> None:
    async with open_house(1) as house:
        await house.fill(1)
        client, payer = await house.connect(), await house.connect()
        for path in HEALTH:
            client.ask(path, method="GET")
            assert (await client.answer())[::2] == (200, path.encode())
        payer.ask("/api/v1/payments/1/demo", b"paid")
        await wait_until(lambda: house.gate.inside == 2)
        client.ask("/api/v1/payments/2/demo", b"x")
        assert await client.status() == 503
        house.done.set()
        assert (await payer.answer())[::2] == (200, b"paid")


async def test_a_burst_waits_and_is_served_in_order_of_arrival() -> None:
    async with open_house(2) as house:
        clients = await house.fill(2 + 2 * gates.WAITING_FOR_EACH)
        assert house.gate.inside == 2
        late = await house.connect()
        late.ask("/api/work", b"x")
        assert await late.status() == 503
        house.done.set()
        assert [await client.status() for client in clients] == [200] * len(clients)
        assert house.begun == [str(number) for number in range(len(clients))]


async def crowd_together(house: House, count: int) -> list[Client]:
    """Let so many ask for one bus, in this order, all but one of whom have to wait."""
    before = house.gate.inside
    crowd = [await house.connect() for _ in range(count)]
    for number, client in enumerate(crowd):
        client.ask(f"/api/work?crowd{number}", b'{"bus_id":"7"}')
        after = before + number + 1
        await wait_until(lambda: house.gate.inside + house.gate.waiting == after)  # noqa: B023 - within this turn
        assert house.gate.inside == before + 1
    return crowd


@pytest.mark.usefixtures("lonely")
async def test_a_crowd_for_one_bus_keeps_nobody_from_another() -> None:
    async with open_house(4) as house:
        await house.fill(1)
        crowd = await crowd_together(house, 3)
        others = [await house.connect() for _ in range(2)]
        others[0].ask("/api/work?other", b'{"bus_id": 8}')
        await wait_until(lambda: len(house.begun) == 3)
        others[1].ask("/api/v1/buses/9/holds?held", b"{}")
        await wait_until(lambda: len(house.begun) == 4)
        assert house.gate.waiting == 2
        house.done.set()
        assert [await client.status() for client in (*crowd, *others)] == [200] * 5
        assert house.begun == ["0", "crowd0", "other", "held", "crowd1", "crowd2"]


@pytest.mark.usefixtures("lonely")
async def test_who_of_a_crowd_has_left_gives_the_turn_to_the_next() -> None:
    async with open_house(4) as house:
        await house.fill(1)
        first, gone, last = await crowd_together(house, 3)
        gone.hang_up()
        await wait_until(lambda: house.gate._aside["7"][0].visitor.is_gone)
        house.done.set()
        assert [await client.status() for client in (first, last)] == [200, 200]
        assert house.begun == ["0", "crowd0", "crowd2"]


@pytest.mark.usefixtures("lonely", "short_tempered")
async def test_a_crowd_that_waits_without_end_is_refused_and_none_of_it_stays_counted() -> None:
    async with open_house(2) as house:
        await house.fill(1)
        first, *aside = await crowd_together(house, 3)
        in_line = await house.connect()
        in_line.ask("/api/work", b'{"bus_id":"8"}')
        assert [await client.status() for client in (*aside, in_line)] == [503] * 3
        assert house.gate._of_crowd == {"7": 1}
        house.done.set()
        assert await first.status() == 200


async def test_who_hung_up_while_waiting_is_never_begun() -> None:
    async with open_house(1) as house:
        first, gone, last = await house.fill(3)
        gone.hang_up()
        await wait_until(lambda: house.gate._lines[Rank.SEARCH][0].visitor.is_gone)
        house.done.set()
        assert [await client.status() for client in (first, last)] == [200, 200]
        assert house.begun == ["0", "2"]


@pytest.mark.usefixtures("short_tempered")
async def test_waiting_without_end_becomes_refusals_until_it_is_quiet_again() -> None:
    async with open_house(1) as house:
        with capture_logs() as lines:
            first, *waiting = await house.fill(4)
            assert [await client.status() for client in waiting] == [503, 503, 503]
            # It knows now that waiting helps nobody.
            waiting[0].ask("/api/work", b"x")
            assert await waiting[0].status() == 503
            await wait_until(lambda: house.gate._episode is None)
            waiting[0].ask("/api/work", b"x")
            await wait_until(lambda: house.gate.waiting == 1)
            house.done.set()
            assert [await client.status() for client in (first, waiting[0])] == [200, 200]
        told = [line["event"] for line in lines]
        assert told.count("overloaded: requests are refused") == 1
        assert [line["refused"] for line in lines if "refused" in line].count(4) == 1


@pytest.mark.parametrize(
    ("bearable_seconds", "expected"), [(10.0, {200}), (-1.0, {200, 503})], ids=["borne", "twin"]
)
@pytest.mark.usefixtures("short_tempered")
async def test_a_door_that_is_never_free_but_where_nobody_waits_long_refuses_nobody(
    monkeypatch: pytest.MonkeyPatch, bearable_seconds: float, expected: set[int]
) -> None:
    monkeypatch.setattr(gates, "BEARABLE_SECONDS", bearable_seconds)
    monkeypatch.setattr(gates, "PATIENCE_SECONDS", 0.5)  # longer than a busy machine lets us wait
    async with open_house(1) as house:
        clients = await house.fill(6)
        house.done.set()
        until = asyncio.get_running_loop().time() + 3 * gates.PATIENCE_SECONDS

        async def go_on_asking(client: Client) -> set[int]:
            told = {await client.status()}
            while asyncio.get_running_loop().time() < until:
                client.ask("/api/work", b"x")
                told.add(await client.status())
            return told

        assert set().union(*await asyncio.gather(*map(go_on_asking, clients))) == expected


class Guest:
    """Who comes to the door, and what becomes of them."""

    is_gone = False

    def __init__(self, crowd: str = "") -> None:
        self.crowd = crowd
        self.told: list[str] = []

    def find_crowd(self) -> str:
        return self.crowd

    def find_rank(self) -> Rank:
        return Rank.SEARCH

    def enter(self, crowd: str) -> None:
        assert crowd == self.crowd
        self.told.append("enter")

    def turn_away(self, waited_seconds: float) -> None:
        assert waited_seconds >= gates.PATIENCE_SECONDS
        self.told.append("go away")


@pytest.mark.usefixtures("lonely", "short_tempered")
async def test_of_a_crowd_nobody_waits_for_ever_while_others_come_and_go() -> None:
    gate = Gate(2)
    gate.go_ahead()
    inside, aside = Guest("7"), Guest("7")
    gate.admit(inside)
    gate.admit(aside)
    until = asyncio.get_running_loop().time() + 20 * gates.PATIENCE_SECONDS
    while asyncio.get_running_loop().time() < until:
        passing = Guest()
        gate.admit(passing)
        assert passing.told == []
        gate.leave()
        assert passing.told == ["enter"]
        await asyncio.sleep(0)
    assert (inside.told, aside.told) == (["enter"], ["go away"])
    assert gate.waiting == 0
    gate.leave("7")
    gate.leave()
    assert (gate.inside, gate._alarms) == (0, {})
    assert not gate._of_crowd


@pytest.mark.usefixtures("short_tempered")
async def test_patience_returns_even_if_all_who_waited_had_left() -> None:
    async with open_house(1) as house:
        _, gone = await house.fill(2)
        gone.hang_up()
        await wait_until(lambda: house.gate.is_shut_for(Rank.SEARCH))
        await wait_until(lambda: not house.gate.is_shut_for(Rank.SEARCH))


async def test_everyone_leaves_however_it_ended() -> None:
    async with open_house(8) as house:
        broken, gone, cancelled, answered = [await house.connect() for _ in range(4)]
        broken.ask("/api/work", b"break")
        assert await broken.status() == 500
        await house.is_empty()
        gone.ask("/api/work", b"x")
        await wait_until(lambda: house.gate.inside == 1)
        gone.hang_up()
        answered.ask("/api/work", b"x")
        await wait_until(lambda: house.gate.inside == 2)
        house.done.set()
        assert await answered.status() == 200
        await house.is_empty()
        house.done.clear()
        cancelled.ask("/api/work", b"x")
        await wait_until(lambda: house.gate.inside == 1)
        for task in house.server.server_state.tasks:
            task.cancel()
        await house.is_empty()


async def test_a_slow_body_keeps_nobody_out_and_one_cut_short_leaves() -> None:
    async with open_house(1) as house:
        slow, cut, quick = [await house.connect() for _ in range(3)]
        for client in (slow, cut):
            client.ask("/api/work", b"", "content-length: 2")
            client.writer.write(b"a")
        await wait_until(lambda: len(house.server.server_state.tasks) == 2)
        quick.ask("/api/work", b"x")
        await wait_until(lambda: house.gate.inside == 1)
        cut.hang_up()
        house.done.set()
        assert await quick.status() == 200
        slow.writer.write(b"b")
        assert (await slow.answer())[2] == b"ab"
        await house.is_empty()


async def test_who_does_not_read_keeps_nobody_out() -> None:
    async with open_house(1) as house:
        house.done.set()
        deaf, other = await house.connect(), await house.connect()
        body = b"x" * 60_000
        for _ in range(400):
            deaf.ask("/api/work", body)
        await wait_until(lambda: any(each.flow.write_paused for each in connections(house)))
        other.ask("/api/work", b"x")
        assert await other.status() == 200
        deaf.hang_up()


def connections(house: House) -> list[BoundedHttp]:
    return [each for each in house.server.server_state.connections if isinstance(each, BoundedHttp)]


@pytest.mark.usefixtures("nobody_waits")
async def test_nothing_of_a_refused_request_waits_for_the_collector() -> None:
    async with open_house(1) as house:
        await house.fill(1)
        client = await house.connect()
        gc.collect()
        gc.disable()
        others = count_exchanges()
        try:
            for _ in range(50):
                client.ask("/api/work", b"x")
                assert await client.status() == 503
            # The last one is still the connection's, and one is under way.
            await wait_until(lambda: count_exchanges() <= others + 2)
        finally:
            gc.enable()


def count_exchanges() -> int:
    return sum(isinstance(each, Exchange) for each in gc.get_objects())


async def test_who_waits_when_the_process_ends_is_served() -> None:
    async with open_house(1) as house:
        clients = await house.fill(3)
        house.server.should_exit = True
        house.done.set()
        assert [await client.status() for client in clients] == [200, 200, 200]


async def test_a_process_has_the_limit_it_was_given_and_says_how_many_it_refused(
    databases: Databases, valkey: ThrowawayValkey
) -> None:
    waiting = gates.WAITING_FOR_EACH
    async with databases.fresh() as url, await Shop.open(url) as shop:
        settings = {"OMNIBUS_REQUESTS_AT_ONCE": "1"}
        async with Served(url, valkey.url, settings=settings) as served:
            shop.url = served.url
            guest, outside = shop.client(), shop.client(prefix="")
            bus = await shop.bus()
            async with shop.owner.transaction():
                # Nobody finds out what is free, until this ends.
                await shop.owner.execute("LOCK TABLE seats IN ACCESS EXCLUSIVE MODE")
                asked = [
                    asyncio.create_task(guest.get(f"/buses/{bus}/seats"))
                    for _ in range(1 + waiting + 3)
                ]
                await wait_until(lambda: sum(each.done() for each in asked) == 3)
                assert (await outside.get("/livez")).status_code == 200
            answers = [await each for each in asked]
            refused = [answer for answer in answers if answer.status_code == 503]
            assert len(refused) == 3
            for answer in refused:
                problem(answer, 503, "overloaded")
            assert {each.status_code for each in answers} == {200, 503}
            (counted,) = await served.failures()
            assert 'route="refused"' in counted
            assert counted.endswith(" 3.0")
            assert served.log().count("requests are refused") == 1
