"""PDFs as a printer and a scanner see them: drawn by PDFium, read by ZXing."""

from dataclasses import dataclass

import pypdfium2
import zxingcpp

DPI = 203
"""What the printers of kiosks have; everything else is finer."""


@dataclass(frozen=True, slots=True)
class SeenPage:
    """A page: its size in points, its text, and what its codes say."""

    width: float
    height: float
    text: str
    codes: tuple[str, ...]


def see(pdf: bytes, *, dpi: int = DPI) -> list[SeenPage]:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [_see(page, dpi) for page in document]
    finally:
        document.close()


def _see(page: pypdfium2.PdfPage, dpi: int) -> SeenPage:
    width, height = page.get_size()
    bitmap = page.render(scale=dpi / 72, grayscale=True)
    codes = read_codes(bytes(bitmap.buffer), bitmap.stride)
    text = page.get_textpage()
    try:
        return SeenPage(width, height, text.get_text_bounded(), codes)
    finally:
        text.close()


def read_codes(pixels: bytes, width: int) -> tuple[str, ...]:
    """Return what the codes in a grey picture say."""
    picture = memoryview(pixels).cast("B", (len(pixels) // width, width))
    found = zxingcpp.read_barcodes(picture, text_mode=zxingcpp.TextMode.Plain)
    return tuple(each.text for each in found)
