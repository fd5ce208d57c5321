"""Makes the README's moving picture: `python -m tests.browser.animation [file.webp]`.

Two browsers go for one seat of a real server. Their requests are let go together; who wins is PostgreSQL's to say, and
each window is shown as it was.
"""

import asyncio
import sys
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, Page, Route, expect

from tests.browser.screenshots import FOLDER, open_site
from tests.browser.site import Visitor, open_chromium, visit
from tests.browser.test_live import choose, seat

FILE = FOLDER / "race.webp"
BYTES_MAX = 1_500_000
_WINDOW = (430, 560)
_STAGE = (892, 668)
_TITLE_HEIGHT = 32
_WHO = ("Ada", "Alan")
_NAMES = tuple(f"{who}'s browser" for who in _WHO)
_OWN = ("2A", "3D")
_WANTED = "2C"
_SOLD = ("1B", "1C", "3A", "4B", "4D", "5C", "6A", "6B")
_STYLE = """
    * { box-sizing: border-box; margin: 0 }
    body { padding: 12px; background: #e4e9e7; color: #14282c; font: 600 15px/1.3 system-ui, "Noto Sans", sans-serif }
    main { display: grid; grid-template-columns: 430px 430px; gap: 8px }
    figure { position: relative; overflow: hidden; border-radius: 12px; background: #fff;
        box-shadow: 0 2px 10px #14282c22 }
    figcaption { padding: 7px 14px; background: #14282c; color: #fff; font-size: 14px }
    img { display: block }
    i { position: absolute; width: 44px; height: 44px; margin: -22px; border: 4px solid #c2410c; border-radius: 50%;
        background: #c2410c33 }
    p { padding-top: 10px; font-size: 19px; text-align: center }
"""


@dataclass
class Film:
    """Frames of two windows side by side, each with a sentence below and for how long it stands."""

    stage: Page
    windows: Sequence[Page]
    frames: list[Image.Image] = field(default_factory=list)
    durations: list[int] = field(default_factory=list)
    _views: list[str] = field(default_factory=list)
    _places: list[str] = field(default_factory=list)

    async def look(self, taps: Sequence[str | None] = (None, None)) -> None:
        """Take both windows as they are, and note where something is tapped."""
        self._places = [
            await _ring(page, tap) for page, tap in zip(self.windows, taps, strict=True)
        ]
        self._views = [
            b64encode(await page.screenshot(animations="disabled")).decode()
            for page in self.windows
        ]

    async def show(self, caption: str, seconds: float, *, is_tapped: bool = False) -> None:
        """Add a frame of what was looked at last."""
        width, height = _WINDOW
        figures = [
            f'<figure><figcaption>{escape(name)}</figcaption><img width="{width}" height="{height}"'
            f' src="data:image/png;base64,{view}">{ring if is_tapped else ""}</figure>'
            for name, view, ring in zip(_NAMES, self._views, self._places, strict=True)
        ]
        await self.stage.set_content(
            f"<style>{_STYLE}</style><main>{''.join(figures)}</main><p>{escape(caption)}</p>"
        )
        shown = await self.stage.screenshot()
        self.frames.append(Image.open(BytesIO(shown)).convert("RGB"))
        self.durations.append(round(1000 * seconds))

    def save(self, file: Path) -> None:
        """Write the frames as one picture that begins again when it is over."""
        first, *others = self.frames
        first.save(
            file,
            save_all=True,
            append_images=others,
            duration=self.durations,
            loop=0,
            quality=90,
            method=6,
        )
        if file.stat().st_size > BYTES_MAX:
            raise RuntimeError(f"{file} has {file.stat().st_size} bytes, more than {BYTES_MAX}")


async def _ring(page: Page, tap: str | None) -> str:
    if tap is None:
        return ""
    box = await page.locator(tap).bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2 + _TITLE_HEIGHT
    return f'<i style="left:{x}px;top:{y}px"></i>'


class Gate:
    """Keeps requests for seats waiting, to let them go together."""

    def __init__(self) -> None:
        self._is_open = asyncio.Event()
        self._waiting = asyncio.Semaphore(0)

    async def hold_back(self, route: Route) -> None:
        self._waiting.release()
        await self._is_open.wait()
        await route.continue_()

    async def are_there(self, count: int) -> None:
        for _ in range(count):
            await self._waiting.acquire()

    def open(self) -> None:
        self._is_open.set()


async def main(file: Path) -> None:
    async with open_site() as site, open_chromium() as browser:
        bus = site.world.coaches[1]
        await site.sell(bus, *_SOLD)
        async with (
            visit(browser, site, size=_WINDOW) as ada,
            visit(browser, site, size=_WINDOW) as alan,
        ):
            film = await _film(browser, [ada, alan], bus)
        film.save(file)


async def _film(browser: Browser, visitors: Sequence[Visitor], bus: str) -> Film:
    stage = await browser.new_page(viewport={"width": _STAGE[0], "height": _STAGE[1]})
    windows = [await visitor.open(f"/buses/{bus}") for visitor in visitors]
    for page in windows:
        await page.wait_for_selector(seat(page, _WANTED, "available"))
        await page.evaluate("document.querySelector('.coach').scrollIntoView({ block: 'start' })")
    film = Film(stage, windows)
    await film.look()
    await film.show("Two browsers look at the same bus", 1.8)
    await _take_own(film)
    await _console(film, await _race(film))
    await stage.close()
    return film


async def _take_own(film: Film) -> None:
    for at, (page, label) in enumerate(zip(film.windows, _OWN, strict=True)):
        other = film.windows[1 - at]
        await film.look(_tapped_in(at, f"#seat-{label}"))
        await film.show(f"{_WHO[at]} taps {label}", 0.9, is_tapped=True)
        await choose(page, label)
        await page.wait_for_selector(".countdown")
        await other.wait_for_selector(seat(other, label, "held"))
        await film.look()
        await film.show(f"It is held for {_WHO[at]}, and {_WHO[1 - at]} sees it at once", 1.9)


async def _race(film: Film) -> int:
    """Have both tap the same seat at the same moment; return whose it is not."""
    tap = f"#seat-{_WANTED}"
    await film.look((tap, tap))
    await film.show(f"Both tap {_WANTED} in the same moment", 1.5, is_tapped=True)
    gate = Gate()
    for page in film.windows:
        await page.route("**/api/v1/holds/*", gate.hold_back)
        await page.click(tap)
    await gate.are_there(len(film.windows))
    await film.look()
    await film.show("Both ask for it …", 1.3)
    gate.open()
    for page in film.windows:
        await page.locator(f".toast, {seat(page, _WANTED, 'mine')}").first.wait_for()
    lost = [await page.locator(".toast").count() > 0 for page in film.windows]
    return lost.index(True)


async def _console(film: Film, loser: int) -> None:
    """Let the loser take what is offered."""
    page, other = film.windows[loser], film.windows[1 - loser]
    await page.wait_for_selector(seat(page, _WANTED, "held"))
    await film.look(_tapped_in(loser, ".toast-action"))
    offer = page.locator(".toast").get_by_role("button", name="Take")
    label = (await offer.inner_text()).removeprefix("Take ").strip()
    await offer.click()
    # A message stays for some seconds only, so that was what counted; now there is time for pictures.
    who = _WHO[loser]
    await film.show(f"PostgreSQL decides: {_WANTED} is {_WHO[1 - loser]}'s", 1.8)
    await film.show(f"{who} keeps {_OWN[loser]} and is offered the next best", 2.4)
    await film.show(f"{who} takes it", 0.9, is_tapped=True)
    # Nothing lies under a finger that is gone.
    await page.mouse.move(0, 0)
    await page.wait_for_selector(seat(page, label, "mine"))
    await other.wait_for_selector(seat(other, label, "held"))
    await expect(page.locator(".toast")).to_have_count(0)
    await film.look()
    await film.show("Every seat is sold once, and everybody sees it", 3.2)


def _tapped_in(window: int, tap: str) -> tuple[str | None, str | None]:
    return (tap, None) if window == 0 else (None, tap)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else FILE))
