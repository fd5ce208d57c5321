"""The shapes that pages take, and whoever goes through them by what a screen reader says."""

import re
from dataclasses import dataclass
from itertools import product

from playwright.async_api import Error, Locator, Page, expect

from tests.browser.conftest import Visitors
from tests.browser.site import DESKTOP, PHONE, Visitor
from tests.browser.test_pages import measure
from tests.support.waiting import wait_until

# The page's own words, as its own module says them: what it has not learned comes back as it was asked for.
_SAY = """async ([key, values]) => {
    const entry = document.querySelector('script[type=module]');
    if (!entry) return key;
    const { list, t } = await import(entry.src.replace(/js\\/pages\\/.*/, 'js/core/text.js'));
    const spoken = Object.entries(values).map(([name, value]) => [name, Array.isArray(value) ? list(value) : value]);
    return t(key, Object.fromEntries(spoken));
}"""


@dataclass(frozen=True, slots=True)
class Shape:
    size: tuple[int, int]
    theme: str
    language: str

    def __str__(self) -> str:
        return f"{self.size[0]}-{self.theme}-{self.language}"


SHAPES = tuple(Shape(*each) for each in product((PHONE, DESKTOP), ("light", "dark"), ("en", "ar")))


class Reader:
    """Finds everything on a page by what it is called there, in whatever language that is."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def say(self, key: str, **values: object) -> str:
        """Return a sentence of the page, as soon as it has learned it; of the next page, while one is being left."""
        said = key

        async def is_known() -> bool:
            nonlocal said
            try:
                said = await self.page.evaluate(_SAY, [key, values])
            except Error as error:
                if "context was destroyed" not in error.message:
                    raise
            return said != key

        await wait_until(is_known)
        return said

    async def find(self, role: str, key: str, **values: object) -> Locator:
        name = await self.say(key, **values)
        return self.page.get_by_role(role, name=name, exact=True)  # type: ignore[arg-type]  # one of its roles

    async def press(self, role: str, key: str, **values: object) -> None:
        await (await self.find(role, key, **values)).click()

    async def write(self, key: str, text: str, *, role: str = "textbox", **values: object) -> None:
        await (await self.find(role, key, **values)).fill(text)

    async def hear(self, role: str, key: str, **values: object) -> None:
        """Wait until something of this role and name is there."""
        await expect((await self.find(role, key, **values)).first).to_be_visible()

    async def reach(self, role: str, key: str, **values: object) -> None:
        """Press Tab until the focus is on something."""
        wanted = await self.find(role, key, **values)
        await wanted.wait_for()
        for _ in range(80):
            if await wanted.evaluate("each => each === document.activeElement"):
                return
            await self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab never reached {role} {key}")

    def seat(self, label: str) -> Locator:
        """A seat of the map, which says of itself which one it is and how it stands."""
        name = re.compile(rf"\b{label}\b")
        return self.page.get_by_role("gridcell").get_by_role("button", name=name)

    async def fits(self) -> None:
        """Nothing sticks out sideways, and nothing moves for who wants nothing to."""
        faults = await measure(self.page)
        assert not faults, faults


async def come(visitors: Visitors, shape: Shape) -> Visitor:
    """Come as somebody new in a shape."""
    visitor = await visitors.new(size=shape.size, theme=shape.theme)
    await visitor.speak(shape.language)
    return visitor
