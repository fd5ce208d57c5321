"""(w) The seat map on a cheap phone: Chromium at a quarter of this machine's pace, over a slow 4G network.

A double deck of 62 seats, opened by a profile that has never been here. What the page does is weighed by Chromium's own
books (script, style, layout); as long a while without news is taken off.
"""

import asyncio
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx2
from playwright.async_api import Browser, CDPSession, Page

from server.tokens import Tokens, new_signing_key
from store import Store
from store.accounts import NewUser
from store.model import Role
from tests.bench.effort import Effort
from tests.bench.fleet import Fleets
from tests.bench.report import Bound, Round, Section, Subject
from tests.browser.site import PHONE, open_chromium
from tests.browser.world import build_world

_SLOWDOWN = 4
# What Lighthouse calls slow 4G.
_NETWORK = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1_600_000 / 8,
    "uploadThroughput": 750_000 / 8,
}
_WATCH = Path(__file__).with_name("phone.js").read_text()
_SEATS = 60
_DELTAS = 15
_TAPS = 10
_CHANGES_A_SECOND = 100
_BUYERS = 20
# The page counts seconds: every window has one of them in it.
_REST_SECONDS = 1.0
_COSTS = ("ScriptDuration", "RecalcStyleDuration", "LayoutDuration")


async def seat_map_on_a_phone(fleets: Fleets, effort: Effort) -> Section:
    """Open the map, tap seats, take sixty off sale at once, and let others buy and give back all the time."""
    subject = Subject(f"1/{_SLOWDOWN} of this machine, slow 4G")
    rig = fleets.rig
    url = await rig.databases.create("bench_phone", "omnibus_template")
    world = await build_world(url, days=max(1, effort.rounds))
    store = await Store.open(url)
    token = await _hire(store)
    await store.close()
    async with rig.omnibus(url) as served, open_chromium() as chromium:
        host, port = served.addresses[0]
        for bus in world.double_decks[: effort.rounds]:
            page = f"http://{host}:{port}/buses/{bus}"
            subject.rounds.append(await _round(chromium, page, token, effort))
    await rig.databases.drop("bench_phone")
    return Section(
        "w",
        "the seat map on a phone",
        (subject,),
        bounds=(
            Bound("LCP ms", subject, "≤ 2,500"),
            Bound("INP ms", subject, "≤ 200"),
            Bound("layout shift", subject, "≤ 0.02"),
            Bound("60 seats, script ms", subject, "≤ 4"),
            Bound("longest frame ms", subject, "≤ 50"),
        ),
        notes=(
            f"the longest frame is of the time with {_CHANGES_A_SECOND} changes a second in front of the open map",
            f"60 seats in one delta, {_DELTAS} times: the median and the worst; style and layout come after the script",
            "the deck with most of the seats is in view; the other one is written when it is",
        ),
    )


async def _hire(store: Store) -> str:
    """Return the token of somebody who may take the operator's seats off sale."""
    keys = await store.house_keys.find_or_make("access_tokens", new_signing_key)
    new = NewUser("Bench", "bench@staff.example", "x", Role.ADMIN, None)
    return Tokens(keys).issue(await store.accounts.add(new), str(uuid.uuid4()))


async def _round(browser: Browser, url: str, token: str, effort: Effort) -> Round:
    context = await browser.new_context(
        viewport={"width": PHONE[0], "height": PHONE[1]}, has_touch=True, is_mobile=True
    )
    await context.add_init_script(_WATCH)
    page = await context.new_page()
    engine = await context.new_cdp_session(page)
    await engine.send("Network.enable")
    await engine.send("Network.emulateNetworkConditions", _NETWORK)
    await engine.send("Emulation.setCPUThrottlingRate", {"rate": _SLOWDOWN})
    # In the page's own CPU time, so that a busy machine does not look like a slow page.
    await engine.send("Performance.enable", {"timeDomain": "threadTicks"})
    await page.goto(url)
    await page.wait_for_selector(".seat")
    await page.wait_for_load_state("networkidle")
    opened = await page.evaluate("({ lcp: seen.lcp, cls: seen.cls })")
    await _tap(page)
    tapped = await page.evaluate("seen.inp")
    # A phone shows one deck of two: the larger one, where most of what changes has to be drawn.
    await page.locator("#tab-2").tap()
    await page.wait_for_selector("#deck-2 .seat")
    async with httpx2.AsyncClient(base_url=url.partition("/buses/")[0] + "/api/v1") as api:
        bus = url.rsplit("/", 1)[1]
        rest = _middle([await _spend(engine) for _ in range(_DELTAS)])
        spent = [await _take_many(engine, api, bus, token) for _ in range(_DELTAS)]
        costs = [{name: each[name] - rest[name] for name in _COSTS} for each in spent]
        await page.evaluate("seen.frame = 0")
        changes = await _storm(api, bus, effort.seconds)
        frame = await page.evaluate("seen.frame")
    await context.close()
    middle = _middle(costs)
    return {
        "LCP ms": opened["lcp"],
        "layout shift": opened["cls"],
        "INP ms": tapped,
        "60 seats, script ms": middle["ScriptDuration"],
        "the worst of them": max(each["ScriptDuration"] for each in costs),
        "60 seats, style ms": middle["RecalcStyleDuration"],
        "60 seats, layout ms": middle["LayoutDuration"],
        "changes a second": changes,
        "longest frame ms": frame,
    }


async def _tap(page: Page) -> None:
    """Choose seats and give them back, as a finger does, one after the other."""
    free = page.locator('button.seat[data-view="available"]')
    labels = [await free.nth(at).get_attribute("data-seat") for at in range(_TAPS // 2)]
    for label in [*labels, *labels]:
        await page.locator(f"#seat-{label}").tap()
        await page.wait_for_timeout(400)
    await page.locator(".pick").first.wait_for(state="detached")


async def _take_many(
    engine: CDPSession, api: httpx2.AsyncClient, bus: str, token: str
) -> Mapping[str, float]:
    """Take sixty seats off sale in one transaction; return what that cost the page, in milliseconds."""
    headers = {"authorization": f"Bearer {token}"}
    labels = (await _free_seats(api, bus))[:_SEATS]
    if len(labels) < _SEATS:
        raise RuntimeError(f"{len(labels)} seats are free, {_SEATS} are wanted")
    before = await _read(engine)
    answer = await api.post(
        "/admin/blocks",
        json={"bus_id": bus, "seats": labels, "reason": "bench"},
        headers={**headers, "idempotency-key": str(uuid.uuid4())},
    )
    answer.raise_for_status()
    await asyncio.sleep(_REST_SECONDS)
    after = await _read(engine)
    block = answer.json()["id"]
    (await api.delete(f"/admin/blocks/{block}", headers=headers)).raise_for_status()
    await asyncio.sleep(_REST_SECONDS)
    return {name: 1000 * (after[name] - before[name]) for name in _COSTS}


async def _free_seats(api: httpx2.AsyncClient, bus: str) -> list[str]:
    """Return the free seats of a bus, those of the deck in view first."""
    seats = (await api.get(f"/buses/{bus}/seats")).json()["seats"]
    upper_first = sorted(seats, key=lambda seat: -seat["deck"])
    return [seat["seat"] for seat in upper_first if seat["status"] == "AVAILABLE"]


async def _spend(engine: CDPSession) -> Mapping[str, float]:
    """Return what the page spends while nothing happens: it counts seconds, and we read its books."""
    before = await _read(engine)
    await asyncio.sleep(_REST_SECONDS)
    after = await _read(engine)
    return {name: 1000 * (after[name] - before[name]) for name in _COSTS}


def _middle(costs: Sequence[Mapping[str, float]]) -> Mapping[str, float]:
    return {name: sorted(each[name] for each in costs)[len(costs) // 2] for name in _COSTS}


async def _read(engine: CDPSession) -> Mapping[str, float]:
    told = await engine.send("Performance.getMetrics")
    return {each["name"]: each["value"] for each in told["metrics"]}


async def _storm(api: httpx2.AsyncClient, bus: str, seconds: float) -> float:
    """Let others hold seats and let them go, so many times a second; return how many times it was."""
    free = (await _free_seats(api, bus))[:_BUYERS]
    pause = len(free) / _CHANGES_A_SECOND
    began = time.perf_counter()

    async def buy(seat: str, late: float) -> int:
        await asyncio.sleep(late)
        done = 0
        while time.perf_counter() - began < seconds:
            due = time.perf_counter() + pause
            held = await api.post(f"/buses/{bus}/holds", json={"seats": [seat]})
            held.raise_for_status()
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            (await api.delete(f"/holds/{held.json()['id']}")).raise_for_status()
            await asyncio.sleep(max(0.0, due + pause - time.perf_counter()))
            done += 2
        return done

    changes = await asyncio.gather(
        *(buy(seat, number / _CHANGES_A_SECOND) for number, seat in enumerate(free))
    )
    return sum(changes) / (time.perf_counter() - began)
