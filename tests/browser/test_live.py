import asyncio
from time import monotonic

import pytest
from playwright.async_api import Page, Route, WebSocketRoute, expect

from store.fares import NewFares, StopFare
from tests.browser.conftest import Visitors
from tests.browser.site import Site

SECOND = 1_000.0
AWAY_SECONDS = 20


def seat(page: Page, label: str, view: str = "") -> str:
    return f'#seat-{label}[data-view="{view}"]' if view else f"#seat-{label}"


async def choose(page: Page, *labels: str) -> None:
    for label in labels:
        await page.click(seat(page, label))
    for label in labels:
        await page.wait_for_selector(seat(page, label, "mine"))


async def note_when(page: Page, selector: str) -> None:
    """Have the page remember the moment at which something first shows."""
    await page.evaluate(
        """selector => {
            window.seen = new Promise(resolve => {
                const look = () => document.querySelector(selector) && resolve(Date.now());
                new MutationObserver(look).observe(document.body,
                    { subtree: true, childList: true, attributes: true });
            });
        }""",
        selector,
    )


async def test_a_seat_booked_in_one_window_turns_in_the_other_within_a_second(
    site: Site, visitors: Visitors
) -> None:
    bus = site.world.coaches[0]
    buyer = await (await visitors.new()).open(f"/buses/{bus}")
    watcher = await (await visitors.new()).open(f"/buses/{bus}")
    await watcher.wait_for_selector(seat(watcher, "4C", "available"))

    await note_when(buyer, seat(buyer, "4C", "mine"))
    await note_when(watcher, seat(watcher, "4C", "held"))
    await buyer.click(seat(buyer, "4C"))
    held_at = await buyer.evaluate("window.seen")
    assert await watcher.evaluate("window.seen") - held_at < SECOND

    await buyer.get_by_role("button", name="Continue").click()
    await buyer.fill("#name-4C", "Ada Lovelace")
    await buyer.fill("#email", "ada@example.org")
    await buyer.get_by_role("button", name="Continue to payment").click()
    await note_when(watcher, seat(watcher, "4C", "booked"))
    await buyer.get_by_role("button", name="Approve").click()
    await buyer.wait_for_url("**/bookings/*")
    booked_at = await buyer.evaluate("performance.timeOrigin")
    assert await watcher.evaluate("window.seen") - booked_at < SECOND


async def test_the_loser_of_a_race_keeps_the_rest_and_is_offered_a_seat_nearby(
    site: Site, visitors: Visitors
) -> None:
    bus = site.world.coaches[1]
    page = await (await visitors.new()).open(f"/buses/{bus}")
    await choose(page, "5A")

    rivals: list[str] = []

    async def lose(route: Route) -> None:
        """Let somebody else be a moment faster with 6B."""
        if "6B" in (route.request.post_data or "") and not rivals:
            rivals.append(await site.hold(bus, "6B"))
        await route.continue_()

    await page.route("**/api/v1/holds/*", lose)
    await page.click(seat(page, "5B"))
    await page.click(seat(page, "6B"))
    toast = page.locator(".toast")
    await expect(toast).to_contain_text("6B was taken just now.")
    await expect(page.locator(".pick")).to_have_text(["5A", "5B"])
    await page.wait_for_selector(seat(page, "5B", "mine"))
    await page.wait_for_selector(seat(page, "6B", "held"))

    offer = toast.get_by_role("button", name="Take")
    other = (await offer.inner_text()).removeprefix("Take ").strip()
    await offer.click()
    await page.wait_for_selector(seat(page, other, "mine"))
    await expect(page.locator(".pick")).to_have_count(3)


async def test_a_restarted_server_shows_as_a_warning_and_the_map_catches_up(
    site: Site, visitors: Visitors
) -> None:
    bus = site.world.coaches[2]
    page = await (await visitors.new()).open(f"/buses/{bus}")
    await page.wait_for_selector(seat(page, "7C", "available"))
    await site.stop()
    banner = page.locator(".banner")
    await expect(banner).to_contain_text("Seats may be out of date")
    await page.click(seat(page, "7C"))
    assert await page.locator(".pick").count() == 0, "nothing is sold on a stale map"

    await site.start()
    await site.hold(bus, "7C")
    await page.wait_for_selector(seat(page, "7C", "held"), timeout=30 * SECOND)
    await expect(banner).to_have_count(0, timeout=30 * SECOND)


@pytest.mark.timeout(180)
async def test_a_map_whose_server_was_killed_tells_no_lies_for_20_seconds_and_recovers_by_itself(
    site: Site, visitors: Visitors
) -> None:
    bus = site.world.coaches[2]
    page = await (await visitors.new()).open(f"/buses/{bus}")
    await choose(page, "8A")
    await page.evaluate("window.isTheSamePage = true")
    banner, go = page.locator(".banner"), page.get_by_role("button", name="Continue")
    await expect(go).to_have_attribute("aria-disabled", "false")
    async with site.another() as other:
        await site.kill()
        killed_at = monotonic()
        await expect(banner).to_contain_text("Seats may be out of date")
        await other.sell(bus, "8B")
        await other.hold(bus, "8C")
    try:
        while monotonic() - killed_at < AWAY_SECONDS:
            await expect(banner).to_contain_text("Seats may be out of date", timeout=1)
            # What was free is free no more, or is: nobody here can know, so nothing of it is to be had.
            await page.click(seat(page, "8B"))
            await page.click(seat(page, "8D"))
            await expect(page.locator(".pick")).to_have_text(["8A"])
            await expect(page.locator('[id^=seat-][data-view="mine"]')).to_have_count(1)
            await expect(go).to_have_attribute("aria-disabled", "true")
            await asyncio.sleep(1)
    finally:
        await site.start()
    await expect(banner).to_have_count(0, timeout=60 * SECOND)
    for label, view in (("8A", "mine"), ("8B", "booked"), ("8C", "held"), ("8D", "available")):
        await page.wait_for_selector(seat(page, label, view))
    await expect(go).to_have_attribute("aria-disabled", "false")
    await choose(page, "8D")
    await expect(page.locator(".pick")).to_have_text(["8A", "8D"])
    assert await page.evaluate("window.isTheSamePage"), "nobody has loaded it anew"


async def test_without_a_socket_the_map_says_so_and_still_sells(
    site: Site, visitors: Visitors
) -> None:
    visitor = await visitors.new()

    async def refuse(socket: WebSocketRoute) -> None:
        await socket.close(code=4005)

    await visitor.context.route_web_socket("**/ws", refuse)
    page = await visitor.open(f"/buses/{site.world.coaches[3]}")
    await expect(page.locator(".banner")).to_contain_text("Live updates are paused")
    await choose(page, "2A")


async def test_a_seat_sold_on_one_leg_is_free_on_the_next(site: Site, visitors: Visitors) -> None:
    stops = site.world.stops
    bus = site.world.sleepers[0]
    first = f"from={stops['Berlin ZOB']}&to={stops['Praha Florenc']}"
    page = await (await visitors.new()).open(f"/buses/{bus}?{first}")
    await choose(page, "L2A")
    other = await (await visitors.new()).open(f"/buses/{bus}?{first}")
    await other.wait_for_selector(seat(other, "L2A", "held"))

    await other.locator("#to").select_option(index=2)
    await other.locator("#from").select_option(index=1)
    await other.wait_for_selector(seat(other, "L2A", "available"))
    assert f"from={stops['Praha Florenc']}" in other.url
    await choose(other, "L2A")


async def test_the_map_shows_what_the_leg_costs_and_new_fares_without_a_reload(
    site: Site, visitors: Visitors
) -> None:
    ids = site.world.stops
    bus = site.world.sleepers[2]
    names = ("Berlin ZOB", "Wien Hauptbahnhof", "Budapest Népliget")
    berlin, wien, budapest = (int(ids[name]) for name in names)
    cheaper = [StopFare(berlin, wien, 2000), StopFare(berlin, budapest, 3000)]
    await site.change_fares(bus, NewFares(cheaper, [1500, 1500, 1500]))
    page = await (await visitors.new()).open(f"/buses/{bus}?from={berlin}&to={wien}")
    price = page.locator("#seat-L2A .seat-price")
    await expect(price).to_contain_text("36")
    await page.locator("#to").select_option(index=2)
    await expect(price).to_contain_text("54")
    await choose(page, "L2A")

    other = page.locator("#seat-L3A .seat-price")
    await site.change_fares(bus, NewFares([StopFare(berlin, budapest, 5000)]))
    await expect(other).to_contain_text("90", timeout=30 * SECOND)
    await expect(page.locator(".total")).to_contain_text("54")
    await page.locator("#from").select_option(index=2)
    await expect(other).to_contain_text("27")
