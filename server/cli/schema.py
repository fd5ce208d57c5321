"""`migrate`, `openapi`, `asyncapi`: what the database and the API look like."""

import asyncio
import json
import sys
from typing import Annotated
from urllib.parse import unquote, urlsplit

import typer

from server.cli.database import connected_settings
from store.access import DatabaseUnusable, explaining
from store.migrate import migrate, pending
from store.months import open_months
from store.roles import script


def register(app: typer.Typer) -> None:
    app.command(name="migrate")(migrate_database)
    app.command()(openapi)
    app.command()(asyncapi)


def migrate_database(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit 1 when migrations are missing.")
    ] = False,
    roles: Annotated[
        bool,
        typer.Option(
            "--roles",
            help="Change nothing; print what a database administrator has to run where we may make no roles.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Bring the database to the newest schema; doing it again changes nothing.

    That is the database of OMNIBUS_DATABASE_URL, as its owner, or else that of a running `omnibus up`.
    """
    url = connected_settings("migrate").direct_url
    assert url is not None, "it names a database by now"
    if roles:
        typer.echo(script(unquote(urlsplit(url).username or "omnibus")), nl=False)
        return
    try:
        names = asyncio.run(_pending(url) if check else _migrate(url, is_quiet=as_json))
    except DatabaseUnusable as error:
        sys.exit(f"omnibus: cannot migrate the database: {error.reason}")
    if as_json:
        typer.echo(json.dumps({"missing" if check else "applied": names}))
    elif check:
        typer.echo("\n".join(f"missing {name}" for name in names) or "nothing is missing")
    else:
        typer.echo(f"applied {len(names)}" if names else "nothing to do")
    raise typer.Exit(1 if check and names else 0)


def openapi() -> None:
    """Print the OpenAPI document, as `/openapi.json` serves it."""
    from server.app import openapi_document  # noqa: PLC0415 - heavy imports only for those who need them

    typer.echo(openapi_document().decode(), nl=False)


def asyncapi() -> None:
    """Print the AsyncAPI document of the live layer, as `/asyncapi.json` serves it."""
    from server.app import asyncapi_document  # noqa: PLC0415 - heavy imports only for those who need them

    typer.echo(asyncapi_document().decode(), nl=False)


async def _migrate(url: str, *, is_quiet: bool) -> list[str]:
    def report(name: str) -> None:
        if not is_quiet:
            typer.echo(f"applying {name}")

    async with explaining():
        names = await migrate(url, report=report)
        await open_months(url)
        return names


async def _pending(url: str) -> list[str]:
    async with explaining():
        return await pending(url)
