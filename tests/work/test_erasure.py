"""Who is erased is in nothing that jobs left behind: mails, messages to others' systems, refunds, what went wrong."""

from datetime import timedelta

from server.config import Settings
from server.payments.cashier import Cashier
from server.work.attempt import attempt
from server.work.handler import Work
from store.accounts import NewUser, User
from store.jobs import Ending, JobKind
from store.model import Caller, Contact, Role
from store.webhooks import EventType, NewEndpoint
from tests.support.errands import run_errands
from tests.support.road import set_off
from tests.support.traces import find_traces
from tests.support.world import World
from tests.work.test_letters import book

NAME, EMAIL, PHONE = "Waldtraut Wolkenstein", "waldtraut@wolken.example", "+49 30 987654321"
WORDS = ("Waldtraut", "Wolken", PHONE)


async def travel(world: World) -> User:
    """Let somebody book, pay, cancel a seat and be paid back, decline, and have all of it acted on."""
    user = await world.store.accounts.add(NewUser(NAME, EMAIL, "hash"))
    rider = Caller(user.user_id, Role.RIDER)
    events = [each for each in EventType if each is not EventType.TEST]
    new = NewEndpoint(world.operator_id, "http://127.0.0.1:9/hook", events)
    await world.store.webhooks.add(world.manager(), new)
    bus = await world.bus(departs_in=timedelta(days=3))
    contact = Contact(EMAIL, PHONE)
    paid = await book(
        world, bus, ["1A", "1B"], contact=contact, method="demo", caller=rider, name=NAME
    )
    await world.pay(paid)
    await world.cancel(paid, ["1B"])
    cancelled = await book(world, bus, ["2A"], contact=contact, caller=rider, name=NAME)
    await world.cancel(cancelled)
    await run_errands(await world.worker())
    await set_off(world, bus, timedelta(days=2))
    return user


async def test_who_is_erased_is_in_nothing_that_jobs_left(world: World) -> None:
    user = await travel(world)
    rows = await world.edit(
        "UPDATE jobs SET state = 'DEAD', done_at = NULL, last_error = $1 RETURNING kind",
        f"of {NAME}",
    )
    assert {row["kind"] for row in rows} >= {"BOOKING_CONFIRMED", "BOOKING_CANCELLED", "REFUND"}
    before = await find_traces(world.edit, WORDS)
    assert {"bookings.names", "jobs.last_error", "mails.recipient", "users.name"} <= set(before)
    told = await world.edit("SELECT FROM webhook_deliveries")
    assert len(told) >= 3, "others' systems were told of it"
    assert not {each for each in before if each.startswith(("webhook", "refund", "payment"))}
    await world.store.personal.erase(user)
    assert await find_traces(world.edit, WORDS) == []
    # Tried again, none of it finds anybody to write to.
    await world.edit("UPDATE jobs SET state = 'QUEUED', due_at = clock_timestamp()")
    await run_errands(await world.worker())
    assert await find_traces(world.edit, WORDS) == []
    assert await world.edit("SELECT FROM mails") == []


async def test_what_a_database_refuses_is_not_told_with_the_row_it_refused(world: World) -> None:
    await world.store.accounts.add(NewUser(NAME, EMAIL, "hash"))
    await book(world, await world.bus(), ["1A"])
    said: list[str] = []

    async def add_again(*_: object) -> None:
        again = "INSERT INTO users (name, email, password_hash, role) VALUES ($1, $2, '!', 'rider')"
        try:
            await world.edit(again, NAME, EMAIL)
        except Exception as error:
            said.append(str(error))
            raise

    worker = await world.worker()
    (job,) = await worker.jobs.claim(1, timedelta(minutes=1))
    work = Work(worker, Settings(), Cashier(worker, [], ""))
    outcome = await attempt(job, work, dict.fromkeys(JobKind, (add_again,)))
    assert outcome.ending is Ending.RETRIED
    assert EMAIL in said[0], "the database tells it"
    assert "violates unique constraint" in str(outcome.reason)
    assert EMAIL not in str(outcome.reason)
