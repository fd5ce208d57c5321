"""Takes the pictures of the documentation: `python -m tests.browser.screenshots [folder]`.

Every page of a world made for it, on a light desktop and a dark phone; into another folder than the documentation's
also the other way round. Nothing else is left behind.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from playwright.async_api import Page, expect

from store.migrate import migrate
from tests.browser.floor_screenshots import furnish, shoot_floor
from tests.browser.site import DESKTOP, PHONE, ROOT, Site, Visitor, open_chromium, visit
from tests.browser.terminal_screenshots import make_small, shoot_terminals
from tests.browser.test_account import register
from tests.browser.test_languages import speak
from tests.browser.test_live import choose
from tests.browser.test_purchase import fill_in
from tests.browser.waiting_screenshots import shoot_waiting
from tests.browser.world import build_world
from tests.support.databases import Databases
from tests.support.servers import ThrowawayPostgres, ThrowawayValkey

FOLDER = ROOT / "docs" / "screenshots"
Shoot = Callable[[Page, str], Awaitable[None]]
_SOLD = ("U2A", "U2B", "U4C", "U4D", "U7A", "U8D", "2B", "2C", "5A")
_SHAPES = ((DESKTOP, "light"), (PHONE, "dark"))
_OTHER_SHAPES = ((DESKTOP, "dark"), (PHONE, "light"))
# Where text runs the other way, and where words are longest.
_SPOKEN = (("ar", PHONE, "dark"), ("de", DESKTOP, "light"))
_HELD = ("U5B", "U5C", "4A")


async def main(folder: Path) -> None:
    async with open_site() as site:
        await _shoot_all(site, folder)


@contextlib.asynccontextmanager
async def open_site() -> AsyncIterator[Site]:
    """Serve a world made for the moment, on servers of its own."""
    with ThrowawayPostgres() as postgres, ThrowawayValkey() as valkey:
        databases = Databases(postgres.superuser_url, postgres.url)
        await databases.prepare(migrate)
        async with databases.fresh() as url:
            site = Site(url, valkey.url, await build_world(url, days=4))
            await site.start()
            try:
                yield site
            finally:
                await site.stop()
        await databases.close()


async def _shoot_all(site: Site, folder: Path) -> None:
    for bus in site.world.double_decks:
        await site.sell(bus, *_SOLD)
        await site.hold(bus, *_HELD)
    house = await furnish(site)
    async with open_chromium() as browser:
        shapes = _SHAPES if folder == FOLDER else (*_SHAPES, *_OTHER_SHAPES)
        for (size, theme), bus in zip(shapes, site.world.double_decks, strict=False):
            tail = f"{'phone' if size == PHONE else 'desktop'}-{theme}"

            async def shoot(page: Page, name: str, tail: str = tail) -> None:
                await page.screenshot(path=folder / f"{name}-{tail}.png", animations="disabled")

            async with visit(browser, site, size=size, theme=theme) as visitor:
                await _walk(visitor, site, bus, shoot)
            await shoot_floor(browser, site, house, (size, theme), bus, shoot)
            await shoot_waiting(browser, site, house.manager, (size, theme), shoot)
        for (language, size, theme), bus in zip(_SPOKEN, site.world.double_decks, strict=False):
            tail = f"{language}-{'phone' if size == PHONE else 'desktop'}-{theme}.png"
            async with visit(browser, site, size=size, theme=theme) as visitor:
                await speak(visitor, language)
                await _speak_of(visitor, site, bus, folder, tail)
        make_small(folder, "admin", "booking", "counter", "floor", "overview", "styleguide")
        await shoot_terminals(browser, site, folder)


async def _speak_of(visitor: Visitor, site: Site, bus: str, folder: Path, tail: str) -> None:
    stops = site.world.stops
    leg = f"from={stops['Berlin ZOB']}&to={stops['München ZOB']}"
    names = "from_name=Berlin+ZOB&to_name=M%C3%BCnchen+ZOB"
    page = await _settled(visitor, f"/?{leg}&{names}")
    await page.screenshot(path=folder / f"search-{tail}", animations="disabled")
    page = await _settled(visitor, f"/buses/{bus}?{leg}")
    await choose(page, "4B", "4C")
    await page.evaluate("innerWidth < 900 && document.querySelector('.map').scrollIntoView()")
    await page.screenshot(path=folder / f"seats-{tail}", animations="disabled")


async def _walk(visitor: Visitor, site: Site, bus: str, shoot: Shoot) -> None:
    stops = site.world.stops
    leg = f"from={stops['Berlin ZOB']}&to={stops['München ZOB']}"
    await shoot(await _settled(visitor, "/"), "home")
    names = "from_name=Berlin+ZOB&to_name=M%C3%BCnchen+ZOB"
    await shoot(await _settled(visitor, f"/?{leg}&{names}"), "search")
    berlin = f"from={stops['Berlin ZOB']}&from_name=Berlin+ZOB"
    page = await _settled(visitor, f"/?{berlin}&sort=price")
    if await page.locator(".filters-switch").is_visible():
        await page.locator(".filters-switch").click()
    await page.evaluate("document.querySelector('.days').scrollIntoView()")
    await shoot(page, "filters")
    for path, name in (
        ("/login", "login"),
        ("/docs", "docs"),
        ("/styleguide", "styleguide"),
        ("/nowhere", "missing"),
    ):
        await shoot(await _settled(visitor, path), name)
    await shoot(await _settled(visitor, f"/buses/{site.world.sleepers[0]}"), "sleeper")

    page = await _settled(visitor, f"/buses/{bus}?{leg}")
    await choose(page, "3B", "3C")
    # A phone shows the map or what stands above it, not both.
    await page.evaluate("innerWidth < 900 && document.querySelector('.map').scrollIntoView()")
    await shoot(page, "seats")
    await page.get_by_role("button", name="Continue").click()
    await page.wait_for_selector("#email")
    await shoot(page, "checkout")
    await fill_in(page, "Ada Lovelace", "Alan Turing")
    await page.wait_for_selector(".pay")
    await shoot(page, "payment")
    await page.get_by_role("button", name="Pay at the demo bank").click()
    await page.wait_for_selector(".bank")
    await shoot(page, "demo-bank")
    await page.go_back()
    await page.wait_for_selector(".pay")
    await page.get_by_role("button", name="Approve").click()
    await page.wait_for_selector(".ticket")
    await expect(page.locator("img.code-picture")).to_have_count(2)
    await shoot(page, "ticket")
    await page.get_by_role("button", name="Cancel trip").click()
    await expect(page.locator(".quote strong")).not_to_have_text("…")
    await shoot(page, "cancel")
    await shoot(await _settled(visitor, "/my"), "my")
    await _walk_account(visitor, shoot)


async def _walk_account(visitor: Visitor, shoot: Shoot) -> None:
    page = await _settled(visitor, "/login")
    await page.get_by_role("button", name="Forgot your password?").click()
    await shoot(page, "forgot")
    await shoot(await _settled(visitor, "/login?reset=x"), "reset")
    page = await _settled(visitor, "/login")
    size = page.viewport_size
    await register(page, f"ada.{size['width'] if size else 0}.{await _theme(page)}@example.org")
    await page.evaluate("document.querySelector('.account').scrollIntoView()")
    await shoot(page, "account")
    await page.get_by_role("button", name="Delete account").click()
    await shoot(page, "erase")


async def _theme(page: Page) -> str:
    is_dark = await page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    return "dark" if is_dark else "light"


async def _settled(visitor: Visitor, path: str) -> Page:
    page = await visitor.open(path)
    await page.wait_for_load_state("networkidle")
    return page


if __name__ == "__main__":
    wanted = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    wanted.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(wanted))
