"""Where no WebSocket can be had the map is live all the same; where nothing can be pushed it still tells the truth."""

from playwright.async_api import Page, expect

from tests.browser.conftest import Visitors
from tests.browser.site import Site
from tests.browser.strict_proxy import StrictProxy, strict_proxy
from tests.browser.test_live import SECOND, choose, seat
from tests.support.waiting import wait_until

SOCKETS = b"upgrade: websocket"
STREAMS = b"/stream http/1.1"


async def open_through(proxy: StrictProxy, site: Site, visitors: Visitors, bus: str) -> Page:
    visitor = await visitors.new()
    page = await visitor.context.new_page()
    await page.goto(f"{proxy.url}/buses/{bus}")
    assert site.url not in page.url
    return page


async def test_behind_a_proxy_without_websockets_the_map_is_live_by_a_stream(
    site: Site, visitors: Visitors
) -> None:
    bus = site.world.coaches[3]
    async with strict_proxy(site.port, SOCKETS) as proxy:
        page = await open_through(proxy, site, visitors, bus)
        await page.wait_for_selector(seat(page, "9A", "available"))
        await wait_until(lambda: proxy.streams)
        assert proxy.refused >= 1
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await site.hold(bus, "9A")
        await page.wait_for_selector(seat(page, "9A", "held"), timeout=30 * SECOND)
        assert not [url for url in asked if "/seats" in url]  # polling would bring it as well
        await expect(page.locator(".banner")).to_have_count(0)
        await choose(page, "9B")


async def test_behind_a_proxy_without_either_the_map_is_asked_for_and_says_so(
    site: Site, visitors: Visitors
) -> None:
    bus = site.world.coaches[1]
    async with strict_proxy(site.port, SOCKETS, STREAMS) as proxy:
        page = await open_through(proxy, site, visitors, bus)
        await expect(page.locator(".banner")).to_contain_text("Live updates are paused")
        await site.hold(bus, "9A")
        await page.wait_for_selector(seat(page, "9A", "held"), timeout=20 * SECOND)
        await choose(page, "9B")


async def test_a_stream_that_is_lost_is_taken_up_again(site: Site, visitors: Visitors) -> None:
    bus = site.world.coaches[2]
    async with strict_proxy(site.port, SOCKETS) as proxy:
        page = await open_through(proxy, site, visitors, bus)
        await wait_until(lambda: proxy.streams)
        await site.stop()
        await expect(page.locator(".banner")).to_be_visible()
        await site.start()
        await site.hold(bus, "9A")
        await page.wait_for_selector(seat(page, "9A", "held"), timeout=30 * SECOND)
        await expect(page.locator(".banner")).to_have_count(0, timeout=30 * SECOND)
