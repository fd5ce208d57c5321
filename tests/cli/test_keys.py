"""`omnibus keys`, as somebody uses it who never did: nothing breaks, and what is refused says why."""

from functools import partial
from typing import Any

import pytest

from server.tokens import SIGNING, Tokens, new_signing_key
from tests.cli.commands import omnibus
from tests.support.world import World

PURPOSE = SIGNING


@pytest.fixture
def keys(world: World) -> Any:
    return partial(omnibus, "keys", DATABASE_URL=world.url)


async def first_key(world: World) -> str:
    (key,) = await world.store.house_keys.find_or_make(PURPOSE, new_signing_key)
    return key.key_id


async def signer(world: World) -> str:
    return (await world.store.house_keys.find_or_make(PURPOSE, new_signing_key))[0].key_id


async def test_before_anything_was_served_there_are_none(keys: Any) -> None:
    ran = keys("list")
    assert (ran.code, ran.out) == (0, "no keys yet: the first process that serves makes one\n")


async def test_a_new_key_waits_before_it_signs(world: World, keys: Any) -> None:
    old = await first_key(world)
    assert f"{old}  signs since" in keys("list").out
    ran = keys("rotate", "--json")
    assert ran.code == 0, ran.err
    new, kept = ran.json["items"]
    assert (new["state"], kept["state"], kept["id"]) == ("waits", "signs", old)
    assert kept["may_be_retired_from"] is None
    assert await signer(world) == old
    await world.edit("UPDATE house_keys SET signs_at = now() WHERE purpose = $1", PURPOSE)
    assert await signer(world) == new["id"]
    states = [key["state"] for key in keys("list", "--json").json["items"]]
    assert states == ["signs", "verifies"]
    assert "verifies only, may be retired from" in keys("list").out


async def test_what_signs_or_signed_lately_is_not_retired_by_mistake(
    world: World, keys: Any
) -> None:
    old = await first_key(world)
    assert "it is the only key there is; rotate first" in keys("retire", old).err
    assert keys("rotate").code == 0
    assert "it signs; rotate, and wait until the new key does" in keys("retire", old).err
    await world.edit("UPDATE house_keys SET signs_at = now() WHERE purpose = $1", PURPOSE)
    assert "may be good until" in keys("retire", old).err
    assert "there is no key nonsense" in keys("retire", "nonsense").err
    await world.edit(
        "UPDATE house_keys SET signs_at = now() - interval '16 minutes' WHERE purpose = $1",
        PURPOSE,
    )
    ran = keys("retire", old)
    assert ran.code == 0, ran.err
    assert f"{old}  retired at" in ran.out
    assert keys("retire", old).code == 0, "a second time changes nothing"


async def test_a_key_that_others_know_goes_at_once_and_the_next_takes_its_place(
    world: World, keys: Any
) -> None:
    old = await first_key(world)
    assert keys("rotate").code == 0
    ran = keys("retire", old, "--now", "--json")
    assert ran.code == 0, ran.err
    assert [key["state"] for key in ran.json["items"]] == ["signs", "retired"]
    assert await signer(world) == ran.json["items"][0]["id"] != old


def test_an_id_is_never_taken_for_an_option() -> None:
    assert not any(new_signing_key().key_id.startswith("-") for _ in range(300))


async def test_secrets_are_not_shown(world: World, keys: Any) -> None:
    (key,) = await world.store.house_keys.find_or_make(PURPOSE, new_signing_key)
    Tokens([key])
    for ran in (keys("list"), keys("list", "--json"), keys("rotate")):
        assert '"d"' not in ran.out + ran.err
        assert key.secret not in ran.out + ran.err
