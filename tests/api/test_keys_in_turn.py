"""The drill: a new signing key takes over in two live processes, and the old one goes, while people go on."""

import asyncio
import base64
import json
from collections import Counter

import httpx2

from tests.api.served import Served, serving
from tests.api.shop import PASSWORD, Shop
from tests.cli.commands import Ran, omnibus
from tests.support.databases import Databases
from tests.support.servers import ThrowawayValkey
from tests.support.waiting import wait_until


def signer(token: str) -> str:
    """Return which key signed a token."""
    head = token.partition(".")[0]
    return str(json.loads(base64.urlsafe_b64decode(head + "=="))["kid"])


class Visitor:
    """Somebody who comes by all the time, signing in here and there; keeps what they were answered."""

    def __init__(self, shop: Shop, *served: Served) -> None:
        self.shop, self.served = shop, served
        self.statuses: Counter[int] = Counter()
        self.client = httpx2.AsyncClient(trust_env=False, verify=False, timeout=30)

    async def sign_in(self, served: Served) -> str:
        body = {"email": "rider@example.org", "password": PASSWORD}
        answer = await self.client.post(f"{served.url}/api/v1/auth/login", json=body)
        self.statuses[answer.status_code] += 1
        return str(answer.json()["access_token"])

    async def shows(self, served: Served, token: str) -> int:
        headers = {"authorization": f"Bearer {token}"}
        answer = await self.client.get(f"{served.url}/api/v1/auth/me", headers=headers)
        self.statuses[answer.status_code] += 1
        return answer.status_code

    async def come_and_go(self) -> None:
        """Sign in at one, be recognised by the other at once: what one signs, all verify."""
        while True:
            for here, there in (self.served, self.served[::-1]):
                assert await self.shows(there, await self.sign_in(here)) == 200

    async def signers(self) -> set[str]:
        return {signer(await self.sign_in(served)) for served in self.served}


async def test_keys_take_turns_while_people_come_and_go(
    databases: Databases, valkey: ThrowawayValkey
) -> None:
    async with (
        databases.fresh() as url,
        await Shop.open(url) as shop,
        serving(Served(url, valkey.url), Served(url, valkey.url)) as (here, there),
    ):
        visitor = Visitor(shop, here, there)
        coming = asyncio.create_task(visitor.come_and_go())

        async def keys(*arguments: str) -> Ran:
            return await asyncio.to_thread(omnibus, "keys", *arguments, DATABASE_URL=url)

        old = await visitor.sign_in(here)
        (before,) = await visitor.signers()
        rotated = await keys("rotate", "--after", "3", "--json")
        assert rotated.code == 0, rotated.err
        new = rotated.json["items"][0]["id"]

        async def all_sign_with(key_id: str) -> bool:
            return await visitor.signers() == {key_id}

        await wait_until(lambda: all_sign_with(new), seconds=30)
        for served in (here, there):
            assert await visitor.shows(served, old) == 200, "until it is over"
        refused = await keys("retire", before)
        assert refused.code == 1
        assert "may be good until" in refused.err
        # As if the last token of the old key had been signed long ago.
        await shop.owner.execute(
            "UPDATE house_keys SET signs_at = signs_at - interval '1 hour' WHERE key_id = $1",
            new,
        )
        assert not coming.done(), coming
        coming.cancel()
        assert (await keys("retire", before)).code == 0
        for served in (here, there):

            async def is_refused(by: Served = served) -> bool:
                return await visitor.shows(by, old) == 401

            await wait_until(is_refused)
            assert await visitor.shows(served, await visitor.sign_in(here)) == 200
        assert {code for code in visitor.statuses if code >= 500} == set()
        assert visitor.statuses[200] > visitor.statuses[401]
        assert await here.failures() == await there.failures() == []
        await visitor.client.aclose()
