"""The long form: round after round of buyers under faults, each round's history judged while the next one runs.

`make prove` runs 1,000,000 operations and writes a report; `make prove ARGS="--operations 20000"` takes two minutes.
"""

import asyncio
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated

import msgspec
import typer
import uvloop
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from store.db import Database
from store.invariants import find_violations
from tests.histories.report import Proof, write
from tests.histories.rig import Rig, open_rig, open_servers
from tests.histories.run import BUSES, Plan, put_on_sale, run
from tests.support.memory import in_memory

_ROOT = Path(__file__).resolve().parents[2]
_ROUND = 25_000
_SMALL = 100_000
"""Up to here the servers' data has room in memory, which spares the disk."""


class Prover:
    """Runs rounds and judges them; what is right is thrown away, so that any number of rounds takes the same room."""

    def __init__(self, proof: Proof, folder: Path, progress: Progress) -> None:
        self._proof = proof
        self._folder = folder
        self._progress = progress

    async def prove(self, rig: Rig) -> None:
        proof = self._proof
        round_size = proof.round_size
        rounds = -(-proof.operations_wanted // round_size)
        buses = await put_on_sale(rig.postgres.url, BUSES * rounds)
        task = self._progress.add_task("selling under faults", total=proof.operations_wanted)
        judging: asyncio.Task[None] | None = None
        for number in range(rounds):
            done = number * round_size
            folder = self._folder / f"round-{number + 1}"
            plan = Plan(
                proof.seed + number, min(round_size, proof.operations_wanted - done), proof.clients
            )
            folder.mkdir()
            ran = await run(
                rig,
                buses[number * BUSES : (number + 1) * BUSES],
                folder,
                plan,
                lambda begun, done=done: self._progress.update(task, completed=done + begun),  # type: ignore[misc] # mypy cannot infer a default's type
            )
            proof.strikes += ran.strikes
            proof.commits += ran.commits
            if judging is not None:
                await judging
            if not proof.is_right:
                return
            judging = asyncio.create_task(self._judge(folder))
        self._progress.update(task, description="judging")
        assert judging is not None
        await judging
        proof.violations += await _find_broken_invariants(rig.postgres.url)

    async def _judge(self, folder: Path) -> None:
        """Have a round judged by a program of its own, and forget it if all was right."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.histories.check", str(folder), "--json"),
            cwd=_ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate()
        if process.returncode not in {0, 1}:
            raise RuntimeError(f"the checker broke on {folder}")
        verdict = msgspec.json.decode(said)
        self._proof.rounds += 1
        self._proof.counts += Counter(verdict["counts"])
        for wrong in verdict["violations"]:
            self._proof.violations.append(
                f"{wrong['reason']}, bus {wrong['bus']}: {wrong['detail']}"
            )
        if not verdict["violations"] and not self._proof.kept_in:
            shutil.rmtree(folder)
        elif verdict["violations"]:
            self._proof.kept_in = str(folder)


async def _find_broken_invariants(url: str) -> list[str]:
    database = await Database.connect(url, size=1)
    try:
        broken = await find_violations(database)
    finally:
        await database.close()
    return [f"invariant {name}: {rows}" for name, rows in broken.items()]


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Lend a folder: the one that was named, or one that is left behind only when something is wrong in it."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    folder = Path(tempfile.mkdtemp(prefix="omnibus-proof-"))
    yield folder
    if not any(folder.glob("round-*")):
        shutil.rmtree(folder)


def main(
    *,
    operations: Annotated[int, typer.Option(min=100, help="How many operations.")] = 1_000_000,
    clients: Annotated[int, typer.Option(min=1, help="Buyers at a time.")] = 100,
    seed: Annotated[
        int | None,
        typer.Option(help="Repeats the faults and wishes of another run. Default: by chance."),
    ] = None,
    round_size: Annotated[int, typer.Option(min=100, help="Operations a round.")] = _ROUND,
    keep: Annotated[
        Path | None,
        typer.Option(help="Keep all histories in this folder, also those that are right."),
    ] = None,
    report: Annotated[Path, typer.Option(help="Where the report goes.")] = Path("proof.md"),
    json: Annotated[Path | None, typer.Option(help="Write the figures here as JSON.")] = None,
) -> None:
    """Prove that every seat is sold once, whatever breaks: sell under faults, and have the history judged."""
    console = Console()
    seed = secrets.randbelow(10**6) if seed is None else seed
    console.print(f"seed {seed}: {operations:,} operations by {clients} buyers", highlight=False)
    began = time.monotonic()
    proof = Proof(seed, operations, clients, round_size, {}, kept_in=str(keep) if keep else "")
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with (
        _folder(keep) as folder,
        in_memory() if operations <= _SMALL else nullcontext(),
        open_servers() as (postgres, valkey),
        Progress(*columns, console=console) as progress,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):

        async def work() -> None:
            async with open_rig(postgres, valkey, folder) as rig:
                proof.versions = rig.versions
                await Prover(proof, folder, progress).prove(rig)

        runner.run(work())
    proof.seconds = time.monotonic() - began
    text = write(proof)
    report.write_text(text, encoding="utf-8")
    if json is not None:
        json.write_bytes(msgspec.json.encode(proof.data()))
    console.print(Markdown(text))
    console.print(f"\nThis report is in {report}.", highlight=False)
    raise typer.Exit(0 if proof.is_right else 1)


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    app()
