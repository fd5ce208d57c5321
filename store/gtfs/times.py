"""Reads stop_times.txt: when each trip calls where, in order and complete."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple

from store.departures import Call
from store.gtfs.faults import Faults
from store.gtfs.model import Calls, FeedStop
from store.gtfs.rows import Row, Tables, quoted

FILE = "stop_times.txt"
CALLS_MAX = 200
_REQUIRED = ("trip_id", "arrival_time", "departure_time", "stop_id", "stop_sequence")
_LARGEST = 2**31 - 1
_BLANK = -1
_NOT_AT_ALL = "1"


class _Stay(NamedTuple):
    """A row as it is kept until the trip is complete, six numbers in an array."""

    sequence: int
    stop: int
    arrives: int
    departs: int
    flags: int
    line: int


class StopTimes:
    """Collects the rows of every trip; they may come in any order."""

    def __init__(self, trips: Mapping[str, int], stops: Mapping[str, FeedStop | None]) -> None:
        """Know trips by number, and stops; a stop that is None exists but nobody can board there."""
        self._trips = trips
        self._stops = stops
        self._kept = [array("i") for _ in trips]
        self._unsound: set[int] = set()

    def read(self, tables: Tables) -> None:
        for row in tables.rows(FILE, *_REQUIRED):
            trip = row.reference("trip_id", self._trips, "trips.txt")
            stay = self._stay(row)
            if trip is None:
                continue
            if row.is_sound:
                self._kept[trip].extend(stay)
            else:
                self._unsound.add(trip)

    def calls(self, trip_id: str, trip_line: int, faults: Faults) -> Calls | None:
        """Return a trip's calls, or None when a fault has been noted."""
        number = self._trips[trip_id]
        packed, self._kept[number] = self._kept[number], array("i")
        if number in self._unsound:
            return None
        columns = (packed[place::6] for place in range(6))
        stays = sorted(map(_Stay, *columns), key=attrgetter("sequence"))
        if not stays:
            faults.add("trips.txt", trip_line, f"trip {quoted(trip_id)} has no stop times")
            return None
        fault = _fault_of(stays)
        if fault is None:
            return Calls(_complete(stays))
        line, reason = fault
        faults.add(FILE, line, f"trip {quoted(trip_id)} {reason}")
        return None

    def _stay(self, row: Row) -> _Stay:
        stop = row.reference("stop_id", self._stops, "stops.txt")
        if row.is_sound and (stop is None or stop.is_station):
            row.fault(f"stop_id {quoted(row.get('stop_id'))} is not a stop that vehicles call at")
        sequence = row.whole("stop_sequence", 0, _LARGEST)
        arrives, departs = row.seconds("arrival_time"), row.seconds("departure_time")
        can_board = row.choice("pickup_type", "0123", blank="0") != _NOT_AT_ALL
        can_alight = row.choice("drop_off_type", "0123", blank="0") != _NOT_AT_ALL
        # One of the two stands for both.
        arrives = departs if arrives is None else arrives
        departs = arrives if departs is None else departs
        if arrives is None or departs is None:
            arrives = departs = _BLANK
        elif departs < arrives:
            row.fault("departure_time is before arrival_time")
        return _Stay(
            sequence,
            stop.number if stop else 0,
            arrives,
            departs,
            can_board | can_alight << 1,
            row.line,
        )


def _fault_of(stays: Sequence[_Stay]) -> tuple[int, str] | None:
    """Return the line and what is wrong with the trip as a whole, if anything is."""
    for before, stay in pairwise(stays):
        if before.sequence == stay.sequence:
            return stay.line, f"has stop_sequence {stay.sequence} on line {before.line} already"
    if len(stays) == 1:
        return stays[0].line, "has only one stop"
    if len(stays) > CALLS_MAX:
        return stays[CALLS_MAX].line, f"has {len(stays)} stops; {CALLS_MAX} is the most"
    return _fault_of_times(stays)


def _fault_of_times(stays: Sequence[_Stay]) -> tuple[int, str] | None:
    for end in (stays[0], stays[-1]):
        if end.arrives == _BLANK:
            return end.line, "has no time at its first or last stop"
    timed = [stay for stay in stays if stay.arrives != _BLANK]
    for before, stay in pairwise(timed):
        if stay.arrives < before.departs:
            here, there = clock(stay.arrives), clock(before.departs)
            return stay.line, (
                f"goes back in time: it arrives at {here} and left an earlier stop"
                f" at {there} (line {before.line})"
            )
    if timed[0].departs == timed[-1].arrives:
        return timed[-1].line, "takes no time at all: it ends when it begins"
    return None


def _complete(stays: Sequence[_Stay]) -> Iterator[Call]:
    """Yield the calls; times that the feed leaves out are spread evenly between those it gives.

    Nobody alights where the trip begins or boards where it ends, whatever the feed says.
    """
    last = len(stays) - 1
    timed = [index for index, stay in enumerate(stays) if stay.arrives != _BLANK]
    for start, end in pairwise((*timed, last + 1)):
        for index in range(start, end):
            stay = stays[index]
            if index == start:
                arrives, departs = stay.arrives, stay.departs
            else:
                span = stays[end].arrives - stays[start].departs
                share = span * (index - start) // (end - start)
                arrives = departs = stays[start].departs + share
            yield Call(
                place=stay.stop,
                arrives=arrives,
                departs=departs,
                can_board=bool(stay.flags & 1) and index < last,
                can_alight=bool(stay.flags & 2) and index > 0,
            )


def clock(seconds: int) -> str:
    """Return a time as GTFS writes it; hours go past 24."""
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
