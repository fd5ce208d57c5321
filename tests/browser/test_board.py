"""The departure board: on a wall, in a hand, live, and honest when it is not."""

from playwright.async_api import Page, WebSocketRoute, expect

from store.model import DeviceKind
from tests.browser.conftest import Visitors
from tests.browser.site import PHONE, Site
from tests.browser.terminals import clerk_of, show_code
from tests.browser.test_live import choose
from tests.browser.test_pages import judge, measure
from tests.browser.test_purchase import fill_in

WALL = (1920, 1080)
_DENY_STORAGE = """for (const name of ['localStorage', 'sessionStorage'])
    Object.defineProperty(window, name, { get() { throw new DOMException('no', 'SecurityError') } });"""


class Line:
    """The wire between a board and the server, which a test may cut."""

    def __init__(self) -> None:
        self.is_cut = False
        self._open: list[WebSocketRoute] = []

    async def carry(self, socket: WebSocketRoute) -> None:
        if self.is_cut:
            await socket.close(code=1012)
            return
        socket.connect_to_server()
        self._open.append(socket)

    async def cut(self) -> None:
        self.is_cut = True
        for socket in self._open:
            await socket.close(code=1012)
        self._open.clear()

    def mend(self) -> None:
        self.is_cut = False


async def buy_elsewhere(visitors: Visitors, bus: str, label: str) -> None:
    """Buy a seat of a bus in another window."""
    page = await (await visitors.new()).open(f"/buses/{bus}")
    await page.wait_for_selector(".seat")
    await choose(page, label)
    await page.get_by_role("button", name="Continue").click()
    await page.wait_for_url("**/checkout/*")
    await fill_in(page, "Ada Lovelace")
    await page.get_by_role("button", name="Approve").click()
    await page.wait_for_url("**/bookings/*")


async def first_of(page: Page, name: str) -> str:
    """Return the id of the first bus of a line that the board shows."""
    row = page.locator("tbody tr", has_text=name).first
    await row.wait_for()
    bus = await row.get_attribute("data-bus")
    assert bus is not None
    return bus


async def test_a_board_on_a_wall_shows_a_sale_a_delay_and_a_cancellation_as_they_happen(
    site: Site, visitors: Visitors
) -> None:
    stop = site.world.stops["Berlin ZOB"]
    visitor = await visitors.new(size=WALL)
    line = Line()
    await visitor.context.route_web_socket("**/ws", line.carry)
    page = await visitor.open(f"/board/{stop}")
    # What does not fit takes turns, until somebody wants to read on.
    pager = page.locator(".board-pager")
    await expect(pager).to_contain_text("Page 1 of", timeout=40_000)
    await page.keyboard.press("Space")
    await expect(pager.get_by_role("button")).to_have_attribute("aria-pressed", "true")
    bus = await first_of(page, "N9 Channel Express")
    row = page.locator(f'tr[data-bus="{bus}"]')
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Berlin ZOB")
    await expect(row).to_contain_text("London Victoria")
    await expect(row.locator(".board-state")).to_have_text("On time")
    scheme = await page.evaluate("getComputedStyle(document.documentElement).colorScheme")
    assert scheme == "dark"
    left = int(await row.locator(".board-seats strong").inner_text())
    assert await measure(page) + await judge(page) == []

    await buy_elsewhere(visitors, bus, "1A")
    await expect(row.locator(".board-seats strong")).to_have_text(str(left - 1))

    planned = await row.locator(".board-time strong").inner_text()
    async with clerk_of(site, bus) as clerk:
        late = {"bay": "C4", "delay_seconds": 600}
        said = await clerk.put(f"/admin/buses/{bus}/stops/{stop}", json=late)
        assert said.status_code == 200, said.text
        await expect(row.locator(".board-state")).to_have_text("10 min late")
        await expect(row.locator(".board-bay")).to_have_text("C4")
        await expect(row.locator("s")).to_have_text(planned)
        cancelled = await clerk.post(f"/admin/buses/{bus}/cancel")
        assert cancelled.status_code == 200, cancelled.text
    await expect(row.locator(".board-state")).to_have_text("Cancelled")
    await expect(page.locator("[role=status]")).to_contain_text("London Victoria: Cancelled")
    assert await judge(page) == []

    height = "document.querySelector('.board-foot').getBoundingClientRect().bottom"
    assert await page.evaluate(height) <= WALL[1] + 4
    await page.keyboard.press("Space")
    await expect(pager).to_contain_text("Page 2 of", timeout=15_000)

    await line.cut()
    await expect(page.locator(".banner")).to_contain_text("may be out of date. As of")
    line.mend()
    await expect(page.locator(".banner")).to_have_count(0, timeout=15_000)


async def test_a_board_in_a_hand_is_a_list_and_a_paired_one_says_that_it_lives(
    site: Site, visitors: Visitors
) -> None:
    stop = site.world.stops["Berlin ZOB"]
    visitor = await visitors.new(size=PHONE)
    # A board needs no memory, and some browsers have none.
    await visitor.context.add_init_script(_DENY_STORAGE)
    page = await visitor.open(f"/board/{stop}")
    await expect(page.locator("tbody tr").first).to_be_visible()
    await expect(page.locator(".board-pager")).to_have_count(0)
    assert await measure(page) + await judge(page) == []
    await page.goto(f"{site.url}/board/999999")
    await expect(page.get_by_text("There is no such stop")).to_be_visible()
    await page.goto(f"{site.url}/board/{site.world.stops['London Victoria']}")
    await expect(page.get_by_text("No more departures")).to_be_visible()

    code = await show_code(site, site.world.coaches[0], stop, DeviceKind.BOARD)
    wall = await (await visitors.new(size=WALL)).open("/kiosk")
    await wall.get_by_label("Six digits").press_sequentially(code)
    async with wall.expect_response("**/devices/me/heartbeat") as beaten:
        await wall.keyboard.press("Enter")
    assert (await beaten.value).status == 200
    await wall.wait_for_url(f"**/board/{stop}")
    await expect(wall.locator("tbody tr").first).to_be_visible()
