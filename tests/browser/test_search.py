"""Finding a bus: days and their prices, filters in the address, numbers that are live."""

from datetime import datetime
from zoneinfo import ZoneInfo

import httpx2
from playwright.async_api import Page, expect

from tests.browser.conftest import Visitors
from tests.browser.site import PHONE, Site
from tests.browser.test_live import SECOND

BERLIN = ZoneInfo("Europe/Berlin")


async def shown_prices(page: Page) -> list[str]:
    return await page.locator(".price strong").all_inner_texts()


async def test_a_day_without_buses_leads_to_the_next_and_filters_stay_in_the_address(
    site: Site, visitors: Visitors
) -> None:
    stops = site.world.stops
    today = datetime.now(BERLIN).date()
    page = await (await visitors.new()).open(
        f"/?from={stops['Berlin ZOB']}&from_name=Berlin+ZOB&date={today}"
    )
    await expect(page.locator(".notice")).to_contain_text("No buses on this day")
    await expect(page.locator(".day[data-none]").first).to_be_visible()
    await page.locator(".notice .primary").click()
    await expect(page.locator(".result").first).to_be_visible()
    chosen = page.locator(".day[aria-current=date]")
    await expect(chosen).to_contain_text("€")
    assert f"date={today}" not in page.url

    # Another day may have all four lines; what is cheapest there is what the day says.
    days = page.locator(".day:not([data-none])")
    await days.nth(1).click()
    await expect(page.locator(".result")).to_have_count(4)
    await page.get_by_label("Sort by").select_option("price")
    prices = [float(price.strip("€")) for price in await shown_prices(page)]
    assert prices == sorted(prices)
    assert f"€{prices[0]:.2f}" in await chosen.inner_text()

    await page.get_by_role("button", name="Danube Night").click()
    await expect(page.locator(".result")).to_have_count(1)
    await expect(page.locator("#results-title")).to_have_text("1 of 4 buses")
    assert "sort=price" in page.url
    assert "operators=" in page.url
    await page.reload()
    await expect(page.locator(".result")).to_have_count(1)
    await page.get_by_label("Direct only").check()
    await expect(page.locator(".notice")).to_contain_text("No bus fits these filters")
    await page.get_by_role("button", name="Clear all").first.click()
    await expect(page.locator(".result")).to_have_count(4)
    await page.get_by_label("Direct only").check()
    await expect(page.locator(".result")).to_contain_text("London Victoria")
    # Filters are no places to go back to; questions are.
    await page.go_back()
    await expect(page.locator("#results-title")).not_to_contain_text("of")
    await page.go_back()
    await expect(page.locator(".notice")).to_contain_text("No buses on this day")


async def test_what_is_in_view_counts_its_seats_live(site: Site, visitors: Visitors) -> None:
    world = site.world
    bus = world.coaches[2]
    async with httpx2.AsyncClient(base_url=f"{site.url}/api/v1") as client:
        departs = (await client.get(f"/buses/{bus}")).json()["departs_at"]
    on = datetime.fromisoformat(departs).astimezone(BERLIN).date()
    leg = f"from={world.stops['Berlin ZOB']}&to={world.stops['München ZOB']}"
    page = await (await visitors.new(size=PHONE)).open(f"/?{leg}&date={on}")
    left = page.locator(f'.result[data-bus="{bus}"] .left')
    await left.scroll_into_view_if_needed()
    before = int((await left.inner_text()).split()[0])
    async with page.expect_websocket() as opening:
        await page.reload()
    socket = await opening.value
    await socket.wait_for_event("framereceived", lambda frame: '"snapshot"' in str(frame))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    hold = await site.hold(bus, "8A", "8B")
    await expect(left).to_contain_text(f"{before - 2} seats left", timeout=10 * SECOND)
    await site.release(hold)
    await expect(left).to_contain_text(f"{before} seats left", timeout=10 * SECOND)
    assert not [url for url in asked if "/buses" in url], "counted, not asked for"
