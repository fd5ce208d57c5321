"""Sets a line of text: which way its parts run, which glyphs they are made of, and where these stand.

The bidirectional algorithm is python-bidi's and shaping is HarfBuzz's. Reportlab's own shaping is not used: it gives
glyphs that have no letter private code points, which whoever copies or listens to the text would get instead of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Literal

import uharfbuzz
from bidi.algorithm import (
    MIRRORED,
    explicit_embed_and_overrides,
    get_base_level,
    get_embedding_levels,
    get_empty_storage,
    resolve_implicit_levels,
    resolve_neutral_types,
    resolve_weak_types,
)

from server.ticketing.faces import JOINERS, Face, assign, printable, readable

Direction = Literal["L", "R"]
_LINES_KEPT = 1024
"""What a ticket says stands on all of a booking, and each line is set twice: to see how long it is, and to draw it."""
_NO_JOINERS = dict.fromkeys(map(ord, JOINERS))


@dataclass(frozen=True, slots=True)
class Glyph:
    """A glyph of a face, in ems from the beginning of its line; `text` is what it stands for, as it is seen.

    So letters that run from right to left, and brackets among them, stand as whoever looks finds them: a reader of the
    PDF turns them around.
    """

    face: Face
    number: int
    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class SetLine:
    """A line as it is drawn: its glyphs from left to right, `width` in ems; `text` is what whoever copies it gets."""

    text: str
    glyphs: tuple[Glyph, ...]
    width: float
    has_rtl: bool


@dataclass(frozen=True, slots=True)
class _Run:
    """Letters that run one way in one face."""

    text: str
    level: int
    face: Face

    @property
    def is_rtl(self) -> bool:
        return self.level % 2 == 1


@lru_cache(maxsize=_LINES_KEPT)
def set_line(text: str, direction: Direction | None = None) -> SetLine:
    """Set a line; without a direction its first letter that has one decides."""
    told = readable(text)
    glyphs: list[Glyph] = []
    pen = 0.0
    runs = _runs(printable(told), direction)
    for run in _as_seen(runs):
        pen = _shape(run, pen, glyphs)
    return SetLine(told, tuple(glyphs), pen, any(run.is_rtl for run in runs))


def wrap(text: str, width: float) -> list[str]:
    """Break a text between words so that every line, set, is at most `width` ems; a longer word has one to itself."""
    lines: list[str] = []
    for word in readable(text).split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and set_line(longer).width <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines or [""]


def _runs(text: str, direction: Direction | None) -> list[_Run]:
    letters = zip(text, _levels(text, direction), assign(text), strict=True)
    return [
        _Run("".join(letter for letter, _, _ in part), level, face)
        for (level, face), group in groupby(letters, key=lambda each: each[1:])
        for part in [list(group)]
    ]


def _levels(text: str, direction: Direction | None) -> list[int]:
    base = get_base_level(text) if direction is None else int(direction == "R")
    storage = get_empty_storage()
    storage["base_level"], storage["base_dir"] = base, ("L", "R")[base]
    get_embedding_levels(text.translate(_NO_JOINERS), storage)
    explicit_embed_and_overrides(storage)
    resolve_weak_types(storage)
    resolve_neutral_types(storage, False)  # noqa: FBT003 - its debugging output, which has no default
    resolve_implicit_levels(storage, False)  # noqa: FBT003 - the same
    found = iter(storage["chars"])
    levels: list[int] = []
    for letter in text:
        # What joins letters has no way of its own: it goes with the letter before.
        before = levels[-1] if levels else base
        levels.append(before if letter in JOINERS else next(found)["level"])
    return levels


def _as_seen(runs: Sequence[_Run]) -> list[_Run]:
    """Return the runs from left to right: from the innermost level on, what runs the other way is turned around."""
    order = list(runs)
    for level in range(max((run.level for run in order), default=0), 0, -1):
        order = _turn(order, level)
    return order


def _turn(runs: Sequence[_Run], level: int) -> list[_Run]:
    found: list[_Run] = []
    for is_inside, group in groupby(runs, key=lambda run: run.level >= level):
        part = list(group)
        found += part[::-1] if is_inside else part
    return found


def _shape(run: _Run, pen: float, glyphs: list[Glyph]) -> float:
    """Add the glyphs of a run, which begins at `pen`, and return where it ends."""
    buffer = uharfbuzz.Buffer()
    buffer.cluster_level = uharfbuzz.BufferClusterLevel.CHARACTERS
    buffer.add_codepoints(list(map(ord, run.text)))
    buffer.guess_segment_properties()
    buffer.direction = "rtl" if run.is_rtl else "ltr"
    uharfbuzz.shape(run.face.font, buffer, {})
    starts = sorted({info.cluster for info in buffer.glyph_infos})
    ends = dict(zip(starts, [*starts[1:], len(run.text)], strict=True))
    units = run.face.units
    for info, place in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
        x, y = pen + place.x_offset / units, place.y_offset / units
        # Of several glyphs for one letter the first stands for it, the others for nothing.
        text = run.text[info.cluster : ends.pop(info.cluster, info.cluster)]
        glyphs.append(Glyph(run.face, info.codepoint, x, y, _as_read(text, run)))
        pen += place.x_advance / units
    return pen


def _as_read(text: str, run: _Run) -> str:
    if not run.is_rtl:
        return text
    return "".join(MIRRORED.get(letter, letter) for letter in reversed(text))
