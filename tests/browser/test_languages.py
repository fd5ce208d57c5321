"""The pages in five languages, one of them from right to left; and how somebody changes from one to another."""

import httpx2
import pytest
from playwright.async_api import Page, expect

from server.languages import LOCALES, RIGHT_TO_LEFT
from tests.browser.conftest import Visitors
from tests.browser.site import PHONE, Site, Visitor
from tests.browser.test_live import choose, seat
from tests.browser.test_pages import judge, measure


async def speak(visitor: Visitor, language: str) -> None:
    """Have all pages of a profile in a language, as if it had been chosen there."""
    await visitor.speak(language)


async def turn(page: Page, now: str, wanted: str) -> None:
    """Choose another language with the keyboard alone."""
    await page.get_by_role("button", name=now).focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("dialog [aria-current]")).to_have_count(1)
    await page.locator(f"dialog [lang={wanted}]").focus()
    async with page.expect_event("load"):
        await page.keyboard.press("Enter")
    await expect(page.locator("html")).to_have_attribute("lang", wanted)


async def test_a_language_is_chosen_amid_a_purchase_and_nothing_is_lost(
    site: Site, visitors: Visitors
) -> None:
    visitor = await visitors.new()
    page = await visitor.open("/")
    await page.fill("#from", "Wien")
    await page.locator("#from-list [role=option]").first.click()
    await turn(page, "Language", "es")
    await expect(page.locator("#from")).to_have_value("Wien Hauptbahnhof")
    await expect(page.get_by_role("button", name="Buscar autobuses")).to_be_visible()

    page = await visitor.open(f"/buses/{site.world.coaches[2]}")
    await choose(page, "10A")
    await turn(page, "Idioma", "de")
    await page.wait_for_selector(seat(page, "10A", "mine"))
    await page.get_by_role("button", name="Weiter").click()
    await page.fill("#name-10A", "Ada Lovelace")
    await page.fill("#email", "ada@example.org")
    await turn(page, "Sprache", "ar")
    await expect(page.locator("html")).to_have_attribute("dir", "rtl")
    assert await page.input_value("#name-10A") == "Ada Lovelace"
    assert await page.input_value("#email") == "ada@example.org"
    await page.locator("form .primary").click()
    await page.locator(".pay .primary").click()
    await page.wait_for_url("**/bookings/*")
    await expect(page.locator(".status")).to_have_text("مؤكد")

    ref = page.url.rsplit("/", 1)[1]
    key = await page.evaluate("r => JSON.parse(localStorage['omnibus.keys'])[r]", ref)
    async with httpx2.AsyncClient(base_url=f"{site.url}/api/v1") as client:
        booking = (await client.get(f"/bookings/{ref}", headers={"x-booking-key": key})).json()
    assert booking["contact"]["locale"] == "ar", "its mails come in the language of the page"

    page = await visitor.open("/login")
    await page.locator(".switch button").nth(1).click()
    await page.fill("#name", "Grace Hopper")
    await page.fill("#password", "correct horse")
    await turn(page, "اللغة", "en")
    await page.get_by_role("group").get_by_role("button", name="Create account").click()
    await expect(page.locator("#name")).to_have_value("Grace Hopper")
    assert await page.input_value("#password") == "", "no password is written anywhere"


@pytest.mark.parametrize("language", [each for each in LOCALES if each != "en"])
async def test_no_language_keeps_anyone_out_or_sticks_out(
    site: Site, visitors: Visitors, language: str
) -> None:
    visitor = await visitors.new(size=PHONE, theme="dark" if language == "ar" else "light")
    await speak(visitor, language)
    stops = site.world.stops
    query = f"from={stops['Berlin ZOB']}&from_name=Berlin+ZOB"
    faults: dict[str, list[str]] = {}
    page = await visitor.open(f"/?{query}")
    await page.wait_for_selector(".result")
    faults["search"] = await measure(page)
    page = await visitor.open(f"/buses/{site.world.double_decks[3]}")
    await choose(page, f"{LOCALES.index(language)}B")
    faults["seats"] = await measure(page) + await judge(page)
    await page.locator(".summary .primary").click()
    await page.wait_for_selector("#email")
    await page.locator("form .primary").click()
    await page.wait_for_selector(".faults")
    faults["checkout"] = await measure(page)
    # How the reference runs from right to left is worth its weight once.
    for path in ("/login", "/my", *(("/docs",) if language == "ar" else ())):
        page = await visitor.open(path)
        faults[path] = await measure(page)
    direction = "rtl" if language in RIGHT_TO_LEFT else "ltr"
    await expect(page.locator("html")).to_have_attribute("dir", direction)
    assert {name: found for name, found in faults.items() if found} == {}


async def test_the_buss_left_stays_on_the_left_where_text_runs_the_other_way(
    site: Site, visitors: Visitors
) -> None:
    visitor = await visitors.new()
    await speak(visitor, "ar")
    page = await visitor.open(f"/buses/{site.world.coaches[0]}")
    await page.wait_for_selector(".seat")
    places = [await page.locator(f"#seat-8{column}").bounding_box() for column in "ABCD"]
    across = [place["x"] for place in places if place]
    assert across == sorted(across)
    assert len(across) == 4
    await page.focus("#seat-8B")
    await page.keyboard.press("ArrowRight")
    await expect(page.locator("#seat-8C")).to_be_focused()
    brand, account = page.locator(".brand"), page.locator(".way").first
    ends = (await brand.bounding_box(), await account.bounding_box())
    assert ends[0] is not None
    assert ends[1] is not None
    assert ends[0]["x"] > ends[1]["x"], "the frame around it does run the other way"
    price = await page.locator(".legend-classes strong").first.inner_text()
    assert not set(price) & set("٠١٢٣٤٥٦٧٨٩"), "digits are those of tickets and seats"
