"""At the door: boarding with a network, without one, and what comes of both together."""

import re
import uuid
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx2
from playwright.async_api import Page, Route, expect

from store.model import DeviceKind, Role
from tests.browser.conftest import Visitors
from tests.browser.door import (
    CAMERA,
    codes_of,
    count_scans,
    film,
    leave,
    put_at_the_door,
    sell,
)
from tests.browser.site import PHONE, Site, Visitor, open_chromium, visit
from tests.browser.staff import PASSWORD, hire
from tests.browser.terminals import clerk_of, show_code
from tests.browser.test_languages import speak
from tests.browser.test_offline import becomes, ready
from tests.browser.test_pages import judge, measure
from tests.support.waiting import wait_until

BERLIN = ZoneInfo("Europe/Berlin")
PEOPLE = {
    "1A": "Ada Lovelace",
    "1B": "Alan Turing",
    "1C": "Grace Hopper",
    "1D": "Edsger Dijkstra",
}
_WATCHED = """
    window.tones = 0;
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (...when) { window.tones += 1; start.apply(this, when) };
    window.pulses = [];
    navigator.vibrate = pulse => window.pulses.push(pulse);
    window.violations = [];
    document.addEventListener('securitypolicyviolation',
        event => window.violations.push(event.violatedDirective + ' ' + event.blockedURI));
"""
_SMALL = """[...document.querySelectorAll('button, select, input')]
    .filter(each => each.checkVisibility() && !each.closest('.toast'))
    .map(each => [each.textContent || each.id, each.getBoundingClientRect()])
    .filter(([_, box]) => Math.min(box.width, box.height) < 43.5)
    .map(([name, box]) => `${name}: ${box.width} x ${box.height}`)"""
_KEPT = """new Promise(done => { const asked = indexedDB.open('omnibus.scans', 1);
    asked.onsuccess = () => { const all = asked.result.transaction('scans').objectStore('scans').getAll();
        all.onsuccess = () => { asked.result.close(); done(all.result) } } })"""

_READER_KEPT = """Promise.all(["js/scan/reader.js", "vendor/qr/decode.js", "vendor/qr/index.js"]
    .map(name => document.querySelector('link[rel=stylesheet]').href.replace(/css.*/, name))
    .map(url => caches.match(url))).then(all => all.every(Boolean))"""


async def pair(site: Site, visitor: Visitor, bus: str) -> Page:
    """Pair a scanner of the bus's operator that stands at Berlin ZOB."""
    code = await show_code(site, bus, site.world.stops["Berlin ZOB"], DeviceKind.SCANNER)
    await visitor.context.add_init_script(_WATCHED)
    page = await visitor.open("/scan")
    await page.get_by_label("Six digits").fill(code)
    await page.get_by_role("button", name="Pair", exact=True).click()
    await page.get_by_role("heading", name="Which bus?").wait_for()
    return page


async def stand_at(page: Page, name: str, left: datetime) -> None:
    """Choose a bus that left at some time of today's, or, around midnight, of yesterday's."""
    if left.astimezone(BERLIN).date() != datetime.now(UTC).astimezone(BERLIN).date():
        await page.get_by_role("button", name="Yesterday").click()
    await page.locator(".scan-bus", has_text=name).click()
    await page.locator(".scan-count").wait_for()


async def wedge(page: Page, code: str) -> None:
    """Read a code as a scanner does that is plugged in: it types, wherever the focus is."""
    await page.keyboard.type(code)
    await page.keyboard.press("Enter")


async def told(page: Page, verdict: str, *words: str) -> None:
    """Wait for a verdict, and for what it says."""
    shown = page.locator(f'.verdict[data-verdict="{verdict}"]')
    await shown.wait_for()
    for each in words:
        await expect(shown).to_contain_text(each)


async def gone(page: Page) -> None:
    await expect(page.locator(".verdict")).to_have_count(0)


async def look(page: Page) -> list[str]:
    small: list[str] = await page.evaluate(_SMALL)
    return await measure(page) + await judge(page) + small


async def aboard(clerk: httpx2.AsyncClient, bus: str) -> set[str]:
    """Return the seats whose passengers are aboard, as the server has it."""
    manifest = (await clerk.get(f"/admin/buses/{bus}/manifest")).json()
    return {each["seat"] for each in manifest["passengers"] if each["boarded"]}


async def board_with_a_network(
    page: Page, codes: dict[str, str], later: str, elsewhere: str
) -> None:
    """Scan a ticket twice, one of a later stop, one of another bus: the server decides."""
    await wedge(page, codes["1A"])
    await told(page, "ok", "Welcome aboard", "Seat 1A", "Ada Lovelace", "Berlin ZOB")
    await gone(page)
    await wedge(page, codes["1A"])
    await told(page, "already_boarded", "Already aboard", "scanned by Hall 1 at Berlin ZOB")
    assert await look(page) == []
    await wedge(page, later)
    await told(page, "wrong_stop", "This ticket is for boarding at Leipzig Hauptbahnhof")
    await page.keyboard.press("Escape")
    await gone(page)
    await wedge(page, elsewhere)
    await told(page, "wrong_bus", "Door 2")
    await page.get_by_role("button", name="Next").click()
    await gone(page)
    assert await page.evaluate("window.tones") == 1 + 2 + 2 + 1
    assert await page.evaluate("window.pulses.length") == 4
    await expect(page.locator(".scan-count")).to_contain_text("1 of 4 aboard here")
    await expect(page.locator(".scan-count")).to_contain_text("3 are missing")


async def board_without_a_network(page: Page, codes: dict[str, str]) -> None:
    """Scan a ticket twice, and a forged one, and board somebody by hand: the page decides, and keeps it all."""
    await wedge(page, codes["1B"])
    await told(page, "ok", "Alan Turing", "Checked without a connection")
    await gone(page)
    await wedge(page, codes["1B"])
    await told(page, "already_boarded")
    end = codes["1C"][-1]
    await wedge(page, codes["1C"][:-1] + ("0" if end != "0" else "1"))
    await told(page, "bad_signature", "Not genuine")
    assert await look(page) == []
    await page.get_by_role("button", name="Next").click()
    state = page.locator(".scan-state")
    await expect(state).to_have_text("No connection · 3 scans not sent yet")
    await page.get_by_role("button", name=re.compile("are missing")).click()
    await page.get_by_role("button", name="Board Grace Hopper, seat 1C").click()
    await told(page, "ok", "Grace Hopper")
    await gone(page)
    assert await look(page) == []
    kept = await page.evaluate(_KEPT)
    assert [each["answer"] is None for each in kept][-4:] == [True] * 4
    assert not re.search("Alan|Grace", str(kept)), "names are in manifests only"


async def test_a_scanner_boards_without_a_network_and_tells_when_it_is_back(
    site: Site, visitors: Visitors
) -> None:
    bus, other = [await put_at_the_door(site, name) for name in ("Door 1", "Door 2")]
    codes = await codes_of(site, await sell(site, bus, PEOPLE))
    leipzig = site.world.stops["Leipzig Hauptbahnhof"]
    later = await codes_of(site, await sell(site, bus, {"2A": "Later"}, from_stop=leipzig))
    elsewhere = await codes_of(site, await sell(site, other, {"1A": "Elsewhere"}))
    # Both of one day, or around midnight the scanner had never heard of the other's name.
    left, _ = [await leave(site, each, 20) for each in (bus, other)]

    visitor = await visitors.new(size=PHONE, keeps_tickets=True)
    page = await pair(site, visitor, bus)
    assert await look(page) == []
    await stand_at(page, "Door 1", left)
    await expect(page.locator("#scan-stop")).to_have_value("0")
    await expect(page.locator(".scan-count")).to_contain_text("0 of 4 aboard here")
    assert await look(page) == []
    await board_with_a_network(page, codes, later["2A"], elsewhere["1A"])

    await ready(page)
    await becomes(page, "caches.match('/scan').then(Boolean)")
    await visitor.context.set_offline(True)
    await page.reload()
    await page.locator(".scan-count").wait_for()
    await expect(page.locator(".scan-state")).to_have_text("No connection")
    await board_without_a_network(page, codes)

    async with clerk_of(site, bus) as clerk:
        assert await aboard(clerk, bus) == {"1A"}
        scan = {"id": str(uuid.uuid4()), "bus_id": bus, "ticket": codes["1C"]}
        await clerk.post("/devices/me/scans", json={"scans": [scan]})
        await visitor.context.set_offline(False)
        await expect(page.locator(".scan-state")).to_have_text("Connected", timeout=30_000)
        assert await aboard(clerk, bus) == {"1A", "1B", "1C"}
        await settle(page)

        async def is_back() -> bool:
            return await aboard(clerk, bus) == {"1A", "1C"}

        await wait_until(is_back, seconds=10)
    await unpair(page)


async def settle(page: Page) -> None:
    """Look at what somebody else had decided meanwhile, and take a boarding back."""
    conflict = page.locator(".scan-conflicts li")
    await expect(conflict).to_contain_text("1C Grace Hopper was let in here")
    assert await look(page) == []
    await conflict.get_by_role("button", name="Seen").click()
    await expect(conflict).to_have_count(0)
    await page.get_by_role("button", name="This stop").click()
    await expect(page.locator(".scan-stops [aria-current]")).to_contain_text("3 of 4")
    await page.get_by_role("button", name="Undo the boarding of Alan Turing").click()
    await expect(page.locator(".scan-stops [aria-current]")).to_contain_text("2 of 4")


async def unpair(page: Page) -> None:
    """Let the device be no scanner any more: nothing of it is left."""
    await page.get_by_role("button", name="Choose another bus").click()
    await page.get_by_role("button", name="Hall 1").click()
    await page.get_by_role("button", name="Unpair").click()
    await page.get_by_role("heading", name="Pair a scanner").wait_for()
    await becomes(page, "caches.has('omnibus.manifests').then(has => !has)")
    assert await page.evaluate(_KEPT) == []
    assert await page.evaluate("localStorage.getItem('omnibus.device')") is None
    assert await page.evaluate("window.violations") == []


async def test_an_agent_boards_by_camera_and_by_hand_and_gives_missing_seats_away(
    site: Site, visitors: Visitors
) -> None:
    bus = await put_at_the_door(site, "Door 3")
    ref = await sell(site, bus, {"1A": "Ada Lovelace", "1B": "Alan Turing", "1C": "Grace Hopper"})
    codes = await codes_of(site, ref)
    left = await leave(site, bus, 20)
    agent = await hire(site, Role.AGENT, f"{uuid.uuid4().hex}@staff.example")
    visitor = await visitors.new()
    page = await visitor.open("/scan")
    await page.get_by_role("link", name="Sign in").click()
    await page.fill("#email", agent)
    await page.fill("#password", PASSWORD)
    await visitor.context.add_init_script(CAMERA)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/scan")
    await stand_at(page, "Door 3", left)
    await page.get_by_label("The bus stands at").select_option("0")
    await expect(page.locator(".scan-count")).to_contain_text("0 of 3 aboard here")
    await page.get_by_role("button", name="Scan with the camera").click()
    await page.locator(".scan-camera video").wait_for()
    await page.evaluate("code => { window.inView = [code] }", codes["1C"])
    await told(page, "ok", "Grace Hopper")
    await gone(page)
    # What stays in view is one scan.
    await expect(page.locator(".scan-count")).to_contain_text("1 of 3 aboard here")
    await expect(page.locator(".verdict")).to_have_count(0)
    await page.evaluate("window.inView = []")
    await page.get_by_role("button", name="Other camera").click()
    await becomes(page, 'JSON.stringify(window.asked) === \'["environment","front"]\'')
    by_hand = page.get_by_label("By hand")
    await by_hand.fill("9Z")
    await page.keyboard.press("Enter")
    await expect(page.locator(".field-error")).to_contain_text("Nobody on the list")
    await by_hand.fill(f"{ref.lower()} 1a")
    await page.keyboard.press("Enter")
    await told(page, "ok", "Ada Lovelace")
    await gone(page)
    await page.get_by_role("button", name="Passengers").click()
    await page.get_by_role("button", name="Give away missing seats").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Give away missing seats").click()
    await expect(page.locator(".toast")).to_contain_text("One seat was given away")
    await page.get_by_role("button", name="All", exact=True).click()
    await expect(page.locator(".scan-person", has_text="Alan Turing")).to_contain_text("Given away")
    async with clerk_of(site, bus) as clerk:
        assert await aboard(clerk, bus) == {"1A", "1C"}


async def start_camera(page: Page) -> None:
    await page.get_by_role("button", name="Scan with the camera").click()
    await page.locator(".scan-camera video").wait_for()


async def test_a_browser_that_reads_no_codes_reads_them_by_a_worker_also_without_a_network(
    site: Site, tmp_path: Path
) -> None:
    bus = await put_at_the_door(site, "Door 4")
    codes = await codes_of(site, await sell(site, bus, {"1A": "Ada Lovelace", "1B": "Turing"}))
    left = await leave(site, bus, 20)
    async with (
        open_chromium(*film(codes["1A"], tmp_path / "ticket.mjpeg")) as browser,
        visit(browser, site, theme="dark", keeps_tickets=True) as visitor,
    ):
        page = await pair(site, visitor, bus)
        assert await page.evaluate("!('BarcodeDetector' in window)"), "or nothing is shown here"
        await stand_at(page, "Door 4", left)
        assert page.workers == [], "it is loaded when it is needed"
        await start_camera(page)
        await told(page, "ok", "Welcome aboard", "Ada Lovelace")
        await gone(page)
        await expect(page.locator(".scan-count")).to_contain_text("1 of 2 aboard here")
        assert await look(page) == []
        await page.get_by_role("button", name="Stop", exact=True).click()
        await expect(page.locator(".scan-camera video")).to_be_hidden()
        await ready(page)
        await becomes(page, "caches.match('/scan').then(Boolean)")
        await becomes(page, _READER_KEPT)
        await visitor.context.set_offline(True)
        await page.reload()
        await page.locator(".scan-count").wait_for()
        await start_camera(page)
        await told(page, "already_boarded", "Checked without a connection")
        assert await page.evaluate("window.violations") == []
    assert visitor.complaints == []


async def lose_the_answer(page: Page) -> list[str]:
    """Let the server take the next scans and its answer never arrive; say later what was asked."""
    lost: list[str] = []

    async def once(route: Route) -> None:
        if lost:
            await route.continue_()
            return
        lost.append(route.request.post_data or "")
        await route.fetch()
        await route.abort()

    await page.route("**/devices/me/scans", once)
    return lost


async def test_a_ticket_that_two_scanners_read_boards_once_and_both_are_told(
    site: Site, visitors: Visitors
) -> None:
    bus = await put_at_the_door(site, "Door 5")
    codes = await codes_of(site, await sell(site, bus, PEOPLE))
    left = await leave(site, bus, 20)
    one, two = await visitors.new(size=PHONE, theme="dark"), await visitors.new(size=PHONE)
    front, back = [await pair(site, visitor, bus) for visitor in (one, two)]
    for page in (front, back):
        await stand_at(page, "Door 5", left)
    await speak(two, "ar")
    await back.reload()
    await back.locator(".scan-count").wait_for()
    await expect(back.locator("html")).to_have_attribute("dir", "rtl")
    assert await look(back) == []

    await wedge(front, codes["1A"])
    await told(front, "ok", "Ada Lovelace")
    await gone(front)
    await wedge(back, codes["1A"])
    await told(back, "already_boarded", "Hall 1")
    assert await look(back) == []
    await back.keyboard.press("Escape")
    await gone(back)

    lost = await lose_the_answer(front)
    await wedge(front, codes["1B"])
    await told(front, "ok", "Alan Turing", "Checked without a connection")
    await gone(front)
    await expect(front.locator(".scan-state")).to_have_text("Connected", timeout=30_000)
    assert len(lost) == 1
    assert await count_scans(site, bus) == 3, "sent twice, kept once"
    await expect(front.locator(".scan-conflicts")).to_have_count(0)

    for visitor in (one, two):
        await visitor.context.set_offline(True)
    await wedge(front, codes["1C"])
    await told(front, "ok", "Checked without a connection")
    await wedge(back, codes["1C"])
    await told(back, "ok", "Grace Hopper")
    assert await look(back) == []
    await gone(back)
    await one.context.set_offline(False)
    await expect(front.locator(".scan-state")).to_have_text("Connected", timeout=30_000)
    await two.context.set_offline(False)
    await expect(back.locator(".scan-conflicts li")).to_contain_text("Grace Hopper", timeout=30_000)
    await expect(back.locator(".scan-conflicts li")).to_contain_text("Hall 1")
    assert await look(back) == []
    await expect(front.locator(".scan-conflicts")).to_have_count(0)
    async with clerk_of(site, bus) as clerk:
        assert await aboard(clerk, bus) == {"1A", "1B", "1C"}
