"""Shapes that several resources share, and how domain values become them."""

from datetime import date, datetime, timedelta
from functools import cache
from typing import Annotated
from zoneinfo import available_timezones

import msgspec

from server.languages import LOCALES, find_locale
from server.problems import bad_field
from store.catalogue import Stop
from store.errors import NotFound

# ECMA and Python read these alike; the last part keeps Python's `$` from skipping a final line feed.
_ONE_LINE = r"^(?=.*\S)[^\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]*$(?!\n)"

SeatLabel = Annotated[
    str,
    msgspec.Meta(
        min_length=1, max_length=6, pattern=r"^[A-Za-z0-9]{1,6}$(?!\n)", examples=["1A", "2C"]
    ),
]
Line = Annotated[str, msgspec.Meta(min_length=1, max_length=120, pattern=_ONE_LINE)]
Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[!-~]+$(?!\n)")]
Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$(?!\n)")]
_YEARS = range(1970, 2200)
Page = Annotated[int, msgspec.Meta(ge=1, le=100)]
Zone = Annotated[
    str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_+/-]+$(?!\n)")
]
# A tag of a language (BCP 47): `de`, `pt-BR`. Mails come in it if there are texts.
Language = Annotated[
    str,
    msgspec.Meta(min_length=2, max_length=35, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$(?!\n)"),
]
Amount = Annotated[int, msgspec.Meta(ge=0, le=100_000_000)]


class Money(msgspec.Struct, frozen=True):
    """Minor units: 1990 EUR is 19.90 €."""

    amount: int
    currency: str


class StopShape(msgspec.Struct, frozen=True, omit_defaults=True):
    id: str
    name: str
    time_zone: str
    station: str | None = None
    latitude: float | None = None
    longitude: float | None = None


class Named(msgspec.Struct, frozen=True):
    id: str
    name: str


def stop_shape(stop: Stop) -> StopShape:
    return StopShape(
        id=str(stop.stop_id),
        name=stop.name,
        time_zone=stop.time_zone,
        station=str(stop.station_id) if stop.station_id else None,
        latitude=stop.latitude,
        longitude=stop.longitude,
    )


def parse_id(text: str | None, pointer: str, *, digits: int = 18) -> int | None:
    """Read the id of a small thing (stop, route, layout): ids that cannot exist make no sense."""
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > digits or text[0] == "0":
        raise bad_field(pointer, "invalid_id", "not an id of ours")
    return int(text)


def parse_operator(text: str | None, pointer: str = "/operator") -> int | None:
    """Read an operator's id, the one number that is of four bytes only."""
    return parse_id(text, pointer, digits=9)


def path_id(text: str, what: str, *, digits: int = 18) -> int:
    """Read the id of a thing from the address; what cannot be one is not there."""
    if not text.isascii() or not text.isdigit() or len(text) > digits or text[0] == "0":
        raise NotFound(what)
    return int(text)


def require_zone(name: str, pointer: str = "/time_zone") -> None:
    """Refuse a time zone that we cannot reckon with."""
    if name not in _zones():
        raise bad_field(pointer, "unknown_time_zone", "there is no such time zone")


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - {"Factory", "localtime", "posixrules"}


def require_language(tag: str, pointer: str = "/locale") -> str:
    """Return which of our languages a tag means; refuse one that there are no texts in."""
    locale = find_locale(tag)
    if locale is None:
        raise bad_field(pointer, "unknown_language", f"there are texts in {', '.join(LOCALES)}")
    return locale


def require_moment(moment: datetime, pointer: str) -> None:
    """Refuse a moment without an offset, or at the ends of time."""
    if moment.tzinfo is None:
        raise bad_field(
            pointer, "offset_missing", "say the offset, as in 2026-12-24T08:00:00+01:00"
        )
    require_calendar(moment, pointer)


def require_calendar(day: date, pointer: str) -> None:
    """Refuse days and moments at the ends of time, where offsets and durations overflow."""
    if day.year not in _YEARS:
        raise bad_field(pointer, "out_of_range", "the year must be from 1970 to 2199")


def utc(moment: datetime) -> datetime:
    """Return a moment as every answer writes it: UTC, to the millisecond."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def seconds_until(moment: datetime, now: datetime) -> int:
    return max(0, (moment - now) // timedelta(seconds=1))
