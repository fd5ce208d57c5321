"""Why an import is refused, as data: faults of the feed with file and line, and what else can be in the way."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from store.errors import StoreError

FAULTS_SHOWN = 50
_REASON_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Fault:
    """`line` counts from 1, the header; None when the file as a whole is at fault."""

    file: str
    line: int | None
    reason: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file} line {self.line}"
        return f"{place}: {self.reason}"


@dataclass(eq=False)
class FeedRefused(StoreError):
    """The feed is broken: the first faults, and how many there are in all."""

    faults: tuple[Fault, ...]
    total: int


@dataclass(eq=False)
class NothingToSell(StoreError):
    """No trip runs on the days asked for; `first` and `last` are the days on which any trip runs."""

    begin: date
    end: date
    first: date | None
    last: date | None


@dataclass(eq=False)
class TooMuch(StoreError):
    """More buses than one import may add."""

    buses: int
    limit: int


@dataclass(eq=False)
class AgencyUnclear(StoreError):
    """The feed has several agencies and none of them is the operator asked for."""

    asked: str
    agencies: tuple[str, ...]


@dataclass(eq=False)
class LayoutUnknown(StoreError):
    name: str
    known: tuple[str, ...]


@dataclass(eq=False)
class ImportRunning(StoreError):
    """Another import for this operator has not ended yet."""

    operator: str


class Faults:
    """Collects what is wrong with a feed, so that one reading finds everything; keeps the first fifty."""

    def __init__(self) -> None:
        self._shown: list[Fault] = []
        self.total = 0

    def add(self, file: str, line: int | None, reason: str) -> None:
        self.total += 1
        if len(self._shown) < FAULTS_SHOWN:
            is_long = len(reason) > _REASON_LENGTH  # it may quote what should have been a number
            shown = f"{reason[: _REASON_LENGTH - 1]}…" if is_long else reason
            self._shown.append(Fault(file, line, shown))

    def refuse_if_any(self) -> None:
        """Raise FeedRefused unless the feed is sound so far."""
        if self.total:
            raise FeedRefused(tuple(self._shown), self.total)


def listed(names: Iterable[str]) -> str:
    """Return names as a reader wants them in a sentence."""
    return ", ".join(f"`{name}`" for name in names)
