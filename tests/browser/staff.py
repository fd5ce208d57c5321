"""Those who sell, in the small world: hired, signed in, with a bus of their own."""

from datetime import UTC, datetime, timedelta

from playwright.async_api import Page

from server.passwords import Passwords
from store import Store
from store.accounts import NewUser
from store.model import Role
from store.timetable import NewBus
from tests.browser.site import Site, Visitor
from tests.browser.world import ADMIN

PASSWORD = "correct horse"


async def hire(site: Site, role: Role, email: str, employer: str = "") -> str:
    """Add somebody who works for an operator, that of the coaches unless another is named; return their address."""
    store, passwords = await Store.open(site.database_url), Passwords()
    known = {each.name: each.operator_id for each in await store.catalogue.operators()}
    coaches = (await store.buses.find(int(site.world.coaches[0]))).operator_id
    operator = known[employer] if employer else coaches
    is_of_operator = role in {Role.AGENT, Role.OPERATOR}
    name = email.partition("@")[0].title()
    password = await passwords.hash(PASSWORD)
    await store.accounts.add(
        NewUser(name, email, password, role, operator if is_of_operator else None)
    )
    passwords.close()
    await store.close()
    return email


async def put_on_sale(site: Site, name: str, *, seats: int = 12) -> tuple[str, str]:
    """Add a bus of the operator of the coaches; return its id and the day it leaves on."""
    store = await Store.open(site.database_url)
    operator = (await store.buses.find(int(site.world.coaches[0]))).operator_id
    departs_at = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=2)
    new = NewBus(
        name=name,
        departs_at=departs_at,
        price=2500,
        operator_id=operator,
        total_seats=seats,
        arrives_at=departs_at + timedelta(hours=3),
    )
    bus = (await store.timetable.add_bus(ADMIN, new)).bus_id
    await store.close()
    return str(bus), departs_at.date().isoformat()


async def sign_in(visitor: Visitor, email: str, path: str = "/admin/") -> Page:
    """Come to a page of the floor as somebody comes who has to sign in first."""
    page = await visitor.open(path)
    await page.get_by_role("main").locator("a[href^='/login']").click()
    await page.fill("#email", email)
    await page.fill("#password", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/admin/**")
    return page
