"""Twenty thousand in one line: the draw, the order after it, the counter and every token, with a real PostgreSQL."""

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

import asyncpg
import pytest

from server.waiting.tokens import Kind, RoomToken, RoomTokens
from server.waiting.usher import Usher
from store import Store
from store.db import Database
from store.errors import MustWait, WrongState
from store.house_keys import HouseKey
from store.model import Caller, Role
from store.roles import WORKER
from store.room_places import NETWORK_PLACES_MAX, PLACES_MAX, Place
from store.rooms import FIRST_PACE, OPEN_MAX, UNSEEN_PACE, NewRoom, Room, Rooms, Scope
from store.timetable import NewBus
from tests.support.databases import Databases
from tests.support.waiting import wait_until

CROWD, LATE = 20_000, 500
ADMIN = Caller(None, Role.ADMIN)
KEYS = [HouseKey("1", "42" * 32)]
# Chi-square of 81 degrees of freedom: a fair draw exceeds this once in a million times.
UNFAIR = 160.0


@pytest.fixture
async def url(databases: Databases) -> AsyncIterator[str]:
    async with databases.fresh() as fresh:
        await run_as_owner(
            fresh, "INSERT INTO operators (name, time_zone, currency) VALUES ('Nord', 'UTC', 'EUR')"
        )
        yield fresh


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    opened = await Store.open(url)
    try:
        yield opened
    finally:
        await opened.close()


async def run_as_owner(url: str, statement: str, *values: object) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET omnibus.operators = '{1}'")
        await connection.execute(statement, *values)
    finally:
        await connection.close()


async def add_route(url: str) -> int:
    """Add a way from one stop to another, by hand."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET omnibus.operators = '{1}'")
        route: int = await connection.fetchval(
            "INSERT INTO routes (operator_id, name) VALUES (1, 'Festival') RETURNING route_id"
        )
        for nth, name in enumerate(("Town", "Meadow")):
            stop = await connection.fetchval(
                "INSERT INTO stops (source, code, name, time_zone) VALUES ('test', lower($1), $1, 'UTC')"
                " RETURNING stop_id",
                name,
            )
            call = "INSERT INTO route_stops VALUES ($1, $2, 1, $3, $4, $4)"
            await connection.execute(call, route, nth, stop, 3600 * nth)
        return route
    finally:
        await connection.close()


async def open_room(store: Store, opens_at: datetime | None = None, per_minute: int = 600) -> Room:
    operator = (await store.catalogue.operators())[0].operator_id
    new = NewRoom(Scope.OPERATOR, operator, opens_at, per_minute)
    return (await store.rooms.open(ADMIN, new)).room


async def come(
    store: Store, room: Room, first: int, people: int, network: uuid.UUID | None = None
) -> list[Place]:
    buyers = [uuid.UUID(int=number) for number in range(first, first + people)]
    return await asyncio.gather(
        *(store.room_places.join(room, buyer, network=network) for buyer in buyers)
    )


async def read(store: Store, room: Room) -> Room:
    rooms, _ = await store.rooms.read_known()
    return next(each for each in rooms if each.room_id == room.room_id)


async def drawn(store: Store, room: Room) -> list[tuple[uuid.UUID, int]]:
    found: list[tuple[uuid.UUID, int]] = []
    while more := await store.room_places.list_drawn(room, found[-1][1] if found else 0, 5_000):
        found += more
    return found


async def nothing(_: int) -> tuple[int | None, int] | None:
    return None


def unfairness(numbers: Sequence[int]) -> float:
    """Return chi-square of when people came against when their turn is, each in tenths."""
    tenth = len(numbers) / 10
    table = [[0] * 10 for _ in range(10)]
    for came, number in enumerate(numbers):
        table[int(came / tenth)][int((number - 1) / tenth)] += 1
    expected = tenth / 10
    return sum((count - expected) ** 2 / expected for row in table for count in row)


async def test_twenty_thousand_are_drawn_by_the_promised_seed_and_later_ones_follow_in_order(
    store: Store, url: str
) -> None:
    room = await open_room(store, datetime.now(UTC) + timedelta(hours=1))
    places = await come(store, room, 1, CROWD)
    assert {place.number for place in places} == {None}
    again = await come(store, room, 1, 10)
    assert [each.place_id for each in again] == [each.place_id for each in places[:10]]
    await store.room_places.open_due(room)
    assert (await read(store, room)).opened_at is None, "drawn before its time"
    await run_as_owner(url, "UPDATE rooms SET opens_at = now()")
    await store.room_places.open_due(room)
    order = await drawn(store, room)
    opened = await read(store, room)
    assert (opened.joined, len(order)) == (CROWD, CROWD)
    assert hashlib.sha256(opened.seed).digest() == room.commitment
    ids = sorted(place.place_id.bytes for place in places)
    draw = hashlib.sha256(opened.seed + hashlib.sha256(b"".join(ids)).digest()).digest()
    assert draw == opened.draw
    mine = sorted(ids, key=lambda each: hashlib.sha256(draw + each).digest())
    assert [place.bytes for place, _ in order] == mine
    number_of = dict(order)
    numbers = [number_of[place.place_id] for place in places]
    assert sorted(numbers) == list(range(1, CROWD + 1))
    assert unfairness(numbers) < UNFAIR
    # The twin: first come first served before the opening, and the same measure cries out.
    assert unfairness(range(1, CROWD + 1)) > 100 * UNFAIR
    late = await come(store, room, CROWD + 1, LATE)
    assert [place.number for place in late] == list(range(CROWD + 1, CROWD + LATE + 1))


async def test_two_processes_let_nobody_have_two_numbers_nor_two_people_one(store: Store) -> None:
    room = await open_room(store)
    await store.room_places.open_due(room)
    other = type(store.room_places)(store.db)
    buyers = [uuid.UUID(int=number + 1) for number in range(300)]
    both = await asyncio.gather(
        *(desk.join(room, buyer) for buyer in buyers for desk in (store.room_places, other))
    )
    assert [each.place_id for each in both[::2]] == [each.place_id for each in both[1::2]]
    numbers = [each.number for each in both[::2]]
    assert len(set(numbers)) == 300
    assert (await read(store, room)).joined == 300 == max(number or 0 for number in numbers)


async def test_the_counter_goes_by_time_never_past_those_who_wait_and_stops_for_nobody(
    store: Store,
) -> None:
    room = await open_room(store, per_minute=6_000)
    await store.room_places.open_due(room)
    await come(store, room, 1, 1_000)
    waiting = await read(store, room)
    at = [waiting.serving_at(waiting.served_at + timedelta(seconds=each)) for each in range(15)]
    assert at[:5] == [0, 100, 200, 300, 400]
    assert at[-1] == 1_000 + 100, "what nobody waited for is saved up for a second only"

    async def has_moved() -> bool:
        await store.rooms.advance([waiting], is_strained=False)
        return (await read(store, room)).served >= 100

    await wait_until(has_moved)
    moved = await read(store, room)
    assert moved.serving_at(moved.served_at) == int(moved.served)
    # A process that hears nothing any more counts on from what it knew.
    late = moved.served_at + timedelta(seconds=2)
    assert abs(waiting.serving_at(late) - moved.serving_at(late)) <= 1


async def test_a_measured_pace_grows_while_people_come_in_without_strain_and_falls_at_once_with_it(
    store: Store, url: str
) -> None:
    operator = (await store.catalogue.operators())[0].operator_id
    room = (await store.rooms.open(ADMIN, NewRoom(Scope.OPERATOR, operator))).room
    await store.room_places.open_due(room)
    people = await come(store, room, 1, 1_000)
    await run_as_owner(url, "UPDATE rooms SET served = 150")

    async def paced(*, is_strained: bool) -> float:
        before = await read(store, room)

        async def is_moved() -> bool:
            await store.rooms.advance([before], is_strained=is_strained)
            return (await read(store, room)).served_at > before.served_at

        await wait_until(is_moved)
        return (await read(store, room)).pace / before.pace

    assert round(await paced(is_strained=False), 3) == 1.01, "nobody has come in who may"
    for place, number in zip(people[60:110:5], range(61, 111, 5), strict=True):
        buyer = uuid.UUID(int=number)
        await store.room_places.enter(room, buyer, place.place_id, buyer)
    assert round(await paced(is_strained=False), 3) == 1.1
    assert round(await paced(is_strained=True), 3) == 0.7


async def test_numbers_that_nobody_uses_pass_ever_faster_and_no_faster_than_is_safe(
    store: Store, url: str
) -> None:
    """A crowd that went home, or whoever took places to hold up others, costs them minutes and not hours."""
    operator = (await store.catalogue.operators())[0].operator_id
    room = (await store.rooms.open(ADMIN, NewRoom(Scope.OPERATOR, operator))).room
    await store.room_places.open_due(room)
    ghosts = 30_000
    owner = await asyncpg.connect(url)
    try:
        await owner.execute("SET omnibus.operators = '{1}'")
        await owner.execute(
            "INSERT INTO room_places (room_id, operator_id, buyer, place_id, number, joined_at)"
            " SELECT $1, 1, gen_random_uuid(), gen_random_uuid(), n, now() FROM generate_series(1, $2::integer) AS n",
            room.room_id,
            ghosts,
        )
        await owner.execute("UPDATE rooms SET joined = $1", ghosts)

        async def second(pace: float | None = None) -> Room:
            """Let one pass since the counter was last moved."""
            await owner.execute(
                "UPDATE rooms SET pace = coalesce($1, pace), served_at = clock_timestamp() - interval '1 second'",
                pace,
            )
            await store.rooms.advance([room], is_strained=False)
            return await read(store, room)

        assert (await second(400.0)).pace == 400.0, "what was measured once stays"
        now, seconds = await second(FIRST_PACE), 0
        while now.served < ghosts - UNSEEN_PACE and seconds < 3_600:
            before, now, seconds = now, await second(), seconds + 1
            assert before.pace <= now.pace <= UNSEEN_PACE
            assert now.pace <= before.pace * 1.0101
        assert seconds < 600, "by the first pace it would be more than an hour and a half"
        assert now.pace == UNSEEN_PACE
    finally:
        await owner.close()


@pytest.mark.parametrize("scope", [Scope.BUS, Scope.ROUTE])
async def test_nobody_is_let_in_while_all_is_sold_and_the_pace_stays_what_it_was(
    store: Store, url: str, scope: Scope
) -> None:
    route = await add_route(url)
    leaves = datetime.now(UTC) + timedelta(days=2)
    new = NewBus("Rush", leaves, 2500, operator_id=1, route_id=route, total_seats=4)
    bus = (await store.timetable.add_bus(ADMIN, new)).bus_id
    subject = bus if scope is Scope.BUS else route
    room = (await store.rooms.open(ADMIN, NewRoom(scope, subject))).room
    await store.room_places.open_due(room)
    await come(store, room, 1, 1_000)

    async def moved() -> Room:
        before = await read(store, room)

        async def is_moved() -> bool:
            await store.rooms.advance([before], is_strained=False)
            return (await read(store, room)).served_at > before.served_at

        await wait_until(is_moved)
        return await read(store, room)

    assert not (await moved()).is_sold_out
    await run_as_owner(url, "UPDATE seats SET states = 'B' WHERE bus_id = $1", bus)
    sold = await moved()
    assert sold.is_sold_out
    still = await moved()
    assert (still.served, still.pace) == (sold.served, sold.pace)
    assert still.serving_at(still.served_at + timedelta(minutes=1)) == int(still.served)
    await run_as_owner(url, "UPDATE seats SET states = 'A' WHERE bus_id = $1 AND seat_no = 3", bus)
    assert not (await moved()).is_sold_out
    assert (await moved()).served > still.served


async def test_a_route_without_any_bus_on_sale_is_not_sold_out(store: Store, url: str) -> None:
    room = (await store.rooms.open(ADMIN, NewRoom(Scope.ROUTE, await add_route(url)))).room
    await store.room_places.open_due(room)

    async def has_moved() -> bool:
        await store.rooms.advance([room], is_strained=False)
        return (await read(store, room)).served_at > room.served_at

    await wait_until(has_moved)
    assert not (await read(store, room)).is_sold_out


async def test_a_full_room_refuses_newcomers_only_and_everybody_else_learns_their_number(
    store: Store, url: str
) -> None:
    room = await open_room(store, datetime.now(UTC) + timedelta(hours=1))
    before = await come(store, room, 1, 20)
    await run_as_owner(url, "UPDATE rooms SET opens_at = now(), places = $1", PLACES_MAX - 2)
    buyers = [uuid.UUID(int=number) for number in range(1, 31)]
    answers = await asyncio.gather(
        *(store.room_places.join(room, buyer) for buyer in buyers), return_exceptions=True
    )
    places = [each for each in answers if isinstance(each, Place)]
    assert [each.place_id for each in places[:20]] == [each.place_id for each in before]
    assert sorted(each.number or 0 for each in places) == list(range(1, 23))
    refused = [each for each in answers if not isinstance(each, Place)]
    assert len(refused) == 8
    assert all(isinstance(each, WrongState) and each.status == "full" for each in refused)
    # Who comes again after a turn takes another number, and no more room than before.
    await run_as_owner(
        url,
        "UPDATE room_places SET entered_at = now() - interval '1 hour', entered_by = buyer WHERE number < 4",
    )
    again = await come(store, room, 1, 20)
    assert sorted(each.number or 0 for each in again)[-3:] == [23, 24, 25]


async def test_one_network_has_so_many_places_of_a_room_and_leaves_the_rest_to_others(
    store: Store,
) -> None:
    room = await open_room(store)
    farm, elsewhere = uuid.uuid4(), uuid.uuid4()
    await come(store, room, 1, NETWORK_PLACES_MAX, farm)
    with pytest.raises(WrongState):
        await come(store, room, NETWORK_PLACES_MAX + 1, 1, farm)
    assert len(await come(store, room, 1, 5, farm)) == 5, "they have theirs already"
    (other,) = await come(store, room, NETWORK_PLACES_MAX + 2, 1, elsewhere)
    assert other.number == NETWORK_PLACES_MAX + 1


async def test_a_batch_that_cannot_be_written_fails_alone(store: Store) -> None:
    room = await open_room(store)
    odd = cast("uuid.UUID", "nobody")
    buyers = [odd, *(uuid.UUID(int=number) for number in range(1, 2_500))]
    arrivals = asyncio.gather(
        *(store.room_places.join(room, buyer) for buyer in buyers), return_exceptions=True
    )
    answers = await asyncio.wait_for(arrivals, 60)
    assert isinstance(answers[0], Exception)
    assert isinstance(answers[-1], Place)


async def test_an_operator_has_so_many_open_rooms_and_none_before_a_bus_that_has_left(
    store: Store, url: str
) -> None:
    departs_at = datetime.now(UTC) + timedelta(days=2)
    new = NewBus("Rush", departs_at, 2500, operator_id=1, total_seats=4)
    buses = [(await store.timetable.add_bus(ADMIN, new)).bus_id for _ in range(OPEN_MAX + 1)]
    tries = [store.rooms.open(ADMIN, NewRoom(Scope.BUS, bus)) for bus in buses]
    opened = await asyncio.gather(*tries, return_exceptions=True)
    refused = [each for each in opened if isinstance(each, WrongState)]
    assert [each.status for each in refused] == ["too_many"]
    rooms = [each.room for each in opened if not isinstance(each, BaseException)]
    gone, cancelled = rooms[0].subject_id, rooms[1].subject_id
    await run_as_owner(
        url, "UPDATE buses SET departs_at = now() - interval '1 minute' WHERE bus_id = $1", gone
    )
    await run_as_owner(
        url,
        "UPDATE buses SET status = 'CANCELLED', cancelled_at = now() WHERE bus_id = $1",
        cancelled,
    )
    await store.rooms.close_departed(rooms)
    known, _ = await store.rooms.read_known()
    closed = {each.subject_id for each in known if each.closed_at is not None}
    assert closed == {gone, cancelled}
    for bus in closed:
        with pytest.raises(WrongState):
            await store.rooms.open(ADMIN, NewRoom(Scope.BUS, bus))


async def test_who_waited_is_forgotten_a_week_after_in_slices(store: Store, url: str) -> None:
    room = await open_room(store)
    await come(store, room, 1, 12_000)
    await store.rooms.close(ADMIN, room.room_id)
    db = await Database.connect(url, size=1, role=WORKER)
    worker = Rooms(db)
    try:
        await worker.purge()
        assert len((await store.rooms.read_known())[0]) == 1
        await run_as_owner(
            url,
            "UPDATE rooms SET closed_at = now() - interval '8 days';"
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " IF (SELECT count(*) FROM gone) > 5000 THEN RAISE 'too many at once'; END IF; RETURN NULL; END $$;"
            "CREATE TRIGGER refuse AFTER DELETE ON room_places REFERENCING OLD TABLE AS gone"
            " EXECUTE FUNCTION refuse()",
        )
        await worker.purge()
    finally:
        await db.close()
    left = await store.rooms.list(ADMIN, None, before=None, limit=10)
    assert left == []


async def test_a_closed_room_takes_nobody_in(store: Store) -> None:
    room = await open_room(store)
    await store.rooms.close(ADMIN, room.room_id)
    with pytest.raises(WrongState):
        await come(store, room, 1, 1)


def test_twenty_thousand_tokens_are_good_for_their_own_and_for_nobody_else() -> None:
    now = datetime.now(UTC)
    tokens = RoomTokens(KEYS)
    usher = Usher(tokens, nothing)
    room = Room(
        *(1, 1, Scope.BUS, 7, "Rush", b"s" * 32, None, False, now, now, now, None),
        *(60, 1.0, 0.0, now, False, CROWD),
    )
    expires_at = int(now.timestamp()) + 600
    forger = RoomTokens([HouseKey("1", "43" * 32)])
    old = RoomTokens([HouseKey("2", "44" * 32), *KEYS])
    for number in range(1, CROWD + 1):
        buyer, place = uuid.UUID(int=number), uuid.UUID(int=number << 64)
        admission = RoomToken(Kind.ADMISSION, 1, buyer, place, number, expires_at)
        given = tokens.issue(admission)
        assert old.read(given) == tokens.read(given) == admission
        usher.require_admission(room, given, buyer)
        if number % 20:
            continue
        stolen = uuid.UUID(int=number + 1)
        over = RoomToken(Kind.ADMISSION, 1, buyer, place, number, expires_at - 601)
        elsewhere = RoomToken(Kind.ADMISSION, 2, buyer, place, number, expires_at)
        waits = RoomToken(Kind.PLACE, 1, buyer, place, number, expires_at)
        for bad, whose in (
            (given, stolen),
            (forger.issue(admission), buyer),
            (given[:40] + ("A" if given[40] != "A" else "B") + given[41:], buyer),
            *((tokens.issue(each), buyer) for each in (over, elsewhere, waits)),
            (None, buyer),
            (given, None),
        ):
            with pytest.raises(MustWait):
                usher.require_admission(room, bad, whose)
        usher.read_place(room, tokens.issue(waits), [buyer])
        late = RoomToken(Kind.PLACE, 1, buyer, place, number, expires_at - 601)
        with pytest.raises(MustWait):
            usher.read_place(room, tokens.issue(late), [buyer])


def test_whose_turn_was_told_keeps_it_though_the_pace_fell_unheard() -> None:
    now = datetime.now(UTC)

    def room(served: float, *, is_sold_out: bool) -> Room:
        at = now - timedelta(seconds=2)
        return Room(
            *(1, 1, Scope.BUS, 7, "Rush", b"s" * 32, b"d", False, now, now, now, None),
            *(None, 20.0, served, at, is_sold_out, CROWD),
        )

    usher = Usher(RoomTokens(KEYS), nothing)
    moving, still = room(100, is_sold_out=False), room(110, is_sold_out=True)
    usher.use([moving], now)
    told = usher.serving(moving)
    assert told >= 139
    usher.use([still], now)
    assert usher.serving(still) == told > still.serving_at(now) == 110
    usher.use([], now)
    usher.use([still], now)
    assert usher.serving(still) == 110, "what is kept of a room goes with it"
