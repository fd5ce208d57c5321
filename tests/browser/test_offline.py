"""Where there is no network: opened tickets are there, nothing else is made up, nobody else finds them."""

import httpx2
from playwright.async_api import Page, expect

from tests.browser.conftest import Visitors
from tests.browser.site import PHONE, Site, Visitor
from tests.browser.test_account import register
from tests.browser.test_languages import speak
from tests.browser.test_pages import judge, measure
from tests.browser.test_purchase import buy
from tests.support.waiting import wait_until

KEPT = """caches.open("omnibus.tickets").then(cache => cache.keys())
    .then(all => all.map(each => new URL(each.url).pathname))"""


async def becomes(page: Page, expression: str) -> None:
    """Wait for something to be true in a page; its policy lets nobody evaluate text there but us."""

    async def is_so() -> bool:
        return bool(await page.evaluate(expression))

    await wait_until(is_so, seconds=30)


async def ready(page: Page) -> None:
    """Wait for the worker, and for it to see to this page."""
    await page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    await becomes(page, "navigator.serviceWorker.controller !== null")


async def bought(visitor: Visitor, site: Site, label: str) -> tuple[Page, str]:
    bus = site.world.coaches[2]
    page = await visitor.open(f"/buses/{bus}")
    ref = await buy(page, bus, label)
    await ready(page)
    await becomes(page, f"{KEPT}.then(all => all.includes('/api/v1/bookings/{ref}'))")
    return page, ref


async def test_an_opened_ticket_is_there_without_a_network_and_prices_are_not(
    site: Site, visitors: Visitors
) -> None:
    visitor = await visitors.new(size=PHONE, keeps_tickets=True)
    page, ref = await bought(visitor, site, "12B")
    kept = await page.evaluate(KEPT)
    assert f"/api/v1/bookings/{ref}/ticket.pdf" in kept
    assert sum(path.endswith("/qr.svg") for path in kept) == 1

    await visitor.context.set_offline(True)
    await page.reload()
    await expect(page.locator("#ticket-title")).to_have_text(ref)
    await expect(page.locator(".ticket-people")).to_contain_text("12B")
    await expect(page.locator(".banner")).to_contain_text("There is no network")
    pdf = await page.evaluate(
        "path => fetch(path).then(r => r.blob()).then(b => [b.type, b.size])",
        f"/api/v1/bookings/{ref}/ticket.pdf",
    )
    assert pdf[0] == "application/pdf"
    assert pdf[1] > 1000

    # Any other page says so, and leads to the ticket.
    await page.goto(f"{site.url}/buses/{site.world.coaches[2]}")
    await expect(page.locator("h1")).to_have_text("You are offline")
    assert await measure(page) + await judge(page) == []
    ask = "path => fetch(path).then(() => 'told', () => 'not told')"
    assert await page.evaluate(ask, f"/api/v1/buses/{site.world.coaches[2]}/seats") == "not told"
    await page.locator(".trip-line a", has_text=ref).click()
    await expect(page.locator("#ticket-title")).to_have_text(ref)

    await visitor.context.set_offline(False)
    await page.reload()
    await expect(page.locator(".status")).to_have_text("Confirmed")
    await expect(page.locator(".banner")).to_have_count(0)

    await page.goto(f"{site.url}/my")
    await page.get_by_role("button", name=f"Forget {ref}").click()
    await becomes(page, f"{KEPT}.then(all => all.length === 0)")
    line = page.locator(".trip-line", has_text=ref)
    await expect(line).to_have_count(0)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(site.url)))
    await page.get_by_role("button", name="Undo").click()
    await expect(line).to_contain_text("Confirmed")
    await becomes(page, f"{KEPT}.then(all => all.includes('/api/v1/bookings/{ref}'))")
    assert sorted(await page.evaluate(KEPT)) == sorted(kept)
    # Its papers are fetched again; nothing else needs to be, so the list is there without a network, too.
    assert "/api/v1/bookings" not in asked
    assert f"/api/v1/bookings/{ref}" not in asked
    await visitor.context.set_offline(True)
    await page.get_by_role("button", name=f"Forget {ref}").click()
    await expect(line).to_have_count(0)
    await page.get_by_role("button", name="Undo").last.click()
    await expect(line).to_contain_text("Confirmed")
    await expect(page.locator(".trip-line")).to_have_count(1)
    assert ref in await page.evaluate("localStorage['omnibus.keys']")
    await visitor.context.set_offline(False)
    visitor.complaints.clear()  # the browser's own lines about what could not be had


async def test_nothing_is_left_of_who_signs_out_and_nothing_is_kept_of_others(
    site: Site, visitors: Visitors
) -> None:
    visitor = await visitors.new(keeps_tickets=True)
    page = await visitor.open("/login")
    await register(page, "kept.by.worker@example.org")
    page, ref = await bought(visitor, site, "12C")
    key = await page.evaluate("r => JSON.parse(localStorage['omnibus.keys'])[r]", ref)
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url(f"{site.url}/")
    assert await page.evaluate(KEPT) == []

    staff = await visitors.new(keeps_tickets=True)
    other = await staff.open("/login")
    await ready(other)
    await other.evaluate(
        "localStorage['omnibus.user'] = JSON.stringify({role: 'agent', name: 'A', email: 'a@b.example'})"
    )
    shown = f"{site.url}/api/v1/bookings/{ref}"

    async def answer(route: object) -> None:
        async with httpx2.AsyncClient() as client:
            body = (await client.get(shown, headers={"x-booking-key": key})).text
        await route.fulfill(body=body, content_type="application/json")  # type: ignore[attr-defined]

    await staff.context.route(shown, answer)
    await other.goto(f"{site.url}/bookings/{ref}")
    await expect(other.locator("#ticket-title")).to_have_text(ref)
    assert await other.evaluate(KEPT) == []
    staff.complaints.clear()  # the browser's own line about a session that was made up


async def test_a_worker_of_another_edition_gives_way_and_keeps_nobody_on_old_pages(
    site: Site, visitors: Visitors
) -> None:
    visitor = await visitors.new(keeps_tickets=True)
    await speak(visitor, "de")
    page = await visitor.open("/login")
    await ready(page)
    editions = "caches.keys().then(all => all.filter(each => each.startsWith('omnibus.files.')))"
    (now,) = await page.evaluate(editions)
    devtools = await visitor.context.new_cdp_session(page)
    manifest = await devtools.send("Page.getAppManifest")
    assert (manifest["errors"], "/i18n/de/" in manifest["url"]) == ([], True)
    found = await devtools.send("Page.getInstallabilityErrors")
    errors = {each["errorId"] for each in found["installabilityErrors"]}
    assert errors <= {"in-incognito"}, (
        "but for the profile's being a passing one it can be installed"
    )
    source = httpx2.get(f"{site.url}/sw.js")
    assert source.headers["cache-control"] == "no-cache"
    assert f'"{now.rpartition(".")[2]}"' in source.text
    for old in ("000000000001", "000000000002"):
        await page.evaluate(f"caches.open('omnibus.files.{old}')")
    # As a new edition would be: another worker at the same place.
    await page.evaluate("navigator.serviceWorker.getRegistration().then(each => each.unregister())")
    await page.reload()
    await ready(page)
    await becomes(page, f"{editions}.then(all => all.length === 2)")
    assert now in await page.evaluate(editions)
    await expect(page.locator("html")).to_have_attribute("lang", "de")
