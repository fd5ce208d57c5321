"""The question that everything asks first that can take a seat: has this caller to come in through a waiting room?"""

from collections.abc import Collection
from uuid import UUID

from server.contract import Call
from server.guests import read_cookie
from store.buyers import buyer_of_device, buyer_of_user
from store.errors import MustWait
from store.rooms import Room

TOKEN_HEADER = {
    "X-Room-Token": "The admission that a waiting room has given, while there is one before the bus."
}


async def require_admission(call: Call, bus_id: int) -> None:
    """Raise MustWait for a caller who has to come in through the room before this bus, and has not.

    Staff of the operator and its kiosks have a lane of their own: they are few, and known. Whoever asks again under a
    key gets the answer there is: their seats may be sold to them already. Locks nothing.
    """
    usher = call.services.usher
    room = await usher.room_before(bus_id)
    if room is None:
        usher.count_demand(bus_id)
    elif not await _has_own_lane(call, room):
        given = call.headers.get(b"x-room-token")
        try:
            usher.require_admission(
                room, None if given is None else given.decode("latin-1"), asker_of(call)
            )
        except MustWait:
            if not await call.services.store.answered.is_answered(bus_id, call.digest_key()):
                raise


def asker_of(call: Call) -> UUID | None:
    """Return who answers for the seats that this caller takes, whom alone an admission may be of.

    The account or the device that is signed in, whatever browser it is in; else the browser. None for a guest without a
    cookie of ours: all of an address share that identity.
    """
    if call.caller.user_id is not None:
        return buyer_of_user(call.caller.user_id)
    if call.caller.device_id is not None:
        return buyer_of_device(call.caller.device_id)
    return _browser_of(call)


def buyers_of(call: Call) -> Collection[UUID]:
    """Return whose places this caller may use: one's own, and those of the browser one is signed in with.

    Both, so that signing in while one waits costs no place.
    """
    both = dict.fromkeys((asker_of(call), _browser_of(call)))
    return [each for each in both if each is not None]


def _browser_of(call: Call) -> UUID | None:
    guests, cookie = call.services.guests, read_cookie(call.headers, call.scheme)
    if not guests.is_ours(cookie):
        return None
    known = guests.recognise(cookie, call.client).guest
    assert known is not None
    return known.buyer


async def _has_own_lane(call: Call, room: Room) -> bool:
    if call.caller.operator_id is None:
        return call.caller.sells_for(room.operator_id)  # an administrator of the platform
    seller = await call.services.store.tenancy.at(call.caller, room.operator_id)
    return seller.sells_for(room.operator_id)
