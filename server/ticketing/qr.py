"""QR codes: the smallest that hold a text at medium error correction, with the quiet zone that readers need."""

import io
from collections.abc import Iterator

import segno

QUIET = 4
"""Modules of white around it, as the standard asks for."""


def make_qr(text: str) -> segno.QRCode:
    return segno.make_qr(text, error="m")


def dark_bars(code: segno.QRCode) -> Iterator[tuple[int, int, int]]:
    """Yield the dark parts as bars: row, first column, number of modules; the quiet zone counts."""
    for row, modules in enumerate(code.matrix_iter(border=QUIET)):
        start: int | None = None
        for column, is_dark in enumerate([*modules, 0]):
            if is_dark and start is None:
                start = column
            elif not is_dark and start is not None:
                yield row, start, column - start
                start = None


def side(code: segno.QRCode) -> int:
    """Return how many modules a side has, with the quiet zone."""
    width, _ = code.symbol_size(border=QUIET)
    return int(width)


def svg(text: str, title: str) -> bytes:
    """Return a code as a picture of any size: dark on a light ground of its own, also on a dark page."""
    file = io.BytesIO()
    make_qr(text).save(
        file,
        kind="svg",
        border=QUIET,
        dark="#000",
        light="#fff",
        title=title,
        omitsize=True,
        encoding="utf-8",
    )
    return file.getvalue()
