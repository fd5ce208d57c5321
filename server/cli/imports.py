"""`import gtfs`: puts an operator's timetable on sale."""

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from server.cli.database import database_url
from server.cli.import_report import as_document, as_lines, as_refusal, explain
from server.cli.meter import Meter
from store.access import reaching
from store.db import Database
from store.errors import StoreError
from store.gtfs import Loaded, Plan, Step, Terms, Wish, load, make_plan, read_feed
from store.gtfs.rows import DAY_MAX, DAY_MIN

_FARE_MAX = 100_000_000
_INTERRUPTED = 130
_STEPS = {
    Step.STAGING: "comparing with what is there",
    Step.SELLING: "putting buses on sale",
    Step.COMMITTING: "committing",
    Step.ANALYZING: "updating statistics",
}
_HELP = """Put a GTFS feed's timetable on sale: stops, routes, and a bus for every trip and day.

All or nothing: a broken feed is refused with every fault, and nothing is written. Doing it again adds only what is new.

\b
Examples:
  omnibus import gtfs feed.zip --operator "Sunbus" --days 30
  omnibus import gtfs feed.zip --operator "Sunbus" --layout double-deck --fare 1990
  omnibus import gtfs old.zip --operator "Sunbus" --from 2014-06-02 --days 7 --shift-dates

\b
Exit codes: 0 done or nothing to do, 1 refused or failed (nothing written), 2 wrong usage, 130 interrupted.
"""


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Put timetables on sale.", no_args_is_help=True)
    group.command("gtfs", help=_HELP)(import_gtfs)
    app.add_typer(group, name="import")


def import_gtfs(  # noqa: PLR0913 - one parameter an option
    file: Annotated[Path, typer.Argument(help="The feed: a zip file.", show_default=False)],
    *,
    operator: Annotated[
        str | None,
        typer.Option(
            help="Who sells: any name for a feed of one agency, one of its agencies otherwise."
            " Without it every agency becomes an operator by its own name."
        ),
    ] = None,
    begin: Annotated[
        datetime | None,
        typer.Option(
            "--from", formats=["%Y-%m-%d"], metavar="DATE", help="First day; today if not given."
        ),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="How many days.")] = 14,
    shift_dates: Annotated[
        bool,
        typer.Option(
            "--shift-dates",
            help="Sell an old feed from today on: move it by whole weeks, weekdays stay.",
        ),
    ] = False,
    layout: Annotated[
        str,
        typer.Option(
            help="Seats of every bus: one of the operator's layouts, or coach-40, coach-50, mini,"
            " double-deck, sleeper."
        ),
    ] = "coach-40",
    fare: Annotated[
        int,
        typer.Option(
            min=0,
            max=_FARE_MAX,
            metavar="AMOUNT",
            help="Fare of a whole route in minor units (1990 is 19.90); segments share it evenly.",
        ),
    ] = 1000,
    currency: Annotated[
        str | None,
        typer.Option(help="Three letters. The operator's own if not given; EUR for a new one."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    wish = Wish(
        operator=_operator(operator),
        begin=_day(begin),
        days=days,
        is_shifted=shift_dates,
        fare=fare,
    )
    job = _Job(file, wish, Terms(layout, _currency(currency)), as_json)
    try:
        job.run()
    except KeyboardInterrupt:
        print(f"omnibus: stopped; {job.what_a_stop_means()}", file=sys.stderr)
        raise typer.Exit(_INTERRUPTED) from None
    except (StoreError, OSError) as error:
        if as_json:
            print(json.dumps(as_refusal(file, error), ensure_ascii=False))
        else:
            print("omnibus:", "\n".join(explain(file, error)), file=sys.stderr)
        raise typer.Exit(1) from error


def _operator(name: str | None) -> str | None:
    name = name if name is None else name.strip()
    if name is not None and (not 1 <= len(name) <= 120 or not name.isprintable()):
        raise typer.BadParameter(
            "must be 1 to 120 characters without control characters", param_hint="--operator"
        )
    return name


def _day(begin: datetime | None) -> date | None:
    if begin is not None and not DAY_MIN <= begin.date() <= DAY_MAX:
        raise typer.BadParameter(f"must lie between {DAY_MIN} and {DAY_MAX}", param_hint="--from")
    return begin.date() if begin else None


def _currency(code: str | None) -> str | None:
    if code is not None and not (len(code) == 3 and code.isascii() and code.isalpha()):
        raise typer.BadParameter("must be three letters, such as EUR", param_hint="--currency")
    return code.upper() if code else None


@dataclass(slots=True)
class _Job:
    file: Path
    wish: Wish
    terms: Terms
    as_json: bool
    step: Step | None = None

    def run(self) -> None:
        url = database_url("import gtfs")
        began = time.monotonic()
        with Meter(is_quiet=self.as_json) as meter:
            feed = read_feed(
                self.file, lambda done, total: meter.show("reading the feed", done, total)
            )
            plan = make_plan(feed, self.wish, datetime.now(UTC))
            loaded = asyncio.run(self._load(url, plan, meter))
        seconds = time.monotonic() - began
        if self.as_json:
            print(json.dumps(as_document(self.file, plan, loaded, seconds), ensure_ascii=False))
        else:
            print("\n".join(as_lines(plan, loaded, seconds)))

    def what_a_stop_means(self) -> str:
        match self.step:
            case Step.COMMITTING:
                return (
                    "the last step may have been taken; run it again to see, nothing is added twice"
                )
            case Step.ANALYZING:
                return "everything was written"
            case _:
                return "nothing was written"

    async def _load(self, url: str, plan: Plan, meter: Meter) -> list[Loaded]:
        def report(step: Step, done: int, total: int) -> None:
            self.step = step
            meter.show(_STEPS[step], done, total)

        async with reaching(url):
            db = await Database.connect(url, size=1)
            try:
                return await load(db, plan, self.terms, report)
            finally:
                await db.close()
