"""`simulate`: a festival rush against a running server."""

import asyncio
import json
import resource
import sys
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from server.cli.meter import Meter
from server.config import load

if TYPE_CHECKING:
    from server.simulation.journal import Journal
    from server.simulation.opening import House
    from server.simulation.rush import Rush
    from server.simulation.sale import Sale

_OTHER_FILES = 64
"""What a process has open besides: its own, and those of the loop."""


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
    seats: Annotated[
        int | None,
        typer.Option(min=1, max=1_000, help="Play a sale of so many seats, on new buses."),
    ] = None,
    others: Annotated[
        float, typer.Option(min=0.1, max=100, help="In a sale: others' bookings a second.")
    ] = 10.0,
    staff: Annotated[
        str, typer.Option(help="In a sale: who of the operator's puts the buses on sale.")
    ] = "operator@omnibus.example",
    staff_password_file: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Their password, unless it is the demo's."),
    ] = None,
    connections: Annotated[
        int, typer.Option(min=1, max=10_000, help="How many are open at most.")
    ] = 64,
    seed: Annotated[int, typer.Option(help="The same seed is the same crowd.")] = 1,
    i_own_this_server: Annotated[
        bool, typer.Option("--i-own-this-server", help="Needed for any but this machine.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Play a festival rush: a crowd searches, holds, wavers, waits and pays; programs grab.

    Seats are really sold, by the demo provider. In the end every acknowledged booking is asked for again, and no seat
    may have been acknowledged twice: then the exit code is 1.

    With --seats it is a sale that opens at an hour: new buses behind a waiting room, a crowd that comes within
    --seconds before the opening and is drawn by lot, forgers, and others who book elsewhere. All of it is judged:
    docs/waiting-room.md says by what.

    Every visitor says to come from an address of their own. A server believes that only with
    OMNIBUS_TRUSTED_PROXIES=127.0.0.1; without it, and with OMNIBUS_RATE_LIMITS on, limits by address meet the crowd.
    """
    from server.simulation.exchange import Unplayable  # noqa: PLC0415 - only for those who play

    server = url or f"http://127.0.0.1:{load().port}"
    _require_own(server, is_sure=i_own_this_server)
    _require_open_files(connections)
    with Meter(is_quiet=as_json) as meter:
        try:
            if seats is None:
                from server.simulation.rush import Rush  # noqa: PLC0415 - the same

                rush = Rush(visitors=visitors, seconds=seconds, burst=burst, bots=bots)
                told = _play_rush(server, rush, seed, bus or (), connections, meter)
            else:
                from server.simulation.opening import House  # noqa: PLC0415 - the same
                from server.simulation.sale import Sale  # noqa: PLC0415 - the same

                password = _password(staff, staff_password_file)
                house = House(server, connections, staff, password)
                sale = Sale(seats=seats, buyers=visitors, seconds=seconds, others=others)
                told = _play_sale(house, sale, seed, meter)
        except Unplayable as error:
            sys.exit(f"omnibus: {error}")
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
    if as_json:
        print(json.dumps(told))
    else:
        _print(told)
    raise typer.Exit(1 if told["wrongs"] else 0)


def _play_rush(
    url: str, rush: "Rush", seed: int, buses: Sequence[str], lines: int, meter: Meter
) -> dict[str, Any]:
    from server.simulation.play import play  # noqa: PLC0415 - only for those who play

    def show(through: int, of: int, _: "Journal") -> None:
        meter.show("visitors are through", through, of)

    journal = asyncio.run(play(url, rush, seed=seed, buses=buses, show=show, lines=lines))
    return {"seed": seed, "visitors": rush.visitors, **journal.document()}


def _play_sale(house: "House", sale: "Sale", seed: int, meter: Meter) -> dict[str, Any]:
    from server.simulation.opening import play_sale  # noqa: PLC0415 - only for those who play

    journal, told = asyncio.run(play_sale(house, sale, seed=seed, show=meter.show))
    return {"seed": seed, "visitors": sale.buyers, **journal.document(), **told}


def _password(email: str, file: Path | None) -> str:
    from server.demo import DEMO_USERS  # noqa: PLC0415 - only for those who play

    if file is not None:
        return file.read_text().rstrip("\n")
    for user in DEMO_USERS:
        if user.email == email:
            return user.password
    sys.exit(f"omnibus: {email} is nobody of the demo: give --staff-password-file as well")


def _require_open_files(connections: int) -> None:
    """Say before the first comes what would else fail in the middle of it, as somebody without an answer."""
    needed, (limit, _) = connections + _OTHER_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit != resource.RLIM_INFINITY and limit < needed:
        sys.exit(
            f"omnibus: {connections} connections need {needed} open files, and this shell allows {limit}:"
            f" `ulimit -n {needed}`, or fewer with --connections"
        )


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
