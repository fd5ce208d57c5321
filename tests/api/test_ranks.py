"""Not room for all: who is nearer to having paid goes first."""

import asyncio

import pytest

from server import gate as gates
from server.gate import Gate
from server.glance import Rank
from tests.api.test_overload import House, nobody_waits, open_house, short_tempered
from tests.support.waiting import wait_until

__all__ = ["nobody_waits", "short_tempered"]

LOOK, STREAM = "/api/v1/buses", "/api/v1/buses/7/stream"
HOLD, BOOK, PAY = "/api/v1/buses/7/holds", "/api/v1/bookings", "/api/v1/payments/1/demo"
WEBHOOK = "/api/v1/payments/webhooks/x"
OF_A_HOLD = b'{"hold_id":"7-1"}'
ASKED = {
    Rank.WEBHOOK: ("POST", WEBHOOK, b"x"),
    Rank.PAYMENT: ("POST", PAY, b"x"),
    Rank.CONFIRM: ("POST", BOOK, OF_A_HOLD),
    Rank.HOLD: ("POST", HOLD, b"{}"),
    Rank.SEARCH: ("GET", LOOK, b""),
    Rank.JOIN: ("GET", STREAM, b""),
}
HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


async def ask(house: House, rank: Rank, name: object = "") -> asyncio.Task[int]:
    """Ask for something of a rank and wait until the gate has seen it."""
    method, path, body = ASKED[rank]
    client = await house.connect()
    gate = house.gate
    before = gate.inside + gate._waiting_of[rank]
    client.ask(f"{path}?{name}", body, method=method)
    answer = asyncio.create_task(client.status())
    await wait_until(lambda: answer.done() or gate.inside + gate._waiting_of[rank] > before)
    return answer


async def settle(house: House, answers: list[asyncio.Task[int]]) -> list[int]:
    house.done.set()
    return await asyncio.gather(*answers)


async def test_places_are_kept_for_better_ranks() -> None:
    async with open_house(16) as house:
        answers = []
        inside = {}
        for rank in reversed(Rank):
            # The one who has to wait stays at the door, and better ranks pass by.
            while not house.gate._waiting_of[rank]:
                answers.append(await ask(house, rank))
            inside[rank] = house.gate.inside
        assert inside == {
            Rank.JOIN: 8,
            Rank.SEARCH: 12,
            Rank.HOLD: 14,
            Rank.CONFIRM: 16,
            Rank.PAYMENT: 24,
            Rank.WEBHOOK: 32,
        }
        assert set(await settle(house, answers)) == {200}


async def test_who_waits_is_let_in_by_rank_and_then_in_order_of_arrival() -> None:
    async with open_house(1) as house:
        answers = [await ask(house, Rank.SEARCH, "first")]
        ranks = (Rank.SEARCH, Rank.JOIN, Rank.HOLD, Rank.CONFIRM)
        answers += [
            await ask(house, rank, f"{rank.name}{number}") for number in range(2) for rank in ranks
        ]
        assert set(await settle(house, answers)) == {200}
        assert house.begun == [
            "first",
            *("CONFIRM0", "CONFIRM1", "HOLD0", "HOLD1", "SEARCH0", "SEARCH1", "JOIN0", "JOIN1"),
        ]


async def test_a_flood_that_looks_around_does_not_take_the_places_to_wait() -> None:
    async with open_house(1) as house:
        looking = [await ask(house, Rank.SEARCH, number) for number in range(1 + 8)]
        assert house.gate.waiting == gates.WAITING_FOR_EACH
        buying = [await ask(house, Rank.CONFIRM, f"c{number}") for number in range(8)]
        assert [await answer for answer in looking[1:]] == [503] * 8
        assert await (await ask(house, Rank.SEARCH)) == 503
        assert await (await ask(house, Rank.CONFIRM)) == 503
        assert await settle(house, [looking[0], *buying]) == [200] * 9


@pytest.mark.usefixtures("short_tempered")
async def test_patience_with_those_who_look_around_ends_before_that_with_buyers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with open_house(1) as house:
        answers = [await ask(house, Rank.HOLD, "first")]
        looking = [await ask(house, Rank.SEARCH), await ask(house, Rank.JOIN)]
        assert await asyncio.gather(*looking) == [503, 503]
        assert await (await ask(house, Rank.SEARCH)) == 503
        monkeypatch.setattr(gates, "PATIENCE_SECONDS", 60.0)
        answers.append(await ask(house, Rank.CONFIRM))
        assert house.gate.waiting == 1
        assert await settle(house, answers) == [200, 200]
        await wait_until(lambda: not house.gate.is_shut_for(Rank.SEARCH))


@pytest.mark.usefixtures("short_tempered")
async def test_nobody_joins_while_others_are_turned_away() -> None:
    async with open_house(1) as house:
        first = await ask(house, Rank.HOLD)
        assert await (await ask(house, Rank.SEARCH)) == 503
        client = await house.connect()
        client.writer.write(HANDSHAKE)
        status, headers, _ = await client.answer()
        assert (status, headers["connection"]) == (503, "close")
        assert int(headers["retry-after"]) >= 1
        assert await client.reader.read() == b""
        assert await settle(house, [first]) == [200]


def test_as_long_as_it_is_quiet_nobody_is_ranked() -> None:
    gate = Gate(16)
    visitor = _Visitor()
    for _ in range(8):
        gate.admit(visitor)
    assert visitor.ranked == 0
    gate.admit(visitor)
    assert (visitor.ranked, visitor.entered) == (1, 9)


class _Visitor:
    """Counts what it is asked."""

    def __init__(self) -> None:
        self.ranked = self.entered = 0
        self.is_gone = False

    def find_rank(self) -> Rank:
        self.ranked += 1
        return Rank.SEARCH

    def find_crowd(self) -> str:
        return ""

    def enter(self, _crowd: str) -> None:
        self.entered += 1

    def turn_away(self, waited_seconds: float) -> None:
        raise AssertionError(waited_seconds)
