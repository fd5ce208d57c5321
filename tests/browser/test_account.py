"""An account as its owner meets it: confirmed, opened again by mail, changed, taken away, deleted."""

import json
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from store import Store
from tests.browser.conftest import Visitors
from tests.browser.site import DESKTOP, PHONE, Site
from tests.browser.test_pages import judge, measure
from tests.support.mailbox import Mailbox


async def register(page: Page, email: str) -> None:
    await page.get_by_role("group").get_by_role("button", name="Create account").click()
    await page.fill("#name", "Grace Hopper")
    await page.fill("#email", email)
    await page.fill("#password", "correct horse")
    await page.locator("form .primary").click()
    await page.wait_for_url("**/my")
    await page.wait_for_selector(".account")


async def mailed(site: Site, folder: Path, email: str, kind: str) -> str:
    """Return the newest token of a kind that an address was mailed."""
    store = await Store.open(site.database_url)
    token = await Mailbox(store, folder).token(email, kind)
    await store.close()
    return token


async def test_an_address_is_confirmed_by_its_link_and_the_link_is_not_left_behind(
    site: Site, visitors: Visitors, tmp_path: Path
) -> None:
    visitor, email = await visitors.new(), "grace.confirmed@example.org"
    page = await visitor.open("/login")
    await register(page, email)
    await expect(page.locator(".account")).to_contain_text("not confirmed yet")
    await page.get_by_role("button", name="Send it again").click()
    await expect(page.locator(".toast")).to_contain_text(email)
    token = await mailed(site, tmp_path, email, "verify")
    other = await visitor.open(f"/login?verify={token}")
    await expect(other.locator(".notice")).to_contain_text("is confirmed")
    assert token not in other.url
    await page.reload()
    await expect(page.locator(".proof")).to_have_text("confirmed")
    again = await visitor.open(f"/login?verify={token}")
    await expect(again.locator(".notice")).to_contain_text("does not work any more")


async def test_who_forgot_their_password_gets_back_in_by_mail(
    site: Site, visitors: Visitors, tmp_path: Path
) -> None:
    email = "grace.forgot@example.org"
    await register(await (await visitors.new()).open("/login"), email)
    page = await (await visitors.new()).open("/login")
    await page.fill("#email", email)
    await page.get_by_role("button", name="Forgot your password?").click()
    await expect(page.locator("#email")).to_have_value(email)
    await page.get_by_role("button", name="Send the link").click()
    await expect(page.locator(".notice")).to_contain_text("If there is an account")
    token = await mailed(site, tmp_path, email, "reset")
    page = await (await visitors.new()).open(f"/login?reset={token}")
    assert token not in page.url
    await page.fill("#password", "password1")
    await page.get_by_role("button", name="Change the password").click()
    await expect(page.get_by_role("alert")).to_contain_text("anybody tries")
    await page.fill("#password", "battery staple")
    await page.get_by_role("button", name="Change the password").click()
    await page.get_by_role("button", name="Sign in", exact=True).last.click()
    await page.fill("#email", email)
    await page.fill("#password", "battery staple")
    await page.locator("form .primary").click()
    await page.wait_for_url("**/my")


async def test_an_account_is_changed_taken_away_and_deleted_by_its_owner(
    visitors: Visitors,
) -> None:
    visitor, email = await visitors.new(), "grace.leaves@example.org"
    page = await visitor.open("/login")
    await register(page, email)
    await page.get_by_role("button", name="Change your name").click()
    await page.fill("#account-name", "Rear Admiral Hopper")
    await page.keyboard.press("Enter")
    await expect(page.locator(".account-facts")).to_contain_text("Rear Admiral Hopper")
    await page.get_by_role("button", name="Change your password").click()
    await page.fill("#account-current", "correct horse")
    await page.fill("#account-new", "battery staple")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".toast")).to_contain_text("Your password is changed")
    async with page.expect_download() as begun:
        await page.get_by_role("button", name="Download my data").click()
    file = await (await begun.value).path()
    assert json.loads(file.read_text())["account"]["email"] == email
    await page.get_by_role("button", name="Delete account").click()
    dialog = page.get_by_role("dialog")
    await dialog.locator("#account-current").fill("correct horse")
    await dialog.get_by_role("button", name="Delete account").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("not your password")
    await dialog.locator("#account-current").fill("battery staple")
    await dialog.get_by_role("button", name="Delete account").click()
    await page.wait_for_url(f"{visitor.site.url}/")
    await expect(page.get_by_role("link", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_nothing_of_an_account_keeps_anyone_out_or_sticks_out(
    site: Site, visitors: Visitors, size: tuple[int, int]
) -> None:
    visitor = await visitors.new(size=size)
    faults: dict[str, list[str]] = {}

    async def look(page: Page, name: str) -> None:
        faults[name] = await measure(page) + await judge(page)

    page = await visitor.open("/login")
    await page.get_by_role("button", name="Forgot your password?").click()
    await look(page, "forgot")
    await look(await visitor.open("/login?reset=x"), "reset")
    page = await visitor.open("/login?verify=x")
    await page.wait_for_selector(".notice")
    await look(page, "verify")
    page = await visitor.open("/login")
    await register(page, f"a.rather.long.address.{size[0]}@subdomain.example.org")
    await look(page, "account")
    for name in ("Change your e-mail address", "Change your password", "Delete account"):
        await page.get_by_role("button", name=name).click()
        await look(page, name)
        await page.get_by_role("button", name="Back").click()
    assert {name: found for name, found in faults.items() if found} == {}
