"""`migrate`, `openapi`: what the database and the API look like."""

import asyncio
import sys
from typing import Annotated

import typer

from server.config import load
from store.migrate import MigrationError, migrate, pending


def register(app: typer.Typer) -> None:
    app.command(name="migrate")(migrate_database)
    app.command()(openapi)


def migrate_database(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit 1 when migrations are missing.")
    ] = False,
) -> None:
    """Bring the database that OMNIBUS_DATABASE_URL names to the newest schema."""
    url = load().database_url
    if url is None:
        sys.exit(
            "omnibus: migrate needs OMNIBUS_DATABASE_URL; `omnibus up` migrates its own database"
        )
    try:
        if check:
            missing = asyncio.run(pending(url))
            for name in missing:
                typer.echo(f"missing {name}")
            raise typer.Exit(1 if missing else 0)
        applied = asyncio.run(migrate(url, report=lambda name: typer.echo(f"applying {name}")))
    except (MigrationError, OSError) as error:
        sys.exit(f"omnibus: {error}")
    typer.echo(f"applied {len(applied)}" if applied else "nothing to do")


def openapi() -> None:
    """Print the OpenAPI document."""
    from server.app import openapi_document  # noqa: PLC0415

    typer.echo(openapi_document().decode(), nl=False)
