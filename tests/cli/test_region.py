"""`omnibus region`, as somebody uses it who never did."""

from functools import partial
from typing import Any

import pytest

from tests.cli.commands import omnibus
from tests.support.world import World


@pytest.fixture
def region(world: World) -> Any:
    return partial(omnibus, "region", DATABASE_URL=world.url)


async def test_an_operator_is_pinned_to_a_region_and_let_go_again(
    world: World, region: Any
) -> None:
    assert region("list").out == "no regions: every operator's buses lie anywhere\n"
    await world.owner.execute(
        "INSERT INTO operators (name, time_zone, currency) VALUES ('Redwood', 'UTC', 'EUR')"
    )
    early = region("pin", "redwood", "north")
    assert (early.code, early.err) == (1, "omnibus: region: no server sells for north\n")
    assert region("place", "north", "10.0.0.2:5432").out == "10.0.0.2:5432 sells for north\n"
    assert region("pin", "redwood", "north").out == "new buses of Redwood lie in north\n"
    assert region("list").out == "north  on 10.0.0.2:5432  for Redwood\n"
    listed = region("list", "--json").json
    assert listed["servers"] == [{"host": "10.0.0.2", "port": 5432, "region": "north"}]
    assert [each["name"] for each in listed["operators"]] == ["Redwood"]
    assert region("unpin", "Redwood").code == 0
    assert region("withdraw", "10.0.0.2:5432").code == 0
    assert region("list").out == "no regions: every operator's buses lie anywhere\n"
    actions = await world.owner.fetch("SELECT action FROM audit_log ORDER BY audit_id")
    assert [row["action"] for row in actions][-4:] == [
        *("region.place", "operator.region", "operator.region", "region.withdraw"),
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("place", "North!", "h:1"), "region: must be small letters, digits and hyphens"),
        (("place", "north", "nowhere"), "nowhere is not host:port, as in 10.0.0.2:5432"),
        (("place", "north", "h:70000"), "port: must be between 1 and 65535"),
        (("place", "north", "h'; --:1"), "host: must be a host's name or address"),
        (("withdraw", "h:1"), "there is no such server; see `omnibus region list`"),
        (("pin", "Nobody", "north"), "there is no operator Nobody; known are: "),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    world: World, region: Any, arguments: tuple[str, ...], told: str
) -> None:
    ran = region(*arguments)
    assert (ran.code, ran.err.count("\n"), told in ran.err) == (1, 1, True), ran.err
    assert world.url
