"""Signing in where a password is not enough: the page asks for the code only then."""

import base64
import time

import httpx2
from playwright.async_api import expect

from server.second_factors import STEP_SECONDS, code_at
from tests.browser.conftest import Visitors
from tests.browser.site import Site
from tests.browser.test_pages import judge

WHO = {"name": "Ida Rhodes", "email": "ida@example.org", "password": "correct horse"}


async def set_up(site: Site) -> list[str]:
    """Open an account with a second factor; return its recovery codes."""
    async with httpx2.AsyncClient(
        base_url=f"{site.url}/api/v1/auth", trust_env=False, verify=False
    ) as client:
        token = (await client.post("/register", json=WHO)).json()["access_token"]
        bearer = {"authorization": f"Bearer {token}"}
        secret = (await client.post("/totp", headers=bearer)).json()["secret"]
        step = int(time.time()) // STEP_SECONDS
        code = code_at(base64.b32decode(secret), step)
        confirmed = await client.post("/totp/confirm", headers=bearer, json={"code": code})
        assert confirmed.status_code == 200, confirmed.text
        codes: list[str] = confirmed.json()["recovery_codes"]
        return codes


async def test_a_code_is_asked_for_when_it_is_needed(site: Site, visitors: Visitors) -> None:
    codes = await set_up(site)
    page = await (await visitors.new()).open("/login")
    await page.fill("#email", WHO["email"])
    await page.fill("#password", WHO["password"])
    await expect(page.locator("#totp")).to_have_count(0)
    await page.locator("form .primary").click()
    await expect(page.get_by_label("Code", exact=True)).to_be_focused()
    assert await judge(page) == []
    await page.keyboard.type("123456")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_have_text("E-mail, password or code is wrong")
    await page.fill("#totp", codes[0])
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/my")
