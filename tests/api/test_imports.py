"""Timetables that are uploaded: taken in, imported by a clerk in a process of its own, refused with every fault."""

import asyncio
import datetime as dt
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2

from store.gtfs.archive import UPLOADED
from store.imports import LOST
from tests.api.answers import bad_input, problem
from tests.api.back_office import logged
from tests.api.shop import Json, Shop
from tests.gtfs.feeds import TWO_AGENCIES, altered, write_feed
from tests.support.waiting import wait_until

Client = httpx2.AsyncClient
ZIP = {"content-type": "application/zip"}
WEEK = {"from": "2030-06-03", "days": "7"}
RUNNING = "running"
JUNE = (dt.date(2030, 6, 3), dt.date(2030, 6, 9))
JULY = (dt.date(2030, 7, 1), dt.date(2030, 7, 7))


def feed(folder: Path, changes: Mapping[str, str | bytes | None] | None = None) -> bytes:
    return write_feed(folder, changes).read_bytes()


async def upload(client: Client, data: bytes, **wish: str) -> httpx2.Response:
    query = WEEK | {"file": "feed.zip"} | wish
    return await client.post("/admin/imports", params=query, content=data, headers=ZIP)


async def ended(client: Client, answer: httpx2.Response) -> Json:
    """Wait until an import is over, and return what came of it."""
    assert answer.status_code == 202, answer.text
    path = f"/admin/imports/{answer.json()['id']}"
    told: Json = {}

    async def is_over() -> bool:
        told.update((await client.get(path)).json())
        return bool(told["status"] != RUNNING)

    await wait_until(is_over, seconds=60)
    return told


async def buses(shop: Shop, week: tuple[dt.date, dt.date] = JUNE) -> int:
    """How many buses of the timetable leave in that week: other tests sell buses of their own on the same days."""
    count: int = await shop.owner.fetchval(
        "SELECT count(*) FROM buses WHERE service_date BETWEEN $1 AND $2 AND source_key IN ('morning', 'night')",
        *week,
    )
    return count


async def test_an_uploaded_timetable_goes_on_sale_as_a_whole_and_a_second_time_adds_nothing(
    shop: Shop, manager: Client, tmp_path: Path
) -> None:
    began = await upload(manager, feed(tmp_path), layout="mini", fare="1990")
    assert (began.json()["status"], began.json()["file"]) == (RUNNING, "feed.zip")
    done = await ended(manager, began)
    assert (done["status"], done["code"], done["faults"]) == ("done", None, [])
    added = done["added"]
    assert (added["buses"], added["seats"], added["routes"]) == (12, 12 * 18, 2)
    assert (added["from"], added["until"]) == ("2030-06-03", "2030-06-09")
    assert await buses(shop) == 12
    operator = int(shop.operators["Northline"])
    mine = await shop.owner.fetch(
        "SELECT DISTINCT operator_id, fares[1] + fares[2] AS fare FROM buses WHERE source_key = 'night'"
    )
    assert [tuple(row) for row in mine] == [(operator, 1990)]
    who = shop.people["manager"].user_id
    by_whom = await shop.owner.fetchval(
        "SELECT actor_id FROM audit_log WHERE action = 'timetable.import' ORDER BY audit_id DESC LIMIT 1"
    )
    assert by_whom == who
    assert await logged(shop, f"import {done['id']}") == ["import.begin"]

    again = await ended(manager, await upload(manager, feed(tmp_path)))
    assert (again["added"]["buses"], again["added"]["known"]) == (0, 12)
    listed = (await manager.get("/admin/imports")).json()["items"]
    assert [each["id"] for each in listed[:2]] == [again["id"], done["id"]]


async def test_a_feed_with_faults_is_refused_with_all_of_them_and_nothing_is_written(
    shop: Shop, manager: Client, tmp_path: Path
) -> None:
    before = await buses(shop)
    broken = {
        **altered("stops.txt", "53.6355", "north"),
        **altered("trips.txt", "coast,daily,morning", "nowhere,daily,morning"),
    }
    refused = await ended(manager, await upload(manager, feed(tmp_path, broken)))
    assert (refused["status"], refused["code"]) == ("refused", "feed_refused")
    assert refused["faults_total"] == len(refused["faults"]) == 2
    assert [(each["file"], each["line"]) for each in refused["faults"]] == [
        ("stops.txt", 5),
        ("trips.txt", 2),
    ]
    assert (refused["added"], await buses(shop)) == (None, before)


async def test_what_is_hardly_meant_is_refused_in_words(
    shop: Shop, manager: Client, tmp_path: Path
) -> None:
    empty = await ended(manager, await upload(manager, feed(tmp_path), **{"from": "2031-06-03"}))
    assert (empty["status"], empty["code"]) == ("refused", "nothing_to_sell")
    assert "2030-01-01" in empty["detail"]
    other = {
        name: text.replace("Northline", "Eastline").replace("Southline", "Westline")
        for name, text in TWO_AGENCIES.items()
        if isinstance(text, str)
    }
    unclear = await ended(manager, await upload(manager, feed(tmp_path, other)))
    assert (unclear["code"], "`Westline`" in unclear["detail"]) == ("agency_unclear", True)
    newest = await shop.owner.fetchval("SELECT max(stop_id) FROM stops")
    chosen = await ended(manager, await upload(manager, feed(tmp_path, other), agency="s"))
    assert (chosen["status"], chosen["added"]["buses"]) == ("done", 7)
    # All of it is the operator's, whatever the feed calls its agencies.
    assert await shop.owner.fetchval("SELECT count(*) FROM operators WHERE name = 'Westline'") == 0
    new = await shop.owner.fetch("SELECT DISTINCT source FROM stops WHERE stop_id > $1", newest)
    assert {row["source"] for row in new} <= {f"gtfs:{shop.operators['Northline']}"}


async def test_a_bomb_is_not_unpacked(manager: Client, tmp_path: Path) -> None:
    dense = io.BytesIO()
    with zipfile.ZipFile(dense, "w", zipfile.ZIP_DEFLATED) as archive:
        with zipfile.ZipFile(write_feed(tmp_path)) as sound:
            for name in sound.namelist():
                if name != "stop_times.txt":
                    archive.writestr(name, sound.read(name))
        archive.writestr("stop_times.txt", b" " * (UPLOADED.ratio_from_bytes + 1))
    refused = await ended(manager, await upload(manager, dense.getvalue()))
    assert refused["code"] == "feed_refused"
    assert "unpacks to more than 100 times" in refused["faults"][0]["reason"]


async def test_what_is_no_zip_or_too_large_begins_nothing(shop: Shop, manager: Client) -> None:
    bad = await upload(manager, b"stop_id,stop_name")
    assert (bad_input(bad), bad.json()["errors"][0]["code"]) == ([""], "not_a_zip")
    text = await manager.post(
        "/admin/imports", content=b"PK\x03\x04", headers={"content-type": "text/plain"}
    )
    problem(text, 415, "unsupported_media_type")
    # Told by its head, and so refused before any of it is sent.
    address = httpx2.URL(shop.url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(
        "POST /api/v1/admin/imports HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n"
        "Content-Type: application/zip\r\nContent-Length: {}\r\n\r\n".format(
            address.netloc.decode(), shop.token("manager"), 129 * 1024**2
        ).encode()
    )
    assert (await reader.readline()).split()[1] == b"413"
    writer.close()


async def test_one_import_at_a_time_and_whoever_cancels_it_has_nothing_written(
    shop: Shop, manager: Client, tmp_path: Path
) -> None:
    """The import waits for its timetable, which somebody else has: so it runs for as long as is needed."""
    before = await buses(shop)
    async with shop.owner.transaction():
        # Rows that the import has to change in order to end: it cannot, until this transaction is over.
        await shop.owner.execute("LOCK TABLE bus_stops IN ACCESS EXCLUSIVE MODE")
        began = await upload(manager, feed(tmp_path), **{"from": "2030-07-01"})
        second = await upload(manager, feed(tmp_path))
        problem(second, 409, "wrong_state")
        one = f"/admin/imports/{began.json()['id']}"
        cancelled = await manager.post(f"{one}/cancel")
        assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
        problem(await manager.post(f"{one}/cancel"), 409, "wrong_state")
    did = await logged(shop, f"import {began.json()['id']}")
    assert did == ["import.begin", "import.cancel"]
    third = await ended(manager, await upload(manager, feed(tmp_path), **{"from": "2032-07-01"}))
    assert third["status"] == "refused"
    assert (await buses(shop, JULY), await buses(shop)) == (0, before)


async def test_an_import_that_nobody_is_at_any_more_counts_as_lost(
    shop: Shop, manager: Client, tmp_path: Path
) -> None:
    operator = int(shop.operators["Northline"])
    silent: Any = await shop.owner.fetchval(
        "INSERT INTO imports (operator_id, user_id, file, bytes, wish, created_at, beat_at)"
        " VALUES ($1, 1, 'gone.zip', 9, '{}', now(), now() - interval '2 minutes') RETURNING import_id",
        operator,
    )
    told = (await manager.get(f"/admin/imports/{silent}")).json()
    assert (told["status"], told["code"]) == ("failed", LOST["code"])
    # And is in nobody's way.
    after = await ended(manager, await upload(manager, feed(tmp_path), **{"from": "2032-07-01"}))
    assert after["status"] == "refused"
