"""`audit`: what was done, and whether the log of it is whole."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeVar

import typer

from server.cli.database import database_url
from store import Store
from store.access import DatabaseUnusable, reaching
from store.audit import PLATFORM, Entry, Wanted
from store.audit_chain import Chain, Finding
from store.facade import StoreOptions
from store.roles import WORKER

T = TypeVar("T")
_Operator = Annotated[
    str | None,
    typer.Option(
        help="One operator, by name or id; `platform` for the platform's own.", show_default=False
    ),
]
_Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Show who did what, and prove the log whole.", no_args_is_help=True)
    group.command("list")(list_entries)
    group.command("verify")(verify)
    app.add_typer(group, name="audit")


def list_entries(
    *,
    operator: _Operator = None,
    action: Annotated[
        str | None, typer.Option(help="Only of this kind: `limits.set`.", show_default=False)
    ] = None,
    subject: Annotated[
        str | None, typer.Option(help="Only about this: `bus 12`.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    as_json: _Json = False,
) -> None:
    """List what was done, newest first."""

    async def work(store: Store) -> Sequence[Entry]:
        wanted = Wanted(await _find_operator(store, operator), action, subject)
        return await store.audit.list_all(wanted, before=None, limit=limit)

    entries = _on_store("audit list", work)
    if as_json:
        print(json.dumps({"items": [_entry(each) for each in entries]}, ensure_ascii=False))
        return
    for each in entries:
        who = f"user {each.actor_id}" if each.actor_id else "-"
        place = f"{each.operator_id}:{each.position}"
        print(
            f"{each.at:%Y-%m-%d %H:%M:%S}  {place:10}  {who:12}  {each.action:16}  {each.subject}  {each.detail}"
        )


def verify(*, operator: _Operator = None, as_json: _Json = False) -> None:
    """Follow every chain of the log from its first entry; exit code 1 when one is broken, and where.

    Keep what it prints as heads somewhere else: whoever rewrites a whole chain cannot rewrite that.
    """

    async def work(store: Store) -> list[Finding]:
        chosen = await _find_operator(store, operator)
        chains = await store.audit_chains.chains(chosen)
        return [await store.audit_chains.verify(chain, report=_progress(chain)) for chain in chains]

    findings = _on_store("audit verify", work)
    if as_json:
        is_whole = all(each.broken_at is None for each in findings)
        print(json.dumps({"is_whole": is_whole, "chains": [_finding(each) for each in findings]}))
    else:
        print("\n".join(map(_told, findings)) or "nothing was logged yet")
    raise typer.Exit(1 if any(each.broken_at is not None for each in findings) else 0)


def _progress(chain: Chain) -> Callable[[int], None]:
    def tell(position: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{_name(chain)}: {position:,} of {chain.position:,}", end="", file=sys.stderr)

    return tell


def _told(finding: Finding) -> str:
    name = _name(finding.chain)
    if finding.broken_at is not None:
        return f"{name}: BROKEN at position {finding.broken_at}: {finding.reason}"
    good = finding.good
    return f"{name}: whole, {good.position} entries, head {good.hash.hex()}"


def _name(chain: Chain) -> str:
    if chain.operator_id == PLATFORM:
        return "platform"
    return f"operator {chain.operator_id}" + (f" ({chain.operator})" if chain.operator else "")


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "operator": finding.chain.operator_id,
        "name": finding.chain.operator,
        "entries": finding.good.position,
        "head": finding.good.hash.hex(),
        "broken_at": finding.broken_at,
        "reason": finding.reason or None,
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "id": str(entry.audit_id),
        "operator": entry.operator_id,
        "position": entry.position,
        "at": entry.at.isoformat(),
        "actor": None if entry.actor_id is None else str(entry.actor_id),
        "action": entry.action,
        "subject": entry.subject,
        "detail": json.loads(entry.detail),
        "hash": entry.hash.hex() if entry.hash else None,
    }


async def _find_operator(store: Store, wanted: str | None) -> int | None:
    if wanted is None:
        return None
    if wanted.casefold() == "platform":
        return PLATFORM
    for each in await store.catalogue.operators():
        if wanted == str(each.operator_id) or wanted.casefold() == each.name.casefold():
            return each.operator_id
    sys.exit(f"omnibus: there is no operator {wanted}")


def _on_store(command: str, work: Callable[[Store], Awaitable[T]]) -> T:
    url = database_url(command)

    async def run() -> T:
        async with reaching(url):
            store = await Store.open(url, StoreOptions(pool_size=1, role=WORKER))
            try:
                return await work(store)
            finally:
                await store.close()

    try:
        return asyncio.run(run())
    except DatabaseUnusable as error:
        sys.exit(f"omnibus: cannot use the database: {error.reason}")
