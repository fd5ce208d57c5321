"""A worker is killed between what it has done and the word that it is done: what comes of a job comes of it once."""

import signal
from collections import Counter
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from store.bookings import Purchase, Traveller
from store.model import Contact
from store.webhooks import EventType, NewEndpoint
from tests.support.errands import run_errands
from tests.support.servers import ThrowawayValkey
from tests.support.world import World, value
from tests.work.test_killed_worker import started

_SEATS = [f"{row}{letter}" for row in (1, 2) for letter in "ABCD"]


async def sell(world: World) -> None:
    """Sell each seat for cash to somebody of another address; somebody else's system is to be told."""
    new = NewEndpoint(world.operator_id, "http://127.0.0.1:9/hook", [EventType.BOOKING_CONFIRMED])
    await world.store.webhooks.add(world.manager(), new)
    bus = await world.bus(departs_in=timedelta(days=3))
    for seat in _SEATS:
        to = Contact(f"rider-{seat.lower()}@example.org")
        purchase = Purchase([Traveller(seat, "Ann")], to, "cash", is_paid=True)
        request = await world.request(bus, [seat])
        await value(partial(world.store.bookings.book, world.agent(), request, purchase))


async def mailed(world: World) -> "Counter[str]":
    """Return who has mails waiting or sent, and how many."""
    rows = await world.edit("SELECT recipient FROM mails WHERE template = 'ticket'")
    return Counter(row["recipient"] for row in rows)


async def always(*_: object) -> bool:
    return True


@pytest.mark.fault
@pytest.mark.parametrize("has_inbox", [True, False], ids=["", "twin: without the inbox"])
async def test_a_job_has_one_mail_and_one_message_even_if_it_ends_after_these_are_forgotten(
    world: World,
    valkey: ThrowawayValkey,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    has_inbox: bool,
) -> None:
    await sell(world)
    async with started(world, valkey, "before_finish", times=4, mail=tmp_path) as worker:
        assert await worker.wait() == -signal.SIGKILL
    before = await mailed(world)
    (row,) = await world.edit(
        "SELECT count(*) AS jobs FROM jobs WHERE state = 'QUEUED' AND kind = 'BOOKING_CONFIRMED'"
    )
    assert row["jobs"] > len(_SEATS) - len(before), "nothing was done that nobody heard the end of"
    # A week later: what was mailed is forgotten, and whoever looks after the outbox has the rest tried again.
    await world.edit("DELETE FROM mails")
    await world.edit("UPDATE jobs SET leased_until = now() WHERE leased_until IS NOT NULL")
    if not has_inbox:
        monkeypatch.setattr("store.letters.enter", always)
    await run_errands(await world.worker())
    told = before + await mailed(world)
    assert len(told) == len(_SEATS)
    assert (max(told.values()) == 1) == has_inbox
    rows = await world.edit("SELECT sequence FROM webhook_deliveries ORDER BY sequence")
    assert [row["sequence"] for row in rows] == [*range(1, len(_SEATS) + 1)]
