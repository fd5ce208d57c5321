"""What a journey costs on each of some days."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx2
import pytest

from store.recent import Recent
from tests.api.answers import bad_input, problem
from tests.api.shop import Json, Shop

Client = httpx2.AsyncClient
BERLIN = ZoneInfo("Europe/Berlin")


def at(day: int, hour: int) -> str:
    """Return a local moment on a day of next year's August, which no other test sells buses for."""
    return datetime(datetime.now(UTC).year + 1, 8, day, hour, tzinfo=BERLIN).isoformat()


async def ask(guest: Client, **query: str) -> list[Json]:
    answer = await guest.get("/days", params=query)
    assert answer.status_code == 200, answer.text
    items: list[Json] = answer.json()["items"]
    return items


async def test_each_day_has_its_lowest_price_and_its_buses(shop: Shop, guest: Client) -> None:
    await shop.bus(segments=4, departs_at=at(2, 9), price=4000)
    cheap = await shop.bus(segments=4, departs_at=at(2, 23), price=3000)
    await shop.bus(segments=4, departs_at=at(4, 0), price=6000)
    wish = {"from": shop.stops[0], "date": at(1, 0)[:10], "days": "4"}
    days = await ask(guest, to=shop.stops[4], **wish)
    assert [day["date"][-2:] for day in days] == ["01", "02", "03", "04"]
    assert [day["buses"] for day in days] == [0, 2, 0, 1]
    assert [day["price"] and day["price"]["amount"] for day in days] == [None, 3000, None, 6000]
    found = (
        await guest.get("/buses", params={"from": shop.stops[0], "date": at(2, 0)[:10]})
    ).json()
    assert days[1]["price"] in [item["price"] for item in found["items"]]
    # A shorter way, and other stops to begin at, are other questions.
    assert (await ask(guest, to=shop.stops[1], **wish))[1]["price"]["amount"] == 750
    assert (await ask(guest, to=shop.stops[0], **wish))[1] == days[0] | {"date": at(2, 0)[:10]}
    assert cheap in [item["id"] for item in found["items"]]


async def test_a_day_whose_buses_cannot_be_booked_has_no_price(shop: Shop, guest: Client) -> None:
    full = await shop.bus(seats=2, segments=4, departs_at=at(6, 8))
    labels = [seat["seat"] for seat in (await guest.get(f"/buses/{full}/seats")).json()["seats"]]
    # Taken on the last segment only: who gets off before it can still go.
    await shop.hold(guest, full, labels, from_stop=shop.stops[3])
    closed = await shop.bus(segments=4, departs_at=at(6, 9))
    answer = await shop.client("admin").post(f"/admin/buses/{closed}/close", json={})
    assert answer.status_code == 200, answer.text
    wish = {"from": shop.stops[0], "date": at(6, 0)[:10], "days": "1"}
    assert await ask(guest, to=shop.stops[4], **wish) == [
        {"date": wish["date"], "buses": 0, "price": None}
    ]
    assert (await ask(guest, to=shop.stops[3], **wish))[0]["buses"] == 1


async def test_without_a_date_the_days_begin_today(shop: Shop, guest: Client) -> None:
    days = await ask(guest, **{"from": shop.stops[0]})
    assert len(days) == 7
    assert abs(date.fromisoformat(days[0]["date"]) - datetime.now(BERLIN).date()) < timedelta(2)


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("", "/from"),
        ("from=x", "/from"),
        ("from=1&to=0", "/to"),
        ("from=1&date=1066-10-14", "/date"),
    ],
)
async def test_what_makes_no_sense_is_refused(guest: Client, query: str, pointer: str) -> None:
    assert bad_input(await guest.get(f"/days?{query}")) == [pointer]


async def test_an_unknown_stop_is_told_and_too_many_days_are_refused(
    shop: Shop, guest: Client
) -> None:
    assert problem(await guest.get("/days?from=999999"), 404, "not_found")
    answer = await guest.get(f"/days?from={shop.stops[0]}&days=32")
    assert answer.status_code == 422


async def test_an_answer_is_found_once_for_all_who_ask_meanwhile() -> None:
    recent: Recent[str, int] = Recent(seconds=60, most=2)
    asked: list[str] = []
    go_on = asyncio.Event()

    async def find() -> int:
        asked.append("once")
        await go_on.wait()
        return len(asked)

    waiting = [asyncio.create_task(recent.get("a", find)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    go_on.set()
    assert await asyncio.gather(*waiting[1:]) == [1, 1]
    assert await recent.get("a", find) == 1
    # Only so many are kept, and the eldest goes first.
    assert [await recent.get(key, find) for key in ("b", "c", "a")] == [2, 3, 4]


async def test_a_failure_is_nobody_elses_answer() -> None:
    recent: Recent[str, int] = Recent(seconds=60, most=2)

    async def fail() -> int:
        raise LookupError

    async def find() -> int:
        return 7

    with pytest.raises(LookupError):
        await recent.get("a", fail)
    assert await recent.get("a", find) == 7
