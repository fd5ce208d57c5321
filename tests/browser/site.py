"""Omnibus as a visitor meets it: a served process with a world to sell, and a Chromium to visit it with."""

import contextlib
import shutil
import signal
import socket
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import cast

import httpx2
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from store import Store
from store.fares import NewFares
from store.model import DeviceKind
from store.pairing import NewDevice
from tests.browser.world import ADMIN, World
from tests.faults.client import fetch_status
from tests.support import forked
from tests.support.waiting import wait_until

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ROOT = Path(__file__).resolve().parent.parent.parent
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PHONE, DESKTOP = (390, 844), (1280, 900)


class Site:
    """One `omnibus serve` on a port of its own; it may be stopped and started again."""

    def __init__(
        self,
        database_url: str,
        redis_url: str,
        world: World,
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.world = world
        self.port, self.embed_port = free_port(), free_port()
        self.database_url, self.redis_url = database_url, redis_url
        self.url = f"http://127.0.0.1:{self.port}"
        self._settings = {
            "OMNIBUS_DATABASE_URL": database_url,
            "OMNIBUS_REDIS_URL": redis_url,
            "OMNIBUS_PORT": str(self.port),
            "OMNIBUS_RATE_LIMITS": "off",
            "OMNIBUS_DEMO": "on",
            "OMNIBUS_EMBED_ORIGINS": f"http://localhost:{self.embed_port}",
            **settings,
        }
        self._process: forked.Process | None = None

    async def start(self) -> None:
        self._process = self._run("serve")
        await wait_until(self._is_ready, seconds=120)

    @contextlib.asynccontextmanager
    async def another(self) -> AsyncIterator["Site"]:
        """Have a second server on the same database, that browsers know nothing of."""
        other = Site(self.database_url, self.redis_url, self.world)
        await other.start()
        try:
            yield other
        finally:
            await other.stop()

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Have a worker beside the server, which does what sales leave to be done."""
        worker = self._run("worker")
        try:
            yield
        finally:
            worker.send_signal(signal.SIGTERM)
            await worker.wait()

    async def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            await self._process.wait()
            self._process = None

    async def kill(self) -> None:
        """End it without a word to anybody."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()
        self._process = None

    async def hold(self, bus: str, *seats: str) -> str:
        """Hold seats as somebody else would; return the hold's id."""
        answer = await self._post(f"/buses/{bus}/holds", {"seats": list(seats)})
        return str(answer["id"])

    async def sell(self, bus: str, *seats: str, email: str | None = None) -> list[tuple[str, str]]:
        """Sell seats to somebody, at most as many as one buyer may have at a time.

        Return each booking's ref and access key.
        """
        sold: list[tuple[str, str]] = []
        for at in range(0, len(seats), 4):
            some = seats[at : at + 4]
            booking = await self._post(
                "/bookings",
                {
                    "bus_id": bus,
                    "seats": some,
                    "passengers": [{"seat": seat, "name": "Somebody"} for seat in some],
                    "contact": {"email": email} if email else {},
                    "payment_method": "demo",
                },
                {"idempotency-key": f"{bus}-{at}"},
            )
            payment = cast("dict[str, str]", booking["payment"])
            await self._post(f"/payments/{payment['id']}/demo", {"outcome": "succeeded"})
            sold.append((str(booking["ref"]), str(booking["access_key"])))
        return sold

    async def change_fares(self, bus: str, fares: NewFares) -> None:
        """Set a bus's fares as the operator would, from another process."""
        store = await Store.open(self.database_url)
        try:
            await store.fares.change(ADMIN, int(bus), fares)
        finally:
            await store.close()

    async def offer(self, bus: str, stop: str, seats: list[str]) -> str:
        """Hold seats at a kiosk and return the link that it shows."""
        store = await Store.open(self._settings["OMNIBUS_DATABASE_URL"])
        operator = (await store.buses.find(int(bus))).operator_id
        new = NewDevice(operator, DeviceKind.KIOSK, "Hall", int(stop))
        shown = await store.pairing.show_code(None, new)
        paired = await store.pairing.pair(shown.code, uuid.UUID(int=1), "1.0")
        await store.close()
        headers = {"authorization": f"Bearer {paired.key}"}
        hold = await self._post(f"/buses/{bus}/holds", {"seats": seats}, headers)
        link = await self._post("/devices/me/handover", {"hold_id": hold["id"]}, headers)
        return str(link["url"])

    async def release(self, hold: str) -> None:
        async with httpx2.AsyncClient(base_url=f"{self.url}/api/v1") as client:
            (await client.delete(f"/holds/{hold}")).raise_for_status()

    def _run(self, command: str) -> forked.Process:
        return forked.Process.start(forked.COMMAND, command, environment=self._settings)

    async def _post(
        self, path: str, body: object, headers: dict[str, str] | None = None
    ) -> dict[str, object]:
        async with httpx2.AsyncClient(base_url=f"{self.url}/api/v1") as client:
            response = await client.post(path, json=body, headers=headers)
            response.raise_for_status()
            answer: dict[str, object] = response.json()
            return answer

    async def _is_ready(self) -> bool:
        return await fetch_status(self.port, "/readyz") == 200


@dataclass
class Visitor:
    """A browser profile of its own, with everything its pages complained about."""

    site: Site
    context: BrowserContext
    complaints: list[str] = field(default_factory=list)

    async def open(self, path: str) -> Page:
        page = await self.context.new_page()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        await page.goto(self.site.url + path)
        await page.locator("main h1, main .notice, main form").first.wait_for()
        return page

    async def speak(self, language: str) -> None:
        """Have all pages in a language, as if it had been chosen on one of them."""
        await self.context.add_cookies(
            [{"name": "language", "value": language, "url": self.site.url}]
        )

    def _hear(self, message: object) -> None:
        kind, text = getattr(message, "type", ""), getattr(message, "text", "")
        # The browser itself notes every refusal and every lost server; pages cannot hush it, and
        # that they handle both is what the tests assert.
        is_noted = text.startswith(
            (
                "Failed to load resource",
                "WebSocket connection to",
                "Service Worker registration blocked",
            )
        )
        if kind in {"error", "warning"} and not is_noted:
            self.complaints.append(text)


@contextlib.asynccontextmanager
async def open_chromium(*more: str) -> AsyncIterator[Browser]:
    """Start a Chromium, with flags that only its first moment knows if there are any."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*_QUIET, *more])
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def visit(
    browser: Browser,
    site: Site,
    *,
    size: tuple[int, int] = DESKTOP,
    theme: str = "light",
    keeps_tickets: bool = False,
) -> AsyncIterator[Visitor]:
    """Open a profile that nobody has used; complaints of its pages fail whoever asks for `visitor`.

    Only with `keeps_tickets` do its pages have their service worker, which answers requests before a test can.
    """
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if theme == "dark" else "light",
        has_touch=size == PHONE,
        is_mobile=size == PHONE,
        timezone_id="Europe/Berlin",
        locale="en-GB",
        reduced_motion="reduce",
        service_workers="allow" if keeps_tickets else "block",
    )
    try:
        yield Visitor(site, context)
    finally:
        await context.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
