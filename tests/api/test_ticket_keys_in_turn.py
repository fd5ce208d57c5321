"""The drill for tickets: another key takes over in two live processes, and old tickets still open doors."""

import asyncio
import uuid

import httpx2

from server.ticketing.base45 import decode45
from tests.api.served import Served, serving
from tests.api.shop import Json, Shop
from tests.cli.commands import Ran, omnibus
from tests.support.databases import Databases
from tests.support.servers import ThrowawayValkey
from tests.support.waiting import wait_until
from tests.ticketing.pages import see


def key_number(code: str) -> int:
    raw = decode45(code)
    assert raw is not None
    return raw[1]


class Traveller:
    """Somebody with a ticket for every seat, who prints them and shows them at two doors."""

    def __init__(self, shop: Shop, booking: Json) -> None:
        self.shop, self.booking = shop, booking

    async def print_at(self, served: Served) -> list[str]:
        """Return the codes that are printed by a process."""
        async with self._client(served, "agent") as client:
            path = f"/bookings/{self.booking['ref']}/ticket.pdf"
            answer = await client.get(path, params={"paper": "80mm"})
            return [page.codes[0] for page in see(answer.content)]

    async def shows(self, served: Served, code: str) -> str:
        """Return the verdict of a process on a code."""
        shown = {"id": str(uuid.uuid4()), "bus_id": self.booking["bus_id"], "ticket": code}
        async with self._client(served, "scanner") as client:
            answer = await client.post("/devices/me/scans", json={"scans": [shown]})
            return str(answer.json()["items"][0]["verdict"])

    async def keys_at(self, served: Served) -> set[str]:
        async with self._client(served, "scanner") as client:
            answer = await client.get("/boarding/keys")
            return {key["id"] for key in answer.json()["items"]}

    def _client(self, served: Served, who: str) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            base_url=f"{served.url}/api/v1",
            headers={"authorization": f"Bearer {self.shop.token(who)}"},
            trust_env=False,
            verify=False,
            timeout=30,
        )


async def test_a_ticket_of_the_old_key_opens_doors_until_its_bus_has_come(
    databases: Databases, valkey: ThrowawayValkey
) -> None:
    async with (
        databases.fresh() as url,
        await Shop.open(url) as shop,
        serving(Served(url, valkey.url), Served(url, valkey.url)) as (here, there),
    ):
        shop.url = here.url
        bus = await shop.bus()
        seats = ["1A", "1B", "1C", "1D"]
        booking = await shop.book(shop.client("agent"), bus, seats, method="cash")
        traveller = Traveller(shop, booking)

        async def keys(*arguments: str) -> Ran:
            return await asyncio.to_thread(
                omnibus, "keys", *arguments, "--of", "tickets", DATABASE_URL=url
            )

        old = await traveller.print_at(here)
        assert old == await traveller.print_at(there), "both sign with one key"
        (before,) = (await keys("list", "--json")).json["items"]
        rotated = await keys("rotate", "--after", "3", "--json")
        assert rotated.code == 0, rotated.err
        new = rotated.json["items"][0]["id"]

        async def all_know() -> bool:
            known = [await traveller.keys_at(served) for served in (here, there)]
            return known == [{before["id"], new}] * 2

        await wait_until(all_know, seconds=30)

        async def all_sign_with_it() -> bool:
            await asyncio.sleep(0.2)  # it takes seconds, and to print and to read takes a core
            printed = [await traveller.print_at(served) for served in (here, there)]
            return {f"t{key_number(code)}" for codes in printed for code in codes} == {new}

        await wait_until(all_sign_with_it, seconds=30)
        assert await traveller.shows(here, old[0]) == "ok"
        assert await traveller.shows(there, (await traveller.print_at(here))[1]) == "ok"
        # As if the old key had signed nothing for a week: the bus has not come, so its tickets are read.
        await shop.owner.execute(
            "UPDATE house_keys SET signs_at = signs_at - interval '1 week' WHERE purpose = 'ticket_signing'"
        )
        await shop.owner.execute(
            "UPDATE tickets SET issued_at = issued_at - interval '8 days' WHERE bus_id = $1",
            int(bus),
        )
        refused = await keys("retire", before["id"])
        assert refused.code == 1
        assert "may be good until" in refused.err
        assert await traveller.shows(there, old[2]) == "ok"
        for table in ("bus_stops", "buses"):
            await shop.owner.execute(
                f"UPDATE {table} SET departs_at = departs_at - interval '2 days',"  # noqa: S608 - of constants
                " arrives_at = arrives_at - interval '2 days' WHERE bus_id = $1",
                int(bus),
            )
        retired = await keys("retire", before["id"])
        assert retired.code == 0, retired.err

        async def is_refused() -> bool:
            told = [await traveller.shows(served, old[3]) for served in (here, there)]
            return told == ["bad_signature"] * 2

        await wait_until(is_refused, seconds=30)
        assert await here.failures() == await there.failures() == []
