import asyncio
from functools import partial

from store.accounts import NewUser
from store.errors import AlreadyExists
from store.house_keys import HouseKey
from store.model import Role
from store.staffing import Staffing
from tests.support.world import World


async def test_a_user_is_found_by_e_mail_whatever_its_case(world: World) -> None:
    added = await world.store.accounts.add(NewUser("Ann", "Ann@Example.org", "hash"))
    assert added.role is Role.RIDER
    assert await world.store.accounts.find_by_email("ann@example.ORG") == added
    assert await world.store.accounts.find(added.user_id) == added
    assert await world.store.accounts.find_by_email("bob@example.org") is None


async def test_an_e_mail_has_one_user_however_it_is_written(world: World) -> None:
    outcomes = await asyncio.gather(
        *(
            world.store.accounts.add(NewUser("Ann", email, "hash"))
            for email in ("a@example.org", "A@example.org", "a@EXAMPLE.org")
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, AlreadyExists) for outcome in outcomes) == 2


async def test_staff_belongs_to_an_operator(world: World) -> None:
    new = NewUser("Olga", "o@example.org", "hash", Role.OPERATOR, world.operator_id)
    user = await world.store.accounts.add(new)
    assert (user.role, user.operator_id) == (Role.OPERATOR, world.operator_id)
    assert user in await world.store.accounts.list(limit=10)


async def test_a_password_can_be_changed(world: World) -> None:
    user = await world.store.accounts.add(NewUser("Ann", "a@example.org", "old"))
    await Staffing(world.store.db).set_password(user.user_id, "new")
    found = await world.store.accounts.find(user.user_id)
    assert found is not None
    assert found.password_hash == "new"
    assert "new" not in repr(found)


async def test_processes_that_start_together_share_the_first_key(world: World) -> None:
    stores = [world.store, await world.open_store()]

    def make(number: int) -> HouseKey:
        return HouseKey(f"k{number}", "hidden")

    made = await asyncio.gather(
        *(stores[n % 2].house_keys.find_or_make("tokens", partial(make, n)) for n in range(8))
    )
    assert len({keys[0].key_id for keys in made}) == 1
    assert all(len(keys) == 1 for keys in made)
    assert "hidden" not in repr(made[0][0])


async def test_a_key_that_was_retired_is_not_used(world: World) -> None:
    await world.store.house_keys.find_or_make("tokens", lambda: HouseKey("old", "s"))
    await world.edit(
        "INSERT INTO house_keys (purpose, key_id, secret, created_at)"
        " VALUES ('tokens', 'new', 's', now() + interval '1 hour')"
    )
    keys = await world.store.house_keys.find_or_make("tokens", lambda: HouseKey("other", "s"))
    assert [key.key_id for key in keys] == ["new", "old"]
    await world.edit("UPDATE house_keys SET retired_at = now() WHERE key_id = 'old'")
    keys = await world.store.house_keys.find_or_make("tokens", lambda: HouseKey("other", "s"))
    assert [key.key_id for key in keys] == ["new"]
