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
_OF_COLOURS = ["color-contrast", "link-in-text-block"]
_WHEN_ALL_IS_DRAWN = """new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(() =>
    Promise.allSettled(document.getAnimations()
        .filter(each => each.effect.getComputedTiming().endTime < Infinity)
        .map(each => each.finished)).then(drawn))))"""
# A page is called something, once, whatever it has to show: readers go from heading to heading.
_HEADINGS = (
    "[...document.querySelectorAll('h1')].filter(each => each.getClientRects().length).length"
)
# By how much the words of a select are wider than what shows of them, its arrow (24 px) taken off.
_CUT_OFF = """selects => selects.map(select => {
    const style = getComputedStyle(select), pen = document.createElement('canvas').getContext('2d');
    pen.font = style.font;
    const room = select.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - 24;
    return Math.max(...[...select.options].map(each => pen.measureText(each.text.trim()).width)) - room;
}).filter(excess => excess > 0)"""
# What is drawn for longer than a picture or two, or over and over.
_MOVING = """[...document.querySelectorAll('*')].flatMap(element => ['', '::before', '::after'].flatMap(part => {
    const { animationName, animationDuration, animationIterationCount, transitionDuration } =
        getComputedStyle(element, part || null);
    const isLong = times => times.split(',').some(each => parseFloat(each) > 0.01);
    const isAnimated = animationName !== 'none' &&
        (isLong(animationDuration) || animationIterationCount.includes('infinite'));
    return isAnimated || isLong(transitionDuration)
        ? [`${element.tagName}.${element.getAttribute('class')}${part} moves`] : [];
}))"""


async def judge(page: Page, *, is_dark_too: bool = True) -> list[str]:
    """Return what axe finds that would keep somebody out, in light and in dark."""
    found = await _ask_axe(page)
    if not is_dark_too:
        return found
    await page.emulate_media(color_scheme="dark")
    await page.evaluate(_WHEN_ALL_IS_DRAWN)
    # Nothing but colours is another than it was.
    found += await _ask_axe(page, runOnly={"type": "rule", "values": _OF_COLOURS})
    await page.emulate_media(color_scheme="light")
    return found


async def _ask_axe(page: Page, **options: object) -> list[str]:
    found = await Axe().run(page, options={"resultTypes": ["violations"], **options})
    return [
        f"{each['id']}: {node['target']} {node['failureSummary'][:300]}"
        for each in found.response["violations"]
        if each["impact"] in {"serious", "critical"}
        for node in each["nodes"]
    ]


async def measure(page: Page) -> list[str]:
    """Return by how much a page sticks out sideways, and what moves in it though its reader wants nothing to."""
    too_wide = await page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    moving: list[str] = await page.evaluate(_MOVING)
    return ([f"{too_wide} px too wide"] if too_wide > 0 else []) + moving


class Walk:
    """A visit to every page in every shape it takes, and what axe and a ruler say of each."""

    def __init__(self, visitor: Visitor, *, is_dark_too: bool) -> None:
        self.faults: dict[str, list[str]] = {}
        self._visitor, self._is_dark_too = visitor, is_dark_too

    async def look(self, page: Page, name: str) -> None:
        found = await measure(page) + await judge(page, is_dark_too=self._is_dark_too)
        if (headings := await page.evaluate(_HEADINGS)) != 1:
            found.append(f"{headings} headings of the page")
        if found:
            self.faults[name] = found

    async def glance(self, path: str, name: str = "") -> None:
        page = await self._visitor.open(path)
        await self.look(page, name or path)
        await page.close()

    async def around(self, berlin: str) -> None:
        """See what there is before anything is chosen."""
        await self.glance("/", "search")
        query = f"from={berlin}&from_name=Berlin+ZOB"
        await self.glance(f"/?{query}&date=2020-01-01", "nothing found")
        await self.glance(f"/?{query}", "buses found")
        page = await self._visitor.open("/")
        await page.fill("#from", "b")
        await page.wait_for_selector("#from-list [role=option]")
        await self.look(page, "stops")
        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="Language").click()
        await self.look(page, "languages")
        for path in ("/login", "/my", "/nowhere", "/buses/999999", "/checkout/x", "/admin/"):
            await self.glance(path)

        # All operations are drawn alike, and axe takes seconds for all of them.
        page = await self._visitor.open("/docs")
        assert await measure(page) == [], "all docs"
        await page.get_by_role("searchbox").fill("holds")
        await expect(page.locator(".operation")).not_to_have_count(0)
        await self.look(page, "docs")
        await page.close()

    async def purchase(self, bus: str, label: str) -> None:
        """Buy a seat, and look at each step, its faults and its questions."""
        page = await self._visitor.open(f"/buses/{bus}")
        await page.wait_for_selector(".seat")
        await self.look(page, "map")
        await choose(page, label)
        await self.look(page, "map with a choice")
        await page.get_by_role("button", name="List").click()
        await self.look(page, "list")
        await page.get_by_role("button", name="Continue").click()
        await page.wait_for_selector("#email")
        await self.look(page, "checkout")
        await page.get_by_role("button", name="Continue to payment").click()
        await page.wait_for_selector(".faults")
        await self.look(page, "checkout with faults")
        await fill_in(page, "Ada Lovelace")
        await page.wait_for_selector(".pay")
        await self.look(page, "payment")
        await page.get_by_role("button", name="Approve").click()
        await page.wait_for_selector(".ticket")
        await self.look(page, "ticket")
        await page.get_by_role("button", name=f"Seat {label}: make the code large").click()
        await self.look(page, "large code")
        await page.get_by_role("dialog").get_by_role("button", name="Close").click()
        await page.get_by_role("button", name="Cancel trip").click()
        await expect(page.locator(".quote")).to_contain_text("€")
        await self.look(page, "cancel")
        await self.glance("/my", "my with a trip")

    async def without_answers(self, bus: str) -> None:
        """See pages whose server does not answer."""
        page = await self._visitor.context.new_page()
        await page.route("**/api/v1/**", lambda route: route.abort())
        for path in (f"/buses/{bus}", "/waiting/1", "/pay/demo/1"):
            await page.goto(self._visitor.site.url + path)
            await page.get_by_role("button", name="Try again").first.wait_for()
            await self.look(page, f"no answer to {path}")


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.timeout(300)
async def test_no_page_keeps_anyone_out_or_sticks_out(
    site: Site, visitors: Visitors, size: tuple[int, int]
) -> None:
    # Colours are the same on a desktop.
    walk = Walk(await visitors.new(size=size), is_dark_too=size == PHONE)
    await walk.around(site.world.stops["Berlin ZOB"])
    await walk.purchase(site.world.coaches[2], "1A" if size == PHONE else "1D")
    await walk.without_answers(site.world.coaches[2])
    assert walk.faults == {}


@pytest.mark.parametrize("size", [PHONE, (768, 1024), DESKTOP], ids=["phone", "tablet", "desktop"])
async def test_no_stop_of_a_leg_loses_its_time(
    site: Site, visitors: Visitors, size: tuple[int, int]
) -> None:
    page = await (await visitors.new(size=size)).open(f"/buses/{site.world.coaches[0]}")
    selects = page.locator(".leg select")
    await expect(selects).to_have_count(2)
    assert await selects.evaluate_all(_CUT_OFF) == []


async def test_nothing_moves_for_those_who_want_stillness_and_something_does_for_others(
    site: Site, visitors: Visitors
) -> None:
    visitor = await visitors.new()
    for path in ("/styleguide", f"/board/{site.world.stops['Berlin ZOB']}", "/kiosk"):
        assert await measure(await visitor.open(path)) == [], path
    page = await visitor.open(f"/buses/{site.world.coaches[0]}")
    await page.wait_for_selector(".seat")
    assert await measure(page) == []
    await page.emulate_media(reduced_motion="no-preference")
    assert any(" moves" in each for each in await measure(page))


async def test_no_page_runs_anything_its_policy_forbids(site: Site, visitors: Visitors) -> None:
    visitor = await visitors.new()
    await visitor.context.add_init_script(
        "window.violations = []; document.addEventListener('securitypolicyviolation',"
        " event => window.violations.push(event.violatedDirective + ' ' + event.blockedURI))"
    )
    bus = site.world.coaches[3]
    board = f"/board/{site.world.stops['Berlin ZOB']}"
    for path in ("/", f"/buses/{bus}", board, "/login", "/my", "/docs", "/nowhere", "/admin/"):
        page = await visitor.open(path)
        await page.wait_for_load_state("networkidle")
        assert await page.evaluate("window.violations") == [], path
    page = await visitor.open(f"/buses/{bus}")
    await buy(page, bus, "12A")
    assert await page.evaluate("window.violations") == []


async def test_the_seat_page_stays_within_its_budget(site: Site, visitors: Visitors) -> None:
    visitor = await visitors.new()
    page = await visitor.context.new_page()
    stops = site.world.stops
    leg = f"from={stops['Leipzig Hauptbahnhof']}&to={stops['München ZOB']}"
    await page.goto(f"{site.url}/buses/{site.world.double_decks[0]}?{leg}")
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
    assert not [path for path, _ in loaded if "/admin" in path or "uplot" in path]
    # The page itself is not among its resources.
    assert 1 + len(loaded) <= REQUESTS_MAX, sorted(path for path, _ in loaded)
    assert sizes[".js"] <= SCRIPT_BYTES_MAX
    assert sizes[".css"] <= STYLE_BYTES_MAX
    # The bus and its seats are asked for once, and by the page's head: before any script is there to ask.
    asked = await page.evaluate(
        """performance.getEntriesByType("resource").filter(each => each.name.includes("/api/"))
            .map(each => each.initiatorType)"""
    )
    assert asked == ["link", "link"]


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
    for path in (
        "/",
        f"/buses/{site.world.coaches[0]}",
        "/board/1",
        "/kiosk",
        "/scan",
        "/login",
        "/my",
        "/docs",
        "/admin/",
    ):
        await page.goto(site.url + path)
        assert "JavaScript" in await page.inner_text("main"), path
    await context.close()
