"""A page of a ticket, filled from the top in the direction of its language."""

from dataclasses import dataclass
from typing import Literal

from reportlab.pdfgen.canvas import Canvas
from segno import QRCode

from server.ticketing.faces import Face
from server.ticketing.glyph_fonts import GlyphFont
from server.ticketing.qr import dark_bars, side
from server.ticketing.typesetting import Direction, SetLine, set_line, wrap

MM = 72 / 25.4
_LEADING = 1.35
_DROP = 0.95
"""How far below the top of a line its letters stand, in ems."""
_STROKE = 0.028
"""What makes letters heavy: a line around them, in ems. One weight of each script is all that comes with us."""
_PALE = 0.35

Edge = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Style:
    size: float
    is_heavy: bool = False
    is_pale: bool = False
    edge: Edge = "start"


@dataclass(frozen=True, slots=True)
class Column:
    """A part of the page's width."""

    left: float
    right: float

    @property
    def width(self) -> float:
        return self.right - self.left


class Ink:
    """Writes glyphs and codes on the pages of one document."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self._fonts: dict[str, GlyphFont] = {}

    def write(self, line: SetLine, x: float, y: float, style: Style) -> None:
        """Write a line with its letters beside it, for whoever copies them or has them read aloud.

        Readers turn around what runs from right to left, also where they are told the letters in order: there, they
        are left to the glyphs, each of which says what it stands for.
        """
        tone = _PALE if style.is_pale else 0
        parts = [f"q {tone} g {tone} G"]
        if not line.has_rtl:
            told = f"feff{line.text.encode('utf-16-be').hex()}"
            parts.insert(0, f"/Span <</ActualText <{told}>>> BDC")
        if style.is_heavy:
            parts.append(f"2 Tr {style.size * _STROKE:.3f} w")
        parts.append("BT")
        present: Face | None = None
        for glyph in line.glyphs:
            font = self._font(glyph.face)
            if glyph.face is not present:
                parts.append(f"/{font.name} {style.size:.2f} Tf")
                present = glyph.face
            place = f"{x + glyph.x * style.size:.2f} {y + glyph.y * style.size:.2f}"
            parts.append(f"1 0 0 1 {place} Tm {font.use(glyph.number, glyph.text)} Tj")
        ending = ["ET", "Q"] if line.has_rtl else ["ET", "Q", "EMC"]
        self._canvas.addLiteral("\n".join([*parts, *ending]))

    def draw_code(self, code: QRCode, x: float, y: float, size: float) -> None:
        """Draw a QR code with its quiet zone; (x, y) is its lower left corner."""
        count = side(code)
        module = size / count
        path = self._canvas.beginPath()
        for row, column, length in dark_bars(code):
            top = y + (count - row - 1) * module
            path.rect(x + column * module, top, length * module, module)
        self._canvas.setFillGray(0)
        self._canvas.drawPath(path, stroke=0, fill=1)

    def rule(self, left: float, right: float, y: float) -> None:
        self._canvas.setLineWidth(0.6)
        self._canvas.setStrokeGray(_PALE)
        self._canvas.line(left, y, right, y)

    def end_page(self) -> None:
        self._canvas.showPage()

    def finish(self) -> None:
        """Give the document its fonts, when everything is written."""
        for font in self._fonts.values():
            font.add_to(self._canvas._doc)  # noqa: SLF001 - a font of our own kind has no other way in

    def _font(self, face: Face) -> GlyphFont:
        return self._fonts.setdefault(face.name, GlyphFont(face, len(self._fonts)))


class Sheet:
    """Where the next thing goes. Without ink nothing is written, and `y` says how much room it would take."""

    def __init__(self, page: Column, top: float, *, is_rtl: bool, ink: Ink | None = None) -> None:
        self.page = page
        self.y = top
        self._is_rtl = is_rtl
        self._ink = ink

    def columns(self, share: float, gap: float) -> tuple[Column, Column]:
        """Return two columns, first the one where reading starts, which gets this share of the width."""
        page, first = self.page, (self.page.width - gap) * share
        if self._is_rtl:
            return Column(page.right - first, page.right), Column(
                page.left, page.right - first - gap
            )
        return Column(page.left, page.left + first), Column(page.left + first + gap, page.right)

    def write(
        self, text: str, style: Style, column: Column | None = None, *, is_label: bool = False
    ) -> None:
        """Write a text below what is there. A label runs as the language does, a name as its own letters do."""
        place = column or self.page
        direction: Direction | None = ("R" if self._is_rtl else "L") if is_label else None
        for part in wrap(text, place.width / style.size):
            line = set_line(part, direction)
            # A word that is wider than its column is written smaller, never cut.
            size = min(style.size, place.width / line.width) if line.width else style.size
            fitted = Style(size, style.is_heavy, style.is_pale, style.edge)
            if self._ink is not None:
                x = self._begin(line.width * size, place, style.edge)
                self._ink.write(line, x, self.y - _DROP * style.size, fitted)
            self.y -= _LEADING * style.size

    def draw_code(self, code: QRCode, size: float, column: Column | None = None) -> None:
        """Draw a QR code in the middle of a column."""
        place = column or self.page
        self.y -= size
        if self._ink is not None:
            self._ink.draw_code(code, place.left + (place.width - size) / 2, self.y, size)

    def rule(self) -> None:
        self.skip(2 * MM)
        if self._ink is not None:
            self._ink.rule(self.page.left, self.page.right, self.y)
        self.skip(3 * MM)

    def skip(self, height: float) -> None:
        self.y -= height

    def _begin(self, width: float, place: Column, edge: Edge) -> float:
        if edge == "middle":
            return place.left + (place.width - width) / 2
        is_left = (edge == "start") != self._is_rtl
        return place.left if is_left else place.right - width
