"""What `/metrics` tells of the live layer: each number moves when, and only when, what it counts has happened."""

import pytest
from prometheus_client import generate_latest

from server.live_metrics import registry_of
from tests.realtime.clients import watch
from tests.realtime.history import Ledger
from tests.realtime.living import living, settings
from tests.realtime.waiting import wait_until

BY_CHECK = settings(hub={"check_seconds": 0.05})
RARELY_CHECKED = settings(hub={"check_seconds": 300.0, "check_degraded_seconds": 300.0})
EXPOSED = (
    *("connections", "subscriptions", "buses_watched", "sockets_full", "admitted", "users"),
    *("deltas_applied_total", "deltas_duplicate_total", "deltas_early_total", "loads_total"),
    *("repairs_total", "checks_total", "fell_behind_total", "resyncs_total", "aborted_total"),
    *("publish_dropped_total", "resubscribed_total", "probes_lost_total", "opened_total"),
    *("commit_to_hub_seconds_count", "commit_to_socket_seconds_count"),
    *("ack_lag_seconds_count", "loop_lag_seconds_count"),
)


async def test_a_change_is_timed_once_however_many_watch(ledger: Ledger) -> None:
    async with (
        living(ledger, with_settings=RARELY_CHECKED) as served,
        watch(served.port, ledger) as one,
        watch(served.port, ledger) as two,
    ):
        for client in (one, two):
            await client.say("subscribe", id=1, bus="1")
            await client.get("subscribed")
        for states in "LBA":
            served.commit(1, A1=states)
        served.commit(2, A1="L")  # which nobody watches
        for client in (one, two):
            await client.reaches_head(1)
        counters = served.live.counters
        await wait_until(lambda: counters.commit_to_socket.total)
        assert counters.commit_to_hub.total == 3
        assert counters.commit_to_socket.total <= 3
        assert served.live.gauges()["subscriptions"] == 2


async def test_a_repair_names_what_told_of_the_loss(ledger: Ledger) -> None:
    async with (
        living(ledger, with_settings=BY_CHECK) as served,
        watch(served.port, ledger) as client,
    ):
        await client.say("subscribe", id=1, bus="1")
        await client.get("subscribed")
        ledger.commit(1, A1="L")  # of which nobody hears
        await client.reaches_head(1)
        assert served.live.counters.repaired == {"position": 1}


async def test_a_repair_after_a_gap_and_one_for_a_client_that_knows_more(ledger: Ledger) -> None:
    async with (
        living(ledger, with_settings=RARELY_CHECKED) as served,
        watch(served.port, ledger) as client,
        watch(served.port, ledger) as ahead,
    ):
        await client.say("subscribe", id=1, bus="1")
        await client.get("subscribed")
        ledger.commit(1, A1="L")
        served.commit(1, A1="B")
        await client.reaches_head(1)
        assert served.live.counters.repaired == {"gap": 1}
        ledger.commit(1, A1="A")
        ahead.has(1, ledger.heads[1], ledger.state(1))
        await ahead.say("subscribe", id=1, bus="1", epoch=1, rev=3)
        await client.reaches_head(1)
        assert served.live.counters.repaired == {"gap": 1, "client": 1}


async def test_an_answer_to_a_heartbeat_is_timed(ledger: Ledger) -> None:
    quick = settings(connection={"heartbeat_seconds": 0.1})
    async with living(ledger, with_settings=quick) as served, watch(served.port) as client:
        await client.say("ack", revs={})  # an answer to nothing
        await client.get("heartbeat", count=3)
        await wait_until(lambda: served.live.counters.ack_lag.total >= 2)
        assert served.live.counters.ack_lag.total < served.live.counters.acks
        assert served.live.counters.loop_lag.total


async def test_everything_is_exposed_under_its_name(ledger: Ledger) -> None:
    async with living(ledger) as served, watch(served.port, origin="http://omnibus.test") as client:
        await client.say("subscribe", id=1, bus="999")
        await client.get("error")
        await client.socket.send("no message")
        assert await client.closed() == 4000
        text = generate_latest(registry_of(served.live)).decode()
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert [name for name in EXPOSED if f"omnibus_live_{name}" not in lines] == []
    assert lines['omnibus_live_closed_total{code="4000"}'] == "1.0"
    assert lines['omnibus_live_errors_total{code="not_found"}'] == "1.0"
    assert lines["omnibus_live_opened_total"] == "1.0"
    assert 'omnibus_live_loop_lag_seconds_bucket{le="+Inf"}' in lines


@pytest.mark.parametrize("at", ["", "yesterday", "2030-13-01T00:00:00Z"])
async def test_a_message_without_a_time_is_no_message(ledger: Ledger, at: str) -> None:
    async with living(ledger) as served, watch(served.port, ledger) as client:
        await client.say("subscribe", id=1, bus="1")
        await client.get("subscribed")
        delta = (
            '{"type":"delta","bus":"1","epoch":1,"prev":0,"rev":1,"seats":[["1A","B"]],"at":"%s"}'
        )
        served.live._receive(1, (delta % at).encode())
        assert served.live.counters.bus_garbage == 1
