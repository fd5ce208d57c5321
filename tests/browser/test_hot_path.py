"""What the seat map does for each change, counted: counts are the same on a phone, on a server, and on a busy day."""

import asyncio

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Visitors
from tests.browser.site import PHONE, Site
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


async def counted(page: Page) -> dict[str, int]:
    counts: dict[str, int] = await page.evaluate("({ ...count, seats: count.seats.size })")
    return counts


async def test_many_seats_in_one_change_are_one_drawing_that_builds_nothing_anew(
    site: Site, visitors: Visitors
) -> None:
    bus = site.world.double_decks[1]
    page = await (await visitors.new(size=PHONE)).open(f"/buses/{bus}")
    free = page.locator('.seat[data-seat][data-view="available"]')
    await free.first.wait_for(state="attached")
    labels = await free.evaluate_all("all => all.map(each => each.dataset.seat)")
    async with clerk_of(site, bus) as clerk:
        await page.evaluate(_COUNT)
        body = {"bus_id": bus, "seats": labels[:_MANY], "reason": "counted"}
        block = (await clerk.post("/admin/blocks", json=body)).json()["id"]
        blocked = page.locator('.decks .seat[data-view="blocked"]')
        await expect(blocked).to_have_count(_MANY)
        seen = await counted(page)
        await clerk.delete(f"/admin/blocks/{block}")
    assert (seen["drawings"], seen["added"], seen["seats"]) == (1, 0, _MANY)
    # How it stands, whether it can be pressed, what it is called; its mark is the style sheet's.
    assert seen["attributes"] <= 3 * _MANY


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
    free = page.locator('.seat[data-seat][data-view="available"]')
    labels = await free.evaluate_all("all => all.map(each => each.dataset.seat)")
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
    masks = {mask for mark, mask in marked.values() if mark != "rgba(0, 0, 0, 0)"}
    assert len(masks - {"none"}) == 4, "each has a mark of its own"
