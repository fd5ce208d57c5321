"""Takes the pictures of waiting: before the opening, in the line, at one's turn, and as staff sees it."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from playwright.async_api import Browser, Page

from store import Store
from store.rooms import NewRoom, Scope
from tests.browser.site import Site, visit
from tests.browser.staff import put_on_sale, sign_in
from tests.browser.test_waiting import let_wait
from tests.browser.world import ADMIN

Shoot = Callable[[Page, str], Awaitable[None]]


async def shoot_waiting(
    browser: Browser, site: Site, manager: str, shape: tuple[tuple[int, int], str], shoot: Shoot
) -> None:
    """Go through one room from the day before to the seats."""
    size, theme = shape
    bus, _ = await put_on_sale(site, "Festival express")
    store = await Store.open(site.database_url)
    try:
        at = datetime.now(UTC) + timedelta(hours=3, minutes=12, seconds=40)
        room = (await store.rooms.open(ADMIN, NewRoom(Scope.BUS, int(bus), at, 2700))).room
        async with visit(browser, site, size=size, theme=theme) as visitor:
            page = await visitor.open(f"/waiting/{room.room_id}")
            await page.wait_for_selector(".wait-figure")
            await shoot(page, "waiting-soon")
            await store.rooms.close(ADMIN, room.room_id)
            room = (await store.rooms.open(ADMIN, NewRoom(Scope.BUS, int(bus), None, 60))).room
            await let_wait(store, bus, 420)
            page = await visitor.open(f"/waiting/{room.room_id}")
            await page.wait_for_selector(".wait-bar")
            await shoot(page, "waiting")
            floor = await sign_in(visitor, manager, "/admin/rooms")
            await floor.get_by_role("row", name="Festival express").first.wait_for()
            await shoot(floor, "admin-rooms")
        async with visit(browser, site, size=size, theme=theme) as visitor:
            await store.rooms.change_pace(ADMIN, room.room_id, 60_000)
            page = await visitor.open(f"/waiting/{room.room_id}")
            await page.get_by_role("heading", name="It is your turn").wait_for(timeout=30_000)
            await shoot(page, "waiting-turn")
        await store.rooms.close(ADMIN, room.room_id)
    finally:
        await store.close()
