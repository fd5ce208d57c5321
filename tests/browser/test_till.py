"""Paying at a provider that the operator has set up: its script draws the form, and only its word confirms."""

import asyncio
import sys

import httpx2
from playwright.async_api import Browser, Request, Route, expect

from tests.browser.site import ROOT, Site, free_port, visit
from tests.browser.test_live import SECOND, choose
from tests.browser.test_purchase import fill_in
from tests.browser.world import build_world
from tests.support.databases import Databases
from tests.support.razorpay_server import KEY_ID, KEY_SECRET, WEBHOOK_SECRET
from tests.support.servers import ThrowawayValkey

SCRIPT = "https://checkout.razorpay.com/v1/checkout.js"
# What their window does when the payer is through with it; it is theirs, and cannot be had without the network.
WINDOW = """
window.Razorpay = class {
  constructor(options) { this.options = options; }
  on() {}
  open() { window.opened = this.options; this.options.handler({}); }
};
"""


async def test_a_providers_window_opens_and_its_word_confirms(
    databases: Databases, valkey: ThrowawayValkey, chromium: Browser
) -> None:
    port = free_port()
    standin = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.razorpay_server", str(port)), cwd=ROOT
    )
    try:
        async with databases.fresh() as url:
            settings = {
                "OMNIBUS_RAZORPAY_KEY_ID": KEY_ID,
                "OMNIBUS_RAZORPAY_KEY_SECRET": KEY_SECRET,
                "OMNIBUS_RAZORPAY_WEBHOOK_SECRETS": WEBHOOK_SECRET,
                "OMNIBUS_RAZORPAY_API_BASE": f"http://127.0.0.1:{port}",
            }
            site = Site(url, valkey.url, await build_world(url), settings)
            await site.start()
            try:
                await pay(site, chromium, f"http://127.0.0.1:{port}")
            finally:
                await site.stop()
    finally:
        standin.kill()
        await standin.wait()


async def pay(site: Site, chromium: Browser, provider: str) -> None:
    bus = site.world.coaches[0]
    asked: list[str] = []
    async with visit(chromium, site) as visitor:

        async def lend(route: Route) -> None:
            asked.append(route.request.url)
            await route.fulfill(body=WINDOW, content_type="text/javascript")

        def see(request: Request) -> None:
            if site.url not in request.url and request.url != SCRIPT:
                asked.append(request.url)

        await visitor.context.route(SCRIPT, lend)
        visitor.context.on("request", see)
        page = await visitor.open(f"/buses/{bus}")
        await choose(page, "1A")
        await page.get_by_role("button", name="Continue").click()
        await page.get_by_label("UPI, card or net banking").check()
        assert asked == [], "nobody else is asked before somebody wants to pay there"
        await fill_in(page, "Ada Lovelace")
        await expect(page.locator(".till")).to_contain_text("never through us")
        await page.get_by_role("button", name="Pay €29.00").click()
        await expect(page.locator(".till")).to_contain_text("Waiting for word from the bank")
        assert asked == [SCRIPT]
        opened = await page.evaluate("opened")
        assert (opened["key"], opened["amount"], opened["currency"]) == (KEY_ID, 2900, "EUR")

        # What their window says is not believed: the seat is paid for when the provider says so.
        async with httpx2.AsyncClient() as client:
            paid = f"{provider}/fake/orders/{opened['order_id']}/pay"
            (await client.post(paid, json={"status": "authorized"})).raise_for_status()
            told = (await client.post(f"{provider}/fake/events")).json()
            assert told
            for event in told:
                await client.post(
                    f"{site.url}/api/v1/payments/webhooks/razorpay",
                    headers={"content-type": "application/json", **event["headers"]},
                    content=event["body"],
                )
        await page.wait_for_url("**/bookings/*", timeout=30 * SECOND)
        await expect(page.locator(".status")).to_have_text("Confirmed")
        assert visitor.complaints == []
