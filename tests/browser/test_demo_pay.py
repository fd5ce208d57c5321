import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Visitors
from tests.browser.site import DESKTOP, PHONE, Site
from tests.browser.test_live import choose
from tests.browser.test_pages import judge, measure
from tests.browser.test_purchase import fill_in


async def go_to_bank(page: Page, label: str) -> None:
    """Book a seat of an open map and go to the demo provider's page."""
    await choose(page, label)
    await page.get_by_role("button", name="Continue").click()
    await page.wait_for_url("**/checkout/*")
    await fill_in(page, "Ada Lovelace")
    await page.get_by_role("button", name="Pay at the demo bank").click()
    await page.wait_for_url("**/pay/demo/*")
    await page.wait_for_selector(".bank-amount")


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_the_bank_asks_who_it_is_and_the_ticket_comes_when_the_shop_has_heard(
    site: Site, visitors: Visitors, size: tuple[int, int]
) -> None:
    visitor = await visitors.new(size=size)
    label = "3A" if size == PHONE else "3D"
    page = await visitor.open(f"/buses/{site.world.coaches[1]}")
    await page.wait_for_selector(".seat")
    await go_to_bank(page, label)
    faults = {"open": await measure(page) + await judge(page)}
    await page.get_by_label("Copies").select_option("3")
    await page.get_by_label("In the wrong order").check()
    await page.get_by_role("button", name="Pay with 3-D Secure").click()
    await expect(page.get_by_role("heading", name="Is it really you?")).to_be_visible()
    faults["challenged"] = await measure(page) + await judge(page)
    await page.get_by_role("button", name="It is me").click()
    await expect(page.get_by_role("heading", name="Paid")).to_be_visible()
    faults["paid"] = await measure(page) + await judge(page)
    await page.get_by_role("link", name="Back to the booking").click()
    await expect(page.locator(".status")).to_have_text("Confirmed", timeout=20_000)
    assert {name: found for name, found in faults.items() if found} == {}


async def test_what_the_bank_declines_is_not_sold_and_the_page_says_so(
    site: Site, visitors: Visitors
) -> None:
    page = await (await visitors.new()).open(f"/buses/{site.world.coaches[1]}")
    await page.wait_for_selector(".seat")
    await go_to_bank(page, "5A")
    await page.get_by_role("button", name="Decline").click()
    await expect(page.get_by_role("heading", name="Declined")).to_be_visible()
    await page.get_by_role("link", name="Back to the booking").click()
    await expect(page.locator(".status")).not_to_have_text("Confirmed")
    await expect(page.locator(".ticket[data-status=FAILED]")).to_be_visible(timeout=20_000)


async def test_a_payment_that_is_not_there_is_said_not_to_be(
    site: Site, visitors: Visitors
) -> None:
    visitor = await visitors.new()
    page = await visitor.open("/pay/demo/nothing")
    await expect(page.get_by_text("There is no such payment")).to_be_visible()
    visitor.complaints.clear()  # the browser's own line about the 404
    assert site.url in page.url
