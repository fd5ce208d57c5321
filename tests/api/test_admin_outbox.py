"""The outbox over HTTP: who sees which jobs, what becomes of those that were given up."""

from uuid import uuid4

import httpx2
import pytest

from tests.api.answers import bad_input, problem
from tests.api.back_office import logged
from tests.api.shop import Json, Shop, new_key


async def listed(client: httpx2.AsyncClient, **query: str) -> list[Json]:
    answer = await client.get("/admin/outbox", params=query)
    assert answer.status_code == 200, answer.text
    items: list[Json] = answer.json()["items"]
    return items


async def sold(shop: Shop, *seats: str) -> tuple[str, list[Json]]:
    """Sell seats of a new bus, each booking paid; return the bus and the bookings."""
    bus = await shop.bus()
    bookings = [
        await shop.pay(await shop.book(shop.client("rider"), bus, [seat])) for seat in seats
    ]
    return bus, bookings


async def test_what_was_given_up_is_listed_with_its_booking_and_the_reason(
    shop: Shop, manager: httpx2.AsyncClient, rival: httpx2.AsyncClient, admin: httpx2.AsyncClient
) -> None:
    bus, (booking,) = await sold(shop, "1A")
    assert await listed(manager, bus=bus, state="DEAD") == []
    (job,) = await shop.give_up(bus)
    (item,) = await listed(manager, bus=bus)
    assert item["id"] == job
    assert (item["ref"], item["bus_id"], item["operator"]) == (
        booking["ref"],
        bus,
        shop.operators["Northline"],
    )
    assert (item["kind"], item["state"], item["attempts"]) == ("BOOKING_CONFIRMED", "DEAD", 15)
    assert item["last_error"] == "no such letter"
    assert job in {each["id"] for each in await listed(admin)}
    assert job in {each["id"] for each in await listed(shop.client("support"))}
    assert await listed(rival, bus=bus) == []
    assert job not in {each["id"] for each in await listed(rival)}
    query = {"operator": shop.operators["Northline"]}
    problem(await rival.get("/admin/outbox", params=query), 404, "not_found")


async def test_filters_narrow_and_pages_follow_each_other_without_gaps(
    shop: Shop, manager: httpx2.AsyncClient
) -> None:
    bus, bookings = await sold(shop, "1A", "1B", "1C")
    await shop.client("rider").post(f"/bookings/{bookings[0]['ref']}/cancel", headers=new_key())
    whole = await listed(manager, bus=bus)
    assert [each["kind"] for each in whole] == ["REFUND", "BOOKING_CANCELLED"] + [
        "BOOKING_CONFIRMED"
    ] * 3
    assert whole[0]["detail"] == {"refund_id": whole[1]["detail"]["refund_id"]}
    assert await listed(manager, bus=bus, kind="REFUND") == whole[:1]
    assert await listed(manager, bus=bus, state="QUEUED") == whole
    first = (await manager.get("/admin/outbox", params={"bus": bus, "limit": "2"})).json()
    rest = await listed(manager, bus=bus, limit="4", cursor=first["next_cursor"])
    assert [*first["items"], *rest] == whole
    waiting = await listed(manager, state="QUEUED", limit="200")
    assert [each for each in waiting if each["bus_id"] == bus] == whole


async def test_a_job_is_tried_again_or_let_be_once_and_the_log_says_by_whom(
    shop: Shop, manager: httpx2.AsyncClient
) -> None:
    bus, _ = await sold(shop, "1A", "1B")
    again, never = await shop.give_up(bus)
    key = new_key()
    tried = await manager.post(f"/admin/outbox/{again}/retry", headers=key)
    assert (tried.status_code, tried.json()) == (200, {"id": again, "state": "QUEUED"})
    repeated = await manager.post(f"/admin/outbox/{again}/retry", headers=key)
    assert repeated.json() == tried.json()
    assert repeated.headers["idempotent-replayed"] == "true"
    left = await manager.post(f"/admin/outbox/{never}/discard")
    assert (left.status_code, left.json()) == (200, {"id": never, "state": "DONE"})
    items = {each["id"]: each for each in await listed(manager, bus=bus)}
    assert (items[again]["state"], items[again]["attempts"]) == ("QUEUED", 0)
    assert items[never]["last_error"] == "discarded: no such letter"
    assert items[never]["done_at"]
    assert await logged(shop, f"job {again}") == ["job.retry"]
    assert await logged(shop, f"job {never}") == ["job.discard"]
    for action in ("retry", "discard"):
        problem(await manager.post(f"/admin/outbox/{never}/{action}"), 409, "wrong_state")


async def test_what_a_worker_is_at_is_left_to_it(shop: Shop, manager: httpx2.AsyncClient) -> None:
    bus, _ = await sold(shop, "1A")
    await shop.owner.execute(
        "UPDATE jobs SET lease = $2, leased_until = now() + interval '1 minute' WHERE bus_id = $1",
        int(bus),
        uuid4(),
    )
    (item,) = await listed(manager, bus=bus)
    assert item["leased_until"] is not None
    for action in ("retry", "discard"):
        problem(await manager.post(f"/admin/outbox/{item['id']}/{action}"), 409, "wrong_state")


async def test_another_operators_job_and_one_that_is_not_there_look_the_same(
    shop: Shop, manager: httpx2.AsyncClient, rival: httpx2.AsyncClient
) -> None:
    bus, _ = await sold(shop, "1A")
    (job,) = await shop.give_up(bus)
    foreign = problem(await rival.post(f"/admin/outbox/{job}/discard"), 404, "not_found")
    for unknown in (f"{job[:-1]}{'B' if job[-1] == 'A' else 'A'}", "nothing"):
        told = problem(await manager.post(f"/admin/outbox/{unknown}/discard"), 404, "not_found")
        assert told["detail"] == foreign["detail"]


@pytest.mark.parametrize(
    "query",
    [
        {"state": "LOST"},
        {"state": "DONE"},
        {"kind": "SUNRISE"},
        {"bus": "0"},
        {"operator": "x"},
        {"cursor": "-1"},
        {"limit": "0"},
        {"job": "1"},
    ],
    ids=str,
)
async def test_questions_that_make_no_sense_are_refused(
    admin: httpx2.AsyncClient, query: dict[str, str]
) -> None:
    bad_input(await admin.get("/admin/outbox", params=query))


async def test_the_metrics_tell_how_much_waits_and_how_much_was_given_up(shop: Shop) -> None:
    bus, _ = await sold(shop, "1A", "1B")
    await shop.owner.execute(
        "UPDATE jobs SET due_at = now() - interval '2 hours' WHERE bus_id = $1", int(bus)
    )
    before = await metric(shop, "omnibus_jobs_dead")
    assert await metric(shop, "omnibus_jobs_due") >= 2
    assert await metric(shop, "omnibus_jobs_oldest_due_seconds") >= 7200
    await shop.give_up(bus)
    assert await metric(shop, "omnibus_jobs_dead") == before + 2


async def metric(shop: Shop, name: str) -> float:
    text = (await shop.client(prefix="").get("/metrics")).text
    (line,) = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(line.split()[1])
