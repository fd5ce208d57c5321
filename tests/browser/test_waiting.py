"""The waiting room as people meet it: opened by staff, waited in, left for the seats when it is one's turn."""

import asyncio
import uuid

from playwright.async_api import Page, Response, Route, expect

from store import Store
from store.model import Role
from store.rooms import NewRoom, Room, Scope
from tests.browser.conftest import Visitors
from tests.browser.site import DESKTOP, PHONE, Site
from tests.browser.staff import hire, put_on_sale, sign_in
from tests.browser.test_live import choose, seat
from tests.browser.test_pages import judge, measure
from tests.browser.world import ADMIN

CROWD = 240


async def let_wait(store: Store, bus: str, people: int = CROWD) -> Room:
    """Have a crowd stand in the room before a bus."""
    found = await store.rooms.list(ADMIN, None, before=None, limit=10)
    room = next(each.room for each in found if each.room.subject_id == int(bus))
    for _ in range(people):
        await store.room_places.join(room, uuid.uuid4())
    return room


async def look(page: Page, name: str) -> None:
    """What keeps nobody out, and fits."""
    assert await measure(page) + await judge(page) == [], name


async def test_a_rider_waits_reloads_loses_the_network_and_is_led_to_the_seats(
    site: Site, visitors: Visitors
) -> None:
    bus, day = await put_on_sale(site, "Festival express")
    manager = await hire(site, Role.OPERATOR, "wanda@staff.example")
    floor = await sign_in(await visitors.new(size=DESKTOP), manager, "/admin/rooms")
    await floor.get_by_role("button", name="Open", exact=True).click()
    await expect(floor.locator("#bus-error")).to_have_text("Say which")
    await floor.fill("#date", day)
    await floor.locator("#bus").select_option(bus)
    await floor.fill("#per_minute", "60")
    await floor.get_by_role("button", name="Open", exact=True).click()
    row = floor.get_by_role("row", name="Festival express")
    await expect(row).to_be_visible()
    store = await Store.open(site.database_url)
    try:
        room = await let_wait(store, bus)
        visitor = await visitors.new(size=PHONE)
        page = await visitor.open(f"/buses/{bus}")
        await page.click(seat(page, "1A"))
        await page.wait_for_url(f"**/waiting/{room.room_id}?*")
        await expect(page.locator(".wait-figure")).to_contain_text("before you")
        await expect(page.locator(".wait-time")).to_contain_text("minutes")
        number = await page.locator(".wait-facts dd").first.inner_text()
        await look(page, "waiting")
        await page.reload()
        await expect(page.locator(".wait-facts dd").first).to_have_text(number)
        await page.context.set_offline(True)
        await expect(page.locator(".banner")).to_contain_text("Your place is kept", timeout=30_000)
        await page.context.set_offline(False)
        await expect(page.locator(".banner")).to_have_count(0, timeout=30_000)
        assert await page.title() != "Omnibus"
        await expect(row).to_contain_text("Open")
        await look(floor, "floor")
        await store.rooms.change_pace(ADMIN, room.room_id, 60_000)
        await expect(page.get_by_role("heading", name="It is your turn")).to_be_visible(
            timeout=30_000
        )
        await look(page, "turn")
        await page.wait_for_url(f"**/buses/{bus}*")
        await page.wait_for_selector(".seat")
        await choose(page, "1A")
        await floor.get_by_role("button", name="Close: Festival express").click()
        await floor.get_by_role("dialog").get_by_role("button", name="Close", exact=True).click()
        await expect(row).to_contain_text("Closed")
        late = await visitors.new(size=PHONE)
        page = await late.open(f"/waiting/{room.room_id}")
        await expect(page.get_by_role("heading", name="Nobody has to wait")).to_be_visible()
        await look(page, "closed")
        visitor.complaints[:] = []  # refused by the room, and without a network for a while
    finally:
        await store.close()


async def test_what_was_chosen_of_one_operator_is_not_opened_at_another(
    site: Site, visitors: Visitors
) -> None:
    bus, day = await put_on_sale(site, "Whose express")
    admin = await hire(site, Role.ADMIN, "petra@staff.example")
    page = await sign_in(await visitors.new(size=DESKTOP), admin, "/admin/rooms")
    await page.fill("#date", day)
    await page.locator("#bus").select_option(bus)
    await page.get_by_label("Operator", exact=True).select_option(label="Danube Night")
    await expect(page.locator("#bus")).to_have_value("")
    await page.get_by_role("button", name="Open", exact=True).click()
    await expect(page.locator("#bus-error")).to_have_text("Say which")


async def test_a_process_that_does_not_know_of_the_turn_yet_is_asked_again_and_nothing_is_lost(
    site: Site, visitors: Visitors
) -> None:
    bus, _ = await put_on_sale(site, "Lagging express")
    store = await Store.open(site.database_url)
    try:
        await store.rooms.open(ADMIN, NewRoom(Scope.BUS, int(bus), per_minute=1))
        room = await let_wait(store, bus, people=20)
        visitor = await visitors.new(size=PHONE)
        is_ahead, refused = True, asyncio.Event()

        async def tell(route: Route) -> None:
            """Tell what the counter will be before whoever lets people in knows it."""
            answer = await route.fetch()
            told = await answer.json()
            await route.fulfill(
                response=answer, json={**told, "now_serving": 1000} if is_ahead else told
            )

        def note(answer: Response) -> None:
            if answer.url.endswith("/entry") and answer.status == 409:
                refused.set()

        await visitor.context.route(f"**/api/v1/rooms/{room.room_id}", tell)
        visitor.context.on("response", note)
        page = await visitor.open(f"/waiting/{room.room_id}")
        await asyncio.wait_for(refused.wait(), 30)
        await expect(page.locator(".wait-figure")).to_have_text("You are next")
        await expect(page.locator(".banner")).to_have_count(0)
        refused.clear()
        await asyncio.wait_for(refused.wait(), 30)
        await expect(page.locator(".banner")).to_have_count(0)
        is_ahead = False  # the next one has not heard either: one's turn stays, and is asked for
        refused.clear()
        await asyncio.wait_for(refused.wait(), 30)
        await expect(page.locator(".wait-figure")).to_have_text("You are next")
        await store.rooms.change_pace(ADMIN, room.room_id, 60_000)
        await expect(page.get_by_role("heading", name="It is your turn")).to_be_visible(
            timeout=30_000
        )
    finally:
        await store.close()
