"""Tokens that are not quite ours, wherever one can be shown: refused, without a 5xx, and nothing has changed."""

import httpx2
import pytest

from tests.api.answers import problem
from tests.api.forgeries import FORGERIES, Forger
from tests.api.served import Served
from tests.api.shop import Shop, new_key, purchase
from tests.realtime.clients import watch

MEGABYTE = 1024 * 1024
# A frame of 4 KiB is all that a socket reads.
_FITS = 4_000


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forgery_changes_nothing(shop: Shop, guest: httpx2.AsyncClient, name: str) -> None:
    bus = await shop.bus()
    hold = await shop.hold(shop.client("rider"), bus, ["1A"])
    before = await shop.seats(bus)
    token = FORGERIES[name](Forger(shop.tokens, shop.token("admin")))
    headers = [
        (b"authorization", b"Bearer " + token.encode("latin-1")),
        *((name.encode(), value.encode()) for name, value in new_key().items()),
    ]
    block = {"bus_id": bus, "seats": ["1B"], "reason": "x"}
    for method, path, body in (
        ("POST", f"/buses/{bus}/holds", {"seats": ["1C"]}),
        ("POST", "/bookings", purchase(["1A"]) | {"hold_id": hold["id"]}),
        ("DELETE", f"/holds/{hold['id']}", None),
        ("POST", "/admin/blocks", block),
        ("POST", "/auth/totp", None),
        ("POST", "/auth/logout", None),
    ):
        answer = await guest.request(method, path, headers=headers, json=body)
        problem(answer, 401, "unauthenticated")
        assert token[:20] not in answer.text
    assert await shop.seats(bus) == before


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forgery_opens_no_topic(
    served_shop: tuple[Served, Shop], shop: Shop, name: str
) -> None:
    served, _ = served_shop
    token = FORGERIES[name](Forger(shop.tokens, shop.token("admin")))
    async with watch(served.port, origin=None) as client:
        await client.say("auth", id=1, token=token)
        if len(token) > _FITS:
            assert await client.closed() == 1009
            return
        assert (await client.get("error", id=1))["code"] == "unauthenticated"
        await client.say("subscribe", id=2, topic="sales")
        assert (await client.get("error", id=2))["code"] == "unauthenticated"


async def test_a_token_of_a_megabyte_is_not_even_read(
    served_shop: tuple[Served, Shop], shop: Shop
) -> None:
    served, _ = served_shop
    token = shop.token("admin") + "A" * MEGABYTE
    async with httpx2.AsyncClient(base_url=shop.url, trust_env=False, verify=False) as client:
        try:
            bearer = {"authorization": f"Bearer {token}"}
            answer = await client.get("/api/v1/auth/me", headers=bearer)
        except httpx2.TransportError:
            pass  # hung up on while it was still talking
        else:
            assert answer.status_code == 431
    async with watch(served.port, origin=None) as socket:
        await socket.say("auth", id=1, token=token)
        assert await socket.closed() == 1009
    assert (await shop.client().get("/stops")).status_code == 200


async def test_a_refresh_token_is_nobodys_access_token(
    served_shop: tuple[Served, Shop], shop: Shop, guest: httpx2.AsyncClient
) -> None:
    served, _ = served_shop
    _, session = await shop.begin_session(shop.people["manager"])
    used = await shop.store.sessions.rotate(session.token)
    assert used is not None
    for token in (session.token, used.token):
        answer = await guest.get("/auth/me", headers={"authorization": f"Bearer {token}"})
        problem(answer, 401, "unauthenticated")
        async with watch(served.port, origin=None) as client:
            await client.say("auth", id=1, token=token)
            assert (await client.get("error", id=1))["code"] == "unauthenticated"
