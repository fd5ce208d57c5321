"""Seats that a kiosk reserves: a slip on paper, cash at a counter, and nothing of anybody left behind."""

import re

import httpx2
import pytest
from playwright.async_api import Page, expect

from store.model import Role
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

GONE = re.compile("/kiosk$")


async def reserve(site: Site, page: Page, bus: str, label: str) -> str:
    """Reserve a seat for somebody; return the code on their slip."""
    await go_to_seats(site, page, bus)
    await choose(page, label)
    await page.get_by_role("button", name="Continue").click()
    await page.keyboard.type("Zebulon Pike")
    await page.get_by_role("button", name="Continue").click()
    await page.get_by_label("Phone (optional)").press("Enter")
    assert await look(page) == []
    await page.get_by_role("button", name="At the counter").click()
    slip = page.get_by_role("article", name="Slip for the counter")
    await expect(slip).to_contain_text("Not a ticket")
    assert await printed(page) == []
    return await slip.locator(".slip-line strong").first.inner_text()


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
    await take.focus()
    await desk.keyboard.press("Enter")
    assert await measure(desk) + await judge(desk) == []
    await desk.get_by_role("dialog").get_by_role("button", name="received").click()
    await expect(desk.get_by_role("heading", level=1)).to_contain_text("Confirmed")
    await expect(take).to_have_count(0)
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
