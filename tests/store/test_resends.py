"""Staff has a mail sent again: to whoever booked, a few times an hour, and never to somebody who has not paid."""

import asyncio

import pytest

from store import resends
from store.errors import Forbidden, NotFound, TooManyMails, WrongState
from store.model import Booking, Caller, Role
from store.resends import AGAIN_PER_HOUR, Resend, masked
from tests.support.fleet import rival
from tests.support.twins import locking
from tests.support.world import World, key, value


async def send(world: World, booking: Booking, who: Caller | None = None) -> Resend:
    return await value(lambda ask: world.store.resends.send(who or world.agent(), booking, ask))


async def queued(world: World) -> int:
    return len(await world.edit("SELECT FROM jobs WHERE kind = 'MAIL_AGAIN'"))


async def test_what_stands_of_a_booking_is_told_once_more_and_who_asked_is_logged(
    world: World,
) -> None:
    booking = await world.book(await world.bus(), ["1A"], caller=world.agent(), method="cash")
    assert await send(world, booking) == Resend("a***@e***.org", AGAIN_PER_HOUR - 1)
    (entry,) = await world.edit(
        "SELECT actor_id, subject, detail ->> 'to' AS sent_to FROM audit_log WHERE action = 'booking.mail'"
    )
    told = (world.agent().user_id, f"booking {booking.ref}", "a***@e***.org")
    assert tuple(entry) == told
    assert await queued(world) == 1


async def test_a_request_that_comes_again_sends_nothing_more(world: World) -> None:
    booking = await world.book(await world.bus(), ["1A"], caller=world.agent(), method="cash")
    run = world.store.resends.send
    await value(lambda ask: run(world.agent(), booking, ask), key("k"))
    await asyncio.gather(send(world, booking), send(world, booking))
    assert await queued(world) == 3


async def crowd(world: World) -> list[Resend | BaseException]:
    booking = await world.book(await world.bus(), ["1A"], caller=world.agent(), method="cash")
    many = (send(world, booking) for _ in range(AGAIN_PER_HOUR + 3))
    return await asyncio.gather(*many, return_exceptions=True)


async def test_of_many_who_ask_at_once_no_more_are_heard_than_may(world: World) -> None:
    outcomes = await crowd(world)
    assert sum(isinstance(each, TooManyMails) for each in outcomes) == 3
    assert await queued(world) == AGAIN_PER_HOUR
    await world.edit("UPDATE jobs SET created_at = created_at - interval '1 hour'")
    booking = await world.store.lookup.find_by_ref(
        (await world.edit("SELECT ref FROM bookings"))[0]["ref"]
    )
    assert (await send(world, booking)).left == AGAIN_PER_HOUR - 1, "an hour later it is forgotten"


async def test_twin_without_the_lock_more_are_heard(world: World) -> None:
    await world.owner.execute(
        "CREATE FUNCTION think() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_sleep(0.1); RETURN NULL; END'"
    )
    await world.owner.execute(
        "CREATE TRIGGER think BEFORE INSERT ON jobs FOR EACH STATEMENT EXECUTE FUNCTION think()"
    )
    with locking(lambda text: text.replace("FOR NO KEY UPDATE OF b", ""), resends.SQL):
        await crowd(world)
    assert await queued(world) > AGAIN_PER_HOUR


async def test_nobody_is_written_to_who_has_not_paid_or_left_no_address(world: World) -> None:
    bus = await world.bus()
    with pytest.raises(WrongState, match="PENDING"):
        await send(world, await world.book(bus, ["1A"]))
    booking = await world.book(bus, ["1B"], caller=world.agent(), method="cash")
    await world.edit("UPDATE bookings SET email = NULL WHERE ref = $1", booking.ref)
    with pytest.raises(WrongState, match="NO_ADDRESS"):
        await send(world, booking)
    assert await queued(world) == 0


async def test_only_the_operators_own_staff_has_mails_sent_again(world: World) -> None:
    booking = await world.book(await world.bus(), ["1A"], caller=world.agent(), method="cash")
    with pytest.raises(NotFound):
        await send(world, booking, Caller(9, Role.AGENT, await rival(world)))
    for who in (world.rider(1), Caller(8, Role.SUPPORT)):
        with pytest.raises(Forbidden):
            await send(world, booking, who)
    assert await queued(world) == 0


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("ann@example.org", "a***@e***.org"),
        ("ö@post.example.co.uk", "ö***@p***.uk"),
        ("a@localhost", "a***@l***"),
    ],
)
def test_an_address_is_recognised_by_whoever_knows_it(address: str, shown: str) -> None:
    assert masked(address) == shown
