"""`serve`, `worker`: one process each."""

import socket
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


def worker() -> None:
    """Run the house's jobs (sweeping, forgetting, watching over the invariants) with one process."""
    from server.logs import configure  # noqa: PLC0415
    from server.serve import work  # noqa: PLC0415

    settings = connected_settings("worker")
    configure()
    run_explained(work(settings))
