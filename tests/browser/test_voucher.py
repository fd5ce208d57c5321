"""Seats that a kiosk reserves: a slip on paper, cash at a counter, and nothing of anybody left behind."""

import contextlib
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from playwright.async_api import Locator, Page, Request, Route, expect

from store import Store
from store.model import Role
from store.timetable import NewBus
from tests.browser.conftest import Visitors
from tests.browser.site import Site
from tests.browser.staff import hire, sign_in
from tests.browser.test_kiosk import (
    UPRIGHT,
    expect_free,
    go_to_seats,
    is_remembered,
    look,
    pair,
    printed,
)
from tests.browser.test_live import choose
from tests.browser.test_pages import judge, measure
from tests.browser.world import ADMIN
from tests.support.databases import connect

GONE = re.compile("/kiosk$")


async def go_to_pay(site: Site, page: Page, bus: str, label: str) -> None:
    """Choose a seat and say who travels."""
    await go_to_seats(site, page, bus)
    await choose(page, label)
    await page.get_by_role("button", name="Continue").click()
    await page.keyboard.type("Zebulon Pike")
    await page.get_by_role("button", name="Continue").click()
    await page.get_by_label("Phone (optional)").press("Enter")
    assert await look(page) == []


async def reserve(site: Site, page: Page, bus: str, label: str) -> str:
    """Reserve a seat for somebody; return the code on their slip."""
    await go_to_pay(site, page, bus, label)
    await page.get_by_role("button", name="At the counter").click()
    slip = page.get_by_role("article", name="Slip for the counter")
    await expect(slip).to_contain_text("Not a ticket")
    assert await printed(page) == []
    return await slip.locator(".slip-line strong").first.inner_text()


async def lose_answers(desk: Page, take: Locator) -> list[str]:
    """Press and have no answer, as often as the page tries; return the keys of all requests, of later ones, too."""
    asked: list[str] = []
    path = "**/api/v1/bookings/*/cash"

    async def lose(route: Route) -> None:
        await route.abort()

    def note(request: Request) -> None:
        if request.url.endswith("/cash"):
            asked.append(request.headers["idempotency-key"])

    desk.on("request", note)
    await desk.route(path, lose)
    await take.click()
    await desk.get_by_role("dialog").get_by_role("button", name="received").click()
    message = desk.get_by_role("region", name="Messages")
    await expect(message).to_contain_text("No connection", timeout=30_000)
    await desk.unroute(path, lose)
    assert asked
    return asked


async def status_of(site: Site, bus: str, label: str) -> str:
    async with httpx2.AsyncClient(base_url=f"{site.url}/api/v1") as client:
        seats = (await client.get(f"/buses/{bus}/seats")).json()["seats"]
    return next(str(each["status"]) for each in seats if each["seat"] == label)


@pytest.mark.timeout(240)
async def test_a_kiosk_reserves_and_a_clerk_takes_the_cash(site: Site, visitors: Visitors) -> None:
    bus = site.world.coaches[3]
    page = await pair(site, await visitors.new(size=UPRIGHT), bus)
    ref = await reserve(site, page, bus, "7A")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("kept until")
    assert await look(page) == []
    paper = await page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/MediaBox \[0 0 22[67]", paper)) == 1
    await page.reload()
    await expect(page.locator(".slip")).to_contain_text(ref)
    async with page.expect_navigation(url=GONE):
        await page.get_by_role("button", name="Finish").click()
    await expect(page.locator(".attract-next li").first).to_be_visible()
    assert await is_remembered(page, "Zebulon", ref) == []
    assert await status_of(site, bus, "7A") == "LOCKED", "who goes takes the slip along"

    email = await hire(site, Role.AGENT, "vouchers@staff.example")
    desk = await sign_in(await visitors.new(), email, f"/admin/bookings/{ref}")
    take = desk.get_by_role("button", name=re.compile("^Take €.* in cash$"))
    asked = await lose_answers(desk, take)
    await take.focus()
    await desk.keyboard.press("Enter")
    assert await measure(desk) + await judge(desk) == []
    await desk.get_by_role("dialog").get_by_role("button", name="received").click()
    await expect(desk.get_by_role("heading", level=1)).to_contain_text("Confirmed")
    await expect(take).to_have_count(0)
    assert len(set(asked)) == 1, "nobody knew whether it was done, so it was asked again, not anew"
    await expect(desk.locator(".history")).to_contain_text("Paid · taken by you")
    await expect(desk.get_by_role("button", name="Print")).to_be_visible()
    assert await status_of(site, bus, "7A") == "BOOKED"


@pytest.mark.timeout(240)
async def test_who_thinks_again_gives_the_seats_back(site: Site, visitors: Visitors) -> None:
    bus = site.world.coaches[3]
    page = await pair(site, await visitors.new(size=UPRIGHT), bus)
    await reserve(site, page, bus, "7B")
    async with page.expect_navigation(url=GONE):
        await page.get_by_role("button", name="Give the seats back").click()
    await expect_free(site, bus, "7B")


@pytest.mark.timeout(240)
async def test_a_kiosk_that_has_kept_its_part_says_so_and_how_else_to_pay(
    site: Site, visitors: Visitors
) -> None:
    bus = site.world.coaches[3]
    page = await pair(site, await visitors.new(size=UPRIGHT), bus)
    key = await page.evaluate("JSON.parse(localStorage.getItem('omnibus.device')).key")
    refs: list[tuple[str, str]] = []
    async with httpx2.AsyncClient(base_url=f"{site.url}/api/v1") as client:
        for label in ("9A", "9B", "9C", "9D", "10A", "10B"):
            body = {
                "bus_id": bus,
                "seats": [label],
                "passengers": [{"seat": label, "name": "Somebody"}],
                "contact": {},
                "payment_method": "voucher",
            }
            headers = {"authorization": f"Bearer {key}", "idempotency-key": f"part-{bus}-{label}"}
            made = (await client.post("/bookings", json=body, headers=headers)).json()
            refs.append((made["ref"], made["access_key"]))
        await go_to_pay(site, page, bus, "10C")
        await page.get_by_role("button", name="At the counter").click()
        message = page.get_by_role("region", name="Messages")
        await expect(message).to_contain_text("cannot keep so many seats of this bus just now")
        await expect(message).to_contain_text("There may be room in 14:")
        assert await look(page) == []
        for ref, opens in refs:
            keyed = {"x-booking-key": opens}
            ended = await client.post(f"/bookings/{ref}/cancel", headers=keyed)
            assert ended.status_code == 200, ended.text
        # Now there is room, and it is asked anew.
        await page.get_by_role("button", name="At the counter").click()
        await expect(page.get_by_role("article", name="Slip for the counter")).to_be_visible()
    await page.get_by_role("button", name="Give the seats back").click()
    await expect_free(site, bus, "10C")


@contextlib.asynccontextmanager
async def leaving_soon(site: Site, like: str) -> AsyncIterator[str]:
    """Have one more bus on the way of another, which leaves in five minutes; nobody hears of it afterwards."""
    store, owner = await Store.open(site.database_url), await connect(site.database_url)
    try:
        operator = (await store.buses.find(int(like))).operator_id
        await owner.execute("SELECT set_config('omnibus.operators', $1, false)", f"{{{operator}}}")
        row = await owner.fetchrow(
            "SELECT route_id, layout_id FROM buses WHERE bus_id = $1", int(like)
        )
        assert row is not None
        new = NewBus(
            name="Last Call",
            departs_at=datetime.now(UTC) + timedelta(minutes=5),
            price=2900,
            operator_id=operator,
            route_id=row["route_id"],
            layout_id=row["layout_id"],
        )
        bus = (await store.timetable.add_bus(ADMIN, new)).bus_id
        yield str(bus)
        gone = "departs_at = departs_at - interval '2 days', arrives_at = arrives_at - interval '2 days'"
        for change in (f"bus_stops SET {gone}", f"buses SET facts = facts + 1, {gone}"):
            await owner.execute(f"UPDATE {change} WHERE bus_id = $1", bus)
    finally:
        await owner.close()
        await store.close()


@pytest.mark.timeout(240)
async def test_nobody_is_promised_longer_than_until_the_bus_leaves(
    site: Site, visitors: Visitors
) -> None:
    coach = site.world.coaches[3]
    page = await pair(site, await visitors.new(size=UPRIGHT), coach)
    async with leaving_soon(site, coach) as bus:
        await go_to_pay(site, page, bus, "8A")
        counter = page.get_by_role("button", name="At the counter")
        await expect(counter).to_contain_text(re.compile("for ([234] minutes|one minute)"))
        await page.get_by_role("button", name="Start over").click()
        await expect_free(site, bus, "8A")
