"""`omnibus partitions`, as somebody uses it who never did."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import asyncpg
import pytest

from tests.cli.commands import omnibus
from tests.support.world import World


@pytest.fixture
def partitions(world: World) -> Any:
    return partial(omnibus, "partitions", DATABASE_URL=world.url)


def month(ahead: int) -> str:
    now = datetime.now(UTC)
    year, number = divmod(now.month - 1 + ahead, 12)
    return f"{now.year + year}-{number + 1:02}"


async def test_months_are_made_listed_and_left_alone(world: World, partitions: Any) -> None:
    await world.bus(segments=2, departs_in=timedelta(minutes=1))
    looked = partitions("--ahead", "2", "--dry-run")
    assert (looked.code, looked.err) == (0, "")
    assert looked.out.splitlines()[0].startswith("the rest  ")
    named = f"{month(0)}, {month(1)}, {month(2)}"
    assert looked.out.splitlines()[1:] == [f"would make {named}"]
    made = partitions("--ahead", "2")
    assert made.code == 0
    lines = made.out.splitlines()
    assert [line[:8].strip() for line in lines[:4]] == [month(0), month(1), month(2), "the rest"]
    assert lines[4] == f"made {named}, with 3 calls of the rest"
    again = partitions("--ahead", "2")
    assert (again.code, again.out.splitlines()[-1]) == (0, "nothing to do")
    told = partitions("--ahead", "3", "--json").json
    assert told["done"]["opened"] == [f"{month(3)}-01"]
    assert [each["begins_on"] for each in told["months"]][-2:] == [f"{month(3)}-01", None]
    assert all(each["bytes"] > 0 for each in told["months"])


async def test_what_is_put_off_is_said_and_done_the_next_time(
    world: World, partitions: Any
) -> None:
    await world.owner.execute(
        "CREATE TABLE months.calls_2020_01 PARTITION OF calls"
        " FOR VALUES FROM ('2020-01-01 00:00+00') TO ('2020-02-01 00:00+00')"
    )
    reader = await asyncpg.connect(world.url)
    async with reader.transaction():
        await reader.fetch("TABLE calls")
        hindered = partitions("--ahead", "1")
    await reader.close()
    assert hindered.code == 1
    assert hindered.out.splitlines()[-3:] == [
        f"put off making {month(0)}, {month(1)}",
        "put off dropping 2020-01",
        "a long search is under way, or somebody edits buses: try again",
    ]
    done = partitions("--ahead", "1")
    assert done.code == 0
    assert done.out.splitlines()[-2:] == [f"made {month(0)}, {month(1)}", "dropped 2020-01"]


async def test_migrating_makes_the_months_ahead(world: World, partitions: Any) -> None:
    assert omnibus("migrate", DATABASE_URL=world.url).out == "nothing to do\n"
    assert partitions("--dry-run").out.splitlines()[-1] == "nothing to do"


@pytest.mark.parametrize("wrong", [("--keep", "0"), ("--ahead", "0"), ("--ahead", "49")])
def test_what_makes_no_sense_is_refused(partitions: Any, wrong: tuple[str, ...]) -> None:
    ran = partitions(*wrong)
    assert (ran.code, "Invalid value for '--" in ran.err) == (2, True)
