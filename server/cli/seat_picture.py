"""A seat map in characters: every seat its label and a letter, so that colour only helps. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from realtime.client import News

WORST_FIRST = "BXLA"
FREE = "\N{MIDDLE DOT}"
MARKS = {"A": FREE, "L": "L", "B": "B", "X": "X"}
WORDS = {"A": "free", "L": "held", "B": "sold", "X": "blocked"}
_STYLES = {"A": "bold green", "L": "yellow", "B": "red", "X": "bright_black"}
_FRESHNESS = {
    "live": ("\N{BLACK CIRCLE} live", "green"),
    "late": ("\N{WHITE CIRCLE} late", "yellow"),
}
_LOST = ("\N{MULTIPLICATION SIGN} connection lost, trying again", "bold red")
_AISLE = "  "
_TO = "\N{RIGHTWARDS ARROW}"


class Place(msgspec.Struct, frozen=True):
    """A seat of the layout, as the API tells of it."""

    seat: str
    deck: int
    row: int
    column: int


class Layout(msgspec.Struct, frozen=True):
    name: str
    decks: int
    seats: list[Place]


class Named(msgspec.Struct, frozen=True):
    name: str


class Stop(msgspec.Struct, frozen=True):
    name: str
    time_zone: str


class Call(msgspec.Struct, frozen=True):
    stop: Stop


class Bus(msgspec.Struct, frozen=True):
    """What a picture says of a bus besides its seats: a part of the API's answer."""

    id: str
    name: str
    operator: Named
    status: str
    departs_at: datetime
    arrives_at: datetime
    stops: list[Call]
    layout: Layout


@dataclass(frozen=True, slots=True)
class Change:
    """A seat that has turned, and when we heard of it."""

    at: datetime
    seat: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.at:%H:%M:%S}  {self.seat}  {WORDS[self.before]} -> {WORDS[self.after]}"


def worst(states: str) -> str:
    """Return the letter that counts for the whole trip."""
    return next((letter for letter in WORST_FIRST if letter in states), "X")


def changes(before: Mapping[str, str], after: Mapping[str, str], at: datetime) -> list[Change]:
    """Return the seats that have turned, for the whole trip; none when all of it is new."""
    pairs = (
        (seat, worst(before[seat]), worst(states))
        for seat, states in after.items()
        if seat in before
    )
    return [Change(at, seat, old, new) for seat, old, new in pairs if old != new]


def picture(bus: Bus, news: News, latest: Sequence[Change]) -> RenderableType:
    """Return everything that is shown of a bus."""
    seats = {} if news.known is None else news.known.seats
    fresh = {change.seat for change in latest if change.at == latest[-1].at}
    decks = [
        Panel(
            _deck(bus, deck, seats, fresh),
            title=_name_of(deck, bus.layout.decks),
            title_align="left",
            border_style="bright_black",
            expand=False,
        )
        for deck in _decks(bus)
    ]
    parts: list[RenderableType] = [_title(bus), _status(news), Columns(decks), _legend(seats)]
    if latest:
        parts.append(Text("\n".join(f"  {change}" for change in latest), style="bright_black"))
    return Group(*parts)


def height_of(bus: Bus) -> int:
    """Return how many lines a picture takes without its changes."""
    return (
        max(
            len({place.row for place in bus.layout.seats if place.deck == deck})
            for deck in _decks(bus)
        )
        + 7
    )


def _decks(bus: Bus) -> range:
    return range(1, bus.layout.decks + 1)


def _title(bus: Bus) -> Text:
    first, last = bus.stops[0].stop, bus.stops[-1].stop
    leaves = bus.departs_at.astimezone(ZoneInfo(first.time_zone))
    arrives = bus.arrives_at.astimezone(ZoneInfo(last.time_zone))
    arrival = f"{arrives:%H:%M}" if leaves.date() == arrives.date() else f"{arrives:%a %H:%M}"
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{first.name} {_TO} {last.name}\n", style="bold")
    text.append(f"{bus.operator.name}, {bus.name}, bus {bus.id}\n")
    text.append(f"{leaves:%a %d %b %H:%M} {_TO} {arrival}")
    if bus.status != "SCHEDULED":
        text.append(f"  {bus.status.lower()}", style="bold red")
    return text


def _status(news: News) -> Text:
    words, style = _FRESHNESS.get(news.freshness, _LOST)
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(words, style=style)
    if news.known is not None:
        text.append(f"  revision {news.known.rev}", style="bright_black")
    if news.freshness != "live" and news.reason:
        text.append(f"  ({news.reason})", style="bright_black")
    return text


def _deck(bus: Bus, deck: int, seats: Mapping[str, str], fresh: set[str]) -> Table:
    places = [place for place in bus.layout.seats if place.deck == deck]
    columns = max((place.column for place in places), default=0)
    rows: dict[int, dict[int, str]] = {number: {} for number in sorted({p.row for p in places})}
    for place in places:
        rows[place.row][place.column] = place.seat
    width = max((len(place.seat) for place in places), default=0)
    table = Table.grid(padding=(0, 1))
    for _ in range(columns):
        table.add_column(justify="right")
    for row in rows.values():
        table.add_row(
            *(_cell(row.get(column), seats, width, fresh) for column in range(1, columns + 1))
        )
    return table


def _cell(seat: str | None, seats: Mapping[str, str], width: int, fresh: set[str]) -> Text:
    if seat is None:
        return Text(_AISLE)
    letter = worst(seats.get(seat, ""))
    style = _STYLES[letter]
    return Text(
        f"{seat:>{width}} {MARKS[letter]}", style=f"reverse {style}" if seat in fresh else style
    )


def _name_of(deck: int, decks: int) -> str:
    if decks == 1:
        return "front"
    return {1: "lower deck, front", 2: "upper deck, front"}.get(deck, f"deck {deck}, front")


def _legend(seats: Mapping[str, str]) -> Text:
    counts = Counter(map(worst, seats.values()))
    text = Text()
    for letter in "ALBX":
        text.append(f"{MARKS[letter]} ", style=_STYLES[letter])
        text.append(f"{counts[letter]} {WORDS[letter]}   ")
    return text
