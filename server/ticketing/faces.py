"""The fonts that come with us, and which of them has a letter. See fonts/README.md."""

import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

import uharfbuzz

FOLDER = Path(__file__).parent / "fonts"
SCRIPTS: Final = (
    *("Arabic", "Hebrew", "Armenian", "Georgian", "Thai"),
    *(
        "Devanagari",
        "Bengali",
        "Gujarati",
        "Gurmukhi",
        "Kannada",
        "Malayalam",
        "Oriya",
        "Tamil",
        "Telugu",
    ),
)
NAMES: Final = ("NotoSans-Regular", *(f"NotoSans{script}-Regular" for script in SCRIPTS))
"""In the order in which they are asked for a letter; the first has Latin, Greek and Cyrillic ones."""
JOINERS: Final = "\u200c\u200d"
_HANDLED: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters whose names in Unicode end with how they are read.
_READ: Final = {
    "HANGUL SYLLABLE ": str.capitalize,
    "HIRAGANA LETTER ": str.lower,
    "KATAKANA LETTER ": str.lower,
    "ETHIOPIC SYLLABLE ": str.lower,
}


class Face:
    """One font file. Letters and glyphs are measured in its own units, `units` of which make an em."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.data = (FOLDER / f"{name}.ttf").read_bytes()
        self.face = uharfbuzz.Face(self.data)
        self.font = uharfbuzz.Font(self.face)
        self.units = self.face.upem

    def has(self, letter: str) -> bool:
        return self.font.get_nominal_glyph(ord(letter)) is not None


@cache
def faces() -> tuple[Face, ...]:
    """Return all faces, read once; nothing changes them, so any thread may have them."""
    return tuple(map(Face, NAMES))


def readable(text: str) -> str:
    """Return a text as it is copied: composed, without what has no shape."""
    composed = unicodedata.normalize("NFC", text)
    return "".join(map(_readable, composed)).strip()


def printable(text: str) -> str:
    """Return a readable text as it is shown, with stand-ins for letters that no face has."""
    return "".join(map(_printable, text))


def _readable(letter: str) -> str:
    if letter in JOINERS:
        return letter
    if unicodedata.category(letter) in _HANDLED or 0xFE00 <= ord(letter) <= 0xFE0F:
        return ""
    return " " if letter.isspace() else letter


@cache
def _printable(letter: str) -> str:
    """Return a letter; for one that we cannot draw how it is read in Latin ones, if its name says so, or its number.

    A number is nothing to read, but tells one letter from another, and that this is not how somebody is called.
    """
    if letter in JOINERS or _first_with(letter) is not None:
        return letter
    name = unicodedata.name(letter, "")
    for kind, written in _READ.items():
        if name.startswith(kind):
            return written(name.removeprefix(kind).removeprefix("SMALL "))
    return f"[{ord(letter):04X}]"


def assign(text: str) -> Iterable[Face]:
    """Yield the face of every letter: the one of those before as long as it has it, so that words stay whole."""
    present = faces()[0]
    for letter in text:
        if letter not in JOINERS and not present.has(letter):
            present = _first_with(letter) or faces()[0]
        elif _is_of(letter, faces()[0]) and present is not faces()[0]:
            present = faces()[0]
        yield present


@cache
def _first_with(letter: str) -> Face | None:
    return next((face for face in faces() if face.has(letter)), None)


def _is_of(letter: str, face: Face) -> bool:
    """Whether a letter, no mark or sign or digit that scripts share, is one of this face's own."""
    return letter.isalpha() and face.has(letter)
