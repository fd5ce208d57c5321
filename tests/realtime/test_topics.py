"""Boards and sales over real sockets, told from a source that a test can change, slow down and break."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from realtime import frames
from realtime.protocol import Board, BoardDeparture, Money, OperatorSales, Sales
from realtime.settings import AudienceSettings, LiveSettings, TopicSettings
from realtime.topics import Scope
from tests.realtime.clients import raw, watch
from tests.realtime.history import Ledger, Unavailable
from tests.realtime.living import Person, Served, living, settings
from tests.realtime.valkey import Valkey
from tests.realtime.waiting import wait_until


class Desk:
    """A TopicSource: what there is to tell, and what it was asked."""

    def __init__(self) -> None:
        self.seats_left = 40
        self.sold = 0
        self.filler = ""
        self.is_down = False
        self.boards: list[int] = []
        self.sales_of: list[Scope] = []
        self.watching: Mapping[int, int] = {}

    async def board(self, stop_id: int) -> Board | None:
        self.boards.append(stop_id)
        if self.is_down:
            raise Unavailable
        if stop_id > 50:
            return None
        departure = BoardDeparture(
            bus="1",
            name="N1",
            operator="Northline",
            route=None,
            destination="Ulme" + self.filler,
            departs_at="2030-05-01T08:15:00Z",
            delay_seconds=None,
            bay=None,
            status="SCHEDULED",
            seats_left=self.seats_left,
            seats_total=40,
        )
        name = f"Stop {stop_id}"
        now = frames.timestamp_now()
        return Board(f"board:{stop_id}", str(stop_id), name, "Europe/Berlin", (departure,), now)

    async def sales(self, operators: Scope, watching: Mapping[int, int]) -> Sales:
        self.sales_of.append(operators)
        self.watching = watching
        if self.is_down:
            raise Unavailable
        days = tuple(self._day(number) for number in sorted(operators or {1, 2}))
        return Sales("sales", days, frames.timestamp_now())

    def _day(self, number: int) -> OperatorSales:
        revenue = Money(self.sold * 2000, "EUR")
        return OperatorSales(
            operator=str(number),
            name=f"Line {number}",
            date="2030-05-01",
            seats=self.sold,
            revenue=revenue,
            hours=(),
            holds=0,
            holds_paid=0,
            conversion=None,
            conflicts=0,
            routes=(),
            watchers=0,
        )


async def authenticate(token: str) -> Person | None:
    until = datetime.now(UTC) + timedelta(seconds=60)
    people = {
        "admin": Person(is_staff=True, expires_at=until, operators=None),
        "north": Person(is_staff=True, expires_at=until, operators=frozenset({1})),
        "south": Person(is_staff=True, expires_at=until, operators=frozenset({2})),
        "rider": Person(is_staff=False, expires_at=until, operators=frozenset()),
    }
    return people.get(token)


def quick(*, audience: AudienceSettings | None = None, **topics: Any) -> LiveSettings:
    defaults = {"pause_seconds": 0.02, "board_idle_seconds": 30.0, "sales_idle_seconds": 30.0}
    return settings(
        topics=TopicSettings(**{**defaults, "keep_seconds": 0.05, **topics}),
        audience=audience or AudienceSettings(),
    )


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def served(ledger: Ledger, desk: Desk) -> AsyncIterator[Served]:
    async with living(
        ledger, topics=desk, authenticate=authenticate, with_settings=quick()
    ) as served:
        yield served


async def test_anybody_may_watch_a_board(served: Served, desk: Desk) -> None:
    async with watch(served.port) as client:
        await client.say("subscribe", id=1, topic="board:7")
        board = await client.get("board")
        assert (board["topic"], board["stop"], board["name"]) == ("board:7", "7", "Stop 7")
        desk.seats_left = 39
        served.commit(1, A1="L")
        again = await client.get("board", count=2)
        assert again["departures"][0]["seats_left"] == 39


async def test_a_change_elsewhere_is_not_this_boards_business(served: Served, desk: Desk) -> None:
    async with watch(served.port) as client:
        await client.say("subscribe", id=1, topic="board:7")
        await client.get("board")
        served.commit(2, A1="L")  # not on the board
        desk.seats_left = 39
        served.commit(1, A1="L")
        await client.get("board", count=2)
        assert len(desk.boards) == 2


async def test_what_has_not_changed_is_not_told_again(served: Served, desk: Desk) -> None:
    async with watch(served.port) as client:
        await client.say("subscribe", id=1, topic="board:7")
        await client.get("board")
        served.commit(1, A1="L")
        await wait_until(lambda: len(desk.boards) == 2)
        desk.seats_left = 39
        served.commit(1, A1="A")
        assert (await client.get("board", count=2))["departures"][0]["seats_left"] == 39


async def test_many_changes_are_one_reading_and_the_last_value_wins(
    ledger: Ledger, desk: Desk
) -> None:
    slow = quick(pause_seconds=0.25)
    async with (
        living(ledger, topics=desk, with_settings=slow) as served,
        watch(served.port) as client,
    ):
        await client.say("subscribe", id=1, topic="board:7")
        await client.get("board")
        for number in range(200):
            desk.seats_left = number
            served.commit(1, A1="AL"[number % 2])
        await wait_until(
            lambda: client.frames[-1].get("departures", [{}])[0].get("seats_left") == 199
        )
        assert len(desk.boards) <= 3


async def test_however_many_watch_it_is_read_once(served: Served, desk: Desk) -> None:
    async with watch(served.port) as one, watch(served.port) as other:
        await one.say("subscribe", id=1, topic="board:7")
        await one.get("board")
        await other.say("subscribe", id=1, topic="board:7")
        await other.get("board")
        desk.seats_left = 1
        served.commit(1, A1="L")
        for client in (one, other):
            await wait_until(
                lambda client=client: client.frames[-1]["departures"][0]["seats_left"] == 1  # type: ignore[misc]
            )
        assert len(desk.boards) == 2


@pytest.mark.parametrize("topic", ["board:99", "board:", "board:x", "board:01", "weather", ""])
async def test_topics_that_are_not_there_are_not_found(served: Served, topic: str) -> None:
    async with watch(served.port) as client:
        await client.say("subscribe", id=3, topic=topic)
        assert (await client.get("error", id=3))["code"] == "not_found"
        await client.say("subscribe", id=4, topic="board:7")
        await client.get("board")


async def test_sales_are_for_staff_and_of_their_own_operators(served: Served, desk: Desk) -> None:
    async with watch(served.port) as client:
        await client.say("subscribe", id=1, topic="sales")
        assert (await client.get("error", id=1))["code"] == "unauthenticated"
        await client.say("auth", id=2, token="rider")
        await client.say("subscribe", id=3, topic="sales")
        assert (await client.get("error", id=3))["code"] == "forbidden"
        await client.say("auth", id=4, token="north")
        await client.say("subscribe", id=5, topic="sales")
        sales = await client.get("sales")
        assert [day["operator"] for day in sales["operators"]] == ["1"]
        desk.sold = 3
        served.commit(3, A1="B")
        assert (await client.get("sales", count=2))["operators"][0]["seats"] == 3
    async with watch(served.port) as client:
        await client.say("auth", id=1, token="admin")
        await client.say("subscribe", id=2, topic="sales")
        assert len((await client.get("sales"))["operators"]) == 2
    assert set(desk.sales_of) == {frozenset({1}), None}


async def test_who_becomes_somebody_else_is_told_no_more_of_the_first_ones_sales(
    served: Served, desk: Desk
) -> None:
    async with watch(served.port) as client:
        await client.say("auth", id=1, token="north")
        await client.say("subscribe", id=2, topic="sales")
        await client.get("sales")
        await client.say("auth", id=3, token="north")
        desk.sold = 1
        served.commit(1, A1="B")
        await client.get("sales", count=2)
        await client.say("auth", id=4, token="south")
        await client.say("subscribe", id=5, topic="board:99")
        await client.get("error", id=5)
        desk.sold = 2
        served.commit(1, B1="B")
        await wait_until(lambda: served.live.gauges()["topics_open"] == 0)
        assert len([one for one in client.frames if one["type"] == "sales"]) == 2


async def test_the_source_is_told_who_watches_what(served: Served, desk: Desk) -> None:
    async with watch(served.port) as rider, watch(served.port) as staff:
        await rider.say("subscribe", id=1, bus="2")
        await rider.get("subscribed")
        await staff.say("auth", id=1, token="admin")
        await staff.say("subscribe", id=2, topic="sales")
        await staff.get("sales")
        assert desk.watching == {2: 1}


async def test_watchers_of_all_processes_count_until_their_process_has_been_silent_for_long(
    ledger: Ledger, desk: Desk, valkey: Valkey
) -> None:
    attentive = quick(
        sales_idle_seconds=0.05,
        audience=AudienceSettings(ask_seconds=0.05, tell_seconds=0.01, keep_seconds=0.4),
    )
    options: dict[str, Any] = {"redis_url": valkey.url, "with_settings": attentive}
    async with AsyncExitStack() as stack:
        home = await stack.enter_async_context(
            living(ledger, topics=desk, authenticate=authenticate, **options)
        )
        away = await stack.enter_async_context(living(ledger, **options))
        staff, rider, stranger = [
            await stack.enter_async_context(watch(port))
            for port in (home.port, home.port, away.port)
        ]
        for client, bus in ((rider, "2"), (stranger, "2"), (stranger, "1")):
            await client.say("subscribe", id=1, bus=bus)
            await client.get("subscribed", bus=bus)
        await staff.say("auth", id=1, token="admin")
        await staff.say("subscribe", id=2, topic="sales")
        await wait_until(lambda: desk.watching == {1: 1, 2: 2})
        await stranger.say("unsubscribe", id=2, bus="1")
        await wait_until(lambda: desk.watching == {2: 2})
        valkey.freeze()
        await wait_until(lambda: desk.watching == {2: 1})
        valkey.thaw()
        await wait_until(lambda: desk.watching == {2: 2})
        for garbage in (b"watching|", b'watching|{"1":0}', b'watching|{"x":1}', b"watching|[]"):
            await valkey.do("PUBLISH", "omnibus:seats:{0}", b"1|elsewhere|" + garbage)
        await wait_until(lambda: home.live.counters.bus_garbage == 4)
        # Of a process that is slow to say so again nothing is known for a moment.
        await wait_until(lambda: desk.watching == {2: 2})


async def test_after_unsubscribing_a_topic_is_silent_and_closed(served: Served, desk: Desk) -> None:
    async with watch(served.port) as client:
        await client.say("subscribe", id=1, topic="board:7")
        await client.get("board")
        await client.say("unsubscribe", id=2, topic="board:7")
        await wait_until(lambda: served.live.gauges()["topics_open"] == 0)
        desk.seats_left = 1
        served.commit(1, A1="L")
        await client.say("subscribe", id=3, topic="board:8")
        await wait_until(lambda: client.frames[-1].get("topic") == "board:8")
        assert len([one for one in client.frames if one.get("topic") == "board:7"]) == 1


async def test_topics_and_buses_share_a_limit(served: Served) -> None:
    async with watch(served.port) as client:
        for number in range(1, 16):
            await client.say("subscribe", id=number, topic=f"board:{number}")
        await client.say("subscribe", id=16, bus="1")
        await client.get("subscribed")
        await client.say("subscribe", id=17, topic="board:17")
        assert (await client.get("error", id=17))["code"] == "too_many_subscriptions"
    await wait_until(lambda: served.live.gauges()["topics_open"] == 0)


async def test_a_process_tells_of_so_many_topics_and_no_more(ledger: Ledger, desk: Desk) -> None:
    async with (
        living(ledger, topics=desk, with_settings=quick(topics_max=1)) as served,
        watch(served.port) as client,
    ):
        await client.say("subscribe", id=1, topic="board:1")
        await client.get("board")
        await client.say("subscribe", id=2, topic="board:2")
        assert (await client.get("error", id=2))["code"] == "overloaded"


async def test_while_the_database_is_away_the_last_value_stands(served: Served, desk: Desk) -> None:
    async with watch(served.port) as client, watch(served.port) as late:
        await client.say("subscribe", id=1, topic="board:7")
        await client.get("board")
        desk.is_down = True
        await late.say("subscribe", id=1, topic="board:8")
        assert (await late.get("error", id=1))["code"] == "overloaded"
        served.commit(1, A1="L")
        await wait_until(lambda: served.live.counters.topic_failures >= 2)
        desk.is_down, desk.seats_left = False, 39
        served.commit(1, A1="A")
        assert (await client.get("board", count=2))["departures"][0]["seats_left"] == 39


async def test_lost_events_show_at_the_next_look(ledger: Ledger, desk: Desk) -> None:
    restless = quick(board_idle_seconds=0.1, sales_idle_seconds=0.1)
    async with (
        living(ledger, topics=desk, with_settings=restless, authenticate=authenticate) as served,
        watch(served.port) as client,
    ):
        await client.say("auth", id=1, token="north")
        await client.say("subscribe", id=2, topic="board:7")
        await client.say("subscribe", id=3, topic="sales")
        await client.get("board")
        await client.get("sales")
        desk.seats_left, desk.sold = 12, 28
        assert (await client.get("board", count=2))["departures"][0]["seats_left"] == 12
        assert (await client.get("sales", count=2))["operators"][0]["seats"] == 28


async def test_who_does_not_read_is_owed_one_value_and_no_backlog(
    ledger: Ledger, desk: Desk
) -> None:
    desk.filler = "x" * 20_000
    async with (
        living(ledger, topics=desk, with_settings=quick(pause_seconds=0.001)) as served,
        raw(served.port, receive_bytes=4096) as stuck,
        watch(served.port) as quick_one,
    ):
        stuck.send(b'{"type":"subscribe","id":1,"topic":"board:7"}')
        await quick_one.say("subscribe", id=1, topic="board:7")
        await quick_one.get("board")
        connection = max(served.live._connections, key=lambda each: each.outlet.buffered())
        number = 0
        while connection.outlet.buffered() < 64 * 1024:
            number += 1
            desk.seats_left = number
            served.commit(1, A1="AL"[number % 2])
            await asyncio.sleep(0.005)
            connection = max(served.live._connections, key=lambda each: each.outlet.buffered())
        most = connection.outlet.buffered()
        for _ in range(20):
            number += 1
            desk.seats_left = number
            served.commit(1, A1="AL"[number % 2])
            await quick_one.get("board", count=1)
            await asyncio.sleep(0.005)
        assert connection.outlet.buffered() <= most
        last = b'"seats_left":%d' % number
        seen = b""
        while last not in seen:
            _, payload = await stuck.receive()
            seen = payload
