"""What the seat map does for each change, counted: counts are the same on a phone, on a server, and on a busy day."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Sequence

import httpx2
import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Visitors
from tests.browser.site import DESKTOP, PHONE, Site
from tests.browser.terminals import clerk_of
from tests.browser.test_live import seat
from tests.support.waiting import wait_until

_MANY = 48
_BURST = 40
_FEW = 20
# One call of an observer is all that changed between two turns of the page's loop: one drawing.
_COUNT = """() => {
    window.count = { drawings: 0, frames: 0, added: 0, attributes: 0, seats: new Set() };
    new MutationObserver(changes => {
        count.drawings += 1;
        for (const { type, target } of changes) {
            if (type === 'childList') count.added += 1;
            else { count.attributes += 1; count.seats.add(target.closest('.seat')?.id) }
        }
    }).observe(document.querySelector('.decks'), { subtree: true, childList: true, attributes: true });
    const next = () => { count.frames += 1; requestAnimationFrame(next) };
    requestAnimationFrame(next);
}"""


# Press a tab, and look at its deck at the moment that it is no longer hidden: before it is painted.
_OPEN = """([tab, deck]) => new Promise(done => {
    const panel = document.getElementById(deck);
    new MutationObserver(() => {
        window.opened = Object.fromEntries([...panel.querySelectorAll('[data-seat]')].map(each => [
            each.dataset.seat,
            { view: each.dataset.view, name: each.ariaLabel, disabled: each.ariaDisabled },
        ]));
        done();
    }).observe(panel, { attributeFilter: ['hidden'] });
    document.getElementById(tab).click();
})"""


async def counted(page: Page) -> dict[str, int]:
    counts: dict[str, int] = await page.evaluate("({ ...count, seats: count.seats.size })")
    return counts


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_many_seats_in_one_change_are_one_drawing_that_builds_nothing_anew(
    site: Site, visitors: Visitors, size: tuple[int, int]
) -> None:
    bus = site.world.double_decks[1]
    page = await (await visitors.new(size=size)).open(f"/buses/{bus}")
    labels = await _free_seats(page, ".decks")
    # On a phone the other deck is behind a tab: nobody sees it, and nothing is written to it.
    here = set(await _free_seats(page, ".deck:not([hidden])")) & set(labels[:_MANY])
    assert (len(here) < _MANY) == (size == PHONE)
    async with clerk_of(site, bus) as clerk:
        await page.evaluate(_COUNT)
        async with _blocked(clerk, bus, labels[:_MANY]):
            await expect(page.locator('.decks .seat[data-view="blocked"]')).to_have_count(len(here))
            seen = await counted(page)
        await expect(page.locator('.decks .seat[data-view="blocked"]')).to_have_count(0)
    assert (seen["drawings"], seen["added"], seen["seats"]) == (1, 0, len(here))
    # How it stands, whether it can be pressed, what it is called; its mark is the style sheet's.
    assert seen["attributes"] <= 3 * len(here)


async def test_a_deck_behind_a_tab_is_as_its_seats_stand_before_anybody_sees_it(
    site: Site, visitors: Visitors
) -> None:
    bus = site.world.double_decks[1]
    page = await (await visitors.new(size=PHONE)).open(f"/buses/{bus}")
    await _free_seats(page, ".decks")
    async with clerk_of(site, bus) as clerk, _blocked(clerk, bus, ["1A", "U1A", "U1B"]):
        await page.wait_for_selector(seat(page, "1A", "blocked"))
        await page.evaluate(_OPEN, ["tab-2", "deck-2"])
        shown = await page.evaluate("opened")
        assert [shown[label]["view"] for label in ("U1A", "U1B", "U2A")] == [
            "blocked",
            "blocked",
            "available",
        ]
        assert shown["U1A"]["name"].endswith(", not for sale")
        assert shown["U1A"]["disabled"] == "true"
        assert shown["U2A"]["name"].endswith(", available")


@contextlib.asynccontextmanager
async def _blocked(
    clerk: httpx2.AsyncClient, bus: str, labels: Sequence[str]
) -> AsyncIterator[None]:
    """Have seats off sale, by one change of the bus."""
    body = {"bus_id": bus, "seats": labels, "reason": "counted"}
    block = (await clerk.post("/admin/blocks", json=body)).json()["id"]
    try:
        yield
    finally:
        await clerk.delete(f"/admin/blocks/{block}")


async def _free_seats(page: Page, within: str) -> list[str]:
    free = page.locator(f'{within} .seat[data-seat][data-view="available"]')
    await free.first.wait_for(state="attached")
    labels: list[str] = await free.evaluate_all("all => all.map(each => each.dataset.seat)")
    return labels


async def test_a_burst_of_changes_is_drawn_once_a_frame_and_seats_that_stay_are_left_alone(
    site: Site, visitors: Visitors
) -> None:
    bus = site.world.sleepers[3]
    page = await (await visitors.new(size=PHONE)).open(f"/buses/{bus}")
    await page.wait_for_selector(seat(page, "L1A", "available"))
    heard: list[object] = []

    def hear(frame: object) -> None:
        heard.append(frame)

    async with page.expect_websocket() as opening:
        await page.reload()
    (await opening.value).on("framereceived", hear)
    await page.wait_for_selector(seat(page, "L1A", "available"))
    await page.evaluate(_COUNT)

    async def come_and_go(label: str) -> None:
        for _ in range(_BURST // 4):
            await site.release(await site.hold(bus, label))

    await asyncio.gather(*(come_and_go(label) for label in ("L1A", "L2A")))
    hold = await site.hold(bus, "L3A")
    await page.wait_for_selector(seat(page, "L3A", "held"))
    await site.release(hold)
    await wait_until(lambda: sum('"delta"' in str(frame) for frame in heard) > 4)
    seen = await counted(page)
    assert seen["drawings"] <= seen["frames"]
    assert seen["drawings"] <= len(heard)
    assert (seen["added"], seen["seats"]) == (0, 3)


async def test_few_changes_fade_in_and_many_are_just_there(site: Site, visitors: Visitors) -> None:
    bus = site.world.sleepers[2]
    page = await (await visitors.new()).open(f"/buses/{bus}")
    await page.wait_for_selector(seat(page, "U1A", "available"))
    fading = page.locator(".decks .seat.is-news")
    hold = await site.hold(bus, "U1A")
    await page.wait_for_selector(seat(page, "U1A", "held"))
    await expect(fading).to_have_count(1)
    await site.release(hold)
    await page.wait_for_selector(seat(page, "U1A", "available"))
    labels = await _free_seats(page, ".decks")
    holds = [await site.hold(bus, *labels[at : at + 4]) for at in range(0, _FEW, 4)]
    await page.wait_for_selector(seat(page, labels[_FEW - 1], "held"))
    shown = await fading.count()
    for each in holds:
        await site.release(each)
    # All at once: half a second after one of them it may be another's turn to fade.
    assert 0 < shown < _FEW


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_a_contrast_theme_leaves_every_state_its_mark(
    site: Site, visitors: Visitors, theme: str
) -> None:
    """Marks are masks: what shows is their background, which such a theme replaces."""
    page = await (await visitors.new(theme=theme)).open(f"/buses/{site.world.coaches[0]}")
    await page.wait_for_selector(".legend-views .seat")
    await page.emulate_media(forced_colors="active")
    shown = await page.locator(".legend-views .seat").evaluate_all(
        """seats => seats.map(seat => [seat.dataset.view, getComputedStyle(seat).backgroundColor,
             getComputedStyle(seat, "::before").backgroundColor, getComputedStyle(seat, "::before").maskImage])"""
    )
    marked = {view: (mark, mask) for view, ground, mark, mask in shown if mark != ground}
    assert set(marked) >= {"mine", "held", "booked", "blocked"}
    masks = {mask for mark, mask in marked.values() if not re.match(r"rgba\(.+, 0\)", mark)}
    assert len(masks - {"none"}) == 4, "each has a mark of its own"
