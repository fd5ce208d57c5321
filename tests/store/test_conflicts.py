"""How often a seat was found taken: today, yesterday and a week ago, before answers are forgotten and after."""

import asyncio
import re

import pytest

from store import sales_pace
from store.errors import SeatUnavailable
from store.model import Caller, Role
from store.sales_pace import Day
from tests.support.plans import explain
from tests.support.twins import switch_off_row_security
from tests.support.world import World, key

_TAKEN = '{"code":"seat_unavailable"}'


async def refuse(world: World, days_ago: int, clock: str, code: str = _TAKEN) -> None:
    """Have a taken seat asked for once, and the refusal lie at a time of day, so many days ago."""
    name = f"{days_ago} {clock} {code} {len(await world.edit('SELECT FROM idempotency_keys'))}"
    bus = await world.bus()
    await world.hold(bus, ["1A"], caller=world.agent())
    with pytest.raises(SeatUnavailable):
        await world.book(bus, ["1A"], caller=world.rider(2), key=key(name))
    # The store keeps what the edge wrote; here that is not a problem document.
    await world.edit(
        "UPDATE idempotency_keys AS k SET response = convert_to($2, 'UTF8'),"
        " created_at = (date_trunc('day', now() AT TIME ZONE o.time_zone) + $3::text::interval"
        " - make_interval(days => $4)) AT TIME ZONE o.time_zone"
        " FROM operators AS o WHERE o.operator_id = k.operator_id AND k.key_hash = $1",
        key(name).key_hash,
        code,
        clock,
        days_ago,
    )


async def days_of(world: World, caller: Caller | None = None) -> dict[int, Day]:
    pace = await world.store.sales_pace.of(caller or world.manager(), None)
    return {day.days_ago: day for day in pace.days}


def quarters(day: Day) -> dict[int, int]:
    return {each.minute: each.conflicts for each in day.quarters if each.conflicts}


async def counted(world: World) -> int:
    (row,) = await world.edit(
        "SELECT coalesce(sum(conflicts), 0)::integer AS n FROM conflict_counts"
    )
    return int(row["n"])


async def test_conflicts_are_counted_by_their_day_and_quarter_of_an_hour(world: World) -> None:
    await refuse(world, 0, "00:00:00")
    for clock in ("00:00:00", "10:14:59", "10:15:00", "23:59:59"):
        await refuse(world, 1, clock)
    await refuse(world, 1, "10:20:00", '{"code":"departed"}')
    await refuse(world, 2, "10:20:00")
    days = await days_of(world)
    assert quarters(days[0]) == {0: 1}
    assert quarters(days[1]) == {0: 1, 600: 1, 615: 1, 1425: 1}
    assert quarters(days[7]) == {}
    assert days[0].conflicts_by_now == 1


async def test_what_is_forgotten_was_counted_and_every_figure_stays(world: World) -> None:
    for clock in ("00:00:00", "08:00:10", "08:00:50", "08:01:00", "19:30:00"):
        await refuse(world, 7, clock)
    await refuse(world, 7, "08:00:20", '{"code":"departed"}')
    await refuse(world, 1, "08:00:00")
    before = await days_of(world)
    assert quarters(before[7]) == {0: 1, 480: 3, 1170: 1}
    store = await world.worker()
    # Two workers at once, and once more: each refusal is counted by whoever deletes it.
    await asyncio.gather(store.retention.purge(), store.retention.purge())
    await store.retention.purge()
    assert len(await world.edit("SELECT FROM idempotency_keys WHERE status = 409")) == 1
    assert await counted(world) == 5
    after = await days_of(world)
    for ago in (0, 1, 7):
        assert quarters(after[ago]) == quarters(before[ago]), ago
    for clock in ("08:00:30", "08:02:00"):  # late ones join those of their minute
        await refuse(world, 7, clock)
    await store.retention.purge()
    assert quarters((await days_of(world))[7]) == {0: 1, 480: 5, 1170: 1}
    assert (await world.edit("SELECT max(conflicts) AS most FROM conflict_counts"))[0]["most"] == 3


async def test_a_day_so_far_ends_where_today_is(world: World) -> None:
    await refuse(world, 7, "00:00:00")
    await refuse(world, 7, "23:59:59")
    (row,) = await world.edit(
        "SELECT now() AT TIME ZONE time_zone AS clock FROM operators WHERE operator_id = $1",
        world.operator_id,
    )
    # In the last minute of a day all of it may be over.
    by_now = {1} if row["clock"].strftime("%H:%M") < "23:59" else {1, 2}
    for _ in ("kept", "counted"):
        day = (await days_of(world))[7]
        assert day.conflicts_by_now in by_now
        assert quarters(day) == {0: 1, 1425: 1}
        await (await world.worker()).retention.purge()


async def test_counts_go_when_no_comparison_reaches_them(world: World) -> None:
    await refuse(world, 8, "12:00:00")
    await refuse(world, 10, "12:00:00")
    store = await world.worker()
    await store.retention.purge()
    assert await counted(world) == 1
    await world.edit("UPDATE conflict_counts SET minute = minute - interval '9 days'")
    await store.retention.purge()
    assert await counted(world) == 0


@pytest.mark.parametrize(
    ("has_rule", "has_row_security", "is_kept"),
    [(True, True, True), (True, False, True), (False, True, True), (False, False, False)],
    ids=["as built", "without row security", "without the rule", "twin with neither leaks"],
)
async def test_conflicts_of_another_operator_are_not_told(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    *,
    has_rule: bool,
    has_row_security: bool,
    is_kept: bool,
) -> None:
    stranger = await stage_stranger(world)
    if not has_row_security:
        await switch_off_row_security(world.owner)
    if not has_rule:
        monkeypatch.setattr(sales_pace, "operator_asked_for", lambda _caller, _asked: None)
    theirs = await days_of(world, stranger)
    assert ([quarters(day) for day in theirs.values()] == [{}, {}, {}]) is is_kept
    assert quarters((await days_of(world))[7]) == {720: 1}


async def stage_stranger(world: World) -> Caller:
    """Refuse somebody yesterday and a week ago, forget the latter; return staff of another operator."""
    (other,) = await world.edit(
        "INSERT INTO operators (name, time_zone, currency) VALUES ('Southline', 'UTC', 'EUR') RETURNING operator_id"
    )
    await refuse(world, 1, "12:00:00")
    await refuse(world, 7, "12:00:00")
    await (await world.worker()).retention.purge()
    assert await counted(world) == 1
    return Caller(900, Role.OPERATOR, other["operator_id"])


@pytest.mark.parametrize("operator", [1, None], ids=["of an operator", "of all"])
async def test_a_days_refusals_are_found_without_looking_through_all_others(
    world: World, operator: int | None
) -> None:
    plan = await explain(world, sales_pace.SQL["conflicts"], operator, 1)
    assert "idempotency_keys_refused_idx" in plan
    (found,) = re.findall(r"idempotency_keys_refused_idx.*\n +Index Cond: (.*)", plan)
    assert "operator_id = " in found
    assert "created_at > " in found
    assert "created_at < " in found
    assert "conflict_counts_pkey" in plan


@pytest.mark.parametrize("has_index", [True, False], ids=["as built", "twin without the index"])
async def test_a_large_neighbours_keys_are_not_read(world: World, *, has_index: bool) -> None:
    """Neither what it sold, nor what it refused; the index by age alone leads through all of it."""
    await refuse(world, 1, "12:00:00")
    bus, neighbour = await world.bus(), world.operator_id + 1
    change = world.owner.transaction()
    await change.start()
    try:
        scope = "SELECT set_config('omnibus.operators', $1, true)"
        await world.owner.execute(scope, f"{{{world.operator_id},{neighbour}}}")
        await world.owner.execute(
            "INSERT INTO idempotency_keys (bus_id, key_hash, operator_id, request_hash, status, response, created_at)"
            " SELECT $1, gen_random_uuid(), $2, gen_random_uuid(), CASE WHEN n % 2 = 0 THEN 201 ELSE 409 END, 'x',"
            " now() - n * interval '10 seconds' FROM generate_series(1, 20000) AS n",
            bus,
            neighbour,
        )
        if not has_index:
            await world.owner.execute("DROP INDEX idempotency_keys_refused_idx")
        await world.owner.execute(
            "ANALYZE idempotency_keys; SET LOCAL plan_cache_mode = force_generic_plan"
        )
        await world.owner.execute(scope, f"{{{world.operator_id}}}")
        shown = await world.owner.fetch(
            f"EXPLAIN (ANALYZE, TIMING OFF) {sales_pace.SQL['conflicts']}", world.operator_id, 1
        )
    finally:
        await change.rollback()
    plan = "\n".join(row[0] for row in shown)
    passed_over = sum(int(each) for each in re.findall(r"Rows Removed by .*: (\d+)", plan))
    assert (passed_over < 10) is has_index, plan
