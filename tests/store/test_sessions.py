"""Refresh tokens: rotated at every use, and a copy that comes back ends them all."""

import asyncio

import pytest

from store.accounts import NewUser
from store.errors import NotFound
from store.facade import StoreOptions
from store.model import Caller, Role
from store.sessions import Session
from store.staffing import Staffing
from tests.support.interleave import Deed, Stage, orders
from tests.support.world import World


@pytest.fixture
async def first(world: World) -> Session:
    user = await world.store.accounts.add(NewUser("Ann", "a@example.org", "hash"))
    return await world.store.sessions.start(user.user_id)


async def rotate(world: World, token: str) -> str:
    session = await world.store.sessions.rotate(token)
    assert session is not None
    return session.token


async def forget_the_grace(world: World) -> None:
    await world.edit("UPDATE refresh_tokens SET used_at = used_at - interval '11 seconds'")


async def test_a_token_is_swapped_for_the_next_one(world: World, first: Session) -> None:
    second = await world.store.sessions.rotate(first.token)
    assert second is not None
    assert second.user_id == first.user_id
    assert second.token != first.token
    assert await world.store.sessions.rotate(second.token) is not None


async def test_only_digests_are_kept(world: World, first: Session) -> None:
    rows = await world.edit("SELECT t::text FROM refresh_tokens AS t")
    assert all(first.token not in row["t"] for row in rows)


async def test_a_token_used_again_ends_the_whole_family(world: World, first: Session) -> None:
    second = await rotate(world, first.token)
    third = await rotate(world, second)
    await forget_the_grace(world)
    assert await world.store.sessions.rotate(first.token) is None
    assert await world.store.sessions.rotate(third) is None


async def test_a_lost_answer_may_be_asked_for_again_at_once(world: World, first: Session) -> None:
    lost = await rotate(world, first.token)
    again = await rotate(world, first.token)
    assert await world.store.sessions.rotate(lost) is None
    assert await world.store.sessions.rotate(again) is not None


async def test_a_token_whose_successor_was_used_is_a_copy_even_at_once(
    world: World, first: Session
) -> None:
    second = await rotate(world, first.token)
    third = await rotate(world, second)
    assert await world.store.sessions.rotate(first.token) is None
    assert await world.store.sessions.rotate(third) is None


async def test_signing_out_ends_every_token_of_the_family(world: World, first: Session) -> None:
    second = await rotate(world, first.token)
    await world.store.sessions.end(first.token)
    assert await world.store.sessions.rotate(second) is None
    await world.store.sessions.end("unknown")


async def test_another_family_of_the_user_goes_on(world: World, first: Session) -> None:
    other = await world.store.sessions.start(first.user_id)
    await world.store.sessions.end(first.token)
    assert await world.store.sessions.rotate(other.token) is not None


async def test_every_session_of_a_user_ends_or_every_one_but_one(
    world: World, first: Session
) -> None:
    others = [await world.store.sessions.start(first.user_id) for _ in range(2)]
    await world.store.sessions.end_all(first.user_id, but=others[0].session_id)
    assert await world.store.sessions.rotate(first.token) is None
    kept = await world.store.sessions.rotate(others[0].token)
    assert kept is not None
    assert [each.session_id for each in await world.store.sessions.list_open(first.user_id)] == [
        kept.session_id
    ]
    await world.store.sessions.end_all(first.user_id)
    assert await world.store.sessions.rotate(kept.token) is None


async def test_who_may_not_enter_begins_no_session(world: World, first: Session) -> None:
    await Staffing(world.store.db).disable(first.user_id)
    for user_id in (first.user_id, 4711):
        with pytest.raises(NotFound):
            await world.store.sessions.start(user_id)
    assert await world.store.sessions.rotate(first.token) is None
    await Staffing(world.store.db).enable(first.user_id)
    await world.store.sessions.start(first.user_id)
    assert await world.store.sessions.rotate(first.token) is None, "what has ended stays ended"


async def test_whoever_is_disabled_while_signing_in_is_left_without_a_session(
    world: World, first: Session
) -> None:
    stores = [await world.open_store(StoreOptions(pool_size=1)) for _ in range(2)]
    for order in range(8):
        deeds = [
            stores[0].sessions.start(first.user_id),
            Staffing(stores[1].db).disable(first.user_id),
        ]
        await asyncio.gather(*(deeds if order % 2 else deeds[::-1]), return_exceptions=True)
        assert await world.store.sessions.list_open(first.user_id) == []
        await Staffing(world.store.db).enable(first.user_id)


async def test_the_end_of_a_session_is_noted_once_for_whoever_asks(
    world: World, first: Session
) -> None:
    caller = Caller(first.user_id, Role.RIDER)
    ends = world.store.ends
    assert await ends.is_open(caller, first.session_id)
    assert not await ends.is_open(Caller(first.user_id, Role.ADMIN), first.session_id)
    await world.store.sessions.end(first.token)
    await world.store.sessions.end_all(first.user_id)
    assert not await ends.is_open(caller, first.session_id)
    rows = await world.edit("SELECT family::text FROM session_ends")
    assert [row["family"] for row in rows] == [first.session_id]
    await world.edit("UPDATE session_ends SET ended_at = ended_at - interval '16 minutes'")
    await (await world.worker()).sessions.purge()
    assert await world.edit("SELECT FROM session_ends") == []


async def test_unknown_and_expired_tokens_are_over(world: World, first: Session) -> None:
    assert await world.store.sessions.rotate("unknown") is None
    await world.edit(
        "UPDATE refresh_tokens SET issued_at = issued_at - interval '8 days',"
        " expires_at = expires_at - interval '8 days'"
    )
    assert await world.store.sessions.rotate(first.token) is None


async def test_a_family_never_outlives_its_thirty_days(world: World, first: Session) -> None:
    await world.edit(
        "UPDATE refresh_tokens SET family_expires_at = expires_at - interval '6 days 23 hours',"
        " expires_at = expires_at - interval '6 days 23 hours'"
    )
    await rotate(world, first.token)
    rows = await world.edit("SELECT expires_at <= family_expires_at AS fits FROM refresh_tokens")
    assert [row["fits"] for row in rows] == [True, True]


async def test_one_token_used_from_everywhere_at_once_leaves_one_live_token(
    world: World, first: Session
) -> None:
    await asyncio.gather(*(world.store.sessions.rotate(first.token) for _ in range(6)))
    (row,) = await world.edit(
        "SELECT count(*) AS live FROM refresh_tokens WHERE used_at IS NULL AND revoked_at IS NULL"
    )
    assert row["live"] == 1


async def test_a_parent_and_its_child_used_at_once_never_leave_two_live_tokens(
    world: World, first: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = [await world.open_store(StoreOptions(pool_size=1)) for _ in range(2)]
    stage = Stage(monkeypatch, world.owner, stores)
    for order in orders(4, 3):
        parent = await world.store.sessions.start(first.user_id)
        child = await rotate(world, parent.token)
        await stage.play([_rotation(parent.token), _rotation(child)], order)
        (row,) = await world.edit(
            "SELECT count(*) AS live FROM refresh_tokens WHERE used_at IS NULL AND revoked_at IS NULL"
            " AND family = (SELECT family FROM refresh_tokens WHERE digest = sha256($1))",
            parent.token.encode(),
        )
        assert row["live"] <= 1, order


def _rotation(token: str) -> Deed:
    return lambda store: store.sessions.rotate(token)


async def test_a_family_that_ended_is_forgotten(world: World, first: Session) -> None:
    await world.edit(
        "UPDATE refresh_tokens SET issued_at = issued_at - interval '60 days',"
        " expires_at = expires_at - interval '60 days',"
        " family_expires_at = family_expires_at - interval '60 days'"
    )
    kept = await world.store.sessions.start(first.user_id)
    await (await world.worker()).sessions.purge()
    assert await world.store.sessions.rotate(kept.token) is not None
    assert len(await world.edit("SELECT FROM refresh_tokens")) == 2
