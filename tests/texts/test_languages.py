"""Which language somebody means: by a tag, or by what their browser asks for."""

import pytest

from server.languages import find_locale, negotiate


@pytest.mark.parametrize(
    ("tag", "locale"),
    [("de", "de"), ("de-AT", "de"), ("AR-eg", "ar"), ("fr", None), ("", None), (None, None)],
)
def test_a_tag_means_its_language_whatever_the_country(tag: str | None, locale: str | None) -> None:
    assert find_locale(tag) == locale


@pytest.mark.parametrize(
    ("asked", "locale"),
    [
        ("de-DE,de;q=0.9,en;q=0.8", "de"),
        ("fr-FR,fr;q=0.9,es;q=0.7,en;q=0.8", "en"),
        ("hi;q=0.5,ar;q=0.5", "hi"),
        ("de;q=0,es", "es"),
        ("fr", None),
        ("*", None),
        ("", None),
        ("de;q=x, ;;;,es", "es"),
        ("x" * 10_000, None),
        ("fr," * 1000 + "de", None),
    ],
)
def test_a_browser_gets_the_language_it_likes_best_of_ours(asked: str, locale: str | None) -> None:
    assert negotiate(asked) == locale
