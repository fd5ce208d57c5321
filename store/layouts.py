"""Seat plans as values: the ones an operator can start from, made by rule."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from store.model import LayoutSeat

_LETTERS = "ABCDEFGHJK"


@dataclass(frozen=True, slots=True)
class SeatPlan:
    """A layout that is not stored yet."""

    name: str
    seats: tuple[LayoutSeat, ...]


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows that look alike: `places` are the columns with seats, so that a gap is an aisle."""

    count: int
    places: Sequence[int]
    deck: int = 1
    seat_class: str = "standard"
    price_percent: int = 100
    prefix: str = ""
    width: int = 5

    def attributes(self, column: int) -> tuple[str, ...]:
        if column in (1, self.width):
            return ("window",)
        is_beside_gap = column - 1 not in self.places or column + 1 not in self.places
        return ("aisle",) if is_beside_gap else ()


def two_plus_two(total: int, *, name: str | None = None) -> SeatPlan:
    """Return a coach of `total` seats: rows of 2 + 2, the last as full as it gets.

    Rear benches of five take up a single seat that would sit alone.
    """
    full, rest = divmod(total, 4)
    rows = [_Rows(full, (1, 2, 4, 5))]
    if rest == 1 and full:
        rows = [_Rows(full - 1, (1, 2, 4, 5)), _Rows(1, (1, 2, 3, 4, 5))]
    elif rest:
        rows.append(_Rows(1, (1, 2, 4, 5)[:rest]))
    return _plan(name or f"Coach 2+2, {total} seats", rows)


def mini(name: str = "Minibus 1+2, 18 seats") -> SeatPlan:
    return _plan(name, [_Rows(6, (1, 3, 4), width=4)])


def double_deck(name: str = "Double deck, 62 seats") -> SeatPlan:
    """Return a double decker: comfort seats below, panorama seats at the front above."""
    return _plan(
        name,
        [
            _Rows(6, (1, 4, 5), deck=1, seat_class="comfort", price_percent=130),
            _Rows(1, (1, 2, 4, 5), deck=2, seat_class="panorama", price_percent=150, prefix="U"),
            _Rows(10, (1, 2, 4, 5), deck=2, prefix="U"),
        ],
    )


def sleeper(name: str = "Sleeper 1+2, 30 berths") -> SeatPlan:
    """Return a two-tier sleeper: lower berths cost more than upper ones."""
    return _plan(
        name,
        [
            _Rows(5, (1, 4, 5), deck=1, seat_class="berth", price_percent=180, prefix="L"),
            _Rows(5, (1, 4, 5), deck=2, seat_class="berth", price_percent=150, prefix="U"),
        ],
    )


BUILT_IN: Mapping[str, Callable[[], SeatPlan]] = {
    "coach-40": lambda: two_plus_two(40),
    "coach-50": lambda: two_plus_two(50),
    "mini": mini,
    "double-deck": double_deck,
    "sleeper": sleeper,
}
"""Plans by the names that commands know them by."""


def _plan(name: str, blocks: Sequence[_Rows]) -> SeatPlan:
    seats: list[LayoutSeat] = []
    last_row: dict[int, int] = {}
    for block in blocks:
        for _ in range(block.count):
            row = last_row.get(block.deck, 0) + 1
            last_row[block.deck] = row
            seats += _row(block, row, first_number=len(seats) + 1)
    return SeatPlan(name, tuple(_mark_front(seats)))


def _row(block: _Rows, row: int, *, first_number: int) -> list[LayoutSeat]:
    return [
        LayoutSeat(
            seat_no=first_number + position,
            label=f"{block.prefix}{row}{_LETTERS[position]}",
            deck=block.deck,
            row=row,
            column=column,
            seat_class=block.seat_class,
            attributes=block.attributes(column),
            price_percent=block.price_percent,
        )
        for position, column in enumerate(block.places)
    ]


def _mark_front(seats: Sequence[LayoutSeat]) -> list[LayoutSeat]:
    return [
        replace(seat, attributes=(*seat.attributes, "front")) if seat.row == 1 else seat
        for seat in seats
    ]
