"""People who change one another at the same moment."""

import asyncio

import pytest

from store.accounts import NewUser, User
from store.directory import Change
from store.errors import Forbidden, NotFound, WrongState
from store.model import GUEST, Caller, Role
from tests.support.world import World


async def manager(world: World, number: int) -> User:
    new = NewUser("Olga", f"{number}@x.example", "hash", Role.OPERATOR, world.operator_id)
    return await world.store.accounts.add(new)


async def test_two_managers_who_let_each_other_go_leave_one(world: World) -> None:
    directories = [world.store.directory, (await world.open_store()).directory]
    for attempt in range(5):
        one, two = await manager(world, 2 * attempt), await manager(world, 2 * attempt + 1)
        callers = [Caller(each.user_id, Role.OPERATOR, world.operator_id) for each in (one, two)]
        outcomes = await asyncio.gather(
            directories[0].change(callers[0], two.user_id, Change(is_disabled=True)),
            directories[1].change(callers[1], one.user_id, Change(role=Role.AGENT)),
            return_exceptions=True,
        )
        assert sum(isinstance(outcome, WrongState) for outcome in outcomes) == 1
        await world.edit("UPDATE users SET disabled_at = now()")


async def test_who_manages_nobody_sees_and_changes_nobody(world: World) -> None:
    user = await manager(world, 1)
    for caller in (GUEST, world.rider(1), world.agent(), Caller(2, Role.SUPPORT)):
        with pytest.raises(Forbidden):
            await world.store.directory.find(caller, user.user_id)
        with pytest.raises(Forbidden):
            await world.store.directory.change(caller, user.user_id, Change(name="X"))
    stranger = Caller(3, Role.OPERATOR, world.operator_id + 1)
    with pytest.raises(NotFound):
        await world.store.directory.change(stranger, user.user_id, Change(name="X"))
