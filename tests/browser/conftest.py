from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.browser.site import CHROMIUM, Site, Visitor, open_chromium, visit
from tests.browser.world import build_world
from tests.support.databases import Databases
from tests.support.servers import ThrowawayValkey

Visit = Callable[..., "AsyncIterator[Visitor]"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    is_missing = not Path(CHROMIUM).exists()
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.browser)
            if is_missing:
                item.add_marker(pytest.mark.skip(reason="needs Chromium: apt-get install chromium"))


@pytest.fixture(scope="session")
async def site(databases: Databases, valkey: ThrowawayValkey) -> AsyncIterator[Site]:
    """A server of its own with the small world, for all browser tests."""
    async with databases.fresh() as url:
        served = Site(url, valkey.url, await build_world(url, days=4))
        await served.start()
        yield served
        await served.stop()


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with open_chromium() as browser:
        yield browser


@pytest.fixture
async def visitors(chromium: Browser, site: Site) -> AsyncIterator["Visitors"]:
    """Makes visitors; whatever their consoles complained about fails the test."""
    async with AsyncExitStack() as stack:
        made = Visitors(chromium, site, stack)
        yield made
    assert made.complaints() == []


class Visitors:
    def __init__(self, browser: Browser, site: Site, stack: AsyncExitStack) -> None:
        self._browser, self._site, self._stack = browser, site, stack
        self._all: list[Visitor] = []

    async def new(self, **wishes: object) -> Visitor:
        visitor = await self._stack.enter_async_context(
            visit(self._browser, self._site, **wishes)  # type: ignore[arg-type]  # passed on as given
        )
        self._all.append(visitor)
        return visitor

    def complaints(self) -> list[str]:
        return [text for visitor in self._all for text in visitor.complaints]
