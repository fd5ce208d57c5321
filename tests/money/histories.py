"""Random lives of bookings: paid, declined, heard of late, twice, in the wrong order, by forgers or never; cancelled,
expired, taken by others, and left in the middle by processes that die. Every one is drawn from its seed, and played
over one way of paying (`paths.py`, `stripe_path.py`).

However it went, what was captured is what a confirmed booking has cost or what was paid back. That is judged by the
provider's own books and by the seats, not by our ledger; our ledger has its invariants.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from server.config import Settings
from server.payments.cashier import Cashier
from server.payments.demo import Step
from server.payments.provider import Forged, ProviderDown
from server.work.attempt import attempt
from server.work.handler import Work
from store import Store
from store.errors import OutcomeUnknown, Overloaded, Refusal
from store.inbox import ProviderEvent
from store.jobs import Ending, Outcome
from store.model import Booking, Caller
from tests.money.paths import SECRETS, Message, Path
from tests.money.unreliable import Chance, Died, UnreliableProvider, mortal
from tests.support.world import World

SEATS = 16
OF_A_BUS = 10
"""So many histories share a bus: enough that they want each other's seats."""
AT_ONCE = 24
FORGED_AND_TAKEN = "forged and taken"
_STEPS = 14
_TRIES = 200
_LEASE = timedelta(seconds=10)
_UNKNOWN = (ProviderDown, Died, Overloaded, OutcomeUnknown)


@dataclass(slots=True)
class Life:
    """One history: a booking, what was begun for it, the messages about it that are still on their way."""

    random: Random
    caller: Caller
    bus: int
    seats: list[str]
    booking: Booking | None = None
    provider_ref: str | None = None
    letters: list[Message] = field(default_factory=list)


@dataclass(slots=True)
class Stage:
    """Where histories are played: an unreliable world, and the same one when all is well again."""

    world: World
    path: Path
    chance: Chance
    store: Store
    cashier: Cashier
    calm: Cashier
    worker: Store
    work: Work
    calm_work: Work
    happened: Counter[str] = field(default_factory=Counter)

    @property
    def counts(self) -> Counter[str]:
        """What has happened, and what went wrong on the way."""
        return self.happened + self.chance.counts + self.path.counts

    @classmethod
    async def set_up(cls, world: World, path: Path) -> "Stage":
        chance = Chance()
        store = mortal(world.store, chance)
        worker = await world.worker()
        payer = UnreliableProvider(path.payer, chance)
        settings = Settings()
        return cls(
            world,
            path,
            chance,
            store,
            Cashier(store, [UnreliableProvider(path.seller, chance)], "http://127.0.0.1:8000"),
            Cashier(world.store, [path.seller], "http://127.0.0.1:8000"),
            worker,
            Work(worker, settings, Cashier(worker, [payer], "")),
            Work(worker, settings, Cashier(worker, [path.payer], "")),
        )


async def play(world: World, path: Path, count: int, seed: int) -> Stage:
    """Live through so many histories, a few dozen at a time, and then let all be well and everything end."""
    stage = await Stage.set_up(world, path)
    buses = [await world.bus(seats=SEATS) for _ in range(-(-count // OF_A_BUS))]
    room = asyncio.Semaphore(AT_ONCE)

    async def live(number: int) -> None:
        async with room:
            await _live(stage, _draw(buses, number, seed))

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(live(number))
    await _let_all_end(stage, _TRIES + count // 10)
    return stage


async def judge(world: World, path: Path) -> list[str]:
    """Return where captured money is not exactly a confirmed booking's or paid back, by the books of the provider."""
    books = await path.books()
    captured, paid_back = (
        list(zip(*each, strict=True)) for each in (books.captured, books.paid_back)
    )
    rows = await world.edit(_LAW, *(captured or ([], [])), *(paid_back or ([], [])))
    return [str(dict(row)) for row in rows]


# A life.


def _draw(buses: Sequence[int], number: int, seed: int) -> Life:
    random = Random(f"{seed}:{number}")
    caller = World.guest(number + 1, address=number + 1)
    first = random.randrange(SEATS)
    labels = [f"{1 + place // 4}{'ABCD'[place % 4]}" for place in range(SEATS)]
    seats = [labels[(first + more) % SEATS] for more in range(random.choice((1, 1, 2)))]
    return Life(random, caller, buses[number // OF_A_BUS], sorted(seats))


async def _live(stage: Stage, life: Life) -> None:
    try:
        life.booking = await _book(stage, life)
    except Refusal:
        stage.happened["not sold"] += 1
        return
    for _ in range(life.random.randint(3, _STEPS)):
        (deed,) = life.random.choices(*(_DEEDS if stage.path.has_till else _DEEDS_WITHOUT_TILL))
        stage.happened[deed.__name__.strip("_")] += 1
        with suppress(Refusal, *_UNKNOWN):
            await deed(stage, life)
    # What is still on its way comes some day, or it is lost.
    for letter in life.letters:
        if life.random.random() < 0.5:
            with suppress(*_UNKNOWN):
                await _receive(stage, letter)
        else:
            stage.happened["message lost"] += 1


async def _book(stage: Stage, life: Life) -> Booking:
    world, method = stage.world, stage.path.method
    if life.random.random() < 0.3:
        hold = await world.hold(life.bus, life.seats, caller=life.caller)
        return await world.book_hold(hold, caller=life.caller, method=method)
    return await world.book(life.bus, life.seats, caller=life.caller, method=method)


async def _begin(stage: Stage, life: Life) -> None:
    action = await stage.cashier.begin(_place(life))
    provider_ref = stage.path.ref_of(action)
    assert life.provider_ref in (None, provider_ref), "another action than before"
    life.provider_ref = provider_ref


async def _pay(stage: Stage, life: Life) -> None:
    await _step(stage, life, "approve")


async def _refuse(stage: Stage, life: Life) -> None:
    await _step(stage, life, "decline")


async def _challenge(stage: Stage, life: Life) -> None:
    await _step(stage, life, "challenge")


async def _step(stage: Stage, life: Life, step: Step) -> None:
    if life.provider_ref is None:
        await _begin(stage, life)
    assert life.provider_ref is not None
    if await stage.path.step(life.provider_ref, step):
        life.letters += _write(stage.path, life, life.provider_ref)
        life.random.shuffle(life.letters)


def _write(path: Path, life: Life, provider_ref: str) -> Iterator[Message]:
    """Write what is told of a payment: anything, true or not, once or often, by whoever."""
    now = int(datetime.now(UTC).timestamp())
    for kind in life.random.sample(path.kinds, life.random.randint(1, len(path.kinds))):
        body = path.message(kind, provider_ref)
        for _ in range(life.random.choice((1, 1, 2, 5))):
            secret = life.random.choice(SECRETS)
            yield Message(body, path.sign(secret, body, now), is_forged=False)
        yield _forge(path, life.random, body, now)


def _forge(path: Path, random: Random, body: bytes, now: int) -> Message:
    signed = path.sign(SECRETS[0], body, now)
    unsigned = {name: text.replace("v1=", "v0=") for name, text in signed.items()}
    lies: tuple[tuple[bytes, dict[str, str]], ...] = (
        (body, path.sign("somebody else's secret", body, now)),
        (body.replace(b"evt_", b"evt-"), signed),
        (body, path.sign(SECRETS[0], body, now - 3600)),
        (body, unsigned),
        (body, {}),
    )
    forged = [Message(told, headers, is_forged=True) for told, headers in lies]
    return random.choice([*forged, *path.lies(body, now)])


async def _post(stage: Stage, life: Life) -> None:
    if life.letters:
        letter = life.random.choice(life.letters)
        if life.random.random() < 0.7:
            life.letters.remove(letter)
        await _receive(stage, letter)


async def _receive(stage: Stage, letter: Message) -> None:
    """Do as the API does with a message."""
    try:
        event = stage.path.seller.read_webhook(letter.headers, letter.body, datetime.now(UTC))
    except Forged:
        assert letter.is_forged
        stage.happened["forged and refused"] += 1
        return
    stage.happened[FORGED_AND_TAKEN] += letter.is_forged
    known = ProviderEvent(stage.path.method, event.event_id, event.kind, event.provider_ref)
    is_new = await stage.store.inbox.note(known)
    stage.happened["message stored" if is_new else "message known"] += 1


async def _pay_at_till(stage: Stage, life: Life) -> None:
    assert life.booking is not None
    await stage.world.pay(life.booking)


async def _decline_at_till(stage: Stage, life: Life) -> None:
    assert life.booking is not None
    await stage.world.decline(life.booking)


async def _cancel(stage: Stage, life: Life) -> None:
    assert life.booking is not None
    seats = life.seats[:1] if life.random.random() < 0.4 else None
    await stage.world.cancel(life.booking, seats)


async def _expire(stage: Stage, life: Life) -> None:
    assert life.booking is not None
    await stage.world.let_time_pass(life.booking)


async def _rival(stage: Stage, life: Life) -> None:
    """Somebody else wants the same seats, and pays for them at once or not."""
    seats = life.random.sample(life.seats, life.random.randint(1, len(life.seats)))
    number = 1_000_000 + life.random.getrandbits(40)
    rival = World.guest(number, address=number)
    booking = await stage.world.book(life.bus, seats, caller=rival)
    if life.random.random() < 0.5:
        await stage.world.pay(booking)


async def _sweep(stage: Stage, _life: Life) -> None:
    await stage.store.expiry.sweep()


async def _read_inbox(stage: Stage, _life: Life) -> None:
    await stage.cashier.read_inbox()


async def _look(stage: Stage, life: Life) -> None:
    await stage.world.edit(_LOOK_NOW, *_place(life))
    await stage.cashier.look_due()


async def _do_jobs(stage: Stage, life: Life) -> None:
    await _work_off(stage, stage.work, life.random, limit=8)


def _place(life: Life) -> tuple[int, int]:
    assert life.booking is not None
    return life.booking.bus.bus_id, life.booking.booking_id


_ANYWHERE = (
    *(_begin, _pay, _refuse, _challenge, _post),
    *(_cancel, _expire, _rival, _sweep, _read_inbox, _look, _do_jobs),
)
_WEIGHTS = (8, 14, 3, 4, 20, 4, 10, 8, 6, 10, 6, 5)
_DEEDS = ((*_ANYWHERE, _pay_at_till, _decline_at_till), (*_WEIGHTS, 3, 1))
_DEEDS_WITHOUT_TILL = (_ANYWHERE, _WEIGHTS)


# Jobs.


async def _work_off(stage: Stage, work: Work, random: Random, *, limit: int) -> int:
    """Take jobs and do them; whoever dies tells nobody, and whoever forgets that it was done does it again."""
    jobs = await stage.worker.jobs.claim(limit, _LEASE)
    ended = []
    for job in jobs:
        # A process that dies here is a try that failed: the provider has acted, and nobody knows.
        outcome = await attempt(job, work)
        if work is stage.work and random.random() < 0.1:
            outcome = await attempt(job, work)
        if outcome.ending is not Ending.DONE:
            # Time is not waited for here.
            outcome = Outcome(Ending.PUT_OFF, outcome.reason)
        ended.append((job, outcome, job.claimed_at))
    if ended:
        await stage.worker.jobs.finish(ended)
    return len(jobs)


# The end.


async def _let_all_end(stage: Stage, tries_max: int) -> None:
    """Let all time pass, providers answer, and everything that is due be done."""
    world, random = stage.world, Random(0)
    stage.path.calm()
    await world.edit(_ALL_OVER)
    for tries in itertools.count():
        assert tries < tries_max, "it does not end"
        await world.edit(_ALL_DUE_INTENTS)
        await world.edit(_ALL_DUE_EVENTS)
        await world.edit(_ALL_FREE_JOBS)
        done = [
            await stage.calm.read_inbox(),
            await stage.calm.look_due(),
            await stage.store.expiry.sweep(),
            await _work_off(stage, stage.calm_work, random, limit=200),
        ]
        if not any(done):
            return


_LOOK_NOW = (
    "UPDATE intents SET look_at = clock_timestamp()"
    " WHERE bus_id = $1 AND booking_id = $2 AND look_at IS NOT NULL"
)
_ALL_OVER = (
    "UPDATE bookings SET created_at = created_at - interval '1 day', expires_at = expires_at - interval '1 day'"
    " WHERE status = 'PENDING'"
)
_ALL_DUE_INTENTS = "UPDATE intents SET look_at = clock_timestamp() WHERE look_at IS NOT NULL"
_ALL_DUE_EVENTS = "UPDATE provider_events SET due_at = clock_timestamp() WHERE state = 'NEW'"
# On a machine that is busy leases are lost, and each counts as a try: nobody gives up here.
_ALL_FREE_JOBS = (
    "UPDATE jobs SET lease = NULL, leased_until = NULL, attempts = 0, due_at = created_at"
    " WHERE state = 'QUEUED'"
)
_LAW = """
WITH captured AS (
    -- At the provider's own page, by its books ($1, $2); and at the demo's till, where its books are ours.
    SELECT i.bus_id, i.booking_id, d.amount
    FROM unnest($1::text[], $2::bigint[]) AS d (provider_ref, amount)
    LEFT JOIN intents AS i ON i.provider_ref = d.provider_ref
    UNION ALL
    SELECT p.bus_id, p.booking_id, p.amount FROM payments AS p
    WHERE p.status = 'SUCCEEDED' AND p.provider_ref IS NULL
),
paid_back AS (
    SELECT p.bus_id, p.booking_id, d.amount
    FROM unnest($3::uuid[], $4::bigint[]) AS d (refund_id, amount)
    LEFT JOIN refunds AS r ON r.refund_id = d.refund_id
    LEFT JOIN payments AS p ON p.bus_id = r.bus_id AND p.payment_id = r.payment_id
),
sold AS (
    SELECT b.bus_id, b.booking_id, line.price AS amount
    FROM bookings AS b
    CROSS JOIN unnest(b.seats, b.prices) AS line (seat_no, price)
    INNER JOIN tickets AS t
        ON t.bus_id = b.bus_id AND t.booking_id = b.booking_id AND t.seat_no = line.seat_no AND t.status = 'VALID'
    WHERE b.status IN ('CONFIRMED', 'PARTIALLY_CANCELLED')
),
counted AS (
    SELECT bus_id, booking_id, amount, 'captured' AS what FROM captured
    UNION ALL SELECT bus_id, booking_id, amount, 'paid back' FROM paid_back
    UNION ALL SELECT bus_id, booking_id, amount, 'sold' FROM sold
)
SELECT
    bus_id, booking_id,
    coalesce(sum(amount) FILTER (WHERE what = 'captured'), 0)::bigint AS captured,
    coalesce(sum(amount) FILTER (WHERE what = 'sold'), 0)::bigint AS confirmed,
    coalesce(sum(amount) FILTER (WHERE what = 'paid back'), 0)::bigint AS refunded
FROM counted
GROUP BY bus_id, booking_id
HAVING bus_id IS NULL OR sum(CASE what WHEN 'captured' THEN amount ELSE -amount END) <> 0
"""
