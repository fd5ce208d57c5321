"""`outbox`: what is to leave the house by mail, has left, or could not; and the jobs of workers."""

import asyncio
import json
import sys
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, Any, TypeVar

import typer

from server.cli import outbox_jobs
from server.cli.database import database_url
from store import Store
from store.access import DatabaseUnusable, reaching
from store.errors import NotFound, WrongState
from store.facade import StoreOptions
from store.mails import MailLine

T = TypeVar("T")
_Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(invoke_without_command=True)
    group.callback()(list_mails)
    group.command("retry")(retry)
    outbox_jobs.register(group)
    app.add_typer(group, name="outbox")


def list_mails(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=10_000)] = 100,
    as_json: _Json = False,
) -> None:
    """List mails that wait (QUEUED), have left (SENT) or were given up (FAILED), newest first.

    Mails are kept for a week. What their links open is never shown: it is in the mail alone.
    """
    if context.invoked_subcommand is not None:
        return
    mails = _on_store("outbox", lambda store: store.mails.list(limit=limit))
    if as_json:
        print(json.dumps({"items": [_document(mail) for mail in mails]}, ensure_ascii=False))
        return
    for mail in mails:
        line = f"{mail.mail_id}  {mail.created_at:%Y-%m-%d %H:%M}  {mail.state:6}  {mail.template:17}  {mail.recipient}"
        print(f"{line}  ({mail.attempts} tries: {mail.last_error})" if mail.last_error else line)


def retry(
    mail: Annotated[uuid.UUID, typer.Argument(help="Its number in the list.", show_default=False)],
) -> None:
    """Try a mail again now, also one that was given up."""

    async def work(store: Store) -> None:
        try:
            await store.mails.retry(mail)
        except NotFound:
            sys.exit(f"omnibus: there is no mail {mail}")
        except WrongState as error:
            sys.exit(f"omnibus: {error.detail}")

    _on_store("outbox retry", work)
    print(f"{mail} is tried again")


def _on_store(command: str, work: Callable[[Store], Awaitable[T]]) -> T:
    url = database_url(command)

    async def run() -> T:
        async with reaching(url):
            store = await Store.open(url, StoreOptions(pool_size=1))
            try:
                return await work(store)
            finally:
                await store.close()

    try:
        return asyncio.run(run())
    except DatabaseUnusable as error:
        sys.exit(f"omnibus: cannot use the database: {error.reason}")


def _document(mail: MailLine) -> dict[str, Any]:
    return {
        name: str(value) if isinstance(value, uuid.UUID) else _moment(value)
        for name, value in asdict(mail).items()
    }


def _moment(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
