"""Each journey from its beginning to its end, by role and name, on a phone and on a desktop, in light and in dark, from
left to right and from right to left.

Every journey is gone in one shape, all of them together in every shape there is; with `--long` each in all of them.
"""

import re
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from playwright.async_api import expect

from store.model import DeviceKind, Role
from tests.browser.conftest import Visitors
from tests.browser.shapes import SHAPES, Reader, Shape, come
from tests.browser.site import Site
from tests.browser.staff import hire, put_on_sale, sign_in
from tests.browser.terminals import show_code
from tests.browser.test_kiosk import take_ride

_ORDER = (
    "test_a_rider_buys_two_seats",
    "test_a_rider_cancels_one_of_two_seats_with_the_keyboard_alone",
    "test_a_kiosk_sells_a_ticket",
    "test_a_board_tells_of_a_seat_that_is_held",
    "test_an_agent_sells_at_the_counter_with_the_keyboard_alone",
    "test_an_operator_makes_a_bus_and_sells_it",
    "test_a_manager_takes_a_seat_off_sale_and_puts_it_back",
    "test_an_agent_refunds_one_of_two_tickets",
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    at = _ORDER.index(metafunc.function.__name__)
    shapes = SHAPES if metafunc.config.getoption("--long") else [SHAPES[at]]
    metafunc.parametrize("shape", shapes, ids=str)


async def test_a_rider_buys_two_seats(site: Site, visitors: Visitors, shape: Shape) -> None:
    page = await (await come(visitors, shape)).open("/")
    you = Reader(page)
    for field, typed, stop in (
        ("search.from", "berl", "Berlin ZOB"),
        ("search.to", "mün", "München ZOB"),
    ):
        await you.write(field, typed, role="combobox")
        await page.get_by_role("option", name=stop).first.click()
    await you.press("button", "search.go")
    bus = page.get_by_role("listitem").get_by_role("link", name="München ZOB").first
    await you.fits()
    await bus.click()
    # The page before says most of the same words.
    await page.wait_for_url("**/buses/*")

    await you.press("button", "best.find")
    picked = (await you.find("list", "summary.seats")).get_by_role("button")
    await expect(picked).to_have_count(2)
    await you.hear("heading", "legend.title")
    await you.fits()
    await you.press("button", "summary.go")
    await page.wait_for_url("**/checkout/*")

    await you.hear("heading", "checkout.who")
    names = await you.find("textbox", "checkout.name")
    for at, name in enumerate(("Ada Lovelace", "Alan Turing")):
        await names.nth(at).fill(name)
    await you.write("checkout.email", "ada@example.org")
    await you.fits()
    await you.press("button", "checkout.go")
    await (await you.find("region", "pay.title")).get_by_role("button").first.click()
    await page.wait_for_url("**/bookings/*")
    await expect(page.locator(".status")).to_have_text(await you.say("booking.CONFIRMED"))
    await you.hear("heading", "code.title", count=2)
    await you.hear("button", "take.pdf")
    await you.fits()


async def test_a_rider_cancels_one_of_two_seats_with_the_keyboard_alone(
    site: Site, visitors: Visitors, shape: Shape
) -> None:
    bus, _ = await put_on_sale(site, f"Given Back {shape}")
    ((ref, key),) = await site.sell(bus, "1A", "1B")
    page = await (await come(visitors, shape)).open(f"/bookings/{ref}#key={key}")
    you = Reader(page)
    await you.reach("button", "booking.cancel")
    await page.keyboard.press("Enter")
    await you.hear("dialog", "cancel.title")
    await you.hear("group", "cancel.which")
    await you.reach("checkbox", "cancel.person", seat="1B", name="Somebody")
    await page.keyboard.press("Space")
    await expect(page.get_by_role("dialog").locator(".quote")).to_contain_text("25.00")
    await you.fits()
    await you.reach("button", "cancel.go", count=1)
    await page.keyboard.press("Enter")
    status = page.locator(".status")
    await expect(status).to_have_text(await you.say("booking.PARTIALLY_CANCELLED"))
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await you.fits()


async def test_a_kiosk_sells_a_ticket(site: Site, visitors: Visitors, shape: Shape) -> None:
    bus = site.world.coaches[3]
    code = await show_code(site, bus, site.world.stops["Berlin ZOB"], DeviceKind.KIOSK)
    visitor = await come(visitors, shape)
    await visitor.context.add_init_script("window.print = () => {}")
    page = await visitor.open("/kiosk")
    you = Reader(page)
    await you.write("pair.code", code)
    await you.fits()
    await you.press("button", "pair.go")
    await you.press("button", "pin.none")
    await you.hear("heading", "attract.title")
    await expect(page.locator(".attract-next li").first).to_be_visible()
    await you.fits()
    await you.press("button", "attract.start")
    await you.hear("heading", "kiosk.where")
    await page.get_by_role("button", name="München ZOB").click()
    await take_ride(site, page, bus)
    await you.press("button", "best.people", count=1)
    await expect(page.locator('.decks .seat[data-view="mine"]')).to_have_count(1)
    await you.fits()
    await you.press("button", "summary.go")
    await you.write("checkout.name", "Ada Lovelace")
    await you.fits()
    await you.press("button", "summary.go")
    await you.hear("heading", "kiosk.phone")
    await you.press("button", "kiosk.phone.skip")
    await you.hear("heading", "kiosk.pay")
    await you.fits()
    way = page.get_by_role("button", name=await you.say("pay.phone"))
    async with page.expect_response(lambda answer: answer.url.endswith("/bookings")) as made:
        await way.click()
    await you.hear("img", "pay.scan.alt")
    await you.fits()
    payment = (await (await made.value).json())["payment"]["id"]
    async with httpx2.AsyncClient(base_url=f"{site.url}/api/v1") as phone:
        paid = await phone.post(f"/payments/{payment}/demo", json={"outcome": "succeeded"})
        assert paid.status_code == 200, paid.text
    await you.hear("heading", "kiosk.done")
    await expect(page.get_by_role("article")).to_contain_text("Ada Lovelace")
    await you.fits()
    # Whoever comes next stands before a new page.
    async with page.expect_navigation():
        await you.press("button", "kiosk.finish")
    await expect(page.locator(".attract-next li").first).to_be_visible()


async def test_a_board_tells_of_a_seat_that_is_held(
    site: Site, visitors: Visitors, shape: Shape
) -> None:
    page = await (await come(visitors, shape)).open(f"/board/{site.world.stops['Berlin ZOB']}")
    you = Reader(page)
    await you.hear("table", "board.caption", stop="Berlin ZOB")
    for column in ("board.time", "board.to", "board.seats", "board.state"):
        await you.hear("columnheader", column)
    # What fits on a wall takes turns; it stays for who reads.
    await page.keyboard.press("Space")
    row = page.locator("tbody tr[data-state=ontime]").first
    bus = str(await row.get_attribute("data-bus"))
    row = page.locator(f'tr[data-bus="{bus}"]')
    left = int(await row.locator(".board-seats strong").inner_text())
    await expect(row).to_contain_text(await you.say("board.is.ontime"))
    await you.fits()
    async with httpx2.AsyncClient(base_url=f"{site.url}/api/v1") as client:
        seats = (await client.get(f"/buses/{bus}/seats")).json()["seats"]
    free = [each["seat"] for each in seats if each["status"] == "AVAILABLE"]
    hold = await site.hold(bus, free[-1])
    await expect(row.locator(".board-seats strong")).to_have_text(str(left - 1), timeout=15_000)
    await site.release(hold)
    await expect(row.locator(".board-seats strong")).to_have_text(str(left), timeout=15_000)


async def test_an_agent_sells_at_the_counter_with_the_keyboard_alone(
    site: Site, visitors: Visitors, shape: Shape
) -> None:
    bus, day = await put_on_sale(site, f"Over Counter {shape}")
    email = await hire(site, Role.AGENT, f"counter.{shape}@staff.example")
    page = await sign_in(await come(visitors, shape), email, f"/admin/counter?date={day}")
    you, keys = Reader(page), page.keyboard
    await you.hear("heading", "admin.nav.counter")
    await you.reach("button", "shift.start")
    await keys.press("Enter")
    await you.hear("dialog", "shift.start")
    await you.reach("textbox", "shift.float", currency="EUR")
    await keys.type("100")
    await keys.press("Enter")
    await you.hear("button", "shift.close")
    await you.reach("combobox", "counter.bus")
    await keys.type(f"over counter {shape}")
    await expect(page.get_by_role("option")).to_have_count(1)
    await you.fits()
    await keys.press("Enter")
    await page.wait_for_url(f"**bus={bus}**")
    await you.reach("spinbutton", "best.party")
    await keys.type("2")
    await keys.press("Enter")
    names = await you.find("textbox", "checkout.name")
    await expect(names.first).to_be_focused()
    await keys.type("Ada Lovelace")
    await keys.press("Tab")
    await keys.press("Tab")
    await expect(names.last).to_be_focused()
    await keys.type("Alan Turing")
    await you.reach("textbox", "counter.given", currency="EUR")
    await keys.type("60")
    await you.fits()
    await keys.press("Enter")
    await expect(page.locator(".change-due")).to_contain_text("10.00")
    await you.hear("button", "counter.next")
    await you.fits()


async def test_an_operator_makes_a_bus_and_sells_it(
    site: Site, visitors: Visitors, shape: Shape
) -> None:
    email = await hire(site, Role.OPERATOR, f"maker.{shape}@staff.example", "Nordlicht")
    page = await sign_in(await come(visitors, shape), email, "/admin/buses")
    you = Reader(page)
    await you.hear("heading", "admin.nav.buses")
    await you.press("button", "cat.buses.add")
    await you.hear("heading", "cat.buses.add")
    await (await you.find("combobox", "cat.route")).select_option(label="Berlin - London")
    # Far from the days that other tests look at.
    leaves = datetime.now(UTC) + timedelta(days=60 + SHAPES.index(shape))
    await page.get_by_label(await you.say("cat.buses.departs")).fill(
        leaves.strftime("%Y-%m-%dT10:00")
    )
    name = f"Newly Made {shape}"
    await you.write("cat.name", name)
    await you.write("cat.bus.price", "9.00", currency="EUR")
    await you.fits()
    await you.press("button", "cat.bus.draft.go")
    row = page.get_by_role("row", name=re.compile(name))
    await expect(row).to_contain_text(await you.say("cat.bus.DRAFT"))
    await you.fits()
    on_sale = await you.say("cat.bus.sell.go")
    await row.get_by_role("button", name=on_sale).click()
    await expect(row).to_contain_text(await you.say("cat.bus.SCHEDULED"))
    path = str(await row.get_by_role("link").first.get_attribute("href"))
    bus = path.rsplit("/", 1)[1]
    await row.get_by_role("link").first.click()
    await you.hear("heading", "manifest.title")
    seat = (await _free_seats(site, bus))[0]
    await site.sell(bus, seat)
    # Nobody asked again: the page was told.
    await expect(await you.find("table", "manifest.title")).to_contain_text("Somebody")
    await expect(you.seat(seat)).to_have_accessible_name(
        re.compile(re.escape(await you.say("view.booked")))
    )
    await you.fits()


async def test_a_manager_takes_a_seat_off_sale_and_puts_it_back(
    site: Site, visitors: Visitors, shape: Shape
) -> None:
    bus, _ = await put_on_sale(site, f"Off Sale {shape}")
    email = await hire(site, Role.OPERATOR, f"blocker.{shape}@staff.example")
    page = await sign_in(await come(visitors, shape), email, f"/admin/buses/{bus}")
    you = Reader(page)
    await you.seat("1A").click()
    await you.write("floor.reason", "Broken belt")
    await you.fits()
    await page.locator(".block-form").get_by_role("button", name="1A").click()
    blocked, free = await you.say("view.blocked"), await you.say("view.available")
    await expect(you.seat("1A")).to_have_accessible_name(re.compile(blocked))
    assert "1A" not in await _free_seats(site, bus)
    card = await you.find("region", "floor.blocks")
    await expect(card).to_contain_text("Broken belt")
    await you.fits()
    await card.get_by_role("button", name="1A").click()
    await expect(you.seat("1A")).to_have_accessible_name(re.compile(free))
    assert "1A" in await _free_seats(site, bus)


async def test_an_agent_refunds_one_of_two_tickets(
    site: Site, visitors: Visitors, shape: Shape
) -> None:
    bus, _ = await put_on_sale(site, f"Paid Back {shape}")
    ((ref, _),) = await site.sell(bus, "2A", "2B")
    email = await hire(site, Role.AGENT, f"refund.{shape}@staff.example")
    page = await sign_in(await come(visitors, shape), email, "/admin/bookings")
    you = Reader(page)
    await you.hear("heading", "admin.nav.bookings")
    await you.write("bookings.search", ref, role="searchbox")
    await page.get_by_role("link", name=ref).click()
    await you.press("button", "refund.open")
    await you.hear("dialog", "refund.title", ref=ref)
    await page.get_by_role("dialog").get_by_role("checkbox").last.uncheck()
    await expect(page.locator(".quote")).to_contain_text("25.00")
    await you.fits()
    await you.press("button", "cancel.go", count=1)
    history = page.locator(".history")
    for line in ("history.payment.SUCCEEDED", "history.ticket.CANCELLED", "history.refund.demo"):
        await expect(history).to_contain_text(await you.say(line))
    await you.fits()


async def _free_seats(site: Site, bus: str) -> list[str]:
    async with httpx2.AsyncClient(base_url=f"{site.url}/api/v1") as client:
        seats = (await client.get(f"/buses/{bus}/seats")).json()["seats"]
    return [each["seat"] for each in seats if each["status"] == "AVAILABLE"]
