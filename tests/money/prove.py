"""The long form of the money law: `make prove-money`, 10,000 random histories in one database."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from store.facade import StoreOptions
from store.invariants import find_violations
from store.migrate import migrate
from tests.money.histories import FORGED_AND_TAKEN, judge, play
from tests.money.paths import DemoPath, Path
from tests.money.stripe_path import open_stripe
from tests.money.words import balances
from tests.support.databases import Databases
from tests.support.memory import in_memory
from tests.support.servers import ThrowawayPostgres
from tests.support.world import World


class Way(StrEnum):
    """Over which provider."""

    DEMO = "demo"
    STRIPE = "stripe"


def main(
    histories: Annotated[int, typer.Option(min=10, help="How many.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Of which; the same seed draws the same lives.")] = 1,
    path: Annotated[Way, typer.Option(help="Over which provider.")] = Way.DEMO,
) -> None:
    """Play histories and judge them; the exit code is 1 if money is anywhere but where it belongs."""
    logging.disable(logging.CRITICAL)
    with (
        in_memory(),
        ThrowawayPostgres() as postgres,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        is_right = runner.run(_prove(postgres, path, histories, seed))
    raise typer.Exit(0 if is_right else 1)


async def _prove(postgres: ThrowawayPostgres, way: Way, histories: int, seed: int) -> bool:
    databases = Databases(postgres.superuser_url, postgres.url)
    await databases.prepare(migrate)
    async with databases.fresh() as url:
        world = await World.open(url, StoreOptions(pool_size=24))
        async with _open(way, world) as path:
            is_right = await _play(world, path, histories, seed)
        await world.close()
    await databases.close()
    return is_right


async def _play(world: World, path: Path, histories: int, seed: int) -> bool:
    console = Console()
    began = time.monotonic()
    stage = await play(world, path, histories, seed)
    wrong = await judge(world, path)
    broken = await find_violations(world.store.db)
    books = await balances(world)
    seconds = time.monotonic() - began
    for name, number in sorted(stage.counts.items()):
        console.print(f"{number:>8,} {name}")
    forged = stage.counts[FORGED_AND_TAKEN]
    console.print(
        f"{histories:,} histories over {path.method}, seed {seed}, {seconds:.0f} s; books: {books}"
    )
    console.print(f"captured is not confirmed or refunded: {len(wrong)}; broken: {broken or 0}")
    console.print(f"forged and taken: {forged}; the ledger's sum: {sum(books.values())}")
    for row in wrong[:20]:
        console.print(row)
    return not (wrong or broken or forged or sum(books.values()))


@asynccontextmanager
async def _open(way: Way, world: World) -> AsyncIterator[Path]:
    if way is Way.STRIPE:
        async with open_stripe() as path:
            yield path
    else:
        yield await DemoPath.open(world)


if __name__ == "__main__":
    typer.run(main)
