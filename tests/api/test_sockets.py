"""The live layer as it is served: whose token still counts, and what is written down about sockets."""

import uuid

import pytest
from websockets.exceptions import InvalidStatus

from store.accounts import NewUser
from store.model import Role
from tests.api.served import Served
from tests.api.shop import Shop
from tests.realtime.clients import watch

_CHANGES = {
    "disabled": "disabled_at = now()",
    "of another role": "role = 'rider', operator_id = NULL",
}


@pytest.mark.parametrize("change", _CHANGES)
async def test_a_token_of_staff_who_are_no_longer_staff_opens_nothing(
    served_shop: tuple[Served, Shop], shop: Shop, change: str
) -> None:
    served, _ = served_shop
    bus = await shop.bus()
    operator = int(shop.operators["Northline"])
    person = NewUser("Devi", f"{change.replace(' ', '-')}@left.example", "x", Role.AGENT, operator)
    user = await shop.store.accounts.add(person)
    token = shop.tokens.issue(user, str(uuid.uuid4()))
    async with watch(served.port, origin=served.url) as client:
        await client.say("auth", id=1, token=token)
        await client.say("subscribe", id=2, bus=bus)
        await client.get("subscribed", id=2)
        assert not [frame for frame in client.frames if frame["type"] == "error"]
    await shop.owner.execute(
        f"UPDATE users SET {_CHANGES[change]} WHERE user_id = $1",  # noqa: S608 - one of two texts of ours
        user.user_id,
    )
    async with watch(served.port, origin=served.url) as client:
        await client.say("auth", id=3, token=token)
        assert (await client.get("error", id=3))["code"] == "unauthenticated"


async def test_what_stands_in_a_sockets_address_is_not_written_down(
    served_shop: tuple[Served, Shop], shop: Shop
) -> None:
    served, _ = served_shop
    async with watch(served.port, origin=None, path="/ws?secret=swordfish") as client:
        await client.get("hello")
    with pytest.raises(InvalidStatus):
        async with watch(served.port, origin=None, path="/ws?token=swordfish"):
            pass
    assert "swordfish" not in served.log()
