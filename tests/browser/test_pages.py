import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.browser.conftest import Visitors
from tests.browser.site import DESKTOP, PHONE, Site, Visitor
from tests.browser.test_live import choose
from tests.browser.test_purchase import buy, fill_in

REQUESTS_MAX = 25
SCRIPT_BYTES_MAX = 45 * 1024
STYLE_BYTES_MAX = 14 * 1024


async def judge(page: Page) -> list[str]:
    """Return what axe finds that would keep somebody out."""
    found = await Axe().run(page, options={"resultTypes": ["violations"]})
    return [
        f"{each['id']}: {node['target']} {node['failureSummary'][:300]}"
        for each in found.response["violations"]
        if each["impact"] in {"serious", "critical"}
        for node in each["nodes"]
    ]


async def measure(page: Page) -> list[str]:
    """Return by how much a page sticks out sideways, if it does."""
    too_wide = await page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return [f"{too_wide} px too wide"] if too_wide > 0 else []


async def walk(visitor: Visitor, site: Site, bus: str, label: str) -> dict[str, list[str]]:
    """Visit every page in every shape it takes; return what axe says and what sticks out sideways."""
    faults: dict[str, list[str]] = {}

    async def look(page: Page, name: str) -> None:
        faults[name] = await measure(page) + await judge(page)

    async def glance(path: str, name: str) -> None:
        page = await visitor.open(path)
        await look(page, name)
        await page.close()

    stops = site.world.stops
    await glance("/", "search")
    query = f"from={stops['Berlin ZOB']}&from_name=Berlin+ZOB&date=2020-01-01"
    await glance(f"/?{query}", "nothing found")
    page = await visitor.open("/")
    await page.fill("#from", "b")
    await page.wait_for_selector("#from-list [role=option]")
    await look(page, "stops")
    for path in ("/login", "/my", "/nowhere", "/buses/999999", "/checkout/x"):
        await glance(path, path)

    # All operations are drawn alike, and axe takes seconds for all of them.
    page = await visitor.open("/docs")
    faults["all docs"] = await measure(page)
    await page.get_by_role("searchbox").fill("holds")
    await expect(page.locator(".operation")).not_to_have_count(0)
    await look(page, "docs")
    await page.close()

    page = await visitor.open(f"/buses/{bus}")
    await page.wait_for_selector(".seat")
    await look(page, "map")
    await choose(page, label)
    await look(page, "map with a choice")
    await page.get_by_role("button", name="List").click()
    await look(page, "list")
    await page.get_by_role("button", name="Continue").click()
    await page.wait_for_selector("#email")
    await look(page, "checkout")
    await page.get_by_role("button", name="Continue to payment").click()
    await page.wait_for_selector(".faults")
    await look(page, "checkout with faults")
    await fill_in(page, "Ada Lovelace")
    await page.wait_for_selector(".pay")
    await look(page, "payment")
    await page.get_by_role("button", name="Approve").click()
    await page.wait_for_selector(".ticket")
    await look(page, "ticket")
    await page.get_by_role("button", name="Cancel trip").click()
    await expect(page.locator(".quote")).to_contain_text("€")
    await look(page, "cancel")
    await glance("/my", "my with a trip")
    return {name: found for name, found in faults.items() if found}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.timeout(300)
async def test_no_page_keeps_anyone_out_or_sticks_out(
    site: Site, visitors: Visitors, size: tuple[int, int], theme: str
) -> None:
    visitor = await visitors.new(size=size, theme=theme)
    label = f"{'1' if theme == 'light' else '2'}{'A' if size == PHONE else 'D'}"
    assert await walk(visitor, site, site.world.coaches[2], label) == {}


async def test_a_right_to_left_page_mirrors_without_sticking_out(
    site: Site, visitors: Visitors
) -> None:
    visitor = await visitors.new(size=PHONE)
    for path in ("/", f"/buses/{site.world.double_decks[0]}", "/docs"):
        page = await visitor.open(path)
        await page.wait_for_load_state("networkidle")
        await page.evaluate("document.documentElement.dir = 'rtl'")
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= PHONE[0], path


async def test_no_page_runs_anything_its_policy_forbids(site: Site, visitors: Visitors) -> None:
    visitor = await visitors.new()
    await visitor.context.add_init_script(
        "window.violations = []; document.addEventListener('securitypolicyviolation',"
        " event => window.violations.push(event.violatedDirective + ' ' + event.blockedURI))"
    )
    bus = site.world.coaches[3]
    for path in ("/", f"/buses/{bus}", "/login", "/my", "/docs", "/nowhere"):
        page = await visitor.open(path)
        await page.wait_for_load_state("networkidle")
        assert await page.evaluate("window.violations") == [], path
    page = await visitor.open(f"/buses/{bus}")
    await buy(page, bus, "12A")
    assert await page.evaluate("window.violations") == []


async def test_the_seat_page_stays_within_its_budget(site: Site, visitors: Visitors) -> None:
    visitor = await visitors.new()
    page = await visitor.context.new_page()
    await page.goto(f"{site.url}/buses/{site.world.double_decks[0]}")
    await page.wait_for_selector(".seat")
    await page.wait_for_load_state("networkidle")
    loaded = await page.evaluate(
        """performance.getEntriesByType("resource").map(each => [
            new URL(each.name).pathname, each.encodedBodySize])"""
    )
    sizes = dict.fromkeys((".js", ".css"), 0)
    for path, size in loaded:
        for suffix in sizes:
            if path.endswith((suffix, ".mjs") if suffix == ".js" else suffix):
                sizes[suffix] += size
    # The page itself is not among its resources.
    assert 1 + len(loaded) <= REQUESTS_MAX, sorted(path for path, _ in loaded)
    assert sizes[".js"] <= SCRIPT_BYTES_MAX
    assert sizes[".css"] <= STYLE_BYTES_MAX


async def test_the_chosen_theme_is_there_before_anything_is_drawn(
    site: Site, visitors: Visitors
) -> None:
    visitor = await visitors.new()
    page = await visitor.open("/login")
    button = page.get_by_role("button", name="Colours:")
    await button.click()
    await button.click()
    response = await page.goto(f"{site.url}/my")
    assert response is not None
    assert 'data-theme="dark"' in await response.text()
    assert await page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


async def test_without_javascript_every_page_says_what_can_be_done(
    site: Site, visitors: Visitors
) -> None:
    visitor = await visitors.new()
    context = await visitor.context.browser.new_context(java_script_enabled=False)  # type: ignore[union-attr]  # it has one
    page = await context.new_page()
    for path in ("/", f"/buses/{site.world.coaches[0]}", "/login", "/my", "/docs"):
        await page.goto(site.url + path)
        assert "JavaScript" in await page.inner_text("main"), path
    await context.close()
