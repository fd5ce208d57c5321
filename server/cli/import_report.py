"""How an import, or its refusal, is told: as text for people, as JSON for programs."""

import dataclasses
import resource
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from store.access import DatabaseUnusable
from store.gtfs import Loaded, Plan
from store.gtfs.faults import (
    AgencyUnclear,
    FeedRefused,
    ImportRunning,
    LayoutUnknown,
    NothingToSell,
    TooMuch,
    listed,
)

_WEEK = timedelta(days=7)


def as_document(file: Path, plan: Plan, loaded: Sequence[Loaded], seconds: float) -> dict[str, Any]:
    return {
        "file": str(file),
        "from": plan.begin.isoformat(),
        "until": plan.end.isoformat(),
        "shifted_days": plan.shift.days,
        "buses": plan.buses,
        "operators": [
            {
                "id": str(each.operator_id),
                "name": each.operator,
                "is_new": each.is_new,
                **dataclasses.asdict(each.added),
            }
            for each in loaded
        ],
        "seconds": round(seconds, 2),
        "peak_memory_mib": round(peak_memory_mib()),
    }


def as_lines(plan: Plan, loaded: Sequence[Loaded], seconds: float) -> Iterator[str]:
    """Yield what has been done, and what the operator may want to look at."""
    days = f"{plan.begin} to {plan.end}"
    if plan.shift:
        days += f", sold from {plan.shift // _WEEK} weeks earlier in the feed"
    for each in loaded:
        added = each.added
        if added.is_nothing:
            yield f"{each.operator}: nothing to do: {_many(added.known, 'bus')} are there already ({days})"
        else:
            known = f"; {_many(added.known, 'bus')} were there already" if added.known else ""
            yield (
                f"{each.operator}: added {_many(added.buses, 'bus')} with {_many(added.seats, 'seat')},"
                f" {_many(added.routes, 'route')}, {_many(added.stops, 'stop')} ({days}){known}"
            )
        yield from (f"  note: {note}" for note in _notes(each))
    if plan.end < plan.wanted_end:
        yield f"  note: the feed has nothing for the days after that, up to {plan.wanted_end}"
    if plan.end < datetime.now(UTC).date():
        yield "  note: these days are over, so nobody can book; --shift-dates sells them from today on"
    yield f"took {seconds:.1f} s and {peak_memory_mib():.0f} MiB"


def _notes(loaded: Loaded) -> Iterator[str]:
    added = loaded.added
    if added.differing:
        yield (
            f"{_many(added.differing, 'bus')} on sale have other stops or times than the feed now says;"
            " they stay as they are, since seats may be sold"
        )
    if added.unlisted:
        yield (
            f"{_many(added.unlisted, 'bus')} of these days are on sale but not in this feed (other trip ids?);"
            " they stay on sale"
        )
    if added.stops_differing:
        yield f"{_many(added.stops_differing, 'stop')} have another name or place now; they stay as they are"


def explain(file: Path, error: Exception) -> Iterator[str]:
    """Yield, line by line, why nothing was written and what can be done about it."""
    match error:
        case FeedRefused():
            yield from _explain_faults(file, error)
        case NothingToSell():
            yield from _explain_nothing(file, error)
        case AgencyUnclear(asked, agencies):
            yield f"{file.name} has {len(agencies)} agencies and none of them is `{asked}`."
            yield f"Say which one to import with --operator: {listed(agencies)};"
            yield "or leave --operator out, and each becomes an operator by its own name."
        case LayoutUnknown(name, known):
            yield f"there is no layout `{name}`; nothing was written. Known are {listed(known)}."
        case TooMuch(buses, limit):
            yield f"{buses:,} buses are more than one import may add ({limit:,}): choose fewer --days"
        case ImportRunning(operator):
            yield f"another import for `{operator}` is running; nothing was written"
        case DatabaseUnusable(reason):
            yield f"cannot use the database: {reason}"
        case _:
            yield f"cannot read {file}: {getattr(error, 'strerror', None) or error}"


def _explain_faults(file: Path, error: FeedRefused) -> Iterator[str]:
    yield f"{file.name} is refused and nothing was written; {_many(error.total, 'fault')}:"
    yield from (f"  {fault}" for fault in error.faults)
    if error.total > len(error.faults):
        yield f"  and {error.total - len(error.faults):,} more"


def _explain_nothing(file: Path, error: NothingToSell) -> Iterator[str]:
    yield f"{file.name} has no trips from {error.begin} to {error.end}; nothing was written."
    if error.first is None:
        yield "None of its trips runs on any day."
        return
    yield f"Its trips run from {error.first} to {error.last}: choose days with --from and --days,"
    yield "or sell them from today on with --shift-dates."


def as_refusal(file: Path, error: Exception) -> dict[str, Any]:
    document: dict[str, Any] = {"file": str(file), "error": "\n".join(explain(file, error))}
    if isinstance(error, FeedRefused):
        document["faults"] = [dataclasses.asdict(fault) for fault in error.faults]
        document["faults_total"] = error.total
    return document


def peak_memory_mib() -> float:
    """Return the most memory that this process has had, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024 if sys.platform != "darwin" else peak / 1024**2


def _many(count: int, thing: str) -> str:
    plural = thing if count == 1 else f"{thing}es" if thing.endswith("s") else f"{thing}s"
    return f"{count:,} {plural}"
