"""A letter before it has a form: what it is called and what stands in it, in the reader's language.

Both forms, text and HTML, are laid out from this, so neither says less than the other.
"""

import re
import unicodedata
from dataclasses import dataclass

_SPACES = re.compile(r"\s+")
# Joiners shape letters of Hindi, Persian and emoji; all other format characters only turn text around or hide it.
_JOINERS = frozenset("\u200c\u200d")
_NAME_MAX = 120
# What mail programs make links of: `evil.example`, `https:`, `a@b`, `/path`. A word joiner after the sign stops them,
# and nobody sees it.
_LINKING = re.compile(r"(?<=[.:@/])(?=\S)")
_WORD_JOINER = "\u2060"


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Lines of a name and a value each; values keep to themselves in either direction (`Texts.joined`)."""

    lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Action:
    """What the reader may do next: a link to our own pages; its label stands for it where links have one."""

    url: str
    label: str


Part = Paragraph | Facts | Action


@dataclass(frozen=True, slots=True)
class Words:
    subject: str
    parts: tuple[Part, ...]
    footer: str = ""


def plain(text: str) -> str:
    """Return words that somebody else chose, on one line and without signs that nobody sees."""
    kept = (
        char
        for char in _SPACES.sub(" ", text).strip()
        if char in _JOINERS or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn"}
    )
    # What looks like an encoded word would be decoded on its way into a header, line feeds and all.
    return "".join(kept).replace("=?", "= ?")[:_NAME_MAX]


def unlinked(text: str) -> str:
    """Return a name that a buyer made up so that no mail program makes a link of it: it is for people to read."""
    return _LINKING.sub(_WORD_JOINER, plain(text))
