"""Draws the icons of the installed app from `static/icon.svg`: `python -m tests.browser.icons`.

A maskable one fills its square, because every system cuts another shape out of it; what matters stays in the middle.
"""

import asyncio
import re

from playwright.async_api import Page

from server.assets import FOLDER
from tests.browser.site import open_chromium

_ICONS = {
    "icon-192.png": (192, False),
    "icon-512.png": (512, False),
    "maskable-512.png": (512, True),
    "touch-180.png": (180, True),
}


async def main() -> None:
    svg = (FOLDER / "icon.svg").read_text()
    async with open_chromium() as browser:
        page = await browser.new_page()
        for name, (size, is_full) in _ICONS.items():
            (FOLDER / "icons" / name).write_bytes(await _draw(page, svg, size, is_full=is_full))


async def _draw(page: Page, svg: str, size: int, *, is_full: bool) -> bytes:
    if is_full:
        # The ground to the edges, and the drawing at eight tenths: within the circle that no system cuts.
        svg = re.sub(r'rx="7"', "", svg, count=1)
        svg = re.sub(r"(</title><rect[^>]+>)(.*)(</svg>)", rf"\1{_SHRUNK}\2</g>\3", svg)
    await page.set_viewport_size({"width": size, "height": size})
    await page.set_content(
        f"<style>*{{margin:0}}svg{{display:block;inline-size:{size}px}}</style>{svg}"
    )
    return await page.screenshot(omit_background=True)


_SHRUNK = '<g transform="translate(3.2 3.2) scale(0.8)">'

if __name__ == "__main__":
    (FOLDER / "icons").mkdir(exist_ok=True)
    asyncio.run(main())
