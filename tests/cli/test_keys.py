"""`omnibus keys`, as somebody uses it who never did: nothing breaks, and what is refused says why."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from server.ticketing.token import TicketKeys, new_ticket_key
from server.tokens import SIGNING, Tokens, new_signing_key
from server.waiting.tokens import new_room_key
from store.house_keys import ROOMS, TICKETS
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


async def test_keys_of_tickets_take_turns_apart_from_the_others(world: World, keys: Any) -> None:
    await first_key(world)
    (old,) = await world.store.house_keys.find_or_make(TICKETS, new_ticket_key)
    TicketKeys([old])
    ran = keys("rotate", "--of", "tickets", "--after", "0", "--json")
    assert ran.code == 0, ran.err
    new = ran.json["items"][0]["id"]
    assert new != old.key_id
    assert len(keys("list", "--json").json["items"]) == 1, "the others are as they were"
    for ran in (keys("list", "--of", "tickets"), keys("rotate", "--of", "tickets", "--json")):
        assert old.secret not in ran.out + ran.err


async def test_a_key_of_tickets_stays_until_the_last_bus_has_come_for_which_it_signed(
    world: World, keys: Any
) -> None:
    (old,) = await world.store.house_keys.find_or_make(TICKETS, new_ticket_key)
    bus = await world.bus()
    await world.book(bus, ["1A"], caller=world.agent(), method="cash")
    assert keys("rotate", "--of", "tickets", "--after", "0").code == 0
    later = await world.bus(departs_in=timedelta(days=30))
    await world.book(later, ["1A"], caller=world.agent(), method="cash")
    await world.edit(
        "UPDATE house_keys SET signs_at = signs_at - interval '7 hours' WHERE purpose = $1", TICKETS
    )
    await world.edit(
        "UPDATE tickets SET issued_at = issued_at - interval '8 hours' WHERE bus_id = $1", bus
    )
    (arrival,) = await world.edit("SELECT arrives_at FROM buses WHERE bus_id = $1", bus)
    shown = keys("list", "--of", "tickets", "--json").json["items"][1]
    free_at = datetime.fromisoformat(shown["may_be_retired_from"])
    assert (shown["state"], free_at) == ("verifies", arrival["arrives_at"] + timedelta(hours=6))
    assert "may be good until" in keys("retire", old.key_id, "--of", "tickets").err
    await world.edit(
        "UPDATE buses SET departs_at = departs_at - interval '3 days',"
        " arrives_at = arrives_at - interval '3 days' WHERE bus_id = $1",
        bus,
    )
    ran = keys("retire", old.key_id, "--of", "tickets")
    assert ran.code == 0, ran.err


async def test_a_key_of_waiting_rooms_stays_for_the_day_that_a_place_is_good(
    world: World, keys: Any
) -> None:
    (old,) = await world.store.house_keys.find_or_make(ROOMS, new_room_key)
    rotated = keys("rotate", "--of", "rooms", "--after", "0", "--json")
    assert rotated.code == 0, rotated.err
    assert rotated.json["items"][0]["id"] != old.key_id
    assert old.secret not in rotated.out
    age = "UPDATE house_keys SET signs_at = signs_at - $2::interval WHERE purpose = $1"
    await world.edit(age, ROOMS, timedelta(hours=23))
    assert "may be good until" in keys("retire", old.key_id, "--of", "rooms").err
    await world.edit(age, ROOMS, timedelta(hours=1))
    ran = keys("retire", old.key_id, "--of", "rooms")
    assert ran.code == 0, ran.err
