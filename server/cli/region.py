"""`region`: which servers of a cluster sell for which part of the country, and which operators sell there."""

import json
import re
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import msgspec
import typer

from server.cli.database import on_store
from store import Store
from store.errors import InvalidRequest, NotFound
from store.regions import PinnedOperator, RegionServer

T = TypeVar("T")
_SERVER = re.compile(r"(?P<host>.+):(?P<port>[0-9]{1,5})")

_Region = Annotated[
    str, typer.Argument(help="Its name: small letters, digits, hyphens.", show_default=False)
]
_Server = Annotated[
    str,
    typer.Argument(
        help="A server of the cluster, host:port as `omnibus doctor` shows it.", show_default=False
    ),
]
_Operator = Annotated[str, typer.Argument(help="The operator's name or id.", show_default=False)]
_Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        help="Say which servers of a cluster hold the buses of which operators. See docs/citus.md.",
        no_args_is_help=True,
    )
    group.command("list")(list_regions)
    group.command("place")(place)
    group.command("withdraw")(withdraw)
    group.command("pin")(pin)
    group.command("unpin")(unpin)
    app.add_typer(group, name="region")


def list_regions(*, as_json: _Json = False) -> None:
    """List the regions, their servers and the operators that sell there."""

    async def work(store: Store) -> tuple[list[RegionServer], list[PinnedOperator]]:
        return await store.regions.list_servers(), await store.regions.list_operators()

    servers, operators = on_store("region list", work)
    if as_json:
        told = {"servers": servers, "operators": operators}
        print(msgspec.json.encode(told).decode())
        return
    if not servers and not operators:
        print("no regions: every operator's buses lie anywhere")
    for region in sorted({each.region for each in servers} | {each.region for each in operators}):
        places = ", ".join(f"{each.host}:{each.port}" for each in servers if each.region == region)
        names = ", ".join(each.name for each in operators if each.region == region)
        print(f"{region}  on {places or 'no server'}  for {names or 'nobody yet'}")


def place(region: _Region, server: _Server, *, as_json: _Json = False) -> None:
    """Have a server sell for a region, whatever it sold for before. Buses stay where they are."""
    host, port = _parse(server)
    _do("region place", lambda store: store.regions.place(RegionServer(host, port, region)))
    _tell(f"{host}:{port} sells for {region}", as_json=as_json)


def withdraw(server: _Server, *, as_json: _Json = False) -> None:
    """Have a server sell for no region in particular."""
    host, port = _parse(server)
    _do("region withdraw", lambda store: store.regions.withdraw(host, port))
    _tell(f"{host}:{port} sells for no region in particular", as_json=as_json)


def pin(operator: _Operator, region: _Region, *, as_json: _Json = False) -> None:
    """Have an operator's new buses lie in a region. Those it has stay where they are."""
    name = _pin("region pin", operator, region)
    _tell(f"new buses of {name} lie in {region}", as_json=as_json)


def unpin(operator: _Operator, *, as_json: _Json = False) -> None:
    """Have an operator's new buses lie anywhere."""
    name = _pin("region unpin", operator, None)
    _tell(f"new buses of {name} lie anywhere", as_json=as_json)


def _pin(command: str, wanted: str, region: str | None) -> str:
    async def work(store: Store) -> str:
        operators = await store.catalogue.operators()
        for each in operators:
            if wanted == str(each.operator_id) or wanted.casefold() == each.name.casefold():
                await store.regions.pin(each.operator_id, region)
                return each.name
        known = ", ".join(f"{each.name} ({each.operator_id})" for each in operators) or "none yet"
        sys.exit(f"omnibus: there is no operator {wanted}; known are: {known}")

    return _explained(command, work)


def _do(command: str, work: Callable[[Store], Awaitable[None]]) -> None:
    _explained(command, work)


def _explained(command: str, work: Callable[[Store], Awaitable[T]]) -> T:
    try:
        return on_store(command, work)
    except NotFound as error:
        sys.exit(f"omnibus: there is no such {error.what}; see `omnibus region list`")
    except InvalidRequest as error:
        sys.exit(f"omnibus: {error.pointer.removeprefix('/')}: {error.detail}")


def _parse(server: str) -> tuple[str, int]:
    if (found := _SERVER.fullmatch(server)) is None:
        sys.exit(f"omnibus: {server} is not host:port, as in 10.0.0.2:5432")
    return found["host"], int(found["port"])


def _tell(text: str, *, as_json: bool) -> None:
    print(json.dumps({"done": text}) if as_json else text)
