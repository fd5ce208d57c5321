"""The catalogue as an operator's administrator keeps it: from the first stop to the first seat sold."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from store.model import Role
from tests.browser.conftest import Visitors
from tests.browser.site import PHONE, Site, Visitor
from tests.browser.staff import hire, put_on_sale, sign_in
from tests.browser.test_pages import judge, measure
from tests.gtfs.feeds import altered, write_feed

VIEWS = (
    *("buses", "fares", "routes", "stops", "layouts", "vehicles", "imports"),
    *("devices", "users", "webhooks", "jobs", "audit", "settings", "layouts/new", "buses/new"),
    *("sales", "bookings", "shifts", "counter", "operators", "nowhere"),
)


async def add_stop(page: Page, code: str, name: str) -> None:
    await page.get_by_role("button", name="New stop").click()
    await page.get_by_label("Name", exact=True).fill(name)
    await page.get_by_label("Code").fill(code)
    await page.get_by_label("Time zone").fill("Europe/Berlin")
    await page.get_by_role("dialog").get_by_role("button", name="Save").click()
    await expect(page.get_by_role("rowheader", name=name)).to_be_visible()


async def choose_stop(page: Page, place: int, typed: str, name: str) -> None:
    await page.get_by_role("combobox", name=f"Stop {place}").fill(typed)
    await page.get_by_role("option", name=name).click()


async def draw_by_keyboard(page: Page) -> None:
    """Paint two rows of one and two with the keys alone, the first seat a comfort one; undo what is too much."""
    keys = page.keyboard
    # A plan is drawn as the bus stands, whichever way the page runs, and arrows go by how it is drawn.
    await page.evaluate("document.documentElement.dir = 'rtl'")
    await page.locator("#cell-0-0-0").focus()
    await keys.press("ArrowRight")
    await expect(page.locator("#cell-0-0-1")).to_be_focused()
    await page.evaluate("document.documentElement.dir = 'ltr'")
    await page.locator("#cell-0-0-0").focus()
    for key in ("c", "ArrowRight", "ArrowRight", "s", "ArrowRight", "s", "Home", "d"):
        await keys.press(key)
    # The copied row is below; one seat too many is painted on the way, and taken back.
    await keys.press("ArrowDown")
    await keys.press("ArrowRight")
    await keys.press("s")
    await expect(page.locator("#cell-0-1-1")).to_have_attribute("data-kind", "seat")
    await keys.press("Control+z")
    await expect(page.locator("#cell-0-1-1")).to_have_attribute("data-kind", "aisle")
    await keys.press("Home")
    await keys.press("h")
    await expect(page.locator("#cell-0-1-0")).to_have_attribute(
        "aria-label", "Row 2, column 1: seat without a name, Comfort, accessible, 130% of the fare"
    )


async def make_route(page: Page) -> None:
    """Make a route of three stops; a stop that is earlier than the one before is refused beside it."""
    await page.get_by_role("link", name="Routes").click()
    await page.get_by_role("button", name="New route").click()
    await page.get_by_label("Name", exact=True).fill("Quay - Moor")
    await page.get_by_role("button", name="Add a stop").click()
    for place, (typed, name) in enumerate(
        (("old q", "Old Quay"), ("green", "Green Hill"), ("high", "High Moor")), start=1
    ):
        await choose_stop(page, place, typed, name)
    await page.locator("#arrives-1").fill("0:40")
    await page.locator("#arrives-2").fill("0:20")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".field-error")).to_contain_text("Stop 3 is earlier")
    await page.locator("#arrives-2").fill("1:05")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("heading", name="Quay - Moor")).to_be_visible()


async def make_layout(page: Page) -> None:
    await page.get_by_role("link", name="Layouts").click()
    await page.get_by_role("button", name="New layout").click()
    await draw_by_keyboard(page)
    # Neither a link nor the way back leaves a drawing unasked.
    question = page.get_by_role("dialog", name="Discard what you changed?")
    await page.get_by_role("link", name="Stops").click()
    await question.get_by_role("button", name="Keep editing").click()
    await page.evaluate("history.back()")
    await question.get_by_role("button", name="Keep editing").click()
    await page.wait_for_url("**/admin/layouts/new")
    await page.get_by_role("button", name="Name all").click()
    await expect(page.locator(".findings")).to_contain_text("6 seats")
    await page.get_by_label("Name", exact=True).fill("Shuttle of six")
    await page.get_by_role("button", name="Save layout").click()
    await expect(page.get_by_role("heading", name="Shuttle of six")).to_be_visible()
    assert await page.locator(".cell[data-kind=seat]").all_inner_texts() == [
        *("1A", "1B", "1C", "2A", "2B", "2C"),
    ]


async def test_what_an_operator_sells_is_made_from_nothing_and_sold(
    site: Site, visitors: Visitors
) -> None:
    await hire(site, Role.OPERATOR, "maker@example.org", "Nordlicht")
    page = await sign_in(await visitors.new(), "maker@example.org", "/admin/stops")
    await add_stop(page, "quay", "Old Quay")
    await add_stop(page, "hill", "Green Hill")
    await add_stop(page, "moor", "High Moor")

    await make_route(page)
    await make_layout(page)
    await page.get_by_role("link", name="Timetable").click()
    await page.get_by_role("button", name="New bus").click()
    leaves = datetime.now(UTC) + timedelta(days=2)
    await page.get_by_label("Route", exact=True).select_option(label="Quay - Moor")
    await page.get_by_label("Layout", exact=True).select_option(label="Shuttle of six (6 seats)")
    await page.get_by_label("Leaves").fill(leaves.strftime("%Y-%m-%dT10:00"))
    await page.get_by_label("Name", exact=True).fill("Moor Shuttle")
    await page.get_by_label("Fare of the whole way").fill("9,00")
    await page.get_by_role("button", name="Save draft").click()
    row = page.get_by_role("row", name=re.compile("Moor Shuttle"))
    await expect(row).to_contain_text("Draft")

    await page.get_by_role("button", name="Set fares").click()
    await page.get_by_label("Old Quay to Green Hill").fill("5.50")
    await page.get_by_label("Old Quay to High Moor").fill("8")
    await page.get_by_label("Green Hill to High Moor").press("Tab")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".toast").last).to_contain_text("are saved")
    await expect(page.get_by_label("Old Quay to High Moor")).to_have_value("8.00")

    await page.go_back()
    await row.get_by_role("button", name="Put on sale").click()
    await expect(row).to_contain_text("On sale")
    bus = str(await row.get_by_role("link").get_attribute("href")).rsplit("/", 1)[1]
    await site.sell(bus, "1A")
    await page.reload()
    await expect(row).to_contain_text("1 of 6")

    await page.get_by_role("link", name="Audit log").click()
    await expect(page.get_by_role("row", name=re.compile("bus.publish")).first).to_contain_text(
        "Maker"
    )


async def test_who_was_slower_is_shown_both_and_overwrites_nothing_unseen(
    site: Site, visitors: Visitors
) -> None:
    await hire(site, Role.OPERATOR, "slow@example.org", "Nordlicht")
    page = await sign_in(await visitors.new(), "slow@example.org", "/admin/settings")
    wait = page.get_by_label("Minutes that passengers are waited for")
    await wait.fill("7")
    await page.evaluate(
        """async () => {
          const token = JSON.parse(sessionStorage["omnibus.token"]).token;
          const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
          const operator = JSON.parse(localStorage["omnibus.user"]).operator;
          const body = JSON.stringify({ no_show_minutes: 9 });
          await fetch(`/api/v1/admin/operators/${operator}`, { method: "PATCH", headers, body });
        }"""
    )
    card = page.locator("section", has=page.get_by_role("heading", name="Name and clock"))
    await card.get_by_role("button", name="Save").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("row", name=re.compile("Minutes"))).to_have_text(
        re.compile("waited for97")
    )
    await dialog.get_by_role("button", name="Keep what is there").click()
    await expect(wait).to_have_value("9")
    # A form above another has fields, labels and faults of its own.
    await page.get_by_role("button", name="Draft rules").click()
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_label("Name", exact=True)).to_be_focused()


async def test_an_uploaded_feed_with_faults_is_told_line_by_line_and_a_sound_one_is_sold(
    site: Site, visitors: Visitors, tmp_path: Path
) -> None:
    await hire(site, Role.OPERATOR, "importer@example.org", "Danube Night")
    page = await sign_in(await visitors.new(), "importer@example.org", "/admin/imports")
    broken = altered("stops.txt", "53.6355", "north")
    await page.get_by_label("Feed (zip)").set_input_files(write_feed(tmp_path, broken))
    await page.get_by_label("First day").fill("2030-06-03")
    await page.get_by_label("Days", exact=True).fill("7")
    await page.get_by_role("button", name="Upload and import").click()
    faults = page.get_by_role("region", name="What is wrong with the feed")
    await expect(faults).to_contain_text("stops.txt", timeout=60_000)
    await expect(faults.get_by_role("row").nth(1)).to_contain_text("5")
    await expect(page.get_by_role("row", name=re.compile("feed.zip")).first).to_contain_text(
        "Refused"
    )

    await page.get_by_label("Feed (zip)").set_input_files(write_feed(tmp_path))
    await page.get_by_role("button", name="Upload and import").click()
    await expect(page.locator(".import")).to_contain_text("12 buses with", timeout=60_000)
    await page.get_by_role("link", name="See them in the timetable").click()
    await expect(page.get_by_role("row", name=re.compile("Gedser")).first).to_contain_text(
        "On sale"
    )


async def look(visitor: Visitor, email: str) -> dict[str, list[str]]:
    """Visit every view of the catalogue; return what axe says and what sticks out sideways."""
    page = await sign_in(visitor, email, "/admin/buses")
    faults: dict[str, list[str]] = {}
    for view in VIEWS:
        await page.goto(f"{visitor.site.url}/admin/{view}")
        await page.wait_for_load_state("networkidle")
        await expect(page.locator("main h1, main .notice").first).to_be_visible()
        faults[view] = await measure(page) + await judge(page)
    await page.goto(f"{visitor.site.url}/admin/stops")
    await page.get_by_role("button", name="New stop").click()
    await page.get_by_role("dialog").get_by_role("button", name="Save").click()
    await page.locator(".field-error").first.wait_for()
    faults["a form with faults"] = await measure(page) + await judge(page)
    await page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    await page.keyboard.press("?")
    await page.get_by_role("dialog", name="Keyboard shortcuts").wait_for()
    faults["shortcuts"] = await measure(page) + await judge(page)
    return {view: found for view, found in faults.items() if found}


@pytest.mark.timeout(300)
async def test_every_view_of_the_catalogue_is_for_everybody_and_fits_a_phone(
    site: Site, visitors: Visitors
) -> None:
    await hire(site, Role.OPERATOR, "walker@example.org", "Nordlicht")
    visitor = await visitors.new(size=PHONE, theme="dark")
    assert await look(visitor, "walker@example.org") == {}


async def test_on_a_phone_every_cell_is_read_under_its_own_column(
    site: Site, visitors: Visitors
) -> None:
    _, day = await put_on_sale(site, "Without Way")
    email = await hire(site, Role.OPERATOR, "reader@example.org")
    page = await sign_in(await visitors.new(size=PHONE), email, f"/admin/buses?date={day}")
    row = page.get_by_role("row", name="Without Way")
    await expect(row).to_be_visible()
    assert await row.locator("td:empty").count() == 1, "it has no route"
    heads = await page.get_by_role("columnheader").count()
    assert (
        await row.get_by_role("cell").count() + await row.get_by_role("rowheader").count() == heads
    )
    await expect(row.locator("td:empty")).not_to_be_in_viewport()
    assert await measure(page) + await judge(page) == []
