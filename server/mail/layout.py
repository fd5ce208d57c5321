"""The two forms of a letter: a text that is complete by itself, and the same as HTML that loads nothing."""

from pathlib import Path
from textwrap import fill

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from server.mail.words import Action, Facts, Part, Words
from server.texts import Texts

_WIDTH = 76
_FOLDER = Path(__file__).parent / "templates"
_PAGES = Environment(
    loader=FileSystemLoader(_FOLDER),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def as_text(words: Words) -> str:
    """Return a letter as text. Links stand on lines of their own, and are never broken."""
    blocks = [_block(part) for part in words.parts]
    if words.footer:
        blocks.append(_wrapped(words.footer))
    return "\n\n".join(blocks) + "\n"


def as_html(words: Words, t: Texts, from_name: str) -> str:
    """Return the same as HTML: styles inline, for light and dark, in the direction of the language."""
    return _PAGES.get_template("letter.html").render(
        words=words, t=t, from_name=from_name, start="right" if t.is_rtl else "left"
    )


def _block(part: Part) -> str:
    if isinstance(part, Action):
        return part.url
    if isinstance(part, Facts):
        return "\n".join(f"{name}: {value}" for name, value in part.lines)
    return _wrapped(part.text)


def _wrapped(paragraph: str) -> str:
    return fill(paragraph, _WIDTH, break_long_words=False, break_on_hyphens=False)
