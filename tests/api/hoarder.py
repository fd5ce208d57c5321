"""A bot that wants a whole bus for itself, from one address: with new cookies, forged ones, and none at all.

    python -m tests.api.hoarder http://127.0.0.1:8000 <bus> [seconds]

It holds, extends, swaps, lets go, books without paying, and begins anew with another face whenever it is refused.
"""

import asyncio
import random
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import httpx2

from tests.api.shop import new_key, purchase

FACES = 12
_PAUSE_SECONDS = 0.01


class Hoarder:
    """One address; `headers` go with every request. `told` counts the answers by what they say."""

    def __init__(self, url: str, bus: str, headers: Mapping[str, str]) -> None:
        self.told: Counter[str] = Counter()
        self._url = url
        self._bus = bus
        self._headers = dict(headers)
        self._chance = random.Random(12)

    async def grab_until(self, is_over: Callable[[], bool]) -> None:
        """Be many at once until it is over."""
        await asyncio.gather(*(self._live(face, is_over) for face in range(FACES)))

    async def _live(self, face: int, is_over: Callable[[], bool]) -> None:
        while not is_over():
            async with httpx2.AsyncClient(
                base_url=f"{self._url}/api/v1",
                headers=self._headers,
                trust_env=False,
                verify=False,
                timeout=30,
            ) as client:
                await self._put_on_a_face(client, face)
                has_room = True
                while has_room and not is_over():
                    has_room = await self._grab(client, face)
                    await asyncio.sleep(_PAUSE_SECONDS)

    async def _put_on_a_face(self, client: httpx2.AsyncClient, face: int) -> None:
        if face % 3 == 0:
            await client.get(f"/buses/{self._bus}")
        elif face % 3 == 1:
            client.cookies.set("omnibus_buyer", f"{self._chance.getrandbits(256):043x}"[-43:])

    async def _grab(self, client: httpx2.AsyncClient, face: int) -> bool:
        """Take as much as there is; whether it is worth going on with this face."""
        free = await self._free(client)
        self._chance.shuffle(free)
        for count in (6, 4, 2, 1):
            seats = free[:count]
            if seats and (held := await self._take(client, seats)) is not None:
                await self._keep(client, held, free[count : 2 * count])
                return True
        if face % 3 == 2:
            client.cookies.clear()
        return False

    async def _take(self, client: httpx2.AsyncClient, seats: list[str]) -> Any:
        if self._chance.random() < 0.7:
            wanted: dict[str, Any] = {"seats": seats}
            return await self._ask(client, "POST", f"/buses/{self._bus}/holds", wanted)
        body = purchase(seats) | {"bus_id": self._bus, "seats": seats}
        return await self._ask(client, "POST", "/bookings", body)

    async def _keep(self, client: httpx2.AsyncClient, held: Any, others: list[str]) -> None:
        if "ref" in held:
            return
        url = f"/holds/{held['id']}"
        deed = self._chance.randrange(5)
        if deed == 0:
            await self._ask(client, "POST", f"{url}/extend")
            await self._ask(client, "POST", f"{url}/extend")
        elif deed == 1 and others:
            await self._ask(client, "PUT", url, {"seats": [*held["seats"], *others]})
        elif deed == 2:
            await self._ask(client, "DELETE", url)
        elif deed == 3:
            body = purchase(held["seats"]) | {"hold_id": held["id"]}
            await self._ask(client, "POST", "/bookings", body)

    async def _free(self, client: httpx2.AsyncClient) -> list[str]:
        shown = (await client.get(f"/buses/{self._bus}/seats")).json()["seats"]
        return [seat["seat"] for seat in shown if seat["status"] == "AVAILABLE"]

    async def _ask(
        self, client: httpx2.AsyncClient, method: str, path: str, body: object = None
    ) -> Any:
        answer = await client.request(method, path, json=body, headers=new_key())
        told = answer.json() if answer.content else {}
        self.told[str(told.get("code", answer.status_code))] += 1
        return told if answer.status_code == 201 else None


async def _main(url: str, bus: str, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    end, hoarder = loop.time() + seconds, Hoarder(url, bus, {})
    await hoarder.grab_until(lambda: loop.time() > end)
    for code, count in hoarder.told.most_common():
        sys.stdout.write(f"{count:7} {code}\n")


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2], float([*sys.argv, "30"][3])))
