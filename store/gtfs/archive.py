"""The zip a feed comes in: its files as lines of text, each with its number."""

import csv
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

from store.gtfs.faults import Fault, Faults, FeedRefused

LINE_BYTES = 65_536
FILE_BYTES = 2 * 1024**3
TELL_BYTES = 65_536
BROKEN_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,  # a compression nobody uses
    RuntimeError,  # encrypted
    OSError,
)


class Archive:
    """The zip. `progress` hears how many bytes of how many have been read."""

    def __init__(self, path: Path, progress: Callable[[int, int], None]) -> None:
        """Raise OSError when there is no such file, FeedRefused when it is no zip."""
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error):
            fault = Fault(path.name, None, "is not a zip file")
            raise FeedRefused((fault,), 1) from None
        self._names = self._zip.namelist()
        self._progress = progress
        self._total = sum(entry.file_size for entry in self._zip.infolist())
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
        if self._zip.getinfo(file).file_size > FILE_BYTES:
            raise zipfile.BadZipFile(f"it is larger than {FILE_BYTES // 1024**3} GiB")
        return io.BufferedReader(cast("io.RawIOBase", self._zip.open(file)))

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
