"""Which languages there are texts in, and which of them somebody means. The texts themselves: `server/texts`."""

import re
from typing import Final, Literal, get_args

Locale = Literal["en", "de", "es", "hi", "ar"]
"""The languages that all texts exist in; the first one is also that of the code."""
LOCALES: Final[tuple[Locale, ...]] = get_args(Locale)
DEFAULT: Final = LOCALES[0]
RIGHT_TO_LEFT = frozenset({"ar"})
_WANTED = re.compile(
    r"\s*(?P<tag>[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)\s*(?:;\s*q\s*=\s*(?P<q>[01](?:\.\d{0,3})?)\s*)?"
)
_WANTED_MAX = 20


def find_locale(tag: str | None) -> Locale | None:
    """Return which of our languages a tag such as `de-AT` means, or None."""
    if tag is None:
        return None
    language = tag.partition("-")[0].lower()
    return next((locale for locale in LOCALES if locale == language), None)


def negotiate(accept_language: str) -> Locale | None:
    """Return which of our languages a browser would like best, by its Accept-Language; None when it names none."""
    wanted: list[tuple[float, Locale]] = []
    for part in accept_language.split(",", _WANTED_MAX)[:_WANTED_MAX]:
        found = _WANTED.fullmatch(part)
        locale = find_locale(found["tag"]) if found else None
        if found and locale is not None and (liking := float(found["q"] or 1)) > 0:
            wanted.append((-liking, locale))
    # Of two that are liked alike, the one that was named first.
    return min(wanted, key=lambda each: each[0])[1] if wanted else None
