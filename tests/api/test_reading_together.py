"""Two processes that readers are spread over: what one sells or edits, the other shows; with Redis and without."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import httpx2

from tests.api.served import Served, serving
from tests.api.shop import Json, Shop
from tests.support.databases import Databases
from tests.support.servers import ThrowawayValkey
from tests.support.waiting import wait_until

Client = httpx2.AsyncClient


class Reading:
    """Somebody who searches for the same again and again at one of the processes."""

    def __init__(self, served: Served, wish: Mapping[str, str]) -> None:
        self._client = Client(
            base_url=served.url + "/api/v1", timeout=30, trust_env=False, verify=False
        )
        self._wish = dict(wish)

    async def close(self) -> None:
        await self._client.aclose()

    async def search(self, **headers: str) -> httpx2.Response:
        return await self._client.get("/buses", params=self._wish, headers=headers)

    async def shows(self, **wanted: object) -> bool:
        """Return whether the only bus that is found is as wanted."""
        answer = await self.search()
        assert answer.status_code == 200, answer.text
        items: list[Json] = answer.json()["items"]
        return len(items) == 1 and bool(wanted.items() <= items[0].items())

    async def comes_to_show(self, **wanted: object) -> None:
        await wait_until(lambda: self.shows(**wanted))

    async def comes_to_be(self, bus: str, status: str) -> None:
        """Wait until the seat map says this of the bus."""

        async def is_so() -> bool:
            found: str = (await self._client.get(f"/buses/{bus}/seats")).json()["status"]
            return found == status

        await wait_until(is_so)

    async def comes_to_have(self, bus: str, *, taken: int) -> None:
        """Wait until the seat map has so many seats that cannot be had."""

        async def has() -> bool:
            answer = await self._client.get(f"/buses/{bus}/seats")
            seats: list[Json] = answer.json()["seats"]
            return len([seat for seat in seats if seat["status"] != "AVAILABLE"]) == taken

        await wait_until(has)


async def test_what_one_process_sells_or_edits_the_other_shows(databases: Databases) -> None:
    """A sale and an edit at one are seen at both, and still when Redis is killed meanwhile."""
    with ThrowawayValkey() as own:
        async with databases.fresh() as url:
            shop = await Shop.open(url)
            settings = {"OMNIBUS_WORKERS": "2"}
            pair = (
                Served(url, own.url, settings=settings),
                Served(url, own.url, settings=settings),
            )
            async with serving(*pair):
                shop.url = pair[0].url
                leaves = datetime.now(UTC) + timedelta(days=1)
                bus = await shop.bus(segments=4, departs_at=leaves.isoformat())
                wish = {"from": shop.stops[0], "to": shop.stops[4]}
                here, there = (Reading(each, wish) for each in pair)
                try:
                    await _sell_and_edit(shop, bus, here, there, own)
                finally:
                    await here.close()
                    await there.close()
                    await shop.forget_clients()
                assert [await each.failures() for each in pair] == [[], []]
            assert await shop.violations() == {}
            await shop.close()


async def _sell_and_edit(
    shop: Shop, bus: str, here: Reading, there: Reading, valkey: ThrowawayValkey
) -> None:
    rider, admin = shop.client("rider"), shop.client("admin")
    for reading in (here, there):
        await reading.comes_to_show(seats_available=40)
    first = await there.search()
    again = await there.search(**{"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")

    await shop.book(rider, bus, ["1A"])
    assert await here.shows(seats_available=39), "who sells shows it at once"
    await there.comes_to_show(seats_available=39)
    assert (await there.search(**{"if-none-match": first.headers["etag"]})).status_code == 200

    renamed = await admin.patch(f"/admin/buses/{bus}", json={"name": "The late one"})
    assert renamed.status_code == 200, renamed.text
    assert await here.shows(name="The late one"), "who edits sees it at once"
    await there.comes_to_show(name="The late one")

    await _cancel_a_bus_of_which_seats_are_held(shop, here, there)
    valkey.stop()
    await shop.book(rider, bus, ["1B"])
    looks = await asyncio.gather(*(each.search() for each in (here, there) for _ in range(20)))
    assert {look.status_code for look in looks} == {200}
    for reading in (here, there):
        await reading.comes_to_show(seats_available=38)
        await reading.comes_to_have(bus, taken=2)
    cancelled = await admin.post(f"/admin/buses/{bus}/cancel", json={})
    assert cancelled.status_code == 200, cancelled.text
    for reading in (here, there):
        await reading.comes_to_show(status="CANCELLED")


async def _cancel_a_bus_of_which_seats_are_held(shop: Shop, here: Reading, there: Reading) -> None:
    """One event frees the seats and tells what the bus is from now on."""
    bus = await shop.bus()
    held = await shop.client("rider").post(f"/buses/{bus}/holds", json={"seats": ["2A"]})
    assert held.status_code == 201, held.text
    for reading in (here, there):
        await reading.comes_to_be(bus, "SCHEDULED")
    cancelled = await shop.client("admin").post(f"/admin/buses/{bus}/cancel", json={})
    assert cancelled.status_code == 200, cancelled.text
    for reading in (here, there):
        await reading.comes_to_be(bus, "CANCELLED")
