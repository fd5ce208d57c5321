import pytest
from playwright.async_api import expect

from tests.browser.conftest import Visitors
from tests.browser.site import DESKTOP, PHONE
from tests.browser.test_languages import speak
from tests.browser.test_pages import judge, measure

_BUTTONS = {
    "de": ("Schlechte Nachricht zeigen", "Etwas fragen"),
    "en": ("Show bad news", "Ask something"),
}


@pytest.mark.parametrize(
    ("size", "theme", "language"), [(PHONE, "dark", "de"), (DESKTOP, "light", "en")]
)
async def test_every_component_is_shown_in_every_state_and_keeps_nobody_out(
    visitors: Visitors, size: tuple[int, int], theme: str, language: str
) -> None:
    visitor = await visitors.new(size=size, theme=theme)
    await speak(visitor, language)
    page = await visitor.open("/styleguide")
    assert await page.get_attribute("html", "lang") == language
    assert await measure(page) + await judge(page) == []
    views = await page.evaluate(
        "[...new Set([...document.querySelectorAll('.seat[data-seat]')].map(e => e.dataset.view))]"
    )
    assert sorted(views) == ["available", "blocked", "booked", "held", "mine", "pending"]
    for name in _BUTTONS[language]:
        await page.get_by_role("button", name=name).click()
    await expect(page.get_by_role("dialog")).to_be_visible()
