"""Fonts of a PDF whose text is written in glyphs, each with the letters that it stands for beside it."""

from collections.abc import Iterable, Mapping

import uharfbuzz
from reportlab.pdfbase.pdfdoc import (
    PDFArray,
    PDFDictionary,
    PDFDocument,
    PDFName,
    PDFStream,
    PDFString,
    PDFZCompress,
)

from server.ticketing.faces import Face

_EM = 1000
_FOR_SHAPING = (b"GSUB", b"GPOS", b"GDEF")
"""Tables that nobody needs who has the glyphs."""
_FONTS = "BasicFonts"
"""What reportlab calls the fonts that every page knows."""
_SYMBOLIC = 4
_CMAP = """\
/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange
{groups}endcmap
CMapName currentdict /CMap defineresource pop
end
end
"""
_GROUP = 100
"""A CMap names no more at once."""


class GlyphFont:
    """A face in a document: it notes which glyphs are drawn, and embeds these and no others."""

    def __init__(self, face: Face, place: int) -> None:
        self.face = face
        self.name = f"Glyphs{place}"
        self._texts: dict[int, str] = {}

    def use(self, glyph: int, text: str) -> str:
        """Note that a glyph is drawn for some letters; return it as a page writes it."""
        self._texts.setdefault(glyph, text)
        return f"<{glyph:04x}>"

    def add_to(self, document: PDFDocument) -> None:
        """Put the font, as it was used, into a document that is about to be written."""
        name = PDFName(f"{'ABCDEF'}+{self.face.name}")
        described = PDFDictionary(
            {
                "Type": PDFName("Font"),
                "Subtype": PDFName("Type0"),
                "BaseFont": name,
                "Encoding": PDFName("Identity-H"),
                "DescendantFonts": PDFArray([document.Reference(self._glyphs(document, name))]),
                "ToUnicode": document.Reference(_stream(_letters(self._texts))),
            }
        )
        document.idToObject[_FONTS].dict[self.name] = document.Reference(described)

    def _glyphs(self, document: PDFDocument, name: object) -> PDFDictionary:
        font, scale = self.face.font, _EM / self.face.units
        widths: list[object] = []
        for glyph in sorted(self._texts):
            widths += [glyph, PDFArray([round(font.get_glyph_h_advance(glyph) * scale)])]
        extents = font.get_font_extents("ltr")
        descriptor = PDFDictionary(
            {
                "Type": PDFName("FontDescriptor"),
                "FontName": name,
                "Flags": _SYMBOLIC,
                "FontBBox": PDFArray([-_EM, -_EM, 2 * _EM, 2 * _EM]),
                "ItalicAngle": 0,
                "Ascent": round(extents.ascender * scale),
                "Descent": round(extents.descender * scale),
                "CapHeight": round(extents.ascender * scale),
                "StemV": 80,
                "FontFile2": document.Reference(_program(self.face, self._texts)),
            }
        )
        return PDFDictionary(
            {
                "Type": PDFName("Font"),
                "Subtype": PDFName("CIDFontType2"),
                "BaseFont": name,
                "CIDSystemInfo": PDFDictionary(
                    {
                        "Registry": PDFString("Adobe"),
                        "Ordering": PDFString("Identity"),
                        "Supplement": 0,
                    }
                ),
                "FontDescriptor": document.Reference(descriptor),
                "W": PDFArray(widths),
                "CIDToGIDMap": PDFName("Identity"),
            }
        )


def _program(face: Face, glyphs: Iterable[int]) -> PDFStream:
    """Return the font file without what is not drawn; every glyph keeps its number."""
    wanted = uharfbuzz.SubsetInput()
    wanted.glyph_set.update(glyphs)
    wanted.flags = (
        uharfbuzz.SubsetFlags.RETAIN_GIDS
        | uharfbuzz.SubsetFlags.NO_HINTING
        | uharfbuzz.SubsetFlags.NO_LAYOUT_CLOSURE
    )
    wanted.drop_table_tag_set.update(int.from_bytes(table) for table in _FOR_SHAPING)
    file = uharfbuzz.subset(face.face, wanted).blob.data
    stream = _stream(file)
    stream.dictionary["Length1"] = len(file)
    return stream


def _letters(texts: Mapping[int, str]) -> bytes:
    """Return the table that says which letters a glyph stands for."""
    rows = [
        f"<{glyph:04x}> <{text.encode('utf-16-be').hex()}>\n"
        for glyph, text in sorted(texts.items())
        if text
    ]
    groups = [rows[place : place + _GROUP] for place in range(0, len(rows), _GROUP)]
    listed = "".join(f"{len(group)} beginbfchar\n{''.join(group)}endbfchar\n" for group in groups)
    return _CMAP.replace("{groups}", listed).encode("ascii")


def _stream(content: bytes) -> PDFStream:
    return PDFStream(content=content, filters=[PDFZCompress])
