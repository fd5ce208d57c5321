"""The drill for waiting rooms: another key takes over in two live processes, and those who wait keep their places."""

import asyncio

import httpx2

from server.waiting.tokens import RoomTokens, new_room_key
from store.house_keys import ROOMS, HouseKey
from tests.api.served import Served, serving
from tests.api.shop import Json, Shop
from tests.cli.commands import Ran, omnibus
from tests.support.databases import Databases
from tests.support.servers import ThrowawayValkey
from tests.support.waiting import wait_until


class Browser:
    """Somebody who waits in a room, asking now this process, now that one, with one jar of cookies."""

    def __init__(self, room: str) -> None:
        self._room = room
        self._client = httpx2.AsyncClient(trust_env=False, verify=False, timeout=30)

    async def close(self) -> None:
        await self._client.aclose()

    async def takes_place(self, served: Served, token: str | None = None) -> Json:
        body = {"token": token} if token else {}
        answer = await self._client.post(
            f"{served.url}/api/v1/rooms/{self._room}/places", json=body
        )
        assert answer.status_code == 200, answer.text
        place: Json = answer.json()
        return place

    async def enters(self, served: Served, token: str) -> httpx2.Response:
        path = f"{served.url}/api/v1/rooms/{self._room}/entry"
        return await self._client.post(path, json={"token": token})

    async def holds(self, served: Served, bus: str, seat: str, pass_: str) -> int:
        answer = await self._client.post(
            f"{served.url}/api/v1/buses/{bus}/holds",
            json={"seats": [seat]},
            headers={"x-room-token": pass_},
        )
        return answer.status_code


def signed_with(key: HouseKey, token: str) -> bool:
    return RoomTokens([key]).read(token) is not None


async def test_a_place_of_the_old_key_lets_in_until_the_key_is_retired(
    databases: Databases, valkey: ThrowawayValkey
) -> None:
    async with (
        databases.fresh() as url,
        await Shop.open(url) as shop,
        serving(Served(url, valkey.url), Served(url, valkey.url)) as (here, there),
    ):
        shop.url = here.url
        bus = await shop.bus()
        opened = await shop.client("manager").post(
            "/admin/rooms", json={"bus": bus, "per_minute": 6_000}
        )
        room = opened.json()["id"]

        async def both_know_it() -> bool:
            paths = [f"{each.url}/api/v1/rooms/{room}" for each in (here, there)]
            async with httpx2.AsyncClient(trust_env=False, verify=False) as client:
                shown = [(await client.get(path)) for path in paths]
            return all(each.status_code == 200 and each.json()["now_serving"] for each in shown)

        async def keys(*arguments: str) -> Ran:
            return await asyncio.to_thread(
                omnibus, "keys", *arguments, "--of", "rooms", DATABASE_URL=url
            )

        browser = Browser(room)
        try:
            await wait_until(both_know_it, seconds=30)
            old_place = await browser.takes_place(here)
            (old,) = await shop.store.house_keys.find_or_make(ROOMS, new_room_key)
            assert signed_with(old, old_place["token"])
            rotated = await keys("rotate", "--after", "0", "--json")
            assert rotated.code == 0, rotated.err
            new = (await shop.store.house_keys.find_or_make(ROOMS, new_room_key))[0]

            async def both_sign_with_it() -> bool:
                tokens = [
                    (await browser.takes_place(each, old_place["token"]))["token"]
                    for each in (here, there)
                ]
                return all(signed_with(new, token) for token in tokens)

            await wait_until(both_sign_with_it, seconds=30)
            entered = await browser.enters(there, old_place["token"])
            assert entered.status_code == 200, entered.text
            admission = entered.json()["token"]
            assert signed_with(new, admission)
            assert await browser.holds(here, bus, "1A", admission) == 201
            refused = await keys("retire", old.key_id)
            assert "may be good until" in refused.err
            assert (await keys("retire", old.key_id, "--now")).code == 0

            async def is_refused() -> bool:
                answers = [await browser.enters(each, old_place["token"]) for each in (here, there)]
                return [each.status_code for each in answers] == [403, 403]

            await wait_until(is_refused, seconds=30)
            again = await browser.takes_place(here, old_place["token"])
            assert again["place"] == old_place["place"], "nobody loses a place by it"
            assert (await browser.enters(there, again["token"])).json()["token"] == admission
        finally:
            await browser.close()
