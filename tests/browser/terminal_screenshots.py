"""Pictures of the machines: a kiosk from waiting to the ticket, upright; a board on a wall and in a hand; a scanner."""

from pathlib import Path

from PIL import Image, ImageOps
from playwright.async_api import Browser, Page, expect

from tests.browser.door import CAMERA, codes_of, leave, put_at_the_door, sell
from tests.browser.site import PHONE, Site, visit
from tests.browser.terminals import clerk_of
from tests.browser.test_board import WALL, first_of
from tests.browser.test_kiosk import UPRIGHT, expect_free, go_to_seats, pair, press
from tests.browser.test_live import choose
from tests.browser.test_scan import pair as pair_scanner
from tests.browser.test_scan import stand_at, told, wedge
from tests.browser.test_voucher import reserve

_COLOURS = 128
# 74 mm between margins of 3 mm, at 96 pixels an inch.
_PAPER_WIDTH, _PAPER_MARGIN = 280, 11


async def shoot_terminals(browser: Browser, site: Site, folder: Path) -> None:
    """Take the pictures of kiosk, board and scanner."""
    for theme, bus in zip(("light", "dark"), site.world.double_decks[1:], strict=False):
        await _shoot_kiosk(browser, site, bus, theme, folder)
    await _shoot_board(browser, site, folder)
    for theme in ("light", "dark"):
        await _shoot_voucher(browser, site, theme, folder)
        await _shoot_scanner(browser, site, theme, folder)
    make_small(folder, "kiosk", "board", "scan")


def make_small(folder: Path, *kinds: str) -> None:
    """Keep pictures of large screens in as many colours as anybody sees in them."""
    for path in (path for kind in kinds for path in folder.glob(f"{kind}-*.png")):
        with Image.open(path) as full:
            few = full.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
        few.save(path, optimize=True)


async def _shoot_kiosk(browser: Browser, site: Site, bus: str, theme: str, folder: Path) -> None:
    async with visit(browser, site, size=UPRIGHT, theme=theme) as visitor:

        async def shoot(page: Page, name: str) -> None:
            path = folder / f"kiosk-{name}-{theme}.png"
            await page.screenshot(path=path, animations="disabled")

        page = await pair(site, visitor, bus)
        await shoot(page, "attract")
        await page.get_by_role("button", name="Touch to start").click()
        await page.locator(".tile").first.wait_for()
        await shoot(page, "where")
        await page.get_by_role("button", name="Start over").first.click()
        await go_to_seats(site, page, bus)
        await choose(page, "1B", "1C")
        await shoot(page, "seats")
        await page.get_by_role("button", name="Continue").click()
        await press(page, "Ada Lovelace")
        await shoot(page, "people")
        await page.locator(".key-done").click()
        await expect(page.get_by_role("heading", name="Who sits on 1C?")).to_be_visible()
        await page.keyboard.type("Alan Turing")
        await page.get_by_role("button", name="Continue").click()
        await page.get_by_role("button", name="Without a number").click()
        await shoot(page, "pay")
        async with page.expect_response("**/devices/me/qr") as drawn:
            await page.get_by_role("button", name="With my phone").click()
        await expect(page.locator(".phone-code img")).to_be_visible()
        await shoot(page, "phone")
        async with visit(browser, site, size=PHONE) as payer:
            link = (await (await drawn.value).json())["url"]
            phone = await payer.open(link.removeprefix(site.url))
            await phone.get_by_role("button", name="Pay €").click()
            await expect(page.locator(".slip")).to_have_count(2, timeout=20_000)
        await shoot(page, "ticket")


async def _shoot_voucher(browser: Browser, site: Site, theme: str, folder: Path) -> None:
    """Take the slip for the counter as it is shown, and as the printer's roll has it."""
    label = {"light": "9A", "dark": "9B"}[theme]
    async with visit(browser, site, size=UPRIGHT, theme=theme) as visitor:
        bus = site.world.coaches[3]
        page = await pair(site, visitor, bus)
        await reserve(site, page, bus, label)
        # Whoever judges colours leaves a light page.
        await page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        await page.screenshot(path=folder / f"kiosk-voucher-{theme}.png", animations="disabled")
        if theme == "light":
            await _shoot_paper(page, folder / "kiosk-slip.png")
        await page.get_by_role("button", name="Give the seats back").click()
        await expect_free(site, bus, label)


async def _shoot_paper(page: Page, path: Path) -> None:
    """Take a slip as it leaves the printer, with the roll's margins."""
    await page.emulate_media(media="print")
    await page.set_viewport_size({"width": _PAPER_WIDTH, "height": UPRIGHT[1]})
    await page.locator(".slip").screenshot(path=path)
    await page.emulate_media(media="screen")
    await page.set_viewport_size({"width": UPRIGHT[0], "height": UPRIGHT[1]})
    with Image.open(path) as slip:
        paper = ImageOps.expand(slip.convert("RGB"), _PAPER_MARGIN, "white")
    paper.save(path)


async def _shoot_board(browser: Browser, site: Site, folder: Path) -> None:
    stop = site.world.stops["Berlin ZOB"]
    for size, name in ((WALL, "wall"), (PHONE, "phone")):
        for theme in ("dark", "light"):
            async with visit(browser, site, size=size, theme=theme) as visitor:
                cookie = {"name": "theme", "value": theme, "url": site.url}
                await visitor.context.add_cookies([cookie])  # type: ignore[list-item]  # a dict of the right members
                page = await visitor.open(f"/board/{stop}")
                bus = await first_of(page, "N9 Channel Express")
                if (name, theme) == ("wall", "dark"):
                    await _make_news(site, bus, stop)
                await expect(page.locator(f'tr[data-bus="{bus}"]')).to_contain_text("Cancelled")
                path = folder / f"board-{name}-{theme}.png"
                await page.screenshot(path=path, animations="disabled")


async def _make_news(site: Site, cancelled: str, stop: str) -> None:
    """Have a day on which things go as they do: bays, a delay, a bus that does not run."""
    async with clerk_of(site, cancelled) as clerk:
        for bus, bay, delay in (
            (site.world.double_decks[0], "A2", 0),
            (site.world.coaches[0], "C4", 600),
            (site.world.double_decks[1], "A2", 0),
        ):
            said = {"bay": bay, "delay_seconds": delay}
            await clerk.put(f"/admin/buses/{bus}/stops/{stop}", json=said)
        await clerk.post(f"/admin/buses/{cancelled}/cancel")


async def _shoot_scanner(browser: Browser, site: Site, theme: str, folder: Path) -> None:
    bus = await put_at_the_door(site, f"N1 Southern Star, {theme}")
    names = ("Ada Lovelace", "Alan Turing", "Grace Hopper", "Edsger Dijkstra")
    codes: dict[str, str] = {}
    for row in ("1", "2", "3"):
        people = dict(zip((f"{row}{letter}" for letter in "ABCD"), names, strict=True))
        codes |= await codes_of(site, await sell(site, bus, people))
    left = await leave(site, bus, -10)
    async with visit(browser, site, size=PHONE, theme=theme) as visitor:

        async def shoot(name: str) -> None:
            path = folder / f"scan-{name}-{theme}.png"
            await page.screenshot(path=path, animations="disabled")

        await visitor.context.add_init_script(CAMERA)
        page = await pair_scanner(site, visitor, bus)
        await stand_at(page, f"N1 Southern Star, {theme}", left)
        for seat in ("1A", "1B", "2C", "3D"):
            await wedge(page, codes[seat])
            await told(page, "ok")
            if seat == "1A":
                await shoot("ok")
            await expect(page.locator(".verdict")).to_have_count(0)
        await shoot("idle")
        await page.get_by_role("button", name="Scan with the camera").click()
        await page.locator(".scan-camera video").wait_for()
        await shoot("scanning")
        await wedge(page, codes["1A"])
        await told(page, "already_boarded")
        await shoot("twice")
        await visitor.context.set_offline(True)
        await wedge(page, codes["1C"][:-1] + ("0" if codes["1C"][-1] != "0" else "1"))
        await told(page, "bad_signature")
        await shoot("refused")
        await page.get_by_role("button", name="Next").click()
        await wedge(page, codes["2A"])
        await told(page, "ok")
        await shoot("offline-ok")
        await expect(page.locator(".verdict")).to_have_count(0)
        await shoot("offline")
        await page.get_by_role("button", name="Passengers").click()
        await page.get_by_role("button", name="This stop").click()
        await shoot("list")
