import asyncio
import re

import httpx2
from playwright.async_api import Page, Route, expect

from store.model import Role
from tests.browser.conftest import Visitors
from tests.browser.site import PHONE, Site
from tests.browser.staff import hire, put_on_sale, sign_in
from tests.browser.test_pages import judge, measure
from tests.support.databases import connect


async def look(page: Page, name: str) -> None:
    """What keeps nobody out, and fits."""
    assert await measure(page) + await judge(page) == [], name


async def open_shift(page: Page, float_: str) -> None:
    await page.get_by_role("button", name="Open a shift").click()
    await page.fill("#float", float_)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("region", name="Your shift")).to_contain_text("Shift since")


async def sell(page: Page, *names: str, given: str) -> str:
    """Sell seats of the bus that is chosen, by keyboard; return the booking's ref."""
    await page.locator("#party").focus()
    await page.keyboard.type(str(len(names)))
    await page.keyboard.press("Enter")
    await expect(page.locator("#name-0")).to_be_focused()
    for index, name in enumerate(names):
        await page.locator(f"#name-{index}").focus()
        await page.keyboard.type(name)
    if given:
        await page.locator("#given").focus()
        await page.keyboard.type(given)
    else:
        await page.get_by_role("button", name="Demo card").click()
        await page.locator("#name-0").focus()
    await page.keyboard.press("Enter")
    sold = page.get_by_role("heading", name="Sold:")
    await sold.wait_for()
    return (await sold.inner_text()).removeprefix("Sold: ")


async def choose_bus(page: Page, day: str, typed: str) -> None:
    await page.fill("#filter-date", day)
    await page.wait_for_url(f"**date={day}")
    await page.get_by_role("heading", name="Counter").click()
    await page.keyboard.press("/")
    await page.keyboard.type(typed)
    # That there is no such bus is an option, too, to who hears the list.
    await expect(page.locator(".departure")).to_have_count(1)
    await page.keyboard.press("Enter")
    await page.wait_for_url(re.compile(r"bus=\d+"))


async def refund_one(page: Page, ref: str, who_stays: str) -> None:
    """Find a booking by a passenger's name, give one of its two seats back, and hand the money over."""
    await page.keyboard.press("g")
    await page.keyboard.press("b")
    await page.wait_for_url("**/admin/bookings")
    await page.get_by_role("searchbox").fill("lovel")
    await page.get_by_role("link", name=ref).click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Confirmed")
    await page.get_by_role("button", name="Cancel or refund").click()
    await page.get_by_role("checkbox", name=who_stays).uncheck()
    await expect(page.locator(".quote")).to_contain_text("€25.00")
    await page.get_by_role("button", name="Cancel 1 seat").click()
    await page.get_by_role("button", name="Hand over").click()
    await page.get_by_role("button", name="€25.00 handed over").click()
    history = page.locator(".history")
    for line in ("Made at the counter", "Paid", "Tickets cancelled", "Cash handed over"):
        await expect(history).to_contain_text(line)


async def test_an_agent_sells_refunds_and_cashes_up_by_keyboard(
    site: Site, visitors: Visitors
) -> None:
    _, day = await put_on_sale(site, "Counter Line")
    email = await hire(site, Role.AGENT, "counter@staff.example")
    page = await sign_in(await visitors.new(), email)
    # An agent has no overview, and starts where there is something to do.
    await page.wait_for_url("**/admin/counter")
    await expect(page.get_by_role("navigation", name="Menu")).not_to_contain_text("Sales report")
    await open_shift(page, "100")
    await choose_bus(page, day, "counter li")
    ref = await sell(page, "Ada Lovelace", "Alan Turing", given="60")
    await expect(page.locator(".change-due")).to_have_text("Change: €10.00")
    await look(page, "receipt")
    async with page.context.expect_page() as opened:
        await page.keyboard.press("p")
    await (await opened.value).close()
    await page.get_by_role("button", name="Next sale").click()
    await sell(page, "Grace Hopper", given="")
    shift = page.get_by_role("region", name="Your shift")
    await expect(shift).to_contain_text("€150.00 in the drawer")
    await refund_one(page, ref, "Alan Turing")
    await look(page, "booking")

    await page.keyboard.press("g")
    await page.keyboard.press("c")
    await expect(shift).to_contain_text("€125.00 in the drawer")
    await page.get_by_role("button", name="Cash up").click()
    await page.fill("#EUR", "124")
    await expect(page.get_by_role("dialog")).to_contain_text("€1.00 missing.")
    await look(page, "cash-up")
    await page.keyboard.press("Enter")
    closed = page.get_by_role("dialog", name="Shift closed")
    await expect(closed).to_contain_text("Counted: €124.00")
    await closed.get_by_role("button", name="Close").click()
    await expect(shift).to_contain_text("No shift is open")


async def test_no_key_is_lost_while_a_days_buses_are_still_asked_for(
    site: Site, visitors: Visitors
) -> None:
    _, day = await put_on_sale(site, "Nimble Fingers")
    email = await hire(site, Role.AGENT, "nimble@staff.example")
    page = await sign_in(await visitors.new(), email)
    answered = asyncio.Event()

    async def dawdle(route: Route) -> None:
        await answered.wait()
        await route.continue_()

    await page.route("**/api/v1/buses?**", dawdle)
    await page.goto(f"{site.url}/admin/counter?date={day}")
    await page.get_by_role("heading", name="Counter").click()
    # "n" and "b" alone would begin a sale, and lead to its seats.
    await page.keyboard.type("/nimble fi")
    await expect(page.locator("#departure")).to_be_focused()
    await expect(page.locator("#departure")).to_have_value("nimble fi")
    await page.keyboard.press("Enter")
    answered.set()
    await expect(page.locator(".departure")).to_have_count(1)
    assert "bus=" not in page.url, "nothing was there to choose"

    # Nor is a bus of the day before to be had where another day is asked for.
    answered.clear()
    await page.fill("#filter-date", "2035-01-01")
    await page.wait_for_url("**date=2035-01-01")
    await expect(page.locator("[role=option]")).to_have_count(0)
    await page.locator("#departure").press("Enter")
    answered.set()
    await expect(page.locator("[role=option]")).to_have_text("No bus like that on this day")
    assert "bus=" not in page.url


async def test_a_seat_lost_at_the_counter_is_made_good_with_one_press(
    site: Site, visitors: Visitors
) -> None:
    bus, day = await put_on_sale(site, "Snatched Seats")
    email = await hire(site, Role.AGENT, "snatched@staff.example")
    page = await sign_in(await visitors.new(), email)
    await open_shift(page, "0")
    await choose_bus(page, day, "snatched")
    lost: list[str] = []

    async def snatch(route: Route) -> None:
        asked = route.request.post_data_json
        assert asked is not None
        lost.append(asked["seats"][0])
        await site.hold(bus, *lost)
        await route.continue_()

    await page.route("**/holds", snatch, times=1)
    await page.locator("#party").focus()
    await page.keyboard.type("2")
    await page.keyboard.press("Enter")
    messages = page.get_by_role("region", name="Messages")
    await expect(messages).to_contain_text("was taken just now")
    assert len(lost) == 1
    assert lost[0] in await messages.inner_text()
    take = messages.get_by_role("button", name=re.compile("^Take "))
    other = (await take.inner_text()).removeprefix("Take ")
    await look(page, "taken")
    async with page.expect_response(lambda answer: "/holds" in answer.url) as changed:
        await take.click()
    answer = await changed.value
    assert answer.ok, await answer.text()
    held = (await answer.json())["seats"]
    assert (len(held), other in held, lost[0] in held) == (2, True, False)
    await expect(page.locator(".chosen-line")).to_contain_text(other)
    await expect(page.locator("#name-1")).to_be_visible()


async def lose_the_server(page: Page, site: Site, bus: str) -> None:
    """Let a bus change while it cannot be asked for: what is in view stays, and so does what was chosen."""
    path = f"**/api/v1/admin/buses/{bus}"
    await page.route(path, lambda route: route.abort())
    await site.hold(bus, "3A")
    stale = page.get_by_role("status").filter(has_text="No connection to the server")
    await stale.wait_for()
    await expect(page.get_by_role("region", name="Who sits there")).to_contain_text("Somebody")
    await page.unroute(path)
    await stale.get_by_role("button", name="Try again").click()
    await expect(stale).to_have_count(0)


async def test_an_agent_moves_a_passenger_by_keyboard_and_mails_the_ticket_again(
    site: Site, visitors: Visitors
) -> None:
    bus, _ = await put_on_sale(site, "Musical Chairs")
    await site.sell(bus, "1A", "1B", email="ann@example.org")
    email = await hire(site, Role.AGENT, "usher@staff.example")
    page = await sign_in(await visitors.new(size=PHONE), email, f"/admin/buses/{bus}")
    await page.click("#seat-1A")
    who = page.get_by_role("region", name="Who sits there")
    await who.get_by_role("button", name="Move Somebody from 1A to another seat").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#seat-1A")).to_be_focused()
    await expect(page.locator("#seat-1A")).to_have_attribute("aria-pressed", "true")
    await look(page, "moving")
    # Somebody sits there: it is said, and nothing is asked.
    await page.keyboard.type("1b")
    await page.keyboard.press("Enter")
    messages = page.get_by_role("region", name="Messages")
    await expect(messages).to_contain_text("1B is not free on their way: sold")
    await page.locator("#seat-1A").focus()
    await page.keyboard.press("ArrowDown")
    await expect(page.locator("#seat-2A")).to_be_focused()
    await page.keyboard.press("Enter")
    question = page.get_by_role("dialog", name="Move Somebody from 1A to 2A?")
    await expect(question).to_contain_text("The price stays")
    await look(page, "question")
    await question.get_by_role("button", name="Move to 2A").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#seat-2A")).to_be_focused()
    await expect(page.locator("#seat-1A")).to_have_attribute("data-view", "available")
    await expect(who).to_contain_text("2A")
    await who.get_by_role("link").click()
    await expect(page.locator(".history")).to_contain_text("Got another seat · 1A → 2A")
    await page.get_by_role("button", name="Send mail again").click()
    await page.get_by_role("dialog").get_by_role("button", name="Send").click()
    await expect(messages).to_contain_text("On its way to a***@e***.org. 4 more this hour")
    await expect(page.locator(".history")).to_contain_text("Mail sent again")


async def test_a_manager_blocks_seats_watches_sales_and_cancels_a_bus(
    site: Site, visitors: Visitors
) -> None:
    bus, _ = await put_on_sale(site, "Floor Show")
    visitor = await visitors.new(size=PHONE, theme="dark")
    email = await hire(site, Role.OPERATOR, "manager@staff.example")
    overview = await sign_in(visitor, email)
    seats = overview.locator("[data-kpi=seats] .kpi-value")
    await expect(overview.locator(".live-mark")).to_have_text("Live")
    await expect(overview.locator(".uplot canvas")).to_have_count(1)
    before = int(await seats.inner_text())
    await look(overview, "overview")

    page = await visitor.open(f"/admin/buses/{bus}")
    for label in ("1A", "1B"):
        await page.click(f"#seat-{label}")
    await page.fill("#reason", "Broken belt")
    await page.get_by_role("button", name="Block 1A and 1B").click()
    await expect(page.locator("#seat-1A")).to_have_attribute("data-view", "blocked")
    await site.sell(bus, "2A", "2B")
    # Nobody asked again: both pages were told.
    await expect(page.locator("#seat-2A")).to_have_attribute("data-view", "booked")
    await expect(page.get_by_role("table", name="Passengers")).to_contain_text("Somebody")
    await expect(seats).to_have_text(str(before + 2))
    await expect(overview.locator(".feed-line").first).to_contain_text("2A, 2B")
    await page.get_by_role("button", name="Put 1A and 1B back on sale").click()
    await expect(page.locator("#seat-1A")).to_have_attribute("data-view", "available")
    await page.click("#seat-2A")
    await expect(page.get_by_role("region", name="Who sits there")).to_contain_text("Somebody")
    await lose_the_server(page, site, bus)
    await look(page, "bus")

    await page.get_by_role("button", name="Cancel bus").click()
    question = page.get_by_role("dialog", name="Cancel Floor Show?")
    await look(page, "cancel")
    for fact in ("1 booking is cancelled", "2 seats were sold", "€50.00 goes back"):
        await expect(question).to_contain_text(fact)
    go = question.get_by_role("button", name="Cancel and pay 1 booking back")
    await expect(go).to_have_attribute("aria-disabled", "true")
    await question.get_by_role("textbox").fill("cancel")
    await go.click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Cancelled")
    progress = page.get_by_role("region", name="Refunds")
    await expect(progress).to_contain_text("0 of 1 booking paid back")
    async with site.working():
        await expect(progress).to_contain_text("1 of 1 booking paid back", timeout=30_000)
    await expect(page.get_by_role("table", name="Passengers")).to_contain_text("Cancelled")

    await overview.bring_to_front()
    await overview.goto(f"{site.url}/admin/?show=seats&as=table&against=7")
    await expect(overview.get_by_role("table", name="Seats sold so far")).to_contain_text("24:00")
    await look(overview, "tables")
    await overview.goto(f"{site.url}/admin/sales?group=channel")
    await expect(overview.get_by_role("button", name="Channel")).to_have_attribute(
        "aria-pressed", "true"
    )


async def refuse_four_times(site: Site, bus: str) -> None:
    """Have a taken seat asked for four times, once of them yesterday."""
    await site.hold(bus, "1A")
    async with httpx2.AsyncClient(base_url=f"{site.url}/api/v1") as client:
        for number in range(4):
            keyed = {"idempotency-key": f"conflict-{bus}-{number}"}
            refused = await client.post(
                f"/buses/{bus}/holds", json={"seats": ["1A"]}, headers=keyed
            )
            assert refused.status_code == 409
    owner = await connect(site.database_url)
    async with owner.transaction():
        await owner.execute(
            "SELECT set_config('omnibus.operators', array_agg(operator_id)::text, true) FROM operators"
        )
        await owner.execute(
            # By the operator's clock, which "by this time" is of: a day may have 23 hours or 25.
            "UPDATE idempotency_keys AS k SET created_at ="
            " (k.created_at AT TIME ZONE o.time_zone - interval '1 day 1 second') AT TIME ZONE o.time_zone"
            " FROM operators AS o WHERE o.operator_id = k.operator_id AND k.key_hash ="
            " (SELECT min(key_hash::text) FROM idempotency_keys WHERE bus_id = $1 AND status = 409)::uuid",
            int(bus),
        )
    await owner.close()


async def test_conflicts_are_compared_and_more_of_them_are_worse(
    site: Site, visitors: Visitors
) -> None:
    bus, _ = await put_on_sale(site, "Sought After")
    await refuse_four_times(site, bus)
    page = await sign_in(
        await visitors.new(), await hire(site, Role.OPERATOR, "conflicts@staff.example")
    )
    tile = page.locator("[data-kpi=conflicts]")
    # What the live totals tell may be a moment old.
    await expect(tile.locator(".kpi-value")).to_have_text(
        re.compile(r"^([3-9]|\d\d+)$"), timeout=30_000
    )
    today = int(await tile.locator(".kpi-value").inner_text())
    change = tile.locator(".kpi-change")
    await expect(change).to_have_attribute("data-tone", "bad")
    await expect(change).to_contain_text(f"+{today - 1}00%")
    await expect(change).to_contain_text("1 yesterday by this time")
    await page.get_by_label("Compare with").select_option("7")
    await expect(change).to_contain_text("0 a week ago by this time")
    await page.get_by_label("Compare with").select_option("1")
    await page.get_by_label("Show", exact=True).select_option("conflicts")
    await page.get_by_role("button", name="Table").first.click()
    table = page.get_by_role("table", name="Conflicts so far")
    await expect(table.get_by_role("row").last).to_have_text(re.compile(r"^24:00.*1$"))
    async with page.expect_download() as begun:
        await page.locator(".card", has=table).get_by_role("button", name="CSV").click()
    file = await begun.value
    assert file.suggested_filename.startswith("conflicts-")
    lines = (await file.path()).read_text(encoding="utf-8").splitlines()
    assert lines[-1].endswith(",1")
    await look(page, "conflicts")


async def test_a_rider_at_the_staff_door_is_told_where_to_go(
    site: Site, visitors: Visitors
) -> None:
    email = await hire(site, Role.RIDER, "lost@riders.example")
    page = await sign_in(await visitors.new(), email, "/admin/sales")
    notice = page.get_by_role("main")
    await expect(notice).to_contain_text(f"You are signed in as {email}")
    await expect(page.get_by_role("navigation", name="Menu")).to_have_count(0)
    await notice.get_by_role("link", name="My trips").click()
    await page.wait_for_url("**/my")
