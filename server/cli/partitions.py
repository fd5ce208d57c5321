"""`partitions`: the months that searches look through."""

import sys
from datetime import date
from typing import Annotated

import msgspec
import typer

from server.cli.database import on_store
from store import Store
from store.errors import Overloaded
from store.months import AHEAD, AHEAD_MAX, KEPT, KEPT_MAX, Done, Due, Month
from store.roles import WORKER

_CLUSTER = "no months to keep: on a cluster each server searches its own part of the buses' stops"


def register(app: typer.Typer) -> None:
    app.command()(partitions)


def partitions(
    *,
    ahead: Annotated[
        int, typer.Option(help="How many months to have after this one.", min=1, max=AHEAD_MAX)
    ] = AHEAD,
    keep: Annotated[
        int, typer.Option(help="How many of those that are over.", min=1, max=KEPT_MAX)
    ] = KEPT,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Change nothing; say what would be done.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Make the months ahead that searches look through, drop those long over, and list them.

    Workers do the same every six hours. Sales, bookings and reports know no months: what is dropped can be searched for
    no more, and that is all. Exit code 1 when a lock was not to be had, and something is left to do.
    """

    async def work(store: Store) -> tuple[Done, list[Month], bool]:
        if dry_run:
            due = await store.months.find_due(ahead=ahead, kept=keep)
            done = Done(put_off=due)
        else:
            done = await store.months.keep(ahead=ahead, kept=keep)
        return done, await store.months.list(), store.months.is_whole_table

    try:
        done, months, is_whole_table = on_store("partitions", work, role=WORKER)
    except Overloaded:
        sys.exit("omnibus: the database has too much to do; nothing was changed")
    if as_json:
        print(msgspec.json.encode({"done": done, "months": months}).decode())
    elif is_whole_table:
        print(_CLUSTER)
    else:
        _print(done, months, is_dry=dry_run)
    raise typer.Exit(0 if dry_run or done.is_whole else 1)


def _print(done: Done, months: list[Month], *, is_dry: bool) -> None:
    for month in months:
        name = "the rest" if month.begins_on is None else _name(month.begins_on)
        print(f"{name:8}  {month.calls:>12,} calls  {month.bytes / 1024**2:>9,.1f} MiB")
    if is_dry:
        _say_due("would make", "would drop", done.put_off)
        return
    if done.opened:
        moved = f", with {done.moved:,} calls of the rest" if done.moved else ""
        print(f"made {_names(done.opened)}{moved}")
    if done.forgotten:
        print(f"dropped {_names(done.forgotten)}")
    if not done.is_whole:
        _say_due("put off making", "put off dropping", done.put_off)
        print("a long search is under way, or somebody edits buses: try again")
    elif not done.opened and not done.forgotten:
        print("nothing to do")


def _say_due(making: str, dropping: str, due: Due) -> None:
    if due.missing:
        print(f"{making} {_names(due.missing)}")
    if due.over:
        print(f"{dropping} {_names(due.over)}")
    if not due.missing and not due.over:
        print("nothing to do")


def _names(months: tuple[date, ...]) -> str:
    return ", ".join(map(_name, months))


def _name(month: date) -> str:
    return f"{month:%Y-%m}"
