"""The seat map on another site: the example of the documentation, served from another origin, sells a seat."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator

from playwright.async_api import expect

from tests.browser.conftest import Visitors
from tests.browser.site import ROOT, Site
from tests.browser.test_live import SECOND
from tests.browser.test_purchase import fill_in

EXAMPLE = ROOT / "docs/embed-example.html"


@contextlib.asynccontextmanager
async def another_site(html: str, port: int) -> AsyncIterator[str]:
    """Serve one page at `localhost`, which is another site than 127.0.0.1 to every browser."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = html.encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port)
    async with server:
        yield f"http://localhost:{port}/"


async def test_an_operators_own_page_shows_the_map_hears_of_it_and_sells(
    site: Site, visitors: Visitors
) -> None:
    stops, bus = site.world.stops, site.world.coaches[1]
    html = EXAMPLE.read_text().replace("https://tickets.example", site.url)
    html = html.replace('bus="42"', f'bus="{bus}"')
    html = html.replace('from="1"', f'from="{stops["Berlin ZOB"]}"')
    html = html.replace('to="4"', f'to="{stops["München ZOB"]}"')
    visitor = await visitors.new()
    async with another_site(html, site.embed_port) as url:
        page = await visitor.context.new_page()
        page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
        await page.goto(url)
        said = page.get_by_role("status")
        await expect(said).to_contain_text(re.compile(r"\d+ seats are free, chosen: none"))
        frame = page.frame_locator("iframe")
        await expect(frame.locator(".top")).to_be_hidden()
        element = page.locator("omnibus-seat-map")
        height = await frame.locator("body").evaluate("body => body.offsetHeight")
        await expect(element).to_have_js_property("offsetHeight", height)
        await frame.locator("#seat-10C").click()
        await expect(said).to_contain_text("chosen: 10C")
        await expect(said).to_have_attribute("data-hold", re.compile(r"."))
        hold = await said.get_attribute("data-hold")
        await frame.get_by_role("button", name="Continue").click()
        await page.wait_for_url(f"{site.url}/checkout/{hold}")
        await fill_in(page, "Ada Lovelace")
        await page.get_by_role("button", name="Approve").click()
        await expect(page.locator(".status")).to_have_text("Confirmed", timeout=10 * SECOND)


async def test_whom_nobody_allowed_may_not_frame_the_map_and_nobody_the_checkout(
    site: Site, visitors: Visitors
) -> None:
    visitor = await visitors.new()
    page = await visitor.context.new_page()
    allowed = f"http://localhost:{site.embed_port}"
    for path, ancestors in (
        (f"/embed/buses/{site.world.coaches[1]}", allowed),
        (f"/buses/{site.world.coaches[1]}", "'none'"),
        ("/my", "'none'"),
    ):
        response = await page.goto(site.url + path)
        assert response is not None
        policy = response.headers["content-security-policy"]
        assert policy.endswith(f"frame-ancestors {ancestors}"), path
