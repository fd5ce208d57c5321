"""What a process hears: at once, after a lost connection, and without notifications."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from store.accounts import NewUser
from store.bulletin import Bulletin, Hearing, Readers
from store.house_keys import HouseKey
from store.model import DeviceKind
from store.pairing import NewDevice
from store.session_ends import SessionEnd
from store.sessions import Session
from tests.support.fault_proxy import fault_proxy
from tests.support.waiting import wait_until
from tests.support.world import World


@dataclass
class Listener:
    bulletin: Bulletin = field(init=False)
    ended: set[str] = field(default_factory=set)
    keys: list[list[str]] = field(default_factory=list)
    devices: set[int] = field(default_factory=set)

    def hear_ends(self, ends: Sequence[SessionEnd]) -> None:
        self.ended |= {end.session_id for end in ends}

    def hear_keys(self, keys: list[HouseKey]) -> None:
        self.keys.append([key.key_id for key in keys])

    def hears(self, how: Hearing) -> bool:
        return self.bulletin.hearing is how


@asynccontextmanager
async def listening(world: World, url: str) -> AsyncIterator[Listener]:
    listener = Listener()
    listener.bulletin = Bulletin(
        url,
        world.store.db,
        {"tokens": listener.hear_keys},
        Readers(ended=listener.hear_ends, device_changed=listener.devices.add),
    )
    task = asyncio.create_task(listener.bulletin.run())
    try:
        yield listener
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def sessions(world: World, count: int) -> list[Session]:
    user = await world.store.accounts.add(NewUser("Ann", "a@example.org", "hash"))
    return [await world.store.sessions.start(user.user_id) for _ in range(count)]


async def test_what_ended_before_and_what_ends_now_is_heard(world: World) -> None:
    before, now, other = await sessions(world, 3)
    await world.store.sessions.end(before.token)
    async with listening(world, world.url) as listener:
        await wait_until(lambda: listener.hears(Hearing.AT_ONCE))
        assert listener.ended == {before.session_id}
        await world.store.sessions.end(now.token)
        await wait_until(lambda: now.session_id in listener.ended)
        assert other.session_id not in listener.ended


async def test_what_ends_while_the_connection_is_lost_is_heard_with_the_next(world: World) -> None:
    (session,) = await sessions(world, 1)
    async with fault_proxy(world.url) as proxy, listening(world, proxy.url) as listener:
        await wait_until(lambda: listener.hears(Hearing.AT_ONCE))
        proxy._is_refusing = True
        proxy.cut_all()
        await wait_until(lambda: listener.hears(Hearing.NOT))
        await world.store.sessions.end(session.token)
        proxy._is_refusing = False
        await wait_until(lambda: listener.hears(Hearing.AT_ONCE))
        assert session.session_id in listener.ended


async def test_without_notifications_it_reads(world: World) -> None:
    (session,) = await sessions(world, 1)
    async with fault_proxy(world.url) as proxy:
        proxy.is_deaf = True
        async with listening(world, proxy.url) as listener:
            await wait_until(lambda: listener.hears(Hearing.EVERY_SECOND))
            await world.store.sessions.end(session.token)
            await wait_until(lambda: session.session_id in listener.ended)
            assert not listener.hears(Hearing.AT_ONCE)


async def test_a_device_that_is_shut_out_is_heard_of(world: World) -> None:
    new = NewDevice(world.operator_id, DeviceKind.SCANNER, "Door")
    shown = await world.store.pairing.show_code(None, new)
    paired = await world.store.pairing.pair(shown.code, uuid.UUID(int=1), "1.0")
    async with listening(world, world.url) as listener:
        await wait_until(lambda: listener.hears(Hearing.AT_ONCE))
        await world.store.devices.revoke(world.manager(), paired.device_id)
        await wait_until(lambda: listener.devices == {paired.device_id})


async def test_what_is_rolled_back_is_not_told(world: World) -> None:
    (session,) = await sessions(world, 1)
    async with listening(world, world.url) as listener:
        await wait_until(lambda: listener.hears(Hearing.AT_ONCE))
        transaction = world.owner.transaction()
        await transaction.start()
        await world.owner.execute(
            "SELECT pg_notify('omnibus_bulletin', 'ended 1 ' || $1)", session.session_id
        )
        await transaction.rollback()
        await world.store.house_keys.rotate("tokens", HouseKey("new", "s"))
        await wait_until(lambda: listener.keys[-1:] == [["new"]])
        assert listener.ended == set()


async def test_keys_are_told_once_for_every_change_the_signing_one_first(world: World) -> None:
    await world.store.house_keys.find_or_make("tokens", lambda: HouseKey("old", "s"))
    async with listening(world, world.url) as listener:
        await wait_until(lambda: listener.keys == [["old"]])
        await world.store.house_keys.rotate("tokens", HouseKey("new", "s"))
        await wait_until(lambda: listener.keys == [["old"], ["old", "new"]])
        # Its time comes without anybody saying so.
        await world.edit("UPDATE house_keys SET signs_at = now() WHERE key_id = 'new'")
        await wait_until(lambda: listener.keys[-1] == ["new", "old"])
        await world.store.house_keys.retire("tokens", "old", at_once=True)
        await wait_until(lambda: listener.keys[-1] == ["new"])
        assert len(listener.keys) == 4


async def test_nonsense_on_the_channel_ends_nothing(world: World) -> None:
    (session,) = await sessions(world, 1)
    async with listening(world, world.url) as listener:
        await wait_until(lambda: listener.hears(Hearing.AT_ONCE))
        for nonsense in ("", "ended", "ended x", "ended x y", "proof x", "keys keys", "\N{BUS}"):
            await world.owner.execute("SELECT pg_notify('omnibus_bulletin', $1)", nonsense)
        await world.store.sessions.end(session.token)
        await wait_until(lambda: listener.ended >= {session.session_id})
        assert listener.ended == {session.session_id}
