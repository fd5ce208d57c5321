"""`make bench`: what Omnibus does against named baselines, measured in the same run on this machine.

Only ratios travel: seconds differ from machine to machine and from day to day.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from store.migrate import migrate
from tests.bench import machine, report
from tests.bench.deliveries import cpu_a_delivery
from tests.bench.reads import seat_maps_a_second
from tests.bench.rig import Rig, open_servers
from tests.bench.sales import bookings_a_second, steady_bookings
from tests.support.databases import Databases

_JSON = os.environ.get("BENCH_JSON")  # noqa: TID251 - the bench's own switch, not the server's


def main(
    only: Annotated[str, typer.Option(help="Letters of the sections to run.")] = "abcd",
    rounds: Annotated[int, typer.Option(help="Rounds of each subject, interleaved.")] = 3,
    seconds: Annotated[float, typer.Option(help="Length of a round.")] = 8.0,
    steady_seconds: Annotated[float, typer.Option(help="Length of a round of (d).")] = 30.0,
    json: Annotated[Path | None, typer.Option(help="Write everything here, too.")] = (
        Path(_JSON) if _JSON else None
    ),
) -> None:
    """Measure Omnibus against its baselines: (a) sales, (b) deliveries, (c) seat maps, (d) latency."""
    console = Console()
    surroundings = machine.describe()
    console.print(f"{surroundings}\n")
    with open_servers() as (postgres, valkey):

        async def run() -> list[report.Section]:
            databases = Databases(postgres.superuser_url, postgres.url)
            await databases.prepare(migrate)
            rig = Rig(postgres, valkey, databases)
            plans: dict[str, Callable[[], Awaitable[report.Section]]] = {
                "a": lambda: bookings_a_second(rig, rounds=rounds, seconds=seconds),
                "b": lambda: cpu_a_delivery(rounds=rounds),
                "c": lambda: seat_maps_a_second(rig, rounds=rounds, seconds=seconds / 2),
                "d": lambda: steady_bookings(rig, rounds=rounds, seconds=steady_seconds),
            }
            sections = []
            for letter, plan in plans.items():
                if letter in only:
                    console.print(f"measuring ({letter}) ...", style="dim")
                    sections.append(await plan())
                    report.show(sections[-1], console)
            await databases.close()
            return sections

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            sections = runner.run(run())
    if json is not None:
        report.write(json, surroundings, sections)
        console.print(f"written to {json}")


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    app()
