"""`watch`: the live seat map of a bus, in a terminal."""

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from server.config import load
from server.embedded import StartError, find_running

if TYPE_CHECKING:
    from server.cli.seat_shows import Show


def register(app: typer.Typer) -> None:
    app.command()(watch)


def watch(
    bus: Annotated[str, typer.Argument(help="Its id, or the address of its page.")],
    *,
    url: Annotated[
        str | None, typer.Option(help="The server, when it is not the one that runs here.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Show the seats once and leave.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print all seats as a line of JSON, at every change.")
    ] = False,
) -> None:
    """Watch the seats of a bus as they change; Ctrl-C leaves.

    Each seat shows its label and what it is for the whole trip: free, held (L), sold (B) or blocked (X).

    Where the output is no terminal the map comes once, then a line for every change. NO_COLOR is respected.
    """
    from server.cli.seat_shows import Unwatchable, choose_show, load_bus, run_show  # noqa: PLC0415 - heavy imports only for those who need them

    server, bus_id = _address(bus, url)

    async def run() -> None:
        found = await asyncio.to_thread(load_bus, server, bus_id)
        show: Show = choose_show(found, is_once=once, is_json=as_json)
        await run_show(show, server, bus_id, is_once=once)

    try:
        asyncio.run(run())
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except BrokenPipeError:
        # Whoever read has enough. Python would complain about it once more while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
    except Unwatchable as error:
        sys.exit(f"omnibus: {error}")


def _address(bus: str, url: str | None) -> tuple[str, str]:
    """Return the server and the bus' id; a page's address has both."""
    parts = urlsplit(bus)
    if parts.scheme in {"http", "https"}:
        server, bus = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/").rpartition("/")[2]
        return url or server, bus
    server = (url or _running_here()).rstrip("/")
    if urlsplit(server).scheme not in {"http", "https"}:
        sys.exit(
            f"omnibus: {server} is not the address of a server: it begins with http:// or https://"
        )
    return server, bus


def _running_here() -> str:
    settings = load()
    try:
        running = find_running(settings.data_dir)
    except (StartError, OSError):  # not ours to look into
        running = None
    return running.url if running and running.url else f"http://127.0.0.1:{settings.port}"
