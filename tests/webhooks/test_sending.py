"""What reaches a receiver, and what becomes of it, whatever the receiver does."""

import json
import socket
from datetime import timedelta

import pytest
from standardwebhooks import Webhook

from store.accounts import NewUser
from store.model import Role
from store.webhook_log import Told
from store.webhook_outbox import RETRIES, State
from store.webhooks import EventType
from tests.webhooks.house import House, token
from tests.webhooks.receiver import Receiver


async def sent(house: House, url: str) -> Told:
    """Have one delivery sent to an address and return what became of it."""
    added = await house.add(url)
    await house.happen()
    await house.sender().deliver()
    return await house.only(added.endpoint.endpoint_id)


async def test_a_paid_booking_reaches_the_endpoint_signed_as_the_standard_has_it(
    house: House, receiver: Receiver
) -> None:
    path = f"ok/{token()}"
    added = await house.add(receiver.url(path))
    bus = await house.world.bus()
    ref = await house.sell(bus, "1A", "1B")
    await house.tell()
    await house.sender().deliver()
    (got,) = receiver.got(path)
    told = await house.only(added.endpoint.endpoint_id)
    assert Webhook(added.secret).verify(got["body"], got["headers"]) == json.loads(told.body)
    assert got["headers"]["webhook-id"] == str(told.delivery_id)
    assert json.loads(got["body"]) == {
        "type": "booking.confirmed",
        "timestamp": json.loads(told.body)["timestamp"],
        "sequence": 1,
        "api_version": "1",
        "data": {
            "bus_id": str(bus),
            "booking_ref": ref,
            "status": "CONFIRMED",
            "seats": ["1A", "1B"],
        },
    }
    assert (told.state, told.attempts, told.booking_ref) == (State.DELIVERED, 1, ref)
    (tried,) = await house.tries(told)
    assert (tried.outcome, tried.status, tried.answer) == ("delivered", 200, "thanks")
    # Nothing is left to do.
    await house.sender().deliver()
    assert len(receiver.got(path)) == 1


async def test_a_message_says_nothing_about_anybody_and_opens_nothing(
    house: House, receiver: Receiver
) -> None:
    path = f"ok/{token()}"
    await house.add(receiver.url(path))
    bus = await house.world.bus()
    booking = await house.world.book(bus, ["1A", "1B", "1C"])
    await house.world.pay(booking)
    await house.world.cancel(booking, ["1B"])
    await house.tell()
    await house.tell()
    await house.sender().deliver()
    key = house.world.store.seals.access_key(booking.booking_id)
    got = sorted(
        (json.loads(each["body"]) for each in receiver.got(path)), key=lambda e: e["sequence"]
    )
    assert [(each["type"], each["data"]["seats"]) for each in got] == [
        ("booking.confirmed", ["1A", "1B", "1C"]),
        ("booking.cancelled", ["1B"]),
    ]
    said = json.dumps(receiver.got(path))
    for secret in ("Passenger", "ann@example.org", key):
        assert secret not in said


async def test_an_endpoint_is_told_of_a_bus_that_is_cancelled_a_booking_at_a_time(
    house: House, receiver: Receiver
) -> None:
    path = f"ok/{token()}"
    await house.add(receiver.url(path), {EventType.BUS_CANCELLED})
    bus = await house.world.bus()
    refs = {await house.sell(bus, "1A"), await house.sell(bus, "2A")}
    await house.cancel_bus(bus)
    while await house.tell():
        pass
    await house.sender().deliver()
    got = [json.loads(each["body"]) for each in receiver.got(path)]
    assert {each["type"] for each in got} == {"bus.cancelled"}
    assert {each["data"]["booking_ref"] for each in got} == refs


# What a receiver does, and what is thought of it: outcome, state, status.
MANNERS = {
    "silent": ("timeout", State.WAITING, None),
    "dribble": ("delivered", State.DELIVERED, 200),
    "huge": ("delivered", State.DELIVERED, 200),
    "bomb": ("delivered", State.DELIVERED, 200),
    "heads": ("garbled", State.WAITING, None),
    "continues": ("garbled", State.WAITING, None),
    "garbage": ("garbled", State.WAITING, None),
    "half": ("garbled", State.WAITING, None),
    "hangup": ("unreachable", State.WAITING, None),
    "away": ("redirected", State.WAITING, 302),
    "away/307": ("redirected", State.WAITING, 307),
    "status/204": ("delivered", State.DELIVERED, 204),
    "status/304": ("redirected", State.WAITING, 304),
    "status/400": ("refused", State.WAITING, 400),
    "status/500": ("refused", State.WAITING, 500),
    "binary": ("refused", State.WAITING, 500),
    "status/410": ("gone", State.FAILED, 410),
}


@pytest.mark.parametrize("manner", MANNERS)
async def test_whatever_a_receiver_does_is_noted_and_bounded(
    house: House, receiver: Receiver, manner: str
) -> None:
    told = await sent(house, receiver.url(manner))
    (tried,) = await house.tries(told)
    assert (tried.outcome, told.state, tried.status) == MANNERS[manner]
    assert len((tried.answer or "").encode()) <= 4096
    assert "\x00" not in (tried.answer or "")
    assert (tried.error is None) == (tried.outcome in {"delivered", "refused"})
    assert receiver.got("ok/elsewhere") == [], "no redirect is followed"


async def test_a_receiver_that_is_not_there_is_noted(house: House) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        told = await sent(house, f"http://127.0.0.1:{nobody.getsockname()[1]}/")
    (tried,) = await house.tries(told)
    assert (tried.outcome, tried.error) == ("unreachable", "it refuses connections")


async def test_no_cookie_comes_back(house: House, receiver: Receiver) -> None:
    await sent(house, receiver.url("cookie"))
    await house.make_due()
    await house.sender().deliver()
    first, second = receiver.got("cookie")
    assert "cookie" not in second["headers"]
    assert first["body"] == second["body"]


async def test_what_failed_is_tried_for_three_days_and_given_up(
    house: House, receiver: Receiver
) -> None:
    path = f"status/500/{token()}"
    told = await sent(house, receiver.url(path))
    for pause in RETRIES:
        assert told.state is State.WAITING
        assert 0.89 * pause <= await house.pause(told) <= 1.1 * pause
        await house.make_due()
        await house.sender().deliver()
        told = await house.only(told.endpoint_id)
    assert (told.state, told.attempts) == (State.FAILED, len(RETRIES) + 1)
    assert [tried.attempt for tried in await house.tries(told)] == [*range(1, 11)]
    got = receiver.got(path)
    assert {(each["headers"]["webhook-id"], each["body"]) for each in got} == {
        (str(told.delivery_id), told.body)
    }
    await house.make_due()
    await house.sender().deliver()
    assert len(receiver.got(path)) == len(RETRIES) + 1


async def test_a_receiver_that_comes_back_gets_what_it_missed(
    house: House, receiver: Receiver
) -> None:
    told = await sent(house, receiver.url(f"turns/500,503,200/{token()}"))
    endpoint = await house.endpoint(told.endpoint_id)
    assert endpoint.failing_since is not None
    for state in (State.WAITING, State.DELIVERED):
        await house.make_due()
        await house.sender().deliver()
        told = await house.only(told.endpoint_id)
        assert told.state is state
    assert (await house.endpoint(told.endpoint_id)).failing_since is None


@pytest.mark.parametrize(
    ("wait", "least", "most"),
    [
        ("1", RETRIES[0] * 0.89, RETRIES[0] * 1.1),
        ("3600", timedelta(minutes=59), timedelta(hours=1)),
        ("99999999999", timedelta(hours=23, minutes=59), timedelta(hours=24)),
        ("Fri, 31 Dec 2199 23:59:59 GMT", timedelta(hours=23, minutes=59), timedelta(hours=24)),
        ("Fri, 31 Dec 1999 23:59:59 GMT", RETRIES[0] * 0.89, RETRIES[0] * 1.1),
        ("soon", RETRIES[0] * 0.89, RETRIES[0] * 1.1),
        ("-5", RETRIES[0] * 0.89, RETRIES[0] * 1.1),
    ],
)
async def test_a_receiver_may_ask_for_more_time_up_to_a_day(
    house: House, receiver: Receiver, wait: str, least: timedelta, most: timedelta
) -> None:
    told = await sent(house, receiver.url(f"status/503/{wait.replace(' ', '%20')}"))
    assert least <= await house.pause(told) <= most


async def administrators_mails(house: House) -> list[str]:
    rows = await house.world.edit("SELECT recipient FROM mails WHERE template = 'webhook_disabled'")
    return [row["recipient"] for row in rows]


async def add_people(house: House) -> None:
    for name, role in (("boss", Role.OPERATOR), ("clerk", Role.AGENT)):
        await house.world.store.accounts.add(
            NewUser(name, f"{name}@example.org", "hash", role, house.world.operator_id)
        )


async def test_an_endpoint_that_is_gone_is_disabled_and_its_administrators_hear_of_it(
    house: House, receiver: Receiver
) -> None:
    await add_people(house)
    path = f"turns/410/{token()}"
    added = await house.add(receiver.url(path))
    number = added.endpoint.endpoint_id
    await house.happen()
    await house.sender().deliver()
    await house.happen()
    await house.make_due()
    await house.sender().deliver()
    assert len(receiver.got(path)) == 1
    assert (await house.only(number)).state is State.FAILED
    assert (await house.endpoint(number)).disabled_because == "gone"
    assert await administrators_mails(house) == ["boss@example.org"]
    (row,) = await house.world.edit("SELECT * FROM audit_log WHERE action = 'webhook.give_up'")
    assert (row["subject"], row["actor_id"]) == (f"webhook {number}", None)


async def test_an_endpoint_that_fails_for_five_days_is_disabled(
    house: House, receiver: Receiver
) -> None:
    await add_people(house)
    told = await sent(house, receiver.url(f"status/500/{token()}"))
    number = told.endpoint_id
    for age, because in ((timedelta(days=4, hours=23), None), (timedelta(days=5), "failing")):
        await house.world.edit(
            "UPDATE webhook_endpoints SET failing_since = clock_timestamp() - $1::interval", age
        )
        await house.make_due()
        await house.sender().deliver()
        assert (await house.endpoint(number)).disabled_because == because
    # What waits is kept, and goes when somebody has looked.
    assert (await house.only(number)).state is State.WAITING
    assert await administrators_mails(house) == ["boss@example.org"]


async def test_a_secret_and_the_one_before_both_sign_for_a_day(
    house: House, receiver: Receiver
) -> None:
    path = f"status/500/{token()}"
    added = await house.add(receiver.url(path))
    number = added.endpoint.endpoint_id
    rotated = await house.world.store.webhooks.rotate(house.world.admin, number)
    assert rotated.secret != added.secret
    await house.happen()
    await house.sender().deliver()
    await house.world.edit("UPDATE webhook_endpoints SET old_secret_ends_at = clock_timestamp()")
    await house.make_due()
    await house.sender().deliver()
    during, after = receiver.got(path)
    assert during["body"] == after["body"]
    Webhook(added.secret).verify(during["body"], during["headers"])
    for got in (during, after):
        Webhook(rotated.secret).verify(got["body"], got["headers"])
    assert len(during["headers"]["webhook-signature"].split()) == 2
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(added.secret).verify(after["body"], after["headers"])
