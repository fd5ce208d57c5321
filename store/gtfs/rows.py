"""Reads the tables of a feed strictly: every row knows its line, every wrong value becomes a fault.

A value that is wrong is noted and replaced by a harmless one, so that reading goes on and finds the other faults;
nothing of a feed with faults is ever used.
"""

import csv
import math
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from store.gtfs.archive import BROKEN_ZIP, Archive, Lines
from store.gtfs.faults import Faults, listed

T = TypeVar("T")

ID_LETTERS = 160
LABEL_LETTERS = 120
TEXT_LETTERS = 10_000
DAY_MIN, DAY_MAX = date(1970, 1, 1), date(2199, 12, 31)
# What PostgreSQL's [[:cntrl:]] matches.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_TIME = re.compile(r"([0-9]{1,3}):([0-5][0-9]):([0-5][0-9])")
_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_WHOLE = re.compile(r"[0-9]{1,18}")
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_LETTERS_QUOTED = 60


class Row:
    """One row; a method reads one column, notes what is wrong with it, and then returns something harmless."""

    __slots__ = ("_columns", "_faults", "_fields", "file", "is_sound", "line")

    def __init__(
        self, place: tuple[str, int], columns: Mapping[str, int], fields: list[str], faults: Faults
    ) -> None:
        self.file, self.line = place
        self.is_sound = True
        self._columns = columns
        self._fields = fields
        self._faults = faults

    def fault(self, reason: str) -> None:
        self.is_sound = False
        self._faults.add(self.file, self.line, reason)

    def get(self, column: str) -> str:
        """Return the text of a column, blank when the file has no such column."""
        index = self._columns.get(column)
        return "" if index is None else self._fields[index].strip(" \t")

    def identifier(self, column: str) -> str:
        return self._text(column, ID_LETTERS)

    def label(self, column: str) -> str:
        return self._text(column, LABEL_LETTERS)

    def optional(self, column: str) -> str:
        """Return a text that may be blank, and long."""
        return self._text(column, TEXT_LETTERS) if self.get(column) else ""

    def choice(self, column: str, allowed: Container[str], *, blank: str = "") -> str:
        text = self.get(column) or blank
        if text not in allowed:
            self._wrong(column, text, "known to GTFS")
        return text

    def reference(self, column: str, known: Mapping[str, T], file: str) -> T | None:
        """Return what an id stands for that `file` has defined."""
        text = self.get(column)
        if text not in known:
            self._wrong(column, text, f"in {file}")
        return known.get(text)

    def unique(self, what: str, seen: dict[T, int], key: T) -> None:
        """Note that `key` is on this line; a second time is a fault."""
        first = seen.setdefault(key, self.line)
        if first != self.line:
            self.fault(f"{what} is on line {first} already")

    def whole(self, column: str, low: int, high: int) -> int:
        text = self.get(column)
        if _WHOLE.fullmatch(text) and low <= int(text) <= high:
            return int(text)
        self._wrong(column, text, f"a whole number from {low} to {high}")
        return low

    def decimal(self, column: str, low: float, high: float) -> float:
        text = self.get(column)
        number = float(text) if _DECIMAL.fullmatch(text) else math.nan
        if low <= number <= high:
            return number
        self._wrong(column, text, f"a number from {low:g} to {high:g}")
        return low

    def day(self, column: str) -> date:
        text = self.get(column)
        if parts := _DATE.fullmatch(text):
            with suppress(ValueError):
                day = date(int(parts[1]), int(parts[2]), int(parts[3]))
                if DAY_MIN <= day <= DAY_MAX:
                    return day
        self._wrong(column, text, "a date (YYYYMMDD)")
        return DAY_MIN

    def seconds(self, column: str) -> int | None:
        """Return a time as seconds after the start of the service day, None when blank."""
        text = self.get(column)
        if not text:
            return None
        if parts := _TIME.fullmatch(text):
            return int(parts[1]) * 3600 + int(parts[2]) * 60 + int(parts[3])
        self._wrong(column, text, "a time (HH:MM:SS)")
        return None

    def _wrong(self, column: str, text: str, wanted: str) -> None:
        self.fault(f"{column} {quoted(text)} is not {wanted}" if text else f"{column} is blank")

    def _text(self, column: str, limit: int) -> str:
        text = self.get(column)
        if not text:
            self.fault(f"{column} is blank")
        elif _CONTROL.search(text):
            self.fault(f"{column} {quoted(text)} holds a control character")
        elif len(text) > limit:
            self.fault(f"{column} {quoted(text)} is longer than {limit} characters")
        return text


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of a feed, and what has been found wrong with them so far."""

    archive: Archive
    faults: Faults = field(default_factory=Faults)

    def has(self, file: str) -> bool:
        return self.archive.has(file)

    def rows(self, file: str, *required: str) -> Iterator[Row]:
        """Yield the rows of a file that must be there and have these columns.

        What cannot be read as such is a fault, and no row.
        """
        if not self.archive.has(file):
            folder = self.archive.folder_of(file)
            where = f" from the top of the zip; there is one in `{folder}`" if folder else ""
            self.faults.add(file, None, f"is missing{where}")
            return
        try:
            with self.archive.open(file) as stream:
                lines = Lines(self.archive, stream, file, self.faults)
                yield from _rows(lines, file, required, self.faults)
        except BROKEN_ZIP as error:
            self.faults.add(file, None, f"cannot be read: {error}")

    def rows_if_any(self, file: str, *required: str) -> Iterator[Row]:
        """Yield the rows of a file that may be absent."""
        return self.rows(file, *required) if self.has(file) else iter(())


def quoted(text: str) -> str:
    """Return a value as a fault may show it: short, and nothing in it moves the cursor."""
    short = text if len(text) <= _LETTERS_QUOTED else f"{text[: _LETTERS_QUOTED - 1]}…"
    return f"`{_CONTROL.sub('�', short)}`"


def _rows(lines: Lines, file: str, required: Sequence[str], faults: Faults) -> Iterator[Row]:
    columns: dict[str, int] | None = None
    width = 0
    for line, fields in _records(lines, file, faults):
        if columns is None:
            columns, width = _columns(fields, (file, line), required, faults), len(fields)
            if columns is None:
                return
        elif len(fields) != width:
            faults.add(file, line, f"has {len(fields)} fields where the header has {width}")
        else:
            yield Row((file, line), columns, fields, faults)
    if lines.number == 0:
        faults.add(file, None, "is empty: not even a header")


def _records(lines: Lines, file: str, faults: Faults) -> Iterator[tuple[int, list[str]]]:
    """Yield each record with the number of the line it begins on."""
    reader = csv.reader(lines, strict=True)
    while True:
        line = lines.number + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # With quotes that do not match, where the next row begins is anybody's guess.
            faults.add(file, line, f"is not CSV: {error}")
            return
        if fields:
            yield line, fields


def _columns(
    header: Sequence[str], place: tuple[str, int], required: Sequence[str], faults: Faults
) -> dict[str, int] | None:
    """Return where each column is, or None when the rows cannot be made sense of."""
    names = [name.strip(" \t") for name in header]
    columns = {name: index for index, name in enumerate(names)}
    missing = [name for name in required if name not in columns]
    if missing:
        faults.add(*place, f"the header has no {listed(missing)}")
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        faults.add(*place, f"the header has {listed(twice)} twice")
    return None if missing or twice else columns
