"""A day on a cluster as its operators have it: the commands, a server, a worker, and people who travel."""

from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

from store import Store
from store.invariants import find_violations
from tests.api.served import Served
from tests.api.shop import Json, new_key, purchase
from tests.cli.commands import omnibus
from tests.cli.test_worker import working
from tests.gtfs.feeds import write_feed
from tests.support.cluster import CLUSTER_URL, WHY_NOT
from tests.support.databases import Databases
from tests.support.servers import ThrowawayValkey
from tests.support.waiting import wait_until

pytestmark = [
    pytest.mark.skipif(not CLUSTER_URL, reason=WHY_NOT),
    pytest.mark.timeout(300),
]

_WEEK = ("--from", "2030-06-03", "--days", "7")


async def test_a_day_on_a_cluster(
    databases: Databases, valkey: ThrowawayValkey, tmp_path: Path
) -> None:
    async with databases.fresh(is_migrated=False) as url:
        await _have_few_shards(url)
        command = partial(omnibus, DATABASE_URL=url, REDIS_URL=valkey.url, DATA_DIR=tmp_path)
        _set_up(command)
        _import_twice(command, write_feed(tmp_path))
        log = tmp_path / "worker.log"
        mails = {"OMNIBUS_DATA_DIR": str(tmp_path)}
        async with (
            Served(url, valkey.url, settings={"OMNIBUS_DEMO": "on"}) as served,
            working(url, valkey.url, log, mails),
            httpx2.AsyncClient(
                base_url=f"{served.url}/api/v1", timeout=30, trust_env=False, verify=False
            ) as client,
        ):
            bus, booked = await _travel(client)
            await _look_at_sales(client, bus, booked)
            await wait_until(lambda: _is_told(tmp_path / "mail", booked["ref"]), seconds=60)
            await wait_until(lambda: _line(command, "invariants").startswith("ok"), seconds=60)
            assert await served.failures() == [], served.log()[-3000:]
        assert "INVARIANT BROKEN" not in log.read_text()
        assert '"level": "error"' not in log.read_text(), log.read_text()[-3000:]
        store = await Store.open(url)
        assert await find_violations(store.db) == {}
        await store.close()


def _set_up(command: Any) -> None:
    made = command("migrate")
    assert (made.code, "distribution of buses" in made.out) == (0, True), made.err
    assert command("migrate").out.splitlines()[-1] == "nothing to do"
    assert command("partitions").out.startswith("no months to keep: on a cluster")
    demo = command("demo")
    assert (demo.code, "demo: added" in demo.err) == (0, True), demo.err
    assert "nothing to do" in command("demo").out
    assert " tables by bus on " in _line(command, "cluster")
    assert _line(command, "schema").split() == ["ok", "schema", "up", "to", "date"]


def _import_twice(command: Any, feed: Path) -> None:
    first = command("import", "gtfs", feed, "--operator", "Northline", *_WEEK)
    assert "Northline: added 12 buses with 480 seats, 2 routes, 5 stops" in first.out, first.err
    again = command("import", "gtfs", feed, "--operator", "Northline", *_WEEK)
    assert "nothing to do: 12 buses are there already" in again.out, again.err


async def _travel(client: httpx2.AsyncClient) -> tuple[str, Json]:
    """Search in every form, book, pay, and come back to it; return the bus and the booking."""
    found = (await client.get("/buses", params={"limit": 50})).json()["items"]
    bus = next(each for each in found if each["seats_available"] > 4 and each["price"])
    ends = {"from": bus["from_stop"]["id"], "to": bus["to_stop"]["id"]}
    for asked in (ends, {"from": ends["from"]}, {"to": ends["to"]}):
        answer = await client.get("/buses", params={**asked, "limit": 100})
        assert bus["id"] in {each["id"] for each in answer.json()["items"]}, asked
    shown = (await client.get(f"/buses/{bus['id']}/seats")).json()["seats"]
    free = [seat["seat"] for seat in shown if seat["status"] == "AVAILABLE"][:2]
    wanted = {"bus_id": bus["id"], "seats": free} | purchase(free)
    answer = await client.post("/bookings", json=wanted, headers=new_key())
    assert answer.status_code == 201, answer.text
    booked: Json = answer.json()
    again = await client.post("/bookings", json=wanted, headers=new_key())
    assert (again.status_code, again.json()["code"]) == (409, "seat_unavailable")
    paid = await client.post(
        f"/payments/{booked['payment']['id']}/demo", json={"outcome": "succeeded"}
    )
    assert paid.json()["status"] == "CONFIRMED", paid.text
    said = {"ref": booked["ref"], "email": "ann@example.org"}
    assert (await client.post("/bookings/find", json=said)).json()["ref"] == booked["ref"]
    return bus["id"], booked


async def _look_at_sales(client: httpx2.AsyncClient, bus: str, booked: Json) -> None:
    who = {"email": "admin@omnibus.example", "password": "demo-admin"}
    token = (await client.post("/auth/login", json=who)).json()["access_token"]
    staff = {"authorization": f"Bearer {token}"}
    days = "from=2026-01-01&to=2026-01-31"
    for path in ("/admin/sales/pace", f"/admin/sales?{days}", "/admin/buses", "/admin/operators"):
        answer = await client.get(path, headers=staff)
        assert answer.status_code == 200, (path, answer.text)
    found = await client.get("/admin/bookings", params={"q": booked["ref"]}, headers=staff)
    assert [each["ref"] for each in found.json()["items"]] == [booked["ref"]]
    history = await client.get(f"/admin/bookings/{booked['ref']}/history", headers=staff)
    assert history.status_code == 200, history.text
    manifest = await client.get(f"/admin/buses/{bus}/manifest", headers=staff)
    assert booked["passengers"][0]["name"] in manifest.text


async def _have_few_shards(url: str) -> None:
    owner = await asyncpg.connect(url)
    await owner.execute(f"ALTER DATABASE {url.rpartition('/')[2]} SET citus.shard_count = 4")
    await owner.close()


def _is_told(folder: Path, ref: str) -> bool:
    return any(
        ref in path.read_text(errors="replace") for path in folder.glob("**/*") if path.is_file()
    )


def _line(command: Any, name: str) -> str:
    lines: list[str] = command("doctor").out.splitlines()
    return next(line for line in lines if line[6:].startswith(name))
