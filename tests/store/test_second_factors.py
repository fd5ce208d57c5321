"""What the store promises of second factors, whoever comes at once."""

import asyncio
from datetime import datetime

import pytest

from store.accounts import NewUser
from store.errors import NotFound, WrongState
from store.second_factors import FAILURES_MAX, Attempt
from store.sessions import Session
from tests.support.world import World


def shows(step: int | None, digest: bytes = b"x" * 32) -> Attempt:
    def find_step(sealed: str, now: datetime) -> int | None:
        assert sealed == "sealed"
        assert now.tzinfo is not None
        return step

    return Attempt(find_step, digest)


@pytest.fixture
async def session(world: World) -> Session:
    user = await world.store.accounts.add(NewUser("Ann", "a@example.org", "hash"))
    return await world.store.sessions.start(user.user_id)


@pytest.fixture
async def user_id(world: World, session: Session) -> int:
    factors = world.store.second_factors
    await factors.begin(session.user_id, "sealed")
    recovery = [bytes([number]) * 32 for number in range(3)]
    assert await factors.confirm(
        session.user_id, shows(100), recovery, session_id=session.session_id
    )
    return session.user_id


async def test_a_step_is_accepted_once_by_whoever_is_first(world: World, user_id: int) -> None:
    stores = [world.store, await world.open_store()]
    found = await asyncio.gather(
        *(stores[n % 2].second_factors.use(user_id, shows(101)) for n in range(6))
    )
    assert found.count(True) == 1
    assert not await world.store.second_factors.use(user_id, shows(100)), "an older one, after it"


async def test_a_recovery_code_is_used_up_by_whoever_is_first(world: World, user_id: int) -> None:
    attempt = shows(None, bytes([1]) * 32)
    found = await asyncio.gather(
        *(world.store.second_factors.use(user_id, attempt) for _ in range(4))
    )
    assert found.count(True) == 1


async def test_guesses_at_once_are_counted_one_by_one(world: World, user_id: int) -> None:
    factors = world.store.second_factors
    await asyncio.gather(*(factors.use(user_id, shows(None)) for _ in range(FAILURES_MAX)))
    assert not await factors.use(user_id, shows(200))
    await world.edit("UPDATE second_factors SET locked_until = clock_timestamp()")
    assert await factors.use(user_id, shows(200))


async def test_a_good_code_ends_the_counting(world: World, user_id: int) -> None:
    factors = world.store.second_factors
    for step in (201, 202):
        for _ in range(FAILURES_MAX - 1):
            assert not await factors.use(user_id, shows(None))
        assert await factors.use(user_id, shows(step))


async def test_nobody_without_one_is_proved_by_anything(world: World, session: Session) -> None:
    factors = world.store.second_factors
    assert not await factors.is_confirmed(session.user_id)
    assert not await factors.use(session.user_id, shows(1))
    await factors.begin(session.user_id, "sealed")
    assert not await factors.is_confirmed(session.user_id)
    assert not await factors.use(session.user_id, shows(1)), "what was never confirmed proves none"


async def test_what_counts_is_not_begun_or_confirmed_again(
    world: World, session: Session, user_id: int
) -> None:
    factors = world.store.second_factors
    with pytest.raises(WrongState):
        await factors.begin(user_id, "another")
    with pytest.raises(WrongState):
        await factors.confirm(user_id, shows(300), [], session_id=session.session_id)
    await factors.remove(user_id)
    with pytest.raises(NotFound):
        await factors.remove(user_id)
    assert await world.edit("SELECT FROM recovery_codes") == []
