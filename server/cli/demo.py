"""`demo`: a world to look at."""

import asyncio
import dataclasses
import json
import sys
from typing import Annotated, Any

import typer

from server.cli.database import database_url
from server.config import load


def register(app: typer.Typer) -> None:
    app.command()(demo)


def demo(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Load the demo into an empty database, or bring it up to two weeks from today.

    Three operators in three time zones, their buses, some bookings, and the demo logins, which work only while
    OMNIBUS_DEMO=on. Doing it again the same day changes nothing. A database in which others sell is left alone (exit
    code 1).
    """
    from server.demo import DEMO_USERS, DemoReport, load_demo  # noqa: PLC0415 - heavy imports only when needed
    from server.passwords import Passwords  # noqa: PLC0415
    from store import Store  # noqa: PLC0415
    from store.access import DatabaseUnusable, reaching  # noqa: PLC0415

    url = database_url("demo")

    async def run() -> DemoReport:
        passwords = Passwords()
        try:
            async with reaching(url):
                store = await Store.open(url)
                try:
                    return await load_demo(
                        store, passwords, lambda line: print(line, file=sys.stderr)
                    )
                finally:
                    await store.close()
        finally:
            passwords.close()

    try:
        report = asyncio.run(run())
    except DatabaseUnusable as error:
        sys.exit(f"omnibus: cannot use the database: {error.reason}")
    if as_json:
        document: dict[str, Any] = dataclasses.asdict(report)
        print(json.dumps(document))
    elif report.world is not None:
        print("nothing to do" if report.is_nothing else "done")
        state = "on" if load().demo else "off: the logins are refused until it is on"
        print(f"demo logins (OMNIBUS_DEMO is {state}):")
        for user in DEMO_USERS:
            print(f"  {user.email:26} {user.password}")
    if report.world is None:
        raise typer.Exit(1)
