"""`make bench`: what Omnibus does against named baselines, measured in the same run on this machine.

Only ratios travel: seconds differ from machine to machine and from day to day.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from store.migrate import migrate
from tests.bench import machine, report
from tests.bench.deliveries import cpu_a_delivery
from tests.bench.effort import SMOKE, Effort
from tests.bench.failover import sales_through_a_failover
from tests.bench.fleet import Fleets
from tests.bench.frozen import bookings_with_redis_frozen
from tests.bench.growth import bookings_after_others
from tests.bench.guarantee import guarantees
from tests.bench.guards import guarded_bookings
from tests.bench.latency import bookings_at_half_rate, lone_bookings
from tests.bench.listings import listings_a_second
from tests.bench.live_burst import changes_in_a_burst
from tests.bench.live_idle import idle_watchers
from tests.bench.live_latency import commit_to_screen
from tests.bench.live_return import everybody_comes_back
from tests.bench.live_unwatched import changes_nobody_watches
from tests.bench.mails import mails_a_second
from tests.bench.outbox import backlog_drained, bookings_with_jobs
from tests.bench.overload import sales_under_overload
from tests.bench.phone import seat_map_on_a_phone
from tests.bench.proxied import bookings_through_nginx
from tests.bench.race import last_seats
from tests.bench.reads import seat_maps_a_second
from tests.bench.rig import Rig, open_servers
from tests.bench.sales import bookings_a_second, bookings_of_legs, held_sales_a_second
from tests.bench.searches import searches_by_size
from tests.bench.stalled import others_of_stalled_clients
from tests.bench.waiting import others_beside_a_crowd
from tests.support.databases import Databases

_JSON = os.environ.get("BENCH_JSON")  # noqa: TID251 - the bench's own switch, not the server's
_WIDTH = 200  # of a log file
SECTIONS: dict[str, Callable[[Fleets, Effort], Awaitable[report.Section]]] = {
    "a": bookings_a_second,
    "b": lambda _, effort: cpu_a_delivery(effort),
    "c": seat_maps_a_second,
    "d": bookings_at_half_rate,
    "e": bookings_of_legs,
    "f": held_sales_a_second,
    "g": lone_bookings,
    "h": last_seats,
    "i": bookings_after_others,
    "j": sales_under_overload,
    "k": guarantees,
    "l": lambda _, effort: changes_in_a_burst(effort),
    "m": commit_to_screen,
    "n": idle_watchers,
    "o": everybody_comes_back,
    "p": changes_nobody_watches,
    "q": bookings_with_redis_frozen,
    "r": lambda _, effort: others_of_stalled_clients(effort),
    "s": guarded_bookings,
    "t": backlog_drained,
    "u": bookings_with_jobs,
    "v": mails_a_second,
    "w": seat_map_on_a_phone,
    "x": listings_a_second,
    "y": searches_by_size,
    "z": sales_through_a_failover,
    "A": bookings_through_nginx,
    "B": others_beside_a_crowd,
}
_HELP = """Measure Omnibus against its baselines, all sections or those named:

(a) bookings a second, 1 and 2 processes, and their CPU; (b) CPU of a delivery; (c) seat maps a second;
(d) latency at half of the peak; (e) 8 segments; (f) hold, then booking; (g) a lone booking; (h) the last seat of a bus;
(i) with a million bookings before; (j) three times the peak; (k) one owner for a seat, by rows or by ranges;
live maps: (l) a burst before a thousand watchers; (m) commit to client; (n) memory and CPU of idle sockets;
(o) everybody loses the server and comes back; (p) changes nobody watches; (q) bookings while Redis is frozen;
(r) watchers beside others that read nothing; (s) bookings with and without row security and limits;
the outbox: (t) a backlog of jobs drained; (u) bookings with and without a job each; (v) mails written by a worker;
reads: (x) searches a second, and what they ask the database while seats are sold; (y) searches past all that is kept,
among 10,000 and a million buses;
the pages: (w) the seat map on a slow phone: paint, answers, deltas, frames (needs Chromium);
standbys: (z) a killed primary and its synchronous standby: how long nothing is sold, and what is lost;
many processes: (A) 100 bookings a second through nginx, beside watchers (needs nginx);
the waiting room: (B) others beside a crowd before one bus, with and without a waiting room.
"""


def main(
    sections: Annotated[
        list[str] | None, typer.Argument(help="Letters of sections, such as `a e`.")
    ] = None,
    *,
    quick: Annotated[
        bool, typer.Option("--quick", help="Everything once and small: does the bench work?")
    ] = False,
    rounds: Annotated[
        int | None, typer.Option(min=1, help="Rounds of each subject, interleaved [3].")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=1, help="Length of a round [6]; some take half of it.")
    ] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="API processes, except where both are told [1].")
    ] = None,
    json: Annotated[
        Path | None, typer.Option(help="Write everything here, too (BENCH_JSON).")
    ] = Path(_JSON) if _JSON else None,
) -> None:
    letters = [letter for word in sections or SECTIONS for letter in word]
    if unknown := sorted(set(letters) - set(SECTIONS)):
        raise typer.BadParameter(f"there is no section {', '.join(unknown)}")
    usual = SMOKE if quick else Effort()
    effort = replace(
        usual,
        rounds=rounds or usual.rounds,
        seconds=seconds or usual.seconds,
        processes=processes or usual.processes,
    )
    console = Console(width=None if Console().is_terminal else _WIDTH)
    surroundings = machine.describe()
    console.print(f"{surroundings}\n{effort}\n")
    with open_servers() as (postgres, valkey):
        databases = Databases(postgres.superuser_url, postgres.url)
        fleets = Fleets(Rig(postgres, valkey, databases), effort.buses)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            keep = partial(report.write, json, surroundings) if json else None
            measured = runner.run(_measure(letters, fleets, effort, console, keep))
    if json is not None:
        console.print(f"written to {json}")
    if len(measured) < len(letters):
        raise typer.Exit(1)


async def _measure(
    letters: Sequence[str],
    fleets: Fleets,
    effort: Effort,
    console: Console,
    keep: Callable[[Sequence[report.Section]], None] | None,
) -> list[report.Section]:
    """Run the sections one after the other; one that fails is told and left out, the others go on.

    `keep` has what there is after each: twenty minutes are too long to lose.
    """
    databases = fleets.rig.databases
    await databases.prepare(migrate)
    measured: list[report.Section] = []
    for letter in letters:
        console.print(f"measuring ({letter}) ...", style="dim")
        started_at = time.monotonic()
        try:
            section = await SECTIONS[letter](fleets, effort)
        except Exception:  # noqa: BLE001 - whatever it is, the others are worth having
            console.print_exception(max_frames=3)
            continue
        measured.append(section)
        if keep is not None:
            keep(measured)
        report.show(section, console)
        console.print(f"  {time.monotonic() - started_at:.0f} s\n", style="dim")
    await databases.close()
    return measured


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(help=_HELP)(main)
    app()
