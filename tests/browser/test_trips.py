"""After buying: the ticket in hand, its news, and finding it again. Before: seats that time has taken."""

import asyncio
import re
from datetime import datetime, timedelta

import httpx2
from playwright.async_api import Page, Route, expect

from tests.browser.conftest import Visitors
from tests.browser.site import PHONE, Site
from tests.browser.test_live import SECOND, choose, seat
from tests.browser.test_purchase import buy


async def test_a_ticket_is_shown_taken_along_and_followed(site: Site, visitors: Visitors) -> None:
    bus = site.world.coaches[0]
    visitor = await visitors.new(size=PHONE)
    page = await visitor.open(f"/buses/{bus}")
    ref = await buy(page, bus, "11C", "11D")

    codes = page.locator("img.code-picture")
    await expect(codes).to_have_count(2)
    widths = await codes.evaluate_all("codes => codes.map(code => code.naturalWidth)")
    assert all(widths), "each code is a picture that was drawn"
    await page.get_by_role("button", name="Seat 11D: make the code large").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_alt_text("Code of the ticket for seat 11D")).to_be_visible()
    await dialog.get_by_role("button", name="Close").click()
    for name, begins in (("Save as PDF", b"%PDF-"), ("Add to calendar", b"BEGIN:VCALENDAR")):
        async with page.expect_download() as downloading:
            await page.get_by_role("button", name=name).click()
        download = await downloading.value
        path = await download.path()
        assert path.read_bytes().startswith(begins)
        assert download.suggested_filename.startswith(ref)

    # One seat is given back somewhere else; the ticket on the screen says so, without being asked.
    key = await page.evaluate("r => JSON.parse(localStorage['omnibus.keys'])[r]", ref)
    async with httpx2.AsyncClient(base_url=f"{site.url}/api/v1") as client:
        gone = await client.post(
            f"/bookings/{ref}/cancel", json={"seats": ["11C"]}, headers={"x-booking-key": key}
        )
        assert gone.status_code == 200, gone.text
    await expect(page.locator(".status")).to_have_text("Partly cancelled", timeout=10 * SECOND)
    await expect(codes).to_have_count(1)
    await visitor.context.set_offline(offline=True)
    await expect(codes).to_be_visible()
    await visitor.context.set_offline(offline=False)

    await find_again(page, ref, visitors)


async def find_again(page: Page, ref: str, visitors: Visitors) -> None:
    """Whoever has lost the link finds the booking by its code and contact, and by nothing less."""
    await page.goto(page.url.split("/bookings")[0] + "/my")
    coming = page.get_by_role("region", name="Coming up")
    await expect(coming).to_contain_text(ref)
    other = await (await visitors.new()).open("/my")
    await expect(other.locator("main")).to_contain_text("No trips yet")
    await other.get_by_label("Booking code").fill(ref.lower())
    await other.get_by_label("E-mail or phone").fill("charles@example.org")
    await other.get_by_role("button", name="Find it").click()
    await expect(other.locator(".field-error")).to_contain_text("no booking with this code")
    await other.get_by_label("E-mail or phone").fill("Ada@Example.org")
    await other.get_by_role("button", name="Find it").click()
    await other.wait_for_url(f"**/bookings/{ref}")
    await expect(other.locator(".status")).to_have_text("Partly cancelled")
    await other.get_by_role("button", name="Cancel trip").click()
    await other.get_by_role("dialog").get_by_role("button", name="Cancel 1 seat").click()
    await expect(other.locator(".status")).to_have_text("Cancelled")
    await other.goto(other.url.split("/bookings")[0] + "/my")
    past = other.get_by_role("region", name="Past and cancelled")
    await expect(past).to_contain_text(ref)


async def test_two_windows_race_for_a_seat_and_the_loser_loses_nothing_else(
    site: Site, visitors: Visitors
) -> None:
    bus = site.world.coaches[2]
    pages = [await (await visitors.new()).open(f"/buses/{bus}") for _ in range(2)]
    own = ("3A", "3D")
    for page, label in zip(pages, own, strict=True):
        await choose(page, label)
    await asyncio.gather(*(page.click(seat(page, "4B")) for page in pages))
    for page in pages:
        settled = page.locator(f".toast, {seat(page, '4B', 'mine')}")
        await settled.first.wait_for()
    lost = [await page.locator(".toast").count() > 0 for page in pages]
    assert sorted(lost) == [False, True], "one has it, one is told"
    loser, label = pages[lost.index(True)], own[lost.index(True)]
    winner = pages[lost.index(False)]
    await expect(loser.locator(".toast")).to_contain_text("4B was taken just now.")
    await expect(loser.locator(".pick")).to_have_text([label])
    await loser.wait_for_selector(seat(loser, label, "mine"))
    await loser.wait_for_selector(seat(loser, "4B", "held"))
    offer = loser.locator(".toast").get_by_role("button", name="Take")
    other = (await offer.inner_text()).removeprefix("Take ").strip()
    await offer.click()
    await loser.wait_for_selector(seat(loser, other, "mine"))
    await winner.wait_for_selector(seat(winner, other, "held"))
    await expect(winner.locator(".pick")).to_have_count(2)


async def keep_longer(route: Route) -> None:
    """Let the server's deadlines be as far ahead of the page's clock as they are of its own."""
    response = await route.fetch()
    held = await response.json()
    until = datetime.fromisoformat(held["expires_at"]) + timedelta(minutes=30)
    await route.fulfill(response=response, json={**held, "expires_at": until.isoformat()})


async def test_what_was_typed_outlasts_the_seats_and_the_next_best_are_one_press_away(
    site: Site, visitors: Visitors
) -> None:
    bus = site.world.coaches[3]
    visitor = await visitors.new()
    await visitor.context.clock.install()
    page = await visitor.open(f"/buses/{bus}")
    await choose(page, "3A", "3B")
    await page.get_by_role("button", name="Continue").click()
    await page.fill("#name-3A", "Ada Lovelace")
    await page.fill("#name-3B", "Alan Turing")
    await page.fill("#email", "ada@example.org")
    hold = page.url.rsplit("/", 1)[1]
    await page.clock.fast_forward("21:00")
    await expect(page.get_by_role("alert")).to_contain_text("Your seats are free again")
    # On the server the time is not over: there the hold ends by hand, and somebody is quicker.
    await site.release(hold)
    await site.hold(bus, "3B")
    await page.get_by_role("button", name="Try 3A and 3B again").click()
    await expect(page.get_by_role("alert")).to_contain_text("3B went to someone else")
    await page.route(re.compile(r"/holds"), keep_longer)
    take = page.get_by_role("button", name="Take")
    other = (await take.inner_text()).removeprefix("Take ").removesuffix(" instead")
    await take.click()
    await expect(page.locator(".order-lines")).to_contain_text(other)
    assert await page.input_value("#name-3A") == "Ada Lovelace"
    assert await page.input_value(f"#name-{other}") == "Alan Turing"
    await page.get_by_role("button", name="Continue to payment").click()
    await page.get_by_role("button", name="Approve").click()
    await expect(page.locator(".status")).to_have_text("Confirmed")
