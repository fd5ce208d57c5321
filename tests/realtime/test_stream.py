"""The event stream of a bus over real sockets: the same truth as `/ws`, for whom no WebSocket can be had."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx2
import pytest

from realtime import frames
from realtime.protocol import Bye, Hello, Subscribed
from realtime.stream import event_of, read_event_id
from tests.realtime.clients import slow_reader
from tests.realtime.history import Ledger
from tests.realtime.living import Served, settings
from tests.realtime.streaming import listen, streaming, url
from tests.realtime.test_slow import SEATS, impatient, stall
from tests.realtime.waiting import wait_until


@pytest.fixture
async def served(ledger: Ledger) -> AsyncIterator[Served]:
    async with streaming(ledger) as served:
        yield served


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(trust_env=False, verify=False, timeout=10) as client:
        yield client


async def test_a_stream_brings_a_snapshot_and_then_every_change(served: Served) -> None:
    async with listen(served) as client:
        await client.reaches_head(1)
        served.commit(1, A1="L", B1="L")
        await client.reaches_head(1)
        served.commit(1, A1="B")
        await client.reaches_head(1)
    first, *deltas = client.events
    assert (first.name, first.id) == ("snapshot", "1:0")
    assert list(first.data) == ["type", "bus", "epoch", "rev", "seats"]
    assert [(event.name, event.id) for event in deltas] == [("delta", "1:1"), ("delta", "1:2")]
    assert list(deltas[0].data) == ["type", "bus", "epoch", "prev", "rev", "seats", "at"]


async def test_its_headers_keep_proxies_and_caches_from_holding_it_back(
    served: Served, client: httpx2.AsyncClient
) -> None:
    async with client.stream("GET", url(served)) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-accel-buffering"] == "no"
    head = await client.head(url(served))
    assert head.headers["content-type"] == "text/event-stream"
    await wait_until(lambda: served.live.gauges()["connections"] == 0)


async def test_a_client_that_is_up_to_date_gets_nothing_but_a_comment(served: Served) -> None:
    served.commit(1, A1="L")
    async with listen(served, last="1:1", state=served.ledger.state(1)) as client:
        await wait_until(lambda: client.comments)
        served.commit(1, A1="B")
        await client.reaches_head(1)
    assert [event.name for event in client.events] == ["delta"]


@pytest.mark.parametrize("last", ["1:0", "", "1", "1:x", "-1:0", "٣:1", "1:" + "9" * 20, "0:7"])
async def test_from_anywhere_else_it_starts_with_a_snapshot(served: Served, last: str) -> None:
    served.commit(1, A1="L")
    async with httpx2.AsyncClient(trust_env=False, verify=False) as plain:
        headers = [(b"last-event-id", last.encode())]
        async with plain.stream("GET", url(served), headers=headers) as answer:
            lines = answer.aiter_lines()
            assert await anext(lines) == "event: snapshot"
            assert await anext(lines) == "id: 1:1"


async def test_a_client_that_is_ahead_of_this_process_is_never_sent_back(served: Served) -> None:
    async with listen(served) as first:
        await first.reaches_head(1)
        served.ledger.commit(1, A1="L")  # elsewhere, and not announced here
        async with listen(served, last="1:1", state=served.ledger.state(1)) as second:
            await wait_until(lambda: second.comments)
            # The delta that brings the process there may come as well: who is there already ignores it.
            assert {event.id for event in second.events} <= {"1:1"}
        await first.reaches_head(1)


@pytest.mark.parametrize("bus", ["999", "x", "01", "9" * 19])
async def test_what_is_not_a_bus_is_not_found(
    served: Served, client: httpx2.AsyncClient, bus: str
) -> None:
    answer = await client.get(url(served, bus))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.headers["content-type"] == "application/problem+json"
    assert served.live.gauges()["admitted"] == 0


async def test_silence_is_filled_with_comments(ledger: Ledger) -> None:
    quick = settings(connection={"heartbeat_seconds": 0.2})
    async with streaming(ledger, with_settings=quick) as served, listen(served) as client:
        await wait_until(lambda: len(client.comments) >= 3)
        assert [event.name for event in client.events] == ["snapshot"]


async def test_a_stream_takes_a_place_like_a_socket(
    ledger: Ledger, client: httpx2.AsyncClient
) -> None:
    few = settings(admission={"connections_per_client": 1})
    async with streaming(ledger, with_settings=few) as served:
        async with listen(served):
            refused = await client.get(url(served))
            assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
            assert int(refused.headers["retry-after"]) >= 1
            assert served.live.counters.refused["client"] == 1
        await wait_until(lambda: served.live.gauges()["admitted"] == 0)
        async with listen(served) as again:
            await again.reaches_head(1)
    full = settings(admission={"connections_max": 1})
    async with streaming(ledger, with_settings=full) as served, listen(served):
        refused = await client.get(url(served))
        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")


async def test_open_streams_keep_no_request_from_being_served(ledger: Ledger) -> None:
    async with (
        streaming(ledger, requests_at_once=1) as served,
        listen(served) as one,
        listen(served, "2") as other,
    ):
        await one.reaches_head(1)
        await other.reaches_head(2)


async def test_a_drain_says_goodbye_and_when_to_come_back(
    served: Served, client: httpx2.AsyncClient
) -> None:
    async with listen(served) as listener:
        await listener.reaches_head(1)
        await served.live.drain()
        await wait_until(lambda: listener.is_over)
        (bye,) = listener.named("bye")
        assert bye.data == {"type": "bye", "code": 4200, "reconnect_in": [0, 8000]}
        assert listener.retry_ms is not None
        assert 0 <= listener.retry_ms <= 8000
        refused = await client.get(url(served))
        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
        assert "retry-after" in refused.headers


async def test_it_says_when_updates_may_lag_and_when_they_do_not(ledger: Ledger) -> None:
    async with streaming(ledger, is_only_process=False) as served, listen(served) as client:
        await wait_until(lambda: client.named("status"))
        assert client.named("status")[0].data == {"type": "status", "live": False}
        assert client.events[0].name == "snapshot"


async def test_while_the_database_is_away_a_client_is_told_to_wait_not_refused(
    ledger: Ledger,
) -> None:
    ledger.is_down = True
    async with streaming(ledger) as served, listen(served) as client:
        await wait_until(lambda: client.named("status"))
        ledger.is_down = False
        await client.reaches_head(1)


async def test_history_that_was_replaced_ends_the_stream(served: Served) -> None:
    async with listen(served) as client:
        await client.reaches_head(1)
        served.commit(1, A1="L")
        await client.reaches_head(1)
        served.ledger.rebuild(1, served.ledger.state(1), epoch=1, rev=0)
        await wait_until(lambda: client.is_over)
        assert client.named("bye")[-1].data["code"] == 4203
        assert client.retry_ms is not None


async def test_a_slow_client_gets_the_present_instead_of_the_past(ledger: Ledger) -> None:
    ledger.add(9, SEATS)
    patient = impatient(hard_cap_bytes=2**30, slow_seconds=60.0)
    async with (
        streaming(ledger, with_settings=patient) as served,
        listen(served, "9") as quick,
        listen(served, "9") as slow,
    ):
        await slow.reaches_head(9)
        slow.is_reading.clear()
        await stall(served, until="fell_behind")
        await quick.reaches_head(9)
        for _ in range(50):
            served.commit(9, A1="A")
            served.commit(9, A1="L")
        slow.is_reading.set()
        await slow.reaches_head(9)
        assert len(slow.named("snapshot")) >= 2
        assert len(slow.named("delta")) < ledger.heads[9][1] - 30  # most of it was never sent
        await wait_until(lambda: served.live.gauges()["sockets_full"] == 0)


async def test_a_client_that_never_reads_is_cut_off(ledger: Ledger) -> None:
    ledger.add(9, SEATS)
    strict = impatient(slow_seconds=0.2)
    async with streaming(ledger, with_settings=strict) as served, listen(served, "9") as quick:
        async with slow_reader(served.port, "/api/v1/buses/9/stream") as stuck:
            await wait_until(lambda: served.live.gauges()["streams"] == 2)
            await stall(served, until="fell_behind")
            await wait_until(lambda: served.live.counters.closed[4202] == 1)
            await quick.reaches_head(9)
            await wait_until(lambda: served.live.gauges()["connections"] == 1)
            await stuck.rest()
        assert served.live.gauges()["admitted"] == 1


async def test_after_churn_nothing_is_left(ledger: Ledger) -> None:
    async with streaming(ledger) as served:
        for _ in range(5):
            async with asyncio.TaskGroup() as group:
                for _ in range(10):
                    group.create_task(_visit(served))
        await wait_until(lambda: served.live.gauges()["connections"] == 0)
        left = served.live.gauges()
        assert left["streams"] == left["admitted"] == left["timers"] == left["buses_watched"] == 0


async def _visit(served: Served) -> None:
    async with listen(served) as client:
        await client.reaches_head(1)


def test_what_was_drawn_for_one_client_is_drawn_anew_for_the_next() -> None:
    (text,) = frames.unframe(frames.pack(Bye(4200, (0, 10**9))))
    assert event_of(text.decode()) != event_of(text.decode())


def test_a_frame_that_only_sockets_get_is_no_event() -> None:
    (text,) = frames.unframe(frames.pack(Hello("s", "now", 20)))
    with pytest.raises(AssertionError):
        event_of(text.decode())


def test_an_answer_becomes_a_snapshot_without_the_number_of_the_question() -> None:
    answer = Subscribed(0, "1", "snapshot", 2, 3, (("1A", "A"),))
    (text,) = frames.unframe(frames.pack(answer))
    name, event_id, data, *_ = event_of(text.decode()).decode().split("\n")
    assert (name, event_id) == ("event: snapshot", "id: 2:3")
    assert json.loads(data.removeprefix("data: ")) == {
        "type": "snapshot",
        "bus": "1",
        "epoch": 2,
        "rev": 3,
        "seats": [["1A", "A"]],
    }


def test_ids_are_read_as_they_are_written() -> None:
    assert read_event_id("7:12") == (7, 12)
    assert read_event_id(f"{2**63 - 1}:0") == (2**63 - 1, 0)
    assert read_event_id(f"{2**63}:0") is None
