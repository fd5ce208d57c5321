"""`omnibus device` against a real database."""

import re
import uuid
from typing import Any

import pytest

from tests.cli.commands import Ran, omnibus
from tests.support.world import World

HERE = uuid.UUID(int=1)


@pytest.fixture
def command(world: World) -> Any:
    """Runs `omnibus device ...` on the test's database."""

    def run(*arguments: str) -> Ran:
        return omnibus("device", *arguments, DATABASE_URL=world.url)

    return run


async def a_stop(world: World) -> str:
    await world.line()
    return str(await world.owner.fetchval("SELECT min(stop_id) FROM stops"))


async def test_a_code_is_shown_that_pairs_a_device(world: World, command: Any) -> None:
    place = ("--operator", "northline", "--stop", await a_stop(world), "--kind", "kiosk")
    ran = command("pair", *place, "--name", "Hall 1")
    assert ran.code == 0, ran.err
    shown = re.match(r"code (\d{3}) (\d{3}) for kiosk Hall 1, until ", ran.out)
    assert shown is not None
    paired = await world.store.pairing.pair(shown[1] + shown[2], HERE, "1.0")
    assert paired.device.name == "Hall 1"
    told = command("pair", *place, "--name", "Hall 2", "--json").json
    assert (await world.store.pairing.pair(told["code"], HERE, "1.0")).device.name == "Hall 2"
    ran = command("list")
    assert re.fullmatch(
        r" +\d+  kiosk     Hall 1 at Line 1 stop 0  Northline  last seen [\d :-]+\n"
        r" +\d+  kiosk     Hall 2 at Line 1 stop 0  Northline  last seen [\d :-]+\n",
        ran.out,
    )
    items = command("list", "--operator", "Northline", "--json").json["items"]
    assert [(item["name"], item["status"]) for item in items] == [
        *(("Hall 1", "active"), ("Hall 2", "active"))
    ]


async def test_a_key_is_replaced_and_then_shut_out(world: World, command: Any) -> None:
    await a_stop(world)
    told = command(
        *("pair", "--operator", str(world.operator_id)),
        *("--kind", "scanner", "--name", "Door", "--json"),
    )
    paired = await world.store.pairing.pair(told.json["code"], HERE, "1.0")
    device = str(paired.device_id)
    rolled = command("roll", device, "--json").json
    assert await world.store.devices.authenticate(rolled["key"]) is not None
    assert command("roll", device).out.startswith("omd_")
    ran = command("revoke", device)
    assert (ran.code, ran.out) == (0, f"device {device} is shut out\n")
    assert await world.store.devices.authenticate(rolled["key"]) is None
    assert "revoked" in command("list").out
    assert command("revoke", device, "--json").json == {"id": device}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("revoke", "4711"), "omnibus: there is no such device\n"),
        (("roll", "4711"), "omnibus: there is no such device\n"),
        (
            ("pair", "--operator", "Nobody", "--kind", "scanner", "--name", "x"),
            "omnibus: there is no operator Nobody; known are: Northline ({operator})\n",
        ),
        (
            ("pair", "--operator", "Northline", "--kind", "kiosk", "--name", "x"),
            "omnibus: say where the kiosk stands\n",
        ),
        (
            (
                "pair",
                "--operator",
                "Northline",
                "--kind",
                "kiosk",
                "--name",
                "x",
                "--stop",
                "99999",
            ),
            "omnibus: there is no such stop\n",
        ),
        (
            ("pair", "--operator", "Northline", "--kind", "scanner", "--name", "  "),
            "omnibus: --name is a line of 1 to 120 characters\n",
        ),
    ],
)
async def test_what_cannot_be_done_is_one_sentence(
    world: World, command: Any, arguments: tuple[str, ...], said: str
) -> None:
    ran = command(*arguments)
    assert (ran.code, ran.err) == (1, said.replace("{operator}", str(world.operator_id)))
