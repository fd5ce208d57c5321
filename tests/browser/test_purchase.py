import asyncio
import re
from datetime import datetime, timedelta

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.conftest import Visitors
from tests.browser.site import PHONE, Site
from tests.browser.test_live import choose, seat
from tests.support.waiting import wait_until

# Whether so many answers have come whole, and what they change has been drawn.
_HEARD = """async ([part, count]) => {
    const come = performance.getEntriesByType('resource').filter(each => each.name.includes(part));
    if (come.length < count) return false;
    await new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    return true;
}"""


async def tab_to(page: Page, selector: str, *, at_most: int = 60) -> None:
    """Press Tab until the focus is where a keyboard user wants it."""
    for _ in range(at_most):
        await page.keyboard.press("Tab")
        if await page.evaluate("s => document.activeElement.matches(s)", selector):
            return
    raise AssertionError(f"Tab never reached {selector}")


async def fill_in(page: Page, *names: str) -> None:
    await page.wait_for_selector("#email")
    for field, name in zip(await page.locator("input[id^=name-]").all(), names, strict=True):
        await field.fill(name)
    await page.fill("#email", "ada@example.org")
    await page.get_by_role("button", name="Continue to payment").click()


async def buy(page: Page, bus: str, *labels: str) -> str:
    """Buy seats on an open map; return the booking's ref."""
    await choose(page, *labels)
    await page.get_by_role("button", name="Continue").click()
    await page.wait_for_url("**/checkout/*")
    await fill_in(page, *("Ada Lovelace", "Alan Turing", "Grace Hopper")[: len(labels)])
    await page.get_by_role("button", name="Approve").click()
    await page.wait_for_url("**/bookings/*")
    await expect(page.locator(".status")).to_have_text("Confirmed")
    return page.url.rsplit("/", 1)[1]


@pytest.mark.parametrize(("language", "row"), [("en", 9), ("ar", 7)], ids=["ltr", "rtl"])
async def test_a_seat_can_be_bought_with_the_keyboard_alone(
    site: Site, visitors: Visitors, language: str, row: int
) -> None:
    visitor = await visitors.new()
    await visitor.speak(language)
    page = await visitor.open("/")
    keys = page.keyboard
    await tab_to(page, "#from")
    await keys.type("berl")
    await page.wait_for_selector("#from-list [aria-selected=true]")
    await keys.press("Enter")
    await tab_to(page, "#to")
    await keys.type("mün")
    await page.wait_for_selector("#to-list [aria-selected=true]")
    await keys.press("Enter")
    await keys.press("Enter")
    await page.wait_for_url(re.compile("from="))
    await expect(page.locator(".result").first).to_contain_text("München ZOB")
    await tab_to(page, ".result a")
    await keys.press("Enter")

    await page.wait_for_url("**/buses/*")
    await page.wait_for_selector(".seat")
    await tab_to(page, ".seat")
    await keys.type(f"u{row}c")
    await expect(page.locator(f"#seat-U{row}C")).to_be_focused()
    # The plan is drawn as the bus stands, and arrows go by how it is drawn, whichever way the text runs.
    await keys.press("ArrowRight")
    await expect(page.locator(f"#seat-U{row}D")).to_be_focused()
    await keys.press("Space")
    await keys.press("ArrowLeft")
    await keys.press("Enter")
    await page.wait_for_selector(seat(page, f"U{row}C", "mine"))
    await page.wait_for_selector(seat(page, f"U{row}D", "mine"))
    await tab_to(page, ".summary .primary")
    await keys.press("Enter")

    await page.wait_for_url("**/checkout/*")
    await page.wait_for_selector("#email")
    await tab_to(page, "input[id^=name-]")
    await keys.type("Ada Lovelace")
    await tab_to(page, "input[id^=name-]")
    await keys.type("Alan Turing")
    await tab_to(page, "#email")
    await keys.type("ada@example.org")
    await keys.press("Enter")
    await expect(page.locator("#pay-title")).to_be_focused()
    await keys.press("Tab")
    await keys.press("Enter")
    await page.wait_for_url("**/bookings/*")
    await expect(page.locator(".ticket[data-status=CONFIRMED]")).to_be_visible()


async def test_what_was_typed_survives_a_declined_payment(site: Site, visitors: Visitors) -> None:
    bus = site.world.double_decks[1]
    page = await (await visitors.new()).open(f"/buses/{bus}")
    await choose(page, "1A")
    await page.get_by_role("button", name="Continue").click()
    await fill_in(page, "Ada Lovelace")
    await page.get_by_role("button", name="Decline").click()
    await expect(page.get_by_role("alert")).to_contain_text("The payment was declined")
    assert await page.input_value("#name-1A") == "Ada Lovelace"

    await page.get_by_role("button", name="Try 1A again").click()
    await page.get_by_role("button", name="Continue to payment").click()
    await page.get_by_role("button", name="Approve").click()
    await expect(page.locator(".status")).to_have_text("Confirmed")


async def test_a_minute_before_the_end_the_buyer_is_asked_and_after_it_may_try_again(
    site: Site, visitors: Visitors
) -> None:
    bus = site.world.double_decks[2]
    visitor = await visitors.new()
    await visitor.context.clock.install()
    page = await visitor.open(f"/buses/{bus}")
    await choose(page, "2B")
    hold = await page.evaluate("b => JSON.parse(sessionStorage[`omnibus.hold.${b}`]).id", bus)

    await page.clock.fast_forward("04:10")
    async with page.expect_response("**/extend"):
        await page.get_by_role("button", name="Keep my seats").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)

    # Once is all: the last minute of the longer time asks nothing.
    await page.clock.fast_forward("05:00")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await page.clock.fast_forward("01:00")
    await expect(page.locator(".summary")).to_contain_text("Your time is over")
    # On the server the time is not over: there the hold ends by hand.
    await site.release(hold)
    await page.wait_for_selector(seat(page, "2B", "available"))
    await page.get_by_role("button", name="Try 2B again").click()
    await expect(page.locator(".pick")).to_have_text(["2B"])


async def test_an_extension_that_comes_after_the_end_still_counts(
    site: Site, visitors: Visitors
) -> None:
    visitor = await visitors.new()
    await visitor.context.clock.install()
    page = await visitor.open(f"/buses/{site.world.double_decks[2]}")
    await choose(page, "3B")
    is_over = asyncio.Event()

    async def answer_late(route: Route) -> None:
        response = await route.fetch()
        kept = await response.json()
        await is_over.wait()
        until = datetime.fromisoformat(kept["expires_at"]) + timedelta(minutes=20)
        await route.fulfill(response=response, json={**kept, "expires_at": until.isoformat()})

    await page.route("**/extend", answer_late)
    await page.clock.fast_forward("04:10")
    await page.get_by_role("button", name="Keep my seats").click()
    await page.clock.fast_forward("05:00")
    await expect(page.locator(".summary")).to_contain_text("Your time is over")
    is_over.set()
    await expect(page.locator(".pick")).to_have_text(["3B"])
    await page.wait_for_selector(seat(page, "3B", "mine"))


async def test_best_seats_are_found_with_one_key_and_undone_with_one_click(
    site: Site, visitors: Visitors
) -> None:
    page = await (await visitors.new()).open(f"/buses/{site.world.double_decks[3]}")
    await choose(page, "6A")
    await page.focus("#seat-6A")
    await page.keyboard.press("b")
    await expect(page.locator(".toast")).to_contain_text("side by side")
    await expect(page.locator('button.seat[data-view="mine"]')).to_have_count(2)
    await page.get_by_role("button", name="Undo").click()
    await expect(page.locator(".pick")).to_have_text(["6A"])
    await page.wait_for_selector(seat(page, "6A", "mine"))


async def test_seats_can_be_chosen_from_a_list_and_outlast_a_reload(
    site: Site, visitors: Visitors
) -> None:
    page = await (await visitors.new(size=PHONE)).open(f"/buses/{site.world.sleepers[1]}")
    await page.get_by_role("button", name="List").click()
    await page.locator(".seat-line", has_text="U3B").click()
    await expect(page.locator(".pick")).to_have_text(["U3B"])
    await page.wait_for_selector(".countdown")
    await page.reload()
    await expect(page.locator(".pick")).to_have_text(["U3B"])
    await page.get_by_role("tab", name="upper deck").click()
    await page.wait_for_selector(seat(page, "U3B", "mine"))


async def test_back_and_forward_lead_through_search_and_seats(
    site: Site, visitors: Visitors
) -> None:
    stops = site.world.stops
    page = await (await visitors.new()).open("/")
    await page.fill("#from", "Wien")
    await page.locator("#from-list [role=option]").first.click()
    await page.get_by_role("button", name="Search buses").click()
    await expect(page.locator(".result").first).to_contain_text("Wien Hauptbahnhof")
    await (
        page.get_by_role("button", name="Show more").or_(page.locator(".results")).first.wait_for()
    )
    await page.locator(".result a").first.click()
    await page.wait_for_selector(".seat")
    await page.go_back()
    await expect(page.locator("#from")).to_have_value("Wien Hauptbahnhof")
    await expect(page.locator(".result").first).to_contain_text("Wien Hauptbahnhof")
    await page.go_back()
    await expect(page.locator("#from")).to_have_value("")
    await expect(page.locator("#results-title")).to_have_text("Leaving soon")
    # Pressed twice is pressed once: both ask, before either has an answer, and nothing is listed again.
    asked: list[Route] = []

    def keep(asking: Route) -> None:
        asked.append(asking)

    await page.route("**/buses?*cursor=*", keep)
    await page.get_by_role("button", name="Show more").dblclick()
    await wait_until(lambda: len(asked) == 2)
    for each in asked:
        await each.continue_()
    await page.wait_for_function(_HEARD, arg=["cursor=", 2])
    await expect(page.locator(".result").nth(10)).to_be_visible()
    shown = await page.locator(".result").evaluate_all("all => all.map(each => each.dataset.bus)")
    assert len(shown) == len(set(shown))
    await page.go_forward()
    await expect(page.locator("#from")).to_have_value("Wien Hauptbahnhof")
    assert f"from={stops['Wien Hauptbahnhof']}" in page.url


async def test_a_guest_cancels_one_seat_of_two_and_sees_first_what_comes_back(
    site: Site, visitors: Visitors
) -> None:
    bus = site.world.coaches[1]
    visitor = await visitors.new()
    page = await visitor.open(f"/buses/{bus}")
    ref = await buy(page, bus, "10A", "10B")
    await page.get_by_role("button", name="Cancel trip").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.locator(".quote")).to_contain_text("€58.00")
    await dialog.get_by_label("10B").uncheck()
    await expect(dialog.locator(".quote")).to_contain_text("€29.00")
    await dialog.get_by_role("button", name="Cancel 1 seat").click()
    await expect(page.locator(".status")).to_have_text("Partly cancelled")

    stranger = await (await visitors.new()).open(f"/bookings/{ref}")
    await expect(stranger.get_by_label("Access key")).to_be_visible()
    key = await page.evaluate("r => JSON.parse(localStorage['omnibus.keys'])[r]", ref)
    await stranger.goto(f"{site.url}/bookings/{ref}#key={key}")
    await expect(stranger.locator(".status")).to_have_text("Partly cancelled")
    assert key not in stranger.url


async def test_a_signed_in_buyer_finds_the_trip_under_my_trips(
    site: Site, visitors: Visitors
) -> None:
    bus = site.world.coaches[3]
    visitor = await visitors.new()
    page = await visitor.open("/login")
    await page.get_by_role("group").get_by_role("button", name="Create account").click()
    await page.fill("#name", "Grace Hopper")
    await page.fill("#email", "grace@example.org")
    await page.fill("#password", "correct horse")
    await page.locator("form .primary").click()
    await page.wait_for_url("**/my")
    await expect(page.locator("main")).to_contain_text("No trips yet")
    page = await visitor.open(f"/buses/{bus}")
    ref = await buy(page, bus, "10A")
    page = await visitor.open("/my")
    await expect(page.locator(".trip-line")).to_contain_text(ref)
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url(f"{site.url}/")
    await expect(page.get_by_role("link", name="Sign in")).to_be_visible()


async def test_a_kiosks_link_makes_its_hold_the_phones(site: Site, visitors: Visitors) -> None:
    world = site.world
    link = await site.offer(world.coaches[3], world.stops["Berlin ZOB"], ["11A", "11B"])
    page = await (await visitors.new(size=PHONE)).open(link.removeprefix(site.url))
    await expect(page.locator(".order-lines")).to_contain_text("11B")
    assert "claim" not in page.url
    await fill_in(page, "Ada Lovelace", "Alan Turing")
    await page.get_by_role("button", name="Approve").click()
    await page.wait_for_url("**/bookings/*")
    await expect(page.locator(".status")).to_have_text("Confirmed")
    late = await (await visitors.new(size=PHONE)).open(link.removeprefix(site.url))
    await expect(late.locator("main")).to_contain_text("This hold is over")
