"""`serve`, `worker`: one process each."""

import socket
import sys
from typing import Annotated

import typer

from server.cli.database import connected_settings, run_explained


def register(app: typer.Typer) -> None:
    app.command()(serve)
    app.command()(worker)


def serve(
    fd: Annotated[
        int | None, typer.Option(help="Serve on this inherited listening socket.", hidden=True)
    ] = None,
) -> None:
    """Serve the API, the live map and the pages with one process, on databases that are running and migrated."""
    from server.logs import configure  # noqa: PLC0415 - heavy imports only for those who need them
    from server.serve import serve as serve_until_told  # noqa: PLC0415

    settings = connected_settings("serve")
    configure()
    listen_on = socket.socket(fileno=fd) if fd is not None else None
    run_explained(serve_until_told(settings, listen_on=listen_on))


def worker(
    *,
    relay_only: Annotated[
        bool, typer.Option(help="With a broker: hand jobs over to it, and do none.")
    ] = False,
    consume_only: Annotated[
        bool, typer.Option(help="With a broker: do the jobs that it delivers, and hand none over.")
    ] = False,
) -> None:
    """Run the house's jobs (sweeping, forgetting, watching over the invariants) and the outbox's with one process.

    With OMNIBUS_BROKER_URL the outbox's jobs go through that broker; without, workers take them from the table.
    """
    from server.logs import configure  # noqa: PLC0415
    from server.serve import work  # noqa: PLC0415
    from server.work.outbox import Part  # noqa: PLC0415

    settings = connected_settings("worker")
    if relay_only and consume_only:
        sys.exit(
            "omnibus: --relay-only and --consume-only leave nothing to do; give neither for both"
        )
    if (relay_only or consume_only) and settings.broker_url is None:
        sys.exit("omnibus: --relay-only and --consume-only need a broker: set OMNIBUS_BROKER_URL")
    part = Part.RELAY if relay_only else Part.CONSUMER if consume_only else Part.WHOLE
    configure()
    run_explained(work(settings, part))
