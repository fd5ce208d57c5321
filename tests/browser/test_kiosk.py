"""A kiosk in a hall: from pairing to printed tickets, and nothing of anybody left behind."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import httpx2
import pytest
from playwright.async_api import Page, Route, expect

from store.model import DeviceKind
from tests.browser.conftest import Visitors
from tests.browser.site import PHONE, Site, Visitor
from tests.browser.terminals import clerk_of, show_code
from tests.browser.test_live import choose
from tests.browser.test_pages import judge, measure
from tests.browser.test_purchase import tab_to
from tests.support.waiting import wait_until

UPRIGHT = (1080, 1920)
TARGET = 64
_WATCHED = """
    window.prints = 0;
    window.print = () => {
        window.prints += 1;
        window.printed = [...document.querySelectorAll('.slip img')]
            .map(each => each.complete && each.naturalWidth > 0);
    };
    window.tones = 0;
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (...when) { window.tones += 1; start.apply(this, when) };
    window.violations = [];
    document.addEventListener('securitypolicyviolation',
        event => window.violations.push(event.violatedDirective + ' ' + event.blockedURI));
"""
_TOO_SMALL = """least => [...document.querySelectorAll('button, input:not([type=radio]), .category')]
    .filter(each => each.checkVisibility() && !each.closest('.toast'))
    .map(each => [each.textContent || each.id, each.getBoundingClientRect()])
    .filter(([_, box]) => Math.min(box.width, box.height) < least - 0.5)
    .map(([name, box]) => `${name}: ${box.width} x ${box.height}`)"""

_BELOW = """[...document.querySelectorAll('.kiosk-foot, .attract-go')]
    .filter(each => each.getBoundingClientRect().bottom > innerHeight + 0.5)
    .map(each => `${each.className} is below the screen`)"""

_AIMLESS = "document.querySelector('#main[tabindex]') ? [] : ['a closed message drops the focus']"


async def pair(site: Site, visitor: Visitor, bus: str, *, pin: str = "") -> Page:
    """Pair a new kiosk at Berlin ZOB with the bus's operator, by its own number pad."""
    code = await show_code(site, bus, site.world.stops["Berlin ZOB"], DeviceKind.KIOSK)
    await visitor.context.add_init_script(_WATCHED)
    page = await visitor.open("/kiosk")
    for digit in code:
        await page.get_by_role("button", name=digit, exact=True).click()
    await page.get_by_role("button", name="Pair", exact=True).click()
    await page.get_by_role("heading", name="Does this kiosk take cash?").wait_for()
    if pin:
        await page.keyboard.type(pin)
        await page.get_by_role("button", name="Set PIN").click()
    else:
        await page.get_by_role("button", name="No cash").click()
    await expect(page.locator(".attract-next li").first).to_be_visible()
    return page


async def look(page: Page) -> list[str]:
    """Return what keeps somebody out, sticks out, or is too small for a finger."""
    small: list[str] = await page.evaluate(_TOO_SMALL, TARGET)
    below: list[str] = await page.evaluate(_BELOW)
    aimless: list[str] = await page.evaluate(_AIMLESS)
    return await measure(page) + await judge(page) + small + below + aimless


async def go_to_seats(site: Site, page: Page, bus: str) -> None:
    """Start, and choose Munich, the day of a bus, and the bus."""
    await page.get_by_role("button", name="Touch to start").click()
    await page.locator(".tile", has_text="München ZOB").click()
    await take_ride(site, page, bus)


async def look_on_the_way(page: Page) -> dict[str, list[str]]:
    """Start, ask for help, choose Munich; return what is wrong with the screens on the way."""
    faults: dict[str, list[str]] = {}
    await page.get_by_role("button", name="Touch to start").click()
    await page.locator(".tile", has_text="München ZOB").wait_for()
    faults["where"] = await look(page)
    await page.get_by_role("button", name="Help").click()
    faults["help"] = await judge(page)
    await page.get_by_role("button", name="Go on").click()
    await page.locator(".tile", has_text="München ZOB").click()
    await page.locator(".ride, .attract-none").first.wait_for()
    faults["bus"] = await look(page)
    return faults


async def take_ride(site: Site, page: Page, bus: str) -> None:
    async with httpx2.AsyncClient() as client:
        told = (await client.get(f"{site.url}/api/v1/buses/{bus}")).json()
    berlin = ZoneInfo("Europe/Berlin")
    leaves = datetime.fromisoformat(told["departs_at"]).astimezone(berlin).date()
    days = (leaves - datetime.now(berlin).date()).days
    await page.locator(".kiosk-days .button").nth(days).click()
    await page.locator(f'.ride[data-bus="{bus}"]').click()
    await page.wait_for_selector(".seat")


async def turn_back(page: Page, label: str) -> None:
    """Choose a seat and go back to the buses before the server has answered; the seat goes back when it has."""

    async def leave(route: Route) -> None:
        await page.evaluate("document.querySelector('.kiosk-foot .button').click()")
        await route.continue_()

    await page.route("**/holds", leave, times=1)
    async with page.expect_response(lambda answer: answer.request.method == "DELETE") as given:
        await page.click(f"#seat-{label}")
    assert (await given.value).status == 204


async def press(page: Page, keys: str) -> None:
    """Type on the screen."""
    for key in keys:
        name = "Space" if key == " " else key
        await page.locator(".keyboard").get_by_role("button", name=name, exact=True).click()


async def write_names(page: Page) -> list[str]:
    """Say who travels, on the screen and on a keyboard, and leave a number; return what is wrong with the screen."""
    await press(page, "Adda")
    for _ in "da":
        await page.get_by_role("button", name="Delete").click()
    await press(page, "a Lovelace")
    await expect(page.get_by_label("Full name")).to_have_value("Ada Lovelace")
    faults = await look(page)
    await page.locator(".key-done").click()
    await expect(page.get_by_role("heading", name="Who sits on 9B?")).to_be_visible()
    await page.keyboard.type("Grace Hopper")
    await page.get_by_role("radio", name="Senior").click()
    await page.keyboard.press("Tab")
    await page.get_by_role("button", name="Continue").click()
    for digit in "+4930":
        await page.locator(".pad").get_by_role("button", name=digit, exact=True).click()
    await page.get_by_role("button", name="Continue").click()
    return faults


async def scan(page: Page, payer: Visitor) -> Page:
    """Ask to pay by phone, and open what the code says on one."""
    async with page.expect_response("**/devices/me/qr") as drawn:
        await page.get_by_role("button", name="With my phone").click()
    link = (await (await drawn.value).json())["url"]
    await expect(page.locator(".phone-code img")).to_be_visible()
    return await payer.open(link.removeprefix(payer.site.url))


async def printed(page: Page) -> list[bool]:
    """Wait until tickets are printed; return of each code whether it was there by then, to be printed too."""
    # Not frame by frame, as is the default: there are none on a screen that is dark.

    async def is_printed() -> bool:
        return bool(await page.evaluate("window.prints > 0"))

    await wait_until(is_printed, seconds=30)
    assert await page.evaluate("window.prints") == 1
    codes: list[bool] = await page.evaluate("window.printed")
    return codes


async def see_tickets(page: Page) -> list[str]:
    """See two tickets on the screen and on a roll of 80 mm; return what is wrong with the screen."""
    slips = page.locator(".slip")
    await expect(slips).to_have_count(2, timeout=20_000)
    await expect(slips.first).to_contain_text("Ada Lovelace")
    await expect(slips.last).to_contain_text("9B")
    assert await printed(page) == [True, True]
    paper = await page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/MediaBox \[0 0 22[67]", paper)) == 2
    return await look(page)


async def is_remembered(page: Page, *secrets: str) -> list[str]:
    """Return where a browser still knows one of these: page, storage, memory."""
    places = {
        "page": await page.content(),
        "storage": await page.evaluate(
            "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
        ),
        "memory": await heap(page),
    }

    return [place for place, text in places.items() if any(each in text for each in secrets)]


async def expect_free(site: Site, bus: str, label: str) -> None:
    """Wait until a seat is anybody's again."""
    async with httpx2.AsyncClient(base_url=f"{site.url}/api/v1") as client:

        async def is_free() -> bool:
            seats = (await client.get(f"/buses/{bus}/seats")).json()["seats"]
            return any(each["seat"] == label and each["status"] == "AVAILABLE" for each in seats)

        await wait_until(is_free)


async def heap(page: Page) -> str:
    """Return all that the page's engine has in memory, strings included."""
    session = await page.context.new_cdp_session(page)
    parts: list[str] = []
    session.on("HeapProfiler.addHeapSnapshotChunk", lambda event: parts.append(event["chunk"]))
    await session.send("HeapProfiler.enable")
    await session.send("HeapProfiler.collectGarbage")
    await session.send("HeapProfiler.takeHeapSnapshot", {"reportProgress": False})
    await session.detach()
    return "".join(parts)


@pytest.mark.timeout(300)
async def test_a_kiosk_sells_from_pairing_to_the_printed_ticket_and_forgets_who_bought(
    site: Site, visitors: Visitors
) -> None:
    bus = site.world.coaches[0]
    kiosk = await visitors.new(size=UPRIGHT)
    page = await pair(site, kiosk, bus)
    faults = {"attract": await look(page)}
    await page.evaluate("document.documentElement.dir = 'rtl'")
    faults["right to left"] = await measure(page)
    await page.evaluate("document.documentElement.dir = 'ltr'")
    await kiosk.context.set_offline(offline=True)
    await expect(page.locator(".banner")).to_contain_text("Nothing can be bought")
    await expect(page.locator(".attract-start")).to_have_attribute("aria-disabled", "true")
    await kiosk.context.set_offline(offline=False)
    await expect(page.locator(".banner")).to_have_count(0)

    faults |= await look_on_the_way(page)
    await take_ride(site, page, bus)
    await choose(page, "9A")
    await page.reload()
    await page.wait_for_selector('#seat-9A[data-view="mine"]')
    await choose(page, "9B")
    await page.get_by_role("button", name="Large text").click()
    await page.get_by_role("button", name="Contrast").click()
    faults["seats, large and strong"] = await look(page)
    await page.get_by_role("button", name="Large text").click()
    await page.get_by_role("button", name="Contrast").click()
    await page.get_by_role("button", name="Continue").click()

    faults["people"] = await write_names(page)
    faults["pay"] = await look(page)
    assert "Lovelace" not in await page.evaluate("JSON.stringify({...sessionStorage})")
    phone = await scan(page, await visitors.new(size=PHONE))
    faults["phone"] = await look(page)
    await phone.get_by_role("button", name="Decline").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(
        "The payment was declined", timeout=20_000
    )
    await page.get_by_role("button", name="Try 9A and 9B again").click()
    phone = await scan(page, await visitors.new(size=PHONE))
    await page.reload()
    await expect(page.locator(".phone-code img")).to_be_visible()
    await phone.get_by_role("button", name="Pay €").click()
    faults["ticket"] = await see_tickets(page)
    assert {name: found for name, found in faults.items() if found} == {}
    assert await page.evaluate("window.violations") == []
    assert await is_remembered(page, "Lovelace") == ["page", "memory"]

    async with page.expect_navigation():
        await page.get_by_role("button", name="Finish").click()
    await expect(page.locator(".attract-next li").first).to_be_visible()
    assert await is_remembered(page, "Lovelace", "+4930") == []


@pytest.mark.timeout(300)
async def test_who_goes_away_is_warned_by_sight_and_sound_and_then_forgotten(
    site: Site, visitors: Visitors
) -> None:
    bus = site.world.coaches[1]
    kiosk = await visitors.new(size=UPRIGHT)
    await kiosk.context.clock.install()
    page = await pair(site, kiosk, bus)
    # Whatever the last one spoke, the next one is asked anew.
    async with page.expect_navigation():
        await page.get_by_role("button", name="Deutsch").click()
    await page.wait_for_selector(".kiosk-steps")
    assert "language=de" in await page.evaluate("document.cookie")
    async with page.expect_navigation():
        await page.locator(".aid").first.click()
    await page.wait_for_selector(".attract")
    assert "language" not in await page.evaluate("document.cookie")

    await go_to_seats(site, page, bus)
    await turn_back(page, "11A")
    await expect_free(site, bus, "11A")
    await take_ride(site, page, bus)
    await choose(page, "11D")
    async with page.expect_navigation():
        await page.get_by_role("button", name="Start over").click()
    await expect_free(site, bus, "11D")

    await go_to_seats(site, page, bus)
    await choose(page, "11D")
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_label("Full name")).to_be_focused()
    await page.keyboard.type("Zebulon Pike")
    await kiosk.context.set_offline(offline=True)
    await expect(page.locator(".banner")).to_be_visible()
    before = await page.evaluate("window.tones")
    await page.clock.fast_forward("00:50")
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Are you still there?")
    assert await judge(page) == []
    await page.wait_for_function("before => window.tones > before", arg=before)
    await dialog.get_by_role("button", name="More time").click()
    await expect(dialog).to_have_count(0)
    assert await page.get_by_label("Full name").input_value() == "Zebulon Pike"

    # Without a network there is no new page to be had: this one forgets, and is another as soon as it can.
    await page.clock.fast_forward("00:50")
    await expect(dialog).to_be_visible()
    await page.clock.fast_forward("00:40")
    await expect(page.locator(".attract")).to_be_visible()
    await expect(dialog).to_have_count(0)
    assert await is_remembered(page, "Zebulon") in ([], ["memory"])
    async with page.expect_navigation():
        await kiosk.context.set_offline(offline=False)
    await expect(page.locator(".attract-start")).to_have_attribute("aria-disabled", "false")
    assert await is_remembered(page, "Zebulon") == []


@pytest.mark.timeout(300)
async def test_who_pays_at_the_last_moment_has_their_ticket_printed_by_a_dark_screen(
    site: Site, visitors: Visitors
) -> None:
    bus = site.world.coaches[3]
    kiosk = await visitors.new(size=UPRIGHT)
    await kiosk.context.clock.install()
    page = await pair(site, kiosk, bus)
    await go_to_seats(site, page, bus)
    await choose(page, "7C")
    await page.get_by_role("button", name="Continue").click()
    await page.keyboard.type("Zebulon Pike")
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_label("Phone (optional)")).to_be_focused()
    await page.keyboard.press("Enter")
    phone = await scan(page, await visitors.new(size=PHONE))
    # Longer than anybody may do nothing here; nothing is drawn meanwhile, nor afterwards.
    await page.clock.fast_forward("01:40")
    await page.evaluate("window.requestAnimationFrame = () => 0")
    await phone.get_by_role("button", name="Pay €").click()
    await expect(page.locator(".slip")).to_contain_text("Zebulon Pike", timeout=20_000)
    assert await printed(page) == [True]
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await page.clock.fast_forward("00:50")
    await expect(page.get_by_role("dialog")).to_contain_text("Are you still there?")


async def test_a_ticket_is_bought_by_keyboard_and_its_cash_taken_by_staff_with_their_pin(
    site: Site, visitors: Visitors
) -> None:
    bus = site.world.coaches[2]
    page = await pair(site, await visitors.new(), bus, pin="4711")
    key = await page.evaluate("JSON.parse(localStorage['omnibus.device']).key")
    async with httpx2.AsyncClient(base_url=f"{site.url}/api/v1") as client:
        bearer = {"authorization": f"Bearer {key}"}
        opened = await client.post("/shifts", json={"float": []}, headers=bearer)
        assert opened.status_code == 201, opened.text
        device = opened.json()["device"]
    await go_to_seats(site, page, bus)
    keys = page.keyboard
    assert await look(page) == []
    await tab_to(page, ".seat")
    await keys.type("11a")
    await keys.press("Enter")
    await page.wait_for_selector('#seat-11A[data-view="mine"]')
    await tab_to(page, ".kiosk-foot .primary")
    await keys.press("Enter")
    await expect(page.get_by_label("Full name")).to_be_focused()
    await keys.type("Ada")
    await tab_to(page, ".keyboard .key")
    for way in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight"):
        await keys.press(way)
    await keys.press("ArrowUp")
    # Arabic letters run from right to left, whatever the page does.
    await page.get_by_role("button", name="ابت").click()
    letters = page.locator(".keyboard .key")
    await letters.first.focus()
    await keys.press("ArrowLeft")
    await expect(letters.nth(1)).to_be_focused()
    await tab_to(page, ".kiosk-foot .primary")
    await keys.press("Enter")
    await expect(page.get_by_label("Phone (optional)")).to_be_focused()
    await keys.press("Enter")
    # By phone, in cash, at the counter: whether somebody takes cash here is learnt a moment later.
    await expect(page.locator(".way-to-pay")).to_have_count(3)
    await tab_to(page, ".way-to-pay:not(.primary)")
    await keys.press("Enter")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("PIN of staff").press_sequentially("0000")
    await dialog.get_by_role("button", name="received").click()
    await expect(dialog).to_contain_text("That is not the PIN")
    await dialog.get_by_label("PIN of staff").press_sequentially("4711")
    await dialog.get_by_role("button", name="received").click()
    await expect(page.locator(".slip")).to_contain_text("11A")
    assert await printed(page) == [True]

    # Shut out, it is no kiosk any more, and knows neither its key nor the PIN.
    async with clerk_of(site, bus) as clerk:
        assert (await clerk.delete(f"/admin/devices/{device}")).status_code == 204
    await page.evaluate("dispatchEvent(new Event('online'))")
    await expect(page.get_by_role("heading", name="Pair this device")).to_be_visible()
    kept = await page.evaluate("Object.keys(localStorage)")
    assert {"omnibus.device", "omnibus.pin"}.isdisjoint(kept)
