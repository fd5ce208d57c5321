"""What is written for endpoints: once each, in sequence, within bounds, and for a while."""

import asyncio
import json
import uuid
from typing import Any

import pytest

from server.webhooks.events import body_of_test
from store import webhook_outbox
from store.db import Connection
from store.errors import WrongState
from store.webhook_outbox import Happening, State
from store.webhooks import EventType
from tests.store.test_shifts import open_shift
from tests.support.world import World, value
from tests.webhooks.house import House

URL = "https://93.184.216.34/hook"


async def queue(
    house: House, event_type: EventType = EventType.BOOKING_CONFIRMED, **more: int
) -> int:
    happening = Happening(
        more.get("operator_id", house.world.operator_id), event_type, uuid.uuid4(), bus_id=1
    )
    return await house.worker.webhook_outbox.queue(happening, body_of_test(1))


async def test_a_job_that_is_done_twice_is_told_once(house: House) -> None:
    added = await house.add(URL)
    await house.happen()
    before = await house.deliveries(added.endpoint.endpoint_id)
    await house.world.edit("UPDATE jobs SET state = 'QUEUED', done_at = NULL")
    assert await house.tell() == 1
    assert await house.deliveries(added.endpoint.endpoint_id) == before
    assert len(before) == 1


@pytest.mark.parametrize("is_worker_late", [False, True])
async def test_a_refund_in_cash_is_told_when_it_is_handed_over_and_once(
    house: House, *, is_worker_late: bool
) -> None:
    world, agent = house.world, house.world.agent()
    added = await house.add(URL, {EventType.REFUND_PAID})
    booking = await world.book(await world.bus(), ["1A"], method="cash", caller=agent)
    await world.cancel(booking)
    if not is_worker_late:
        while await house.tell():
            pass
        assert await house.deliveries(added.endpoint.endpoint_id) == [], "it waits at the counter"
    (refund,) = await world.store.cash_payouts.list_of(agent, booking)
    await open_shift(world, agent)
    owned = refund.bus_id, refund.refund_id
    await value(lambda ask: world.store.cash_payouts.pay(agent, owned, ask))
    while await house.tell():
        pass
    told = await house.only(added.endpoint.endpoint_id)
    assert json.loads(told.body)["data"] == {
        "bus_id": str(refund.bus_id),
        "booking_ref": booking.ref,
        "refund_id": str(refund.refund_id),
    }


async def test_two_endpoints_are_told_the_same_under_numbers_of_their_own(house: House) -> None:
    one, other = await house.add(URL), await house.add(f"{URL}/other")
    (ref,) = await house.happen()
    first = await house.only(one.endpoint.endpoint_id)
    second = await house.only(other.endpoint.endpoint_id)
    assert first.delivery_id != second.delivery_id
    assert first.body == second.body
    assert first.booking_ref == second.booking_ref == ref


async def test_an_endpoint_is_told_what_it_wants_to_know_while_it_is_enabled(house: House) -> None:
    added = await house.add(URL, {EventType.BOOKING_CANCELLED})
    number = added.endpoint.endpoint_id
    assert await queue(house) == 0
    assert await queue(house, EventType.BOOKING_CANCELLED) == 1
    await house.world.edit(
        "UPDATE webhook_endpoints SET disabled_at = clock_timestamp(), disabled_because = 'staff'"
    )
    assert await queue(house, EventType.BOOKING_CANCELLED) == 0
    assert len(await house.deliveries(number)) == 1


async def test_what_happens_at_once_is_told_in_one_sequence_without_gaps(house: House) -> None:
    added = await house.add(URL)
    await asyncio.gather(*(queue(house) for _ in range(30)))
    told = await house.deliveries(added.endpoint.endpoint_id)
    assert [each.sequence for each in told] == [*range(1, 31)]
    assert [json.loads(each.body)["sequence"] for each in told] == [*range(1, 31)]
    assert (await house.endpoint(added.endpoint.endpoint_id)).last_sequence == 30


async def test_what_does_not_fit_has_failed_and_can_be_sent_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.webhook_outbox.WAITING_MAX", 2)
    monkeypatch.setattr("store.webhook_log.WAITING_MAX", 2)
    added = await house.add(URL)
    number, log = added.endpoint.endpoint_id, house.world.store.webhook_log
    for _ in range(3):
        await queue(house)
    first, _, last = await house.deliveries(number)
    assert (first.state, last.state) == (State.WAITING, State.FAILED)
    with pytest.raises(WrongState, match="wait for this webhook already"):
        await log.resend_failed(None, number, first.created_at)
    with pytest.raises(WrongState, match="wait for this webhook already"):
        await log.test(None, number, body_of_test(number))
    await house.world.edit(
        "UPDATE webhook_deliveries SET state = 'DELIVERED', done_at = clock_timestamp() WHERE sequence = 1"
    )
    resent = await log.resend_failed(None, number, first.created_at)
    assert (resent.count, resent.are_left) == (1, False)
    assert (await house.deliveries(number))[-1].state is State.WAITING


async def test_each_operator_is_told_of_its_own(house: House) -> None:
    world = house.world
    (row,) = await world.owner.fetch(
        "INSERT INTO operators (name, time_zone, currency) VALUES ('Southline', 'UTC', 'EUR') RETURNING operator_id"
    )
    theirs = await house.add(URL, operator_id=row["operator_id"])
    ours = await house.add(URL)
    await house.happen()
    assert len(await house.deliveries(ours.endpoint.endpoint_id)) == 1
    assert await house.deliveries(theirs.endpoint.endpoint_id) == []


async def count(world: World, table: str) -> int:
    (row,) = await world.edit(f"SELECT count(*) AS rows FROM {table}")  # noqa: S608 - of constants
    return int(row["rows"])


async def test_what_is_old_is_forgotten_with_its_attempts(house: House) -> None:
    world, added = house.world, await house.add(URL)
    await queue(house)
    await queue(house)
    (taken, _) = await house.worker.webhook_outbox.take(9, of_one_endpoint=9, are_failing=False)
    await world.edit(
        "INSERT INTO webhook_attempts (operator_id, delivery_id, attempt, began_at, duration_ms, outcome)"
        " VALUES ($1, $2, 1, clock_timestamp(), 5, 'timeout')",
        world.operator_id,
        taken.delivery_id,
    )
    await house.worker.webhook_outbox.purge()
    assert await count(world, "webhook_deliveries") == 2
    await world.edit(
        "UPDATE webhook_deliveries SET created_at = created_at - interval '31 days' WHERE delivery_id = $1",
        taken.delivery_id,
    )
    await house.worker.webhook_outbox.purge()
    assert await count(world, "webhook_deliveries") == 1
    assert await count(world, "webhook_attempts") == 0
    assert await count(world, "webhook_endpoints") == 1
    await world.store.webhooks.delete(world.admin, added.endpoint.endpoint_id)
    await house.worker.webhook_outbox.purge()
    assert await count(world, "webhook_deliveries") == 0
    assert await count(world, "webhook_endpoints") == 0


async def test_a_worker_knows_the_key_of_webhooks_and_of_links_and_no_other(house: House) -> None:
    number = (await house.add(URL)).endpoint.endpoint_id
    ours = await house.world.store.webhook_secrets.told(number, 1)
    assert await house.worker.webhook_secrets.told(number, 1) == ours
    rows = await house.worker.db.fetch("SELECT purpose FROM house_keys")
    assert {row["purpose"] for row in rows} <= {"mail_links", "webhook_secrets"}
    rows = await house.world.edit("SELECT secret FROM house_keys WHERE purpose = 'webhook_secrets'")
    told = json.dumps(
        [dict(row) for row in await house.world.edit("SELECT url FROM webhook_endpoints")]
    )
    assert ours not in told + rows[0]["secret"]


async def test_ten_thousand_that_wait_for_a_dead_endpoint_are_passed_over_unread(
    house: House,
) -> None:
    world, dead = house.world, await house.add(URL, {EventType.BOOKING_FAILED})
    await world.edit(
        "INSERT INTO webhook_deliveries (operator_id, delivery_id, endpoint_id, sequence, event_type, body, state,"
        " created_at, due_at) SELECT $1, gen_random_uuid(), $2, n, 'booking.confirmed', '{}', 'WAITING', now(),"
        " now() + interval '1 day' FROM generate_series(1, 10000) AS n",
        world.operator_id,
        dead.endpoint.endpoint_id,
    )
    live = await house.add(f"{URL}/live", {EventType.REFUND_PAID})
    assert await queue(house, EventType.REFUND_PAID) == 1
    await world.owner.execute("ANALYZE webhook_deliveries")
    assert await rows_touched(house) < 50
    (taken,) = await house.worker.webhook_outbox.take(9, of_one_endpoint=4, are_failing=False)
    assert taken.endpoint_id == live.endpoint.endpoint_id


async def rows_touched(house: House) -> int:
    """Return how many rows claiming reads, used or not, as PostgreSQL counts them."""
    query = webhook_outbox.SQL["claim"]

    async def explain(connection: Connection) -> int:
        values = (9, 4, False, uuid.uuid4(), webhook_outbox.LEASE)
        (row,) = await connection.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}", *values)
        return max(_rows(json.loads(row[0])[0]["Plan"]))

    return await house.worker.db.read(None, explain)


def _rows(node: dict[str, Any]) -> list[int]:
    own = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    return [int(own), *(rows for plan in node.get("Plans", ()) for rows in _rows(plan))]
