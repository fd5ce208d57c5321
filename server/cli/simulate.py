"""`simulate`: a festival rush against a running server."""

import asyncio
import json
import sys
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from server.cli.meter import Meter
from server.config import load

if TYPE_CHECKING:
    from server.simulation.journal import Journal


def register(app: typer.Typer) -> None:
    app.command()(simulate)


def simulate(  # noqa: PLR0913 - one parameter an option
    *,
    url: Annotated[
        str | None, typer.Option(help="The server, when it is not the one that runs here.")
    ] = None,
    bus: Annotated[
        list[str] | None, typer.Option(help="The bus that all want; may be given again.")
    ] = None,
    visitors: Annotated[int, typer.Option(min=1, max=200_000, help="How many come.")] = 200,
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="Within what time.")] = 20.0,
    burst: Annotated[float, typer.Option(min=0, max=1, help="How many at once, as a share.")] = 0.6,
    bots: Annotated[float, typer.Option(min=0, max=0.5, help="How many are programs.")] = 0.05,
    seed: Annotated[int, typer.Option(help="The same seed is the same crowd.")] = 1,
    i_own_this_server: Annotated[
        bool, typer.Option("--i-own-this-server", help="Needed for any but this machine.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Play a festival rush: a crowd searches, holds, wavers, waits and pays; programs grab.

    Seats are really sold, by the demo provider. In the end every acknowledged booking is asked for again, and no seat
    may have been acknowledged twice: then the exit code is 1.

    Every visitor says to come from an address of their own. A server believes that only with
    OMNIBUS_TRUSTED_PROXIES=127.0.0.1; without it, and with OMNIBUS_RATE_LIMITS on, limits by address meet the crowd.
    """
    from server.simulation.play import Unplayable, play  # noqa: PLC0415 - only for those who play
    from server.simulation.rush import Rush  # noqa: PLC0415 - the same

    server = url or f"http://127.0.0.1:{load().port}"
    _require_own(server, is_sure=i_own_this_server)
    rush = Rush(visitors=visitors, seconds=seconds, burst=burst, bots=bots)
    with Meter(is_quiet=as_json) as meter:

        def show(through: int, of: int, _: "Journal") -> None:
            meter.show("visitors are through", through, of)

        try:
            journal = asyncio.run(play(server, rush, seed=seed, buses=bus or (), show=show))
        except Unplayable as error:
            sys.exit(f"omnibus: {error}")
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
    told = {"seed": seed, "visitors": visitors, **journal.document()}
    if as_json:
        print(json.dumps(told))
    else:
        _print(told)
    raise typer.Exit(1 if journal.wrongs else 0)


def _require_own(url: str, *, is_sure: bool) -> None:
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        sys.exit("omnibus: say where as http://127.0.0.1:8000; TLS is not spoken here")
    if not is_sure and not _is_loopback(parts.hostname):
        sys.exit(
            f"omnibus: {parts.hostname} is not this machine. A rush takes seats from people:"
            " say --i-own-this-server if it is yours and nobody else's"
        )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _print(told: dict[str, object]) -> None:
    for name, value in told.items():
        if isinstance(value, dict):
            print(f"{name.replace('_', ' ')}:")
            for what, each in value.items():
                shown = (
                    "  ".join(f"{key} {figure}" for key, figure in each.items())
                    if isinstance(each, dict)
                    else each
                )
                print(f"  {what:32} {shown}")
        elif name != "wrongs":
            print(f"{name}: {value}")
    wrongs = told["wrongs"]
    assert isinstance(wrongs, list)
    print("no seat was acknowledged twice" if not wrongs else "\n".join(map(str, wrongs)))
