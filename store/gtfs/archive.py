"""The zip a feed comes in: its files as lines of text, each with its number."""

import csv
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from store.gtfs.faults import Fault, Faults, FeedRefused

LINE_BYTES = 65_536
TELL_BYTES = 65_536
BROKEN_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,  # a compression nobody uses
    RuntimeError,  # encrypted
    OSError,
)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a zip may unpack to: a file, all that are read together, and how many times what it was packed into.

    A little that is well packed harms nobody: up to `ratio_from_bytes` the ratio is not looked at.
    """

    file_bytes: int = 2 * 1024**3
    all_bytes: int | None = None
    ratio: int | None = None
    ratio_from_bytes: int = 8 * 1024**2


AT_HAND = Bounds()
"""For a file of whoever has the machine in hand."""
UPLOADED = Bounds(file_bytes=1024**3, all_bytes=1024**3, ratio=100)


class Archive:
    """The zip. `progress` hears how many bytes of how many have been read."""

    def __init__(
        self, path: Path, progress: Callable[[int, int], None], bounds: Bounds = AT_HAND
    ) -> None:
        """Raise OSError when there is no such file, FeedRefused when it is no zip."""
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error):
            fault = Fault(path.name, None, "is not a zip file")
            raise FeedRefused((fault,), 1) from None
        self._names = self._zip.namelist()
        self._progress = progress
        self._total = sum(entry.file_size for entry in self._zip.infolist())
        self._bounds = bounds
        self._opened_bytes = 0
        self._done = 0
        self._told = 0
        progress(0, self._total)

    def close(self) -> None:
        self._zip.close()

    def has(self, file: str) -> bool:
        return file in self._names

    def folder_of(self, file: str) -> str | None:
        """Return the folder that a file is in although it belongs at the top."""
        found = (name for name in self._names if name.endswith(f"/{file}"))
        return next((name.removesuffix(file) for name in found), None)

    def open(self, file: str) -> io.BufferedReader:
        if self._names.count(file) > 1:
            raise zipfile.BadZipFile("the zip holds it twice")
        self._require_bounds(self._zip.getinfo(file))
        return io.BufferedReader(cast("io.RawIOBase", self._zip.open(file)))

    def _require_bounds(self, entry: zipfile.ZipInfo) -> None:
        """Refuse what is too much, by what the zip says: more than that is never unpacked of a file."""
        bounds, size = self._bounds, entry.file_size
        if size > bounds.file_bytes:
            raise zipfile.BadZipFile(f"it is larger than {bounds.file_bytes // 1024**3} GiB")
        self._opened_bytes += size
        if bounds.all_bytes is not None and self._opened_bytes > bounds.all_bytes:
            together = bounds.all_bytes // 1024**3
            raise zipfile.BadZipFile(f"with it the feed is larger than {together} GiB")
        is_dense = bounds.ratio is not None and size > bounds.ratio * entry.compress_size
        if is_dense and size > bounds.ratio_from_bytes:
            raise zipfile.BadZipFile(f"it unpacks to more than {bounds.ratio} times its size")

    def advance(self, count: int) -> None:
        self._done += count
        if self._done - self._told >= TELL_BYTES:
            self._told = self._done
            self._progress(self._done, self._total)


class Lines:
    """The lines of one file as text; `number` is that of the line given out last."""

    def __init__(
        self, archive: Archive, stream: io.BufferedReader, file: str, faults: Faults
    ) -> None:
        self._archive = archive
        self._stream = stream
        self._file = file
        self._faults = faults
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = self._stream.readline(LINE_BYTES)
        if not raw:
            raise StopIteration
        self.number += 1
        self._archive.advance(len(raw))
        if len(raw) == LINE_BYTES:
            raise csv.Error(f"a line is longer than {LINE_BYTES} bytes")
        try:
            return raw.decode("utf-8-sig" if self.number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            self._faults.add(self._file, self.number, f"is not UTF-8: {error.reason}")
            return raw.decode(errors="replace")
