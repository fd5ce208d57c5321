"""`outbox jobs`: what workers are to do, what they gave up and why; tried again or let be."""

import json
import sys
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Any

import typer

from server.cli.database import on_store
from store import Store
from store.errors import NotFound, WrongState
from store.ids import format_owned, parse_bus, parse_owned
from store.jobs import JobKind, JobState
from store.model import Caller, Role
from store.outbox import Handled, JobLine, Outbox, Wanted
from store.requests import Ask, Reply

_HOUSE = Caller(role=Role.ADMIN)
"""Whoever has the database in hand; the audit log says that it was nobody with an account."""
_ASK: Ask[Handled] = Ask(lambda _: Reply(200, b""))
_Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
_Jobs = Annotated[
    list[str] | None, typer.Argument(help="Their numbers in the list.", show_default=False)
]
_All = Annotated[
    bool, typer.Option("--all", help="All that were given up, up to 1,000; of --kind if named.")
]
_Kind = Annotated[JobKind | None, typer.Option(help="Of this kind only.", show_default=False)]
_ALL_MAX = 1000
Decide = Callable[[Outbox, Caller, int, uuid.UUID, Ask[Handled]], Awaitable[Reply]]


def register(group: typer.Typer) -> None:
    jobs = typer.Typer(invoke_without_command=True)
    jobs.callback()(list_jobs)
    jobs.command("retry")(retry)
    jobs.command("discard")(discard)
    group.add_typer(jobs, name="jobs")


def list_jobs(  # noqa: PLR0913 - the options of a command are its parameters
    context: typer.Context,
    *,
    state: Annotated[
        JobState | None, typer.Option(help="DEAD without one, or all of --bus.", show_default=False)
    ] = None,
    kind: _Kind = None,
    operator: Annotated[
        int | None, typer.Option(help="Of this operator only, by id.", show_default=False)
    ] = None,
    bus: Annotated[
        str | None, typer.Option(help="Of this bus only: done ones, too.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=10_000)] = 100,
    as_json: _Json = False,
) -> None:
    """List jobs that were given up (DEAD), wait (QUEUED) or are done (DONE), newest first.

    What is done is kept for three days, what was given up until somebody retries or discards it.
    """
    if context.invoked_subcommand is not None:
        return
    bus_id = None if bus is None else parse_bus(bus)
    if (bus is None) != (bus_id is None):
        sys.exit(f"omnibus: {bus} is not the id of a bus")
    if bus is None and state is JobState.DONE:
        sys.exit("omnibus: what is done is listed for one bus: name it with --bus")
    chosen = state or (JobState.DEAD if bus is None else None)
    wanted = Wanted(operator, chosen, kind, bus_id)
    lines = on_store("outbox jobs", lambda store: store.outbox.list(_HOUSE, wanted, limit=limit))
    if as_json:
        print(json.dumps({"items": [_document(line) for line in lines]}, ensure_ascii=False))
        return
    for line in lines:
        print(_told(line))


def retry(
    jobs: _Jobs = None, *, every: _All = False, kind: _Kind = None, as_json: _Json = False
) -> None:
    """Try jobs again now, as often as new ones."""
    handled = _decide("retry", Outbox.retry, _Choice(tuple(jobs or ()), every, kind))
    _tell(handled, "is tried again", as_json=as_json)


def discard(
    jobs: _Jobs = None, *, every: _All = False, kind: _Kind = None, as_json: _Json = False
) -> None:
    """Let jobs be: they are never tried again."""
    handled = _decide("discard", Outbox.discard, _Choice(tuple(jobs or ()), every, kind))
    _tell(handled, "was discarded", as_json=as_json)


@dataclass(frozen=True, slots=True)
class _Choice:
    """Jobs by their numbers, or every one that was given up."""

    jobs: tuple[str, ...]
    is_every: bool
    kind: JobKind | None


def _decide(command: str, decide: Decide, choice: _Choice) -> list[str]:
    """Decide about jobs one by one; the first that cannot be is told, and those after it are left as they are."""
    if choice.is_every == bool(choice.jobs):
        sys.exit("omnibus: name jobs by their numbers, or say --all")

    async def work(store: Store) -> list[str]:
        handled = []
        for job in choice.jobs or await _dead(store, choice.kind):
            if (place := parse_owned(job)) is None:
                sys.exit(f"omnibus: there is no job {job}")
            try:
                await decide(store.outbox, _HOUSE, *place, _ASK)
            except NotFound:
                sys.exit(f"omnibus: there is no job {job}")
            except WrongState as error:
                sys.exit(f"omnibus: {job}: {error.detail}")
            handled.append(job)
        return handled

    return on_store(f"outbox jobs {command}", work)


async def _dead(store: Store, kind: JobKind | None) -> list[str]:
    lines = await store.outbox.list(_HOUSE, Wanted(kind=kind), limit=_ALL_MAX)
    return [format_owned(line.bus_id, line.job_id) for line in lines]


def _tell(handled: list[str], what: str, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"jobs": handled}))
        return
    for job in handled:
        print(f"{job} {what}")


def _told(line: JobLine) -> str:
    told = f"{format_owned(line.bus_id, line.job_id)}  {line.created_at:%Y-%m-%d %H:%M}  {line.state:6}"
    told += f"  {line.kind:17}  {line.ref}"
    return f"{told}  ({line.attempts} tries: {line.last_error})" if line.last_error else told


def _document(line: JobLine) -> dict[str, Any]:
    document = asdict(line)
    del document["job_id"]
    moments = {
        name: value.isoformat() for name, value in document.items() if isinstance(value, datetime)
    }
    return {"id": format_owned(line.bus_id, line.job_id), **document, **moments}
